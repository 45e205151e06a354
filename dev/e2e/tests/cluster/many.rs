//! A cluster of many Nodes.

use std::time::Duration;

use meshvane_shared::paths;
use meshvane_shared::wire::agents::AgentsBody;
use serde_json::{Value, json};

use crate::command::Undo;
use crate::installation::Installation;
use crate::kube::{self, kubectl, until};

e2e::tests!(two_thousand_nodes_cost_the_server_little);

/// Nodes that are posted.
const NODES: usize = 2000;
/// Images that each of them says it holds, which is what makes Nodes large.
const IMAGES: usize = 50;
/// What they may cost.
const MEMORY_MAX: u64 = 8 << 20;
/// Until the server knows them all.
const KNOWN_WITHIN: Duration = Duration::from_mins(1);
/// All that controllers write about them in the meantime is seen as well.
const WATCHED: Duration = Duration::from_secs(30);

/// A Node of which no kubelet knows. Without a label for Linux nobody starts pods there.
fn node(number: usize) -> Value {
    let image = |image: usize| {
        let name = format!("registry.example.org/team-{image}/a-service-with-a-long-name-{image}");
        json!({"names": [format!("{name}@sha256:{:064x}", number * IMAGES + image), format!("{name}:v1.{image}")], "sizeBytes": 123_456_789})
    };
    json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": format!("posted-{number}"),
            "labels": {"mesh-suite": "posted", "topology.kubernetes.io/zone": format!("zone-{}", number % 3)},
        },
        "spec": {"unschedulable": true},
        "status": {"images": (0..IMAGES).map(image).collect::<Value>()},
    })
}

async fn two_thousand_nodes_cost_the_server_little() {
    let count = kube::nodes().len();
    let mesh = Installation::make("mesh-many", &[]).await;
    let known = async || {
        let body = mesh.api.get::<AgentsBody>(paths::AGENTS).await;
        body.and_then(|body| body.cluster).map_or(0, |cluster| cluster.not_covered.len())
    };
    mesh.pass(Duration::from_secs(10), &[]).await;
    let before = mesh.server_memory();
    let delete = ["delete", "nodes", "-l", "mesh-suite=posted", "--wait=false"];
    let gone = Undo::by("kubectl", &delete);
    let list: Vec<Value> = (0..NODES).map(node).collect();
    let text = json!({"apiVersion": "v1", "kind": "List", "items": list}).to_string();
    println!("{NODES} Nodes of {:.1} MB", text.len() as f64 / 1e6);
    crate::command::must("kubectl", &["create", "-f", "-"], &text);
    until("the server knows all of them", KNOWN_WITHIN, async || known().await >= NODES).await;
    mesh.pass(WATCHED, &[]).await;
    let after = mesh.server_memory();
    println!("memory {:.1} MB before, {:.1} MB with them", before as f64 / 1e6, after as f64 / 1e6);
    assert!(after <= before + MEMORY_MAX, "{before} {after}");
    // The server that starts lists them, in pages.
    kubectl(&["-n", &mesh.namespace, "rollout", "restart", "deployment/meshvane-server"]);
    kubectl(&["-n", &mesh.namespace, "rollout", "status", "deployment/meshvane-server", "--timeout=120s"]);
    until("the next server knows all of them", KNOWN_WITHIN, async || known().await >= NODES).await;
    mesh.full(count).await;
    mesh.pass(WATCHED, &[]).await;
    let anew = mesh.server_memory();
    println!("memory {:.1} MB of a server that found them", anew as f64 / 1e6);
    assert!(anew <= before + MEMORY_MAX, "{before} {anew}");
    drop(gone);
    until("they are gone", KNOWN_WITHIN, async || known().await == 0).await;
    mesh.opened_were(&[]).await;
}
