//! An API server on loopback that answers what ours asks: reviews of tokens and of access, lists and watches.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::stream;
use meshvane_server::config::{ApiServer, AuthConfig, Config, KubernetesConfig};
use meshvane_shared::name::Namespace;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The agents' account.
pub(crate) const AGENTS: &str = "system:serviceaccount:kube-system:meshvane-agent";

/// The API server and what it knows.
pub(crate) struct FakeKube {
    pub(crate) url: String,
    state: Arc<Shared>,
    task: JoinHandle<()>,
}

struct Shared {
    inner: Mutex<Inner>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct Inner {
    /// Answers by token: user with extra, audiences.
    tokens: BTreeMap<String, (Value, Vec<String>)>,
    readers: Vec<String>,
    reviews: usize,
    asked_paths: Vec<String>,
    /// Answers every request with this.
    broken: Option<StatusCode>,
    /// How long a review takes.
    slow: Duration,
    nodes_forbidden: bool,
    objects: BTreeMap<&'static str, BTreeMap<String, Value>>,
    /// Kind of object, version, event.
    events: Vec<(&'static str, u64, Value)>,
    version: u64,
}

impl FakeKube {
    /// Starts one that knows nothing.
    pub(crate) async fn start() -> Self {
        let state = Arc::new(Shared { inner: Mutex::default(), changed: watch::Sender::new(()) });
        let router = Router::new()
            .route("/apis/authentication.k8s.io/v1/tokenreviews", post(review))
            .route("/apis/authorization.k8s.io/v1/subjectaccessreviews", post(access))
            .route("/api/v1/nodes", get(nodes))
            .route("/api/v1/namespaces/{namespace}/pods", get(pods))
            .with_state(state.clone());
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.unwrap();
        });
        Self { url, state, task }
    }

    fn inner<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        let result = change(&mut self.state.inner.lock().unwrap());
        self.state.changed.send_replace(());
        result
    }

    /// Settings of a server that believes whom this one confirms.
    pub(crate) fn config(&self) -> Config {
        let agent_nodes = meshvane_server::mesh::context::Selector::parse("os=linux").unwrap();
        let auth = KubernetesConfig {
            api: ApiServer {
                url: self.url.clone(),
                ca_file: None,
                token_file: None,
                namespace_file: PathBuf::from("/nonexistent"),
            },
            audience: "meshvane".to_owned(),
            namespace: Namespace::parse("kube-system").ok(),
            agent_account: "meshvane-agent".to_owned(),
            agent_nodes,
            agent_tolerations: serde_json::from_str(r#"[{"operator":"Exists"}]"#).unwrap(),
            terminating_taints: vec!["gone-soon".to_owned()],
        };
        Config { auth: AuthConfig::Kubernetes(auth), ..crate::support::open() }
    }

    /// Confirms a token: whose it is, with what extra, for which audiences.
    pub(crate) fn confirm(&self, token: &str, username: &str, extra: &Value, audiences: &[&str]) {
        let user =
            json!({"username": username, "uid": "u", "groups": ["system:authenticated"], "extra": extra});
        let audiences = audiences.iter().map(|audience| (*audience).to_owned()).collect();
        self.inner(|inner| inner.tokens.insert(token.to_owned(), (user, audiences)));
    }

    /// Lets an account read.
    pub(crate) fn let_read(&self, username: &str) {
        self.inner(|inner| inner.readers.push(username.to_owned()));
    }

    /// Answers everything with this status, or again as it should.
    pub(crate) fn break_down(&self, status: Option<StatusCode>) {
        self.inner(|inner| inner.broken = status);
    }

    /// Takes so long for each review from now on.
    pub(crate) fn slow_down(&self, time: Duration) {
        self.inner(|inner| inner.slow = time);
    }

    /// Knows a token no more.
    pub(crate) fn revoke(&self, token: &str) {
        self.inner(|inner| inner.tokens.remove(token));
    }

    /// Forbids to see the Nodes.
    pub(crate) fn forbid_nodes(&self) {
        self.inner(|inner| inner.nodes_forbidden = true);
    }

    /// How many tokens were reviewed.
    pub(crate) fn reviews(&self) -> usize {
        self.inner(|inner| inner.reviews)
    }

    /// The paths about which access was asked.
    pub(crate) fn asked_paths(&self) -> Vec<String> {
        self.inner(|inner| inner.asked_paths.clone())
    }

    /// Puts an object, or changes it.
    pub(crate) fn put(&self, kind: &'static str, object: Value) {
        self.inner(|inner| inner.put(kind, object, "MODIFIED"));
    }

    /// Deletes an object.
    pub(crate) fn delete(&self, kind: &'static str, name: &str) {
        self.inner(|inner| {
            let object = inner.objects.get_mut(kind).and_then(|objects| objects.remove(name)).unwrap();
            inner.put(kind, object, "DELETED");
            inner.objects.get_mut(kind).unwrap().remove(name);
        });
    }

    /// Puts an agent's pod and Node of this number, and confirms its token, which is returned.
    pub(crate) fn agent(&self, number: u8) -> String {
        self.put("pods", pod(number));
        self.put("nodes", node(number));
        let token = token(&claims(number));
        self.confirm(&token, AGENTS, &extra(number), &["meshvane"]);
        token
    }
}

impl Drop for FakeKube {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Inner {
    fn put(&mut self, kind: &'static str, mut object: Value, event: &str) {
        self.version += 1;
        object["metadata"]["resourceVersion"] = json!(self.version.to_string());
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        self.events.push((kind, self.version, json!({"type": event, "object": object})));
        self.objects.entry(kind).or_default().insert(name, object);
    }
}

/// The address of an agent's pod.
pub(crate) fn pod_address(number: u8) -> String {
    format!("127.0.1.{number}")
}

/// An agent's pod.
pub(crate) fn pod(number: u8) -> Value {
    json!({
        "metadata": {"name": format!("agent-{number}"), "namespace": "kube-system", "uid": format!("pod-{number}")},
        "spec": {"nodeName": format!("node-{number}"), "serviceAccountName": "meshvane-agent"},
        "status": {
            "phase": "Running", "podIPs": [{"ip": pod_address(number)}], "hostIPs": [{"ip": format!("10.0.0.{number}")}]
        }
    })
}

/// A Node that is old enough to need an agent.
pub(crate) fn node(number: u8) -> Value {
    json!({
        "metadata": {
            "name": format!("node-{number}"), "uid": format!("node-{number}"), "creationTimestamp": "2026-01-01T00:00:00Z",
            "labels": {"os": "linux", "topology.kubernetes.io/zone": format!("zone-{number}")}
        },
        "spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}
    })
}

/// What the token of an agent's pod says about itself.
pub(crate) fn claims(number: u8) -> Value {
    json!({
        "aud": ["meshvane"], "exp": 4_000_000_000_u64, "iss": "https://kubernetes.default.svc", "sub": AGENTS,
        "kubernetes.io": {
            "namespace": "kube-system",
            "pod": {"name": format!("agent-{number}"), "uid": format!("pod-{number}")},
            "node": {"name": format!("node-{number}"), "uid": format!("node-{number}")}
        }
    })
}

/// What a review says beside the account of an agent's pod.
pub(crate) fn extra(number: u8) -> Value {
    json!({
        "authentication.kubernetes.io/pod-name": [format!("agent-{number}")],
        "authentication.kubernetes.io/pod-uid": [format!("pod-{number}")],
        "authentication.kubernetes.io/node-name": [format!("node-{number}")]
    })
}

/// A token that makes claims.
pub(crate) fn token(claims: &Value) -> String {
    format!("e30.{}.c2lnbmF0dXJl", URL_SAFE_NO_PAD.encode(claims.to_string()))
}

async fn review(State(shared): State<Arc<Shared>>, Json(asked): Json<Value>) -> Response {
    let slow = shared.inner.lock().unwrap().slow;
    tokio::time::sleep(slow).await;
    let mut inner = shared.inner.lock().unwrap();
    inner.reviews += 1;
    if let Some(status) = inner.broken {
        return failure(status);
    }
    let status = match inner.tokens.get(asked["spec"]["token"].as_str().unwrap()) {
        Some((user, audiences)) => {
            let wanted = asked["spec"]["audiences"].as_array().unwrap();
            let common: Vec<&String> =
                audiences.iter().filter(|audience| wanted.contains(&json!(audience))).collect();
            if common.is_empty() {
                json!({"authenticated": false, "error": "token audiences are invalid"})
            } else {
                json!({"authenticated": true, "user": user, "audiences": common})
            }
        }
        None => json!({"authenticated": false, "error": "invalid bearer token"}),
    };
    let answer = json!({
        "apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "metadata": {}, "spec": asked["spec"], "status": status
    });
    (StatusCode::CREATED, Json(answer)).into_response()
}

async fn access(State(shared): State<Arc<Shared>>, Json(asked): Json<Value>) -> Response {
    let mut inner = shared.inner.lock().unwrap();
    if let Some(status) = inner.broken {
        return failure(status);
    }
    let spec = &asked["spec"];
    let attributes = &spec["nonResourceAttributes"];
    inner.asked_paths.push(attributes["path"].as_str().unwrap().to_owned());
    let user = spec["user"].as_str().unwrap().to_owned();
    // As `system:discovery` does, everybody may get `/api/*`.
    let allowed = attributes["verb"] == "get"
        && match attributes["path"].as_str().unwrap() {
            "/meshvane.io/read" => inner.readers.contains(&user),
            path => path.starts_with("/api/"),
        };
    let answer = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "metadata": {}, "spec": spec,
        "status": {"allowed": allowed}
    });
    (StatusCode::CREATED, Json(answer)).into_response()
}

type Parameters = Query<BTreeMap<String, String>>;

async fn nodes(State(shared): State<Arc<Shared>>, Query(parameters): Parameters) -> Response {
    if shared.inner.lock().unwrap().nodes_forbidden {
        return failure(StatusCode::FORBIDDEN);
    }
    serve("nodes", shared, &parameters)
}

async fn pods(
    State(shared): State<Arc<Shared>>,
    Path(namespace): Path<String>,
    Query(parameters): Parameters,
) -> Response {
    assert_eq!(namespace, "kube-system");
    assert_eq!(parameters["fieldSelector"], "spec.serviceAccountName=meshvane-agent");
    serve("pods", shared, &parameters)
}

fn serve(kind: &'static str, shared: Arc<Shared>, parameters: &BTreeMap<String, String>) -> Response {
    {
        let inner = shared.inner.lock().unwrap();
        if let Some(status) = inner.broken {
            return failure(status);
        }
        if !parameters.contains_key("watch") {
            return page(&inner, kind, parameters);
        }
    }
    let version: u64 = parameters["resourceVersion"].parse().unwrap();
    let changed = shared.changed.subscribe();
    let lines =
        stream::unfold((shared, changed, version), move |(shared, mut changed, version)| async move {
            loop {
                let event = {
                    let inner = shared.inner.lock().unwrap();
                    if inner.broken.is_some() {
                        return None;
                    }
                    let mut events = inner.events.iter();
                    events
                        .find(|(of, at, _)| *of == kind && *at > version)
                        .map(|(_, at, event)| (*at, event.to_string()))
                };
                if let Some((at, event)) = event {
                    let line = Ok::<_, std::io::Error>(Bytes::from(format!("{event}\n")));
                    return Some((line, (shared, changed, at)));
                }
                changed.changed().await.ok()?;
            }
        });
    Body::from_stream(lines).into_response()
}

/// A page of a list: at most two objects, so that there is a next one.
fn page(inner: &Inner, kind: &'static str, parameters: &BTreeMap<String, String>) -> Response {
    assert!(parameters["limit"].parse::<usize>().unwrap() <= 500);
    let skipped: usize = parameters.get("continue").map_or(0, |text| text.parse().unwrap());
    let objects: Vec<&Value> =
        inner.objects.get(kind).map(|objects| objects.values().collect()).unwrap_or_default();
    let items: Vec<&&Value> = objects.iter().skip(skipped).take(2).collect();
    let next = skipped + items.len();
    let next = if next < objects.len() { next.to_string() } else { String::new() };
    let metadata = json!({"resourceVersion": inner.version.to_string(), "continue": next});
    Json(json!({"kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items})).into_response()
}

fn failure(status: StatusCode) -> Response {
    let body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Broken", "code": status.as_u16()});
    (status, Json(body)).into_response()
}
