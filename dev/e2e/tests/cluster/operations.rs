//! What operators do every day: none of it is a fault.

use std::time::Duration;

use meshvane_shared::wire::agents::MemberState;

use crate::command::Undo;
use crate::installation::{Installation, helm};
use crate::kube::{self, kubectl, until};

e2e::tests!(
    a_cordoned_node_is_shown_as_such,
    a_drain_raises_nothing_also_under_the_server,
    a_server_that_is_scaled_away_and_back_raises_nothing,
    a_rollout_of_the_agents_raises_nothing,
    an_upgrade_and_its_rollback_raise_nothing,
);

/// After each nothing may open in this time.
const QUIET: Duration = Duration::from_secs(20);
/// What Kubernetes takes to replace pods.
const DONE_WITHIN: Duration = Duration::from_mins(2);

async fn a_cordoned_node_is_shown_as_such() {
    let mesh = Installation::make("mesh-cordon", &[]).await;
    let node = kube::nodes().pop().unwrap();
    let context = async || mesh.api.agent(&node).await.map(|agent| agent.context).unwrap_or_default();
    let uncordon = Undo::by("kubectl", &["uncordon", &node]);
    kubectl(&["cordon", &node]);
    until("it is shown as cordoned", QUIET, async || context().await.contains(&"cordoned".to_owned())).await;
    mesh.pass(QUIET, &[]).await;
    drop(uncordon);
    until("it is not", QUIET, async || !context().await.contains(&"cordoned".to_owned())).await;
    mesh.opened_were(&[]).await;
}

async fn a_drain_raises_nothing_also_under_the_server() {
    let mesh = Installation::make("mesh-drain", &[]).await;
    let node = mesh.server_node();
    let uncordon = Undo::by("kubectl", &["uncordon", &node]);
    kubectl(&["drain", &node, "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=90s"]);
    rolled_out(&mesh, "deployment/meshvane-server");
    mesh.full(kube::nodes().len()).await;
    mesh.pass(QUIET, &[]).await;
    drop(uncordon);
    kubectl(&["-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=90s"]);
    mesh.opened_were(&[]).await;
}

async fn a_server_that_is_scaled_away_and_back_raises_nothing() {
    let mesh = Installation::make("mesh-scale", &[]).await;
    let scale = |count: &str| {
        let replicas = format!("--replicas={count}");
        kubectl(&["-n", &mesh.namespace, "scale", "deployment/meshvane-server", &replicas]);
    };
    scale("0");
    until("the server is gone", DONE_WITHIN, async || kube::pods(&mesh.namespace, "server").is_empty()).await;
    tokio::time::sleep(QUIET).await;
    scale("1");
    rolled_out(&mesh, "deployment/meshvane-server");
    mesh.full(kube::nodes().len()).await;
    mesh.pass(QUIET, &[]).await;
}

async fn a_rollout_of_the_agents_raises_nothing() {
    let mesh = Installation::make("mesh-rollout", &[]).await;
    let before = mesh.boots().await;
    kubectl(&["-n", &mesh.namespace, "rollout", "restart", "daemonset/meshvane-agent"]);
    rolled_out(&mesh, "daemonset/meshvane-agent");
    mesh.full(kube::nodes().len()).await;
    let after = mesh.boots().await;
    assert!(before.iter().all(|old| !after.contains(old)), "{before:?} {after:?}");
    mesh.pass(QUIET, &[]).await;
}

async fn an_upgrade_and_its_rollback_raise_nothing() {
    let mesh = Installation::make("mesh-upgrade", &[]).await;
    let all = ["deployment/meshvane-server", "daemonset/meshvane-agent"];
    helm(&["upgrade"], &mesh.namespace, &["agent.logLevel=debug", "server.logLevel=debug"]);
    for what in all {
        rolled_out(&mesh, what);
    }
    mesh.full(kube::nodes().len()).await;
    mesh.pass(QUIET, &[]).await;
    crate::command::must("helm", &["rollback", "meshvane", "-n", &mesh.namespace], "");
    for what in all {
        rolled_out(&mesh, what);
    }
    mesh.full(kube::nodes().len()).await;
    mesh.pass(QUIET, &[]).await;
    let agents = mesh.api.agents().await;
    assert!(agents.iter().all(|agent| agent.state == MemberState::Alive), "{agents:?}");
}

fn rolled_out(mesh: &Installation, what: &str) {
    kubectl(&["-n", &mesh.namespace, "rollout", "status", what, "--timeout=120s"]);
}
