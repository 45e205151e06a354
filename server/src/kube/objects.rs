//! Pods and Nodes as the API server sends them, and what is kept of them. Only the fields that we use are read: a whole Node
//! has 10 KiB, of which we keep 200 bytes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, Utc};
use meshvane_shared::limits::ADDRESSES_PER_PLANE_MAX;
use meshvane_shared::name::{NodeName, Zone};
use serde::Deserialize;

use crate::config::KubernetesConfig;
use crate::mesh::context::{AgentPod, Node, Taint, Uid};

/// The well-known label of a Node's zone.
const ZONE: &str = "topology.kubernetes.io/zone";
/// What the control plane puts on a Node whose kubelet it does not hear.
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// A page of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Page<T> {
    pub(super) metadata: PageMeta,
    // An empty list is `null` from some servers.
    #[serde(default = "Option::default")]
    pub(super) items: Option<Vec<T>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageMeta {
    pub(super) resource_version: Option<String>,
    #[serde(rename = "continue")]
    pub(super) next: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Meta {
    name: String,
    uid: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    creation_timestamp: Option<DateTime<Utc>>,
    deletion_timestamp: Option<DateTime<Utc>>,
    pub(super) resource_version: Option<String>,
}

/// A pod or a Node, as it arrives.
pub(super) trait Object: Clone + serde::de::DeserializeOwned + Send + 'static {
    /// What is kept of it.
    type Kept: PartialEq;

    fn meta(&self) -> &Meta;

    /// What is kept, or nothing when it is of no use.
    fn reduce(self, config: &KubernetesConfig) -> Option<Self::Kept>;

    /// By what it is known.
    fn key(&self) -> Uid;
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct PodObject {
    metadata: Meta,
    #[serde(default)]
    spec: PodSpec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    node_name: Option<String>,
    service_account_name: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodStatus {
    phase: Option<String>,
    #[serde(default, rename = "podIPs")]
    pod_ips: Vec<Address>,
    #[serde(default, rename = "hostIPs")]
    host_ips: Vec<Address>,
}

#[derive(Debug, Clone, Deserialize)]
struct Address {
    ip: String,
}

impl Object for PodObject {
    type Kept = AgentPod;

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn key(&self) -> Uid {
        Uid::from(self.metadata.uid.as_str())
    }

    fn reduce(self, config: &KubernetesConfig) -> Option<AgentPod> {
        // The API server was asked for these alone; one that ignores the question shows others.
        if self.spec.service_account_name.as_deref() != Some(&config.agent_account) {
            return None;
        }
        let phase = self.status.phase.as_deref();
        // A pod that ended keeps its address in its status while another one may have it.
        let ended = matches!(phase, Some("Succeeded" | "Failed"));
        Some(AgentPod {
            name: self.metadata.name.into(),
            node: NodeName::parse(&self.spec.node_name?).ok()?,
            addresses: if ended { Vec::new() } else { addresses(&self.status.pod_ips) },
            host_addresses: if ended { Vec::new() } else { addresses(&self.status.host_ips) },
            changing: self.metadata.deletion_timestamp.is_some() || phase != Some("Running"),
        })
    }
}

fn addresses(texts: &[Address]) -> Vec<IpAddr> {
    let parsed = texts.iter().filter_map(|address| address.ip.parse::<IpAddr>().ok());
    parsed.map(|address| address.to_canonical()).take(ADDRESSES_PER_PLANE_MAX).collect()
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct NodeObject {
    metadata: Meta,
    #[serde(default)]
    spec: NodeSpec,
    #[serde(default)]
    status: NodeStatus,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct NodeSpec {
    #[serde(default)]
    unschedulable: bool,
    #[serde(default)]
    taints: Vec<Taint>,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct NodeStatus {
    #[serde(default)]
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone, Deserialize)]
struct Condition {
    #[serde(rename = "type")]
    kind: String,
    status: String,
}

impl Object for NodeObject {
    type Kept = Node;

    fn meta(&self) -> &Meta {
        &self.metadata
    }

    fn key(&self) -> Uid {
        Uid::from(self.metadata.name.as_str())
    }

    fn reduce(self, config: &KubernetesConfig) -> Option<Node> {
        let taints = &self.spec.taints;
        let is_ready = |condition: &Condition| condition.kind == "Ready" && condition.status == "True";
        let labels = &self.metadata.labels;
        Some(Node {
            name: NodeName::parse(&self.metadata.name).ok()?,
            zone: labels.get(ZONE).and_then(|text| Zone::parse(text).ok()),
            created: self.metadata.creation_timestamp.unwrap_or_default(),
            selected: config.agent_nodes.selects(labels) && config.agent_tolerations.tolerate(taints),
            deleting: self.metadata.deletion_timestamp.is_some(),
            cordoned: self.spec.unschedulable,
            not_ready: !self.status.conditions.iter().any(is_ready)
                || taints.iter().any(|taint| taint.key == UNREACHABLE),
            terminating: taints.iter().any(|taint| config.terminating_taints.contains(&taint.key)),
        })
    }
}

#[cfg(test)]
mod tests;
