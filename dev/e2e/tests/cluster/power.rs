//! Nodes that lose their power, and an API server that is away.

use std::time::Duration;

use e2e::api::{agent_metrics, series_in};
use e2e::clock::Stopwatch;

use crate::command::{Undo, nodes};
use crate::installation::Installation;
use crate::kube::{self, LOOK_EVERY, Pod, kubectl};

e2e::tests!(
    a_node_that_loses_its_power_is_named_and_stays_named_until_its_node_is_deleted,
    the_servers_own_node_that_loses_its_power_is_named_by_the_server_that_follows,
    an_api_server_that_is_away_for_minutes_across_the_end_of_tokens_changes_nothing,
);

/// The promise to the user, at the default interval.
const NAMED_WITHIN: Duration = Duration::from_secs(8);
/// Kubernetes calls the node dead after 50 s (`node-monitor-grace-period`), evicts the server 5 s later and starts another one, which
/// must hear everybody.
const NAMED_BY_ANOTHER_WITHIN: Duration = Duration::from_secs(75);
/// It is not forgotten while this passes; others forget after 31 to 38 s.
const STAYS: Duration = Duration::from_mins(1);
/// After an outage of the control plane the kubelet looks after tokens once a minute or so.
const SETTLED_WITHIN: Duration = Duration::from_mins(2);
/// A node starts, its kubelet finds the pods, the agent is heard.
const BACK_WITHIN: Duration = Duration::from_mins(2);

async fn a_node_that_loses_its_power_is_named_and_stays_named_until_its_node_is_deleted() {
    let count = kube::nodes().len();
    let mesh = Installation::make("mesh-power", &[]).await;
    let server = mesh.server_node();
    let victim = kube::nodes().into_iter().find(|node| *node != server).unwrap();
    let id = format!("node_down/{victim}");
    let power = Undo::on_nodes(&["start", &victim]);
    nodes(&["stop", &victim]);
    let took = mesh.open_are(&[&id], NAMED_WITHIN).await;
    println!("named {:.1} s after the power was cut", took.as_secs_f64());
    mesh.pass(STAYS, &[&id]).await;
    mesh.open_are(&[&id], LOOK_EVERY).await;
    kubectl(&["delete", "node", &victim]);
    mesh.open_are(&[], Duration::from_secs(20)).await;
    drop(power);
    kube::all_ready(count).await;
    back(&mesh, count).await;
    mesh.opened_were(&[&id]).await;
}

async fn the_servers_own_node_that_loses_its_power_is_named_by_the_server_that_follows() {
    let count = kube::nodes().len();
    let mesh = Installation::make("mesh-server-power", &[]).await;
    let victim = mesh.server_node();
    put_name_servers_on(&victim);
    let id = format!("node_down/{victim}");
    let power = Undo::on_nodes(&["start", &victim]);
    nodes(&["stop", &victim]);
    let took = mesh.open_are(&[&id], NAMED_BY_ANOTHER_WITHIN).await;
    println!("named {:.1} s after the power of the server's node was cut", took.as_secs_f64());
    mesh.pass(Duration::from_secs(5), &[&id]).await;
    drop(power);
    kube::all_ready(count).await;
    back(&mesh, count).await;
    // Its host answers before its pods are started again, which is said as long as it is so.
    let no_pods = [format!("plane_cut/{victim}/pod"), format!("agent_down/{victim}")];
    mesh.opened_were(&[&id, &no_pods[0], &no_pods[1]]).await;
}

/// Puts the name servers where they go down with the node: the agents must find the next server all the same.
fn put_name_servers_on(node: &str) {
    let others = kube::nodes().into_iter().filter(|other| other != node);
    let cordoned: Vec<Undo> = others
        .map(|other| {
            let uncordon = Undo::by("kubectl", &["uncordon", &other]);
            kubectl(&["cordon", &other]);
            uncordon
        })
        .collect();
    kubectl(&["-n", "kube-system", "delete", "pod", "-l", "k8s-app=kube-dns"]);
    kubectl(&["-n", "kube-system", "rollout", "status", "deployment/coredns", "--timeout=90s"]);
    drop(cordoned);
}

/// A full mesh and no finding, though Kubernetes takes its time.
async fn back(mesh: &Installation, count: usize) {
    let clock = Stopwatch::start();
    loop {
        let full = mesh.api.is_full_mesh_in(count, &[meshvane_shared::address::Family::Ipv4]).await;
        if full && mesh.watch.open().is_empty() {
            return;
        }
        assert!(clock.elapsed() < BACK_WITHIN, "not whole again:\n{}", mesh.state().await);
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn an_api_server_that_is_away_for_minutes_across_the_end_of_tokens_changes_nothing() {
    // The shortest life of a token; the kubelet replaces it at 80 % of that, when there is an API server.
    let life = Duration::from_mins(10);
    let away = Duration::from_mins(5);
    let mesh = Installation::make("mesh-api-away", &["auth.tokenExpirationSeconds=600"]).await;
    let before = mesh.boots().await;
    // The outage covers the replacement at 8 minutes and the end at 10.
    tokio::time::sleep(life * 54 / 100).await;
    let start = Undo::on_nodes(&["api-start"]);
    nodes(&["api-stop"]);
    tokio::time::sleep(away).await;
    drop(start);
    // The control plane finds all nodes silent, and may put the server elsewhere: what agents measured meanwhile must come
    // to the one that follows, as soon as their tokens are renewed.
    mesh.pass(SETTLED_WITHIN, &[]).await;
    mesh.full(kube::nodes().len()).await;
    mesh.opened_were(&[]).await;
    assert_eq!(mesh.boots().await, before, "an agent restarted");
    for pod in kube::pods(&mesh.namespace, "agent") {
        delivered_all(&pod).await;
    }
}

/// By the agent's own ledger: what it produced was acknowledged, but for what is under way.
async fn delivered_all(pod: &Pod) {
    let text = agent_metrics(pod.address.parse().unwrap()).await;
    let count = |series: &str| series_in(&text, series);
    let became = |state: &str| count(&format!("meshvane_agent_outbox_rounds_total{{state=\"{state}\"}}"));
    println!("{}: {} rounds produced, {} acknowledged", pod.node, became("produced"), became("acknowledged"));
    assert!(became("produced") > 0.0);
    assert!(count("meshvane_agent_outbox_pending") <= 1.0, "{text}");
    assert_eq!((became("dropped"), became("refused")), (0.0, 0.0));
}
