//! The cluster by `kubectl`.

use std::time::Duration;

use e2e::clock::Stopwatch;
use serde_json::Value;

use crate::command::{must, run};

/// Between two looks at the cluster.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Says why nothing can be tested.
pub(crate) fn check() -> Result<(), String> {
    if std::env::var_os("KUBECONFIG").is_none() {
        return Err("KUBECONFIG is not set".to_owned());
    }
    for (program, arguments) in [("kubectl", ["get", "nodes"]), ("helm", ["version", "--short"])] {
        let ran = run(program, &arguments, "");
        if !ran.ok {
            return Err(format!("{program} {}: {}", arguments.join(" "), ran.stderr.trim()));
        }
    }
    Ok(())
}

/// Runs kubectl; what it prints.
pub(crate) fn kubectl(arguments: &[&str]) -> String {
    must("kubectl", arguments, "")
}

/// Applies a manifest.
pub(crate) fn apply(manifest: &str) {
    must("kubectl", &["apply", "-f", "-"], manifest);
}

/// An object, or a list of them.
pub(crate) fn json(arguments: &[&str]) -> Value {
    serde_json::from_str(&kubectl(&[arguments, &["-o", "json"]].concat())).unwrap()
}

/// The names of the Nodes, in order.
pub(crate) fn nodes() -> Vec<String> {
    let list = json(&["get", "nodes"]);
    let mut names: Vec<String> = list["items"].as_array().unwrap().iter().map(name).collect();
    names.sort();
    names
}

fn name(object: &Value) -> String {
    object["metadata"]["name"].as_str().unwrap().to_owned()
}

/// A pod.
#[derive(Debug, Clone)]
pub(crate) struct Pod {
    pub(crate) name: String,
    pub(crate) node: String,
    pub(crate) address: String,
}

/// The running pods of a component, by node.
pub(crate) fn pods(namespace: &str, component: &str) -> Vec<Pod> {
    let selector = format!("app.kubernetes.io/component={component}");
    let list = json(&["-n", namespace, "get", "pods", "-l", &selector]);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let running =
        |pod: &&Value| pod["status"]["phase"] == "Running" && pod["metadata"]["deletionTimestamp"].is_null();
    let mut pods: Vec<Pod> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(running)
        .map(|pod| Pod {
            name: name(pod),
            node: text(&pod["spec"]["nodeName"]),
            address: text(&pod["status"]["podIP"]),
        })
        .collect();
    pods.sort_by(|one, other| one.node.cmp(&other.node));
    pods
}

/// Waits until something is so.
pub(crate) async fn until(what: &str, within: Duration, mut is_so: impl AsyncFnMut() -> bool) -> Duration {
    let clock = Stopwatch::start();
    while !is_so().await {
        assert!(clock.elapsed() < within, "not so within {within:?}: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    clock.elapsed()
}

/// A kubelet that comes back after its Node was deleted was seen to take 132 s until it called itself ready.
const READY_WITHIN: Duration = Duration::from_mins(5);

/// Waits until every Node is Ready.
pub(crate) async fn all_ready(count: usize) {
    until("all Nodes are Ready", READY_WITHIN, async || {
        let list = json(&["get", "nodes"]);
        let is_ready = |node: &&Value| {
            let conditions = node["status"]["conditions"].as_array();
            conditions.is_some_and(|all| {
                all.iter().any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
            })
        };
        list["items"].as_array().unwrap().iter().filter(is_ready).count() == count
    })
    .await;
}
