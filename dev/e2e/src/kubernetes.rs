//! Kubernetes as far as a server in the lab asks it: a cluster that does not change.
//!
//! ```text
//!   lab ── pods, Nodes, tokens ──> a file ──> a server's own API server, on its loopback
//!                     └──> each agent's token file
//! ```

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lab::{Addresses, Environment, NodeId, NodeInfo};
use meshvane_server::config::{ApiServer, AuthConfig, Config};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The agents' account, by the chart's defaults.
const ACCOUNT: &str = "system:serviceaccount:kube-system:meshvane-agent";
/// The audience of their tokens, by the default.
const AUDIENCE: &str = "meshvane";

/// What Kubernetes knows of a cluster of the lab: each node with the first pod of its agent.
#[derive(Debug)]
pub struct Kubernetes {
    directory: PathBuf,
    known: PathBuf,
}

/// What the API server answers with.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Known {
    nodes: Vec<Value>,
    pods: Vec<Value>,
    /// The users behind the tokens.
    users: BTreeMap<String, Value>,
}

impl Kubernetes {
    /// Learns of all nodes and pods that there are now.
    pub fn of(cluster: &lab::Cluster) -> Self {
        let directory = cluster.log_dir().to_owned();
        let mut known = Known::default();
        for node in cluster.nodes() {
            let token = token(&node);
            std::fs::write(token_file(&directory, node.id), &token).unwrap();
            known.users.insert(token, user(&node));
            known.pods.push(pod(&node));
            known.nodes.push(object_of(&node));
        }
        let path = directory.join("kubernetes.json");
        std::fs::write(&path, serde_json::to_vec(&known).unwrap()).unwrap();
        Self { directory, known: path }
    }

    /// The file with what it knows, for [`program::server_in_kubernetes`](crate::program::server_in_kubernetes).
    pub fn known(&self) -> &Path {
        &self.known
    }

    /// The settings of a server that believes the agents that this Kubernetes vouches for.
    pub fn server(&self) -> Environment {
        let environment = Environment::new().with("MESHVANE_AUTH", "kubernetes");
        environment.with("KUBERNETES_SERVICE_HOST", Ipv4Addr::LOCALHOST.to_string())
    }

    /// The settings of a node's agent: its own token.
    pub fn agent(&self, node: NodeId) -> Environment {
        Environment::new().with("MESHVANE_TOKEN_FILE", token_file(&self.directory, node))
    }
}

fn token_file(directory: &Path, node: NodeId) -> PathBuf {
    directory.join(format!("token-{}", node.0))
}

/// The name of a node's agent, as the lab has it.
fn pod_name(node: &NodeInfo) -> String {
    format!("meshvane-agent-{}-1", node.name)
}

fn token(node: &NodeInfo) -> String {
    let claims = json!({
        "aud": [AUDIENCE], "exp": 4_000_000_000_u64, "iss": "https://kubernetes.default.svc", "sub": ACCOUNT,
        "kubernetes.io": {
            "namespace": "kube-system",
            "pod": {"name": pod_name(node), "uid": format!("pod-of-{}", node.name)},
            "node": {"name": node.name, "uid": node.name}
        }
    });
    format!("e30.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

/// What a review says of the account of a node's agent.
fn user(node: &NodeInfo) -> Value {
    json!({
        "username": ACCOUNT, "uid": "u", "groups": ["system:authenticated"],
        "extra": {
            "authentication.kubernetes.io/pod-name": [pod_name(node)],
            "authentication.kubernetes.io/pod-uid": [format!("pod-of-{}", node.name)],
            "authentication.kubernetes.io/node-name": [node.name]
        }
    })
}

fn pod(node: &NodeInfo) -> Value {
    let ips = |addresses: Addresses| -> Vec<Value> {
        addresses.all().map(|address| json!({"ip": address.to_string()})).collect()
    };
    json!({
        "metadata": {
            "name": pod_name(node), "namespace": "kube-system", "uid": format!("pod-of-{}", node.name), "resourceVersion": "1"
        },
        "spec": {"nodeName": node.name, "serviceAccountName": "meshvane-agent"},
        "status": {"phase": "Running", "podIPs": ips(node.pods[0].addresses), "hostIPs": ips(node.host)}
    })
}

/// A Node that is old enough to need an agent.
fn object_of(node: &NodeInfo) -> Value {
    json!({
        "metadata": {
            "name": node.name, "uid": node.name, "resourceVersion": "1", "creationTimestamp": "2020-01-01T00:00:00Z",
            "labels": {"kubernetes.io/os": "linux", "topology.kubernetes.io/zone": node.zone.to_string()}
        },
        "spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}
    })
}

/// Runs a server and beside it, on a thread of its own, an API server that knows what this file says.
pub(crate) fn main(known: &Path) -> ExitCode {
    let known: Known = serde_json::from_slice(&std::fs::read(known).unwrap()).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // It ends with the process.
    std::thread::spawn(move || answer(listener, known));
    let mut config = Config::from_env().unwrap();
    if let AuthConfig::Kubernetes(auth) = &mut config.auth {
        auth.api = ApiServer { url, ..ApiServer::default() };
    }
    meshvane_server::serve(config)
}

fn answer(listener: TcpListener, known: Known) {
    let router = Router::new()
        .route("/apis/authentication.k8s.io/v1/tokenreviews", post(review))
        .route("/api/v1/nodes", get(async |known, query| list(&known, &query, |known| &known.nodes)))
        .route(
            "/api/v1/namespaces/kube-system/pods",
            get(async |known, query| list(&known, &query, |known| &known.pods)),
        )
        .with_state(Arc::new(known));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        listener.set_nonblocking(true).unwrap();
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        axum::serve(listener, router).await.unwrap();
    });
}

type Shared = State<Arc<Known>>;
type Parameters = Query<BTreeMap<String, String>>;

async fn review(State(known): Shared, Json(asked): Json<Value>) -> Json<Value> {
    let status = match known.users.get(asked["spec"]["token"].as_str().unwrap()) {
        Some(user) => json!({"authenticated": true, "user": user, "audiences": [AUDIENCE]}),
        None => json!({"authenticated": false, "error": "invalid bearer token"}),
    };
    Json(json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {}, "spec": asked["spec"], "status": status
    }))
}

/// All objects of a kind, or for a watch an answer in which nothing ever comes.
fn list(State(known): &Shared, Query(query): &Parameters, of: fn(&Known) -> &Vec<Value>) -> Response {
    if query.contains_key("watch") {
        return Body::from_stream(futures_util::stream::pending::<Result<Bytes, Infallible>>())
            .into_response();
    }
    let metadata = json!({"resourceVersion": "1"});
    Json(json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": of(known)}))
        .into_response()
}
