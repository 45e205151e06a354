//! Settings of `MESHVANE_AUTH=kubernetes`: whose tokens are believed, and where the API server is.

use std::net::IpAddr;
use std::path::PathBuf;

use meshvane_shared::name::{Namespace, NodeName};
use meshvane_shared::setting::{SettingError, injected_hint, is_injected_value};

use super::RawConfig;
use crate::mesh::context::{Selector, Tolerations};

/// Where Kubernetes puts a pod's certificate authority, token and namespace.
const MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// The taints that say that a Node is being taken away, unless `MESHVANE_TERMINATING_TAINTS` names others.
/// cluster-autoscaler's `DeletionCandidateOfClusterAutoscaler` is not among them: it marks a Node that is
/// idle, and is mostly taken back.
const TERMINATING_TAINTS: &[&str] = &[
    "ToBeDeletedByClusterAutoscaler",
    // Karpenter from 1.0 on, and before.
    "karpenter.sh/disrupted",
    "karpenter.sh/disruption",
    "aws-node-termination-handler/spot-itn",
    "aws-node-termination-handler/scheduled-maintenance",
    "aws-node-termination-handler/asg-lifecycle-termination",
    "aws-node-termination-handler/rebalance-recommendation",
    // GKE: spot and preemptible Nodes, and maintenance.
    "cloud.google.com/impending-node-termination",
    // Kubernetes itself, where the cloud says that the machine is off.
    "node.cloudprovider.kubernetes.io/shutdown",
];
/// The Nodes that should have an agent, unless `MESHVANE_AGENT_NODE_SELECTOR` says others: those that the chart's `DaemonSet`
/// selects by default.
const AGENT_NODES: &str =
    "kubernetes.io/os=linux,type!=virtual-kubelet,eks.amazonaws.com/compute-type!=fargate";
/// What the agents' pods tolerate, unless `MESHVANE_AGENT_TOLERATIONS` says less: everything, as in the chart.
const AGENT_TOLERATIONS: &str = r#"[{"operator":"Exists"}]"#;
/// Taints that may be named: more than the autoscalers there are.
const TAINTS_MAX: usize = 32;
/// Longest audience: a URL, as issuers name themselves.
const AUDIENCE_MAX_BYTES: usize = 256;

/// What is believed when Kubernetes vouches for agents and readers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesConfig {
    /// The API server.
    pub api: ApiServer,
    /// The audience that tokens must be made for.
    pub audience: String,
    /// The namespace of server and agents; `None` asks the file beside the token.
    pub namespace: Option<Namespace>,
    /// The service account of agents, in that namespace.
    pub agent_account: String,
    /// The Nodes that should have an agent.
    pub agent_nodes: Selector,
    /// The taints that an agent's pod puts up with; a Node with others should have none.
    pub agent_tolerations: Tolerations,
    /// Keys of taints that say that a Node is being taken away.
    pub terminating_taints: Vec<String>,
}

/// How the API server is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiServer {
    /// Its base URL.
    pub url: String,
    /// Certificates to trust; `None` for plain HTTP (tests).
    pub ca_file: Option<PathBuf>,
    /// Our own token; `None` shows none (tests).
    pub token_file: Option<PathBuf>,
    /// Our own namespace.
    pub namespace_file: PathBuf,
}

/// Where Kubernetes says that its API server is; the kubelet sets both in every container.
#[derive(Debug, Default)]
pub(super) struct Injected {
    pub(super) host: Option<String>,
    pub(super) port: Option<String>,
}

impl Injected {
    /// Keeps the value of a variable that Kubernetes sets.
    pub(super) fn take(&mut self, name: &str, value: &std::ffi::OsStr) {
        let value = value.to_str().filter(|value| !value.is_empty()).map(str::to_owned);
        match name {
            HOST => self.host = value,
            PORT => self.port = value,
            _ => {}
        }
    }

    fn api(&self) -> Result<ApiServer, SettingError> {
        let Some(host) = &self.host else {
            return Err(SettingError::new(
                "MESHVANE_AUTH",
                format!(
                    "kubernetes is for a server in a pod: {HOST} is not set, which Kubernetes sets there"
                ),
            ));
        };
        let port = self.port.as_deref().unwrap_or("443");
        let host = match host.parse() {
            Ok(IpAddr::V6(address)) => format!("[{address}]"),
            Ok(IpAddr::V4(_)) | Err(_) => host.clone(),
        };
        let file = |name: &str| PathBuf::from(format!("{MOUNT}/{name}"));
        Ok(ApiServer {
            url: format!("https://{host}:{port}"),
            ca_file: Some(file("ca.crt")),
            token_file: Some(file("token")),
            namespace_file: file("namespace"),
        })
    }
}

const HOST: &str = "KUBERNETES_SERVICE_HOST";
const PORT: &str = "KUBERNETES_SERVICE_PORT";

/// Checks the settings of Kubernetes, whoever is believed; without a pod's environment there is no API server.
pub(super) fn kubernetes(
    raw: &RawConfig,
    injected: &Injected,
) -> Result<Result<KubernetesConfig, SettingError>, SettingError> {
    let nodes = raw.meshvane_agent_node_selector.as_deref().unwrap_or(AGENT_NODES);
    let config = KubernetesConfig {
        api: ApiServer::default(),
        audience: audience(raw.meshvane_audience.as_deref())?,
        namespace: raw.namespace.as_deref().map(namespace).transpose()?,
        agent_account: account(raw.meshvane_agent_service_account.as_deref().unwrap_or("meshvane-agent"))?,
        agent_nodes: Selector::parse(nodes).map_err(|problem| {
            SettingError::new("MESHVANE_AGENT_NODE_SELECTOR", format!("{problem}{}", injected_hint(nodes)))
        })?,
        agent_tolerations: tolerations(
            raw.meshvane_agent_tolerations.as_deref().unwrap_or(AGENT_TOLERATIONS),
        )?,
        terminating_taints: match raw.meshvane_terminating_taints.as_deref() {
            Some(text) => taints(text)?,
            None => TERMINATING_TAINTS.iter().map(ToString::to_string).collect(),
        },
    };
    Ok(injected.api().map(|api| KubernetesConfig { api, ..config }))
}

/// Names settings that mean something with `MESHVANE_AUTH=kubernetes` alone, and are set.
pub(super) fn first_that_needs_kubernetes(raw: &RawConfig) -> Option<&'static str> {
    // NAMESPACE is set by many manifests for other reasons.
    [
        ("MESHVANE_AUDIENCE", &raw.meshvane_audience),
        ("MESHVANE_AGENT_SERVICE_ACCOUNT", &raw.meshvane_agent_service_account),
        ("MESHVANE_AGENT_NODE_SELECTOR", &raw.meshvane_agent_node_selector),
        ("MESHVANE_AGENT_TOLERATIONS", &raw.meshvane_agent_tolerations),
        ("MESHVANE_TERMINATING_TAINTS", &raw.meshvane_terminating_taints),
    ]
    .into_iter()
    .find_map(|(name, value)| value.as_ref().map(|_| name))
}

fn audience(value: Option<&str>) -> Result<String, SettingError> {
    let text = value.unwrap_or("meshvane");
    if is_injected_value(text)
        || text.len() > AUDIENCE_MAX_BYTES
        || !text.bytes().all(|byte| byte.is_ascii_graphic())
    {
        let accepted = format!("visible ASCII characters, at most {AUDIENCE_MAX_BYTES}");
        return Err(SettingError::not_accepted("MESHVANE_AUDIENCE", text, &accepted));
    }
    Ok(text.to_owned())
}

fn namespace(text: &str) -> Result<Namespace, SettingError> {
    let accepted = "a namespace (lower-case letters, digits and `-`)";
    Namespace::parse(text).map_err(|_| SettingError::not_accepted("NAMESPACE", text, accepted))
}

/// A service account has a name as a Node has (RFC 1123 subdomain).
fn account(text: &str) -> Result<String, SettingError> {
    const NAME: &str = "MESHVANE_AGENT_SERVICE_ACCOUNT";
    let accepted = "a name of Kubernetes (lower-case letters, digits, `-` and `.`)";
    NodeName::parse(text).map(String::from).map_err(|_| SettingError::not_accepted(NAME, text, accepted))
}

fn tolerations(text: &str) -> Result<Tolerations, SettingError> {
    let read = serde_json::from_str::<Tolerations>(text).map_err(|error| error.to_string());
    read.and_then(Tolerations::check).map_err(|problem| {
        let accepted = "a JSON list of tolerations as a pod has them is accepted";
        SettingError::new(
            "MESHVANE_AGENT_TOLERATIONS",
            format!("{problem}; {accepted}{}", injected_hint(text)),
        )
    })
}

fn taints(text: &str) -> Result<Vec<String>, SettingError> {
    const NAME: &str = "MESHVANE_TERMINATING_TAINTS";
    let keys: Vec<String> = text.split(',').map(|key| key.trim().to_owned()).collect();
    let is_key = |key: &String| {
        !key.is_empty()
            && key
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/'))
    };
    if keys.len() > TAINTS_MAX || !keys.iter().all(is_key) {
        let accepted = format!("at most {TAINTS_MAX} keys of taints, separated by commas");
        return Err(SettingError::not_accepted(NAME, text, &accepted));
    }
    Ok(keys)
}
