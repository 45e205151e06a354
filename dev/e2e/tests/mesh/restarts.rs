//! A server that is killed and comes back: nothing false, nothing lost, nothing forgotten.

use std::time::Duration;

use e2e::mesh::Mesh;
use lab::NodeId;

e2e::tests!(
    a_server_restart_under_a_healthy_mesh_is_no_finding,
    restarts_lose_no_round_and_the_dead_node_keeps_its_since,
);

/// How often the server is killed; the release is shown with 20.
const RESTARTS: &str = "MESHVANE_E2E_RESTARTS";
const RESTARTS_BY_DEFAULT: u32 = 3;
/// The agents' longest retry of 3 s, 7 s for those that may be slower, and judging: less than by one TTL after the start.
const NAMED_AGAIN_WITHIN: Duration = Duration::from_secs(15);

async fn a_server_restart_under_a_healthy_mesh_is_no_finding() {
    let mesh = Mesh::start(4).await;
    let _intact = mesh.cluster.server_restart().unwrap();
    mesh.full(4, Duration::from_secs(15)).await;
    mesh.pass(Duration::from_secs(20)).await;
    mesh.full(4, Duration::from_secs(5)).await;
    mesh.opened_were(&[]).await;
}

#[expect(clippy::disallowed_methods, reason = "a setting of this test")]
fn restarts() -> u32 {
    std::env::var(RESTARTS).ok().map_or(RESTARTS_BY_DEFAULT, |text| text.parse().unwrap())
}

async fn restarts_lose_no_round_and_the_dead_node_keeps_its_since() {
    let mesh = Mesh::start(4).await;
    let broken = mesh.cluster.node_down(NodeId(4)).unwrap();
    mesh.open_are(&["node_down/node-4"], Duration::from_secs(8)).await;
    let since = mesh.watch.find("node_down/node-4").unwrap().body.since;
    for restart in 0..restarts() {
        let killed = mesh.cluster.server_killed().unwrap();
        // Long enough for every agent to have a round that nobody takes.
        mesh.pass(Duration::from_secs(6)).await;
        killed.heal_soon().await.unwrap();
        let took = mesh
            .until("the dead node is named again", NAMED_AGAIN_WITHIN, async |mesh| {
                let findings = mesh.api.findings().await;
                findings.is_some_and(|body| body.judging && !body.findings.is_empty())
            })
            .await;
        let findings = mesh.api.findings().await.unwrap().findings;
        let ids: Vec<&str> = findings.iter().map(|finding| finding.id.as_str()).collect();
        assert_eq!(ids, ["node_down/node-4"], "restart {restart}");
        let moved = (findings[0].since - since).num_milliseconds().abs();
        assert!(moved <= 1_000, "since moved by {moved} ms at restart {restart}");
        println!("restart {restart}: since moved by {moved} ms, named after {:.1} s", took.as_secs_f64());
    }
    for node in (1..=3).map(NodeId) {
        no_round_is_lost(&mesh, node).await;
    }
    broken.heal_soon().await.unwrap();
    mesh.open_are(&[], Duration::from_secs(20)).await;
    mesh.opened_were(&["node_down/node-4"]).await;
}

/// By the agent's own ledger: what it produced was acknowledged, but for the newest that may be under way.
async fn no_round_is_lost(mesh: &Mesh, node: NodeId) {
    let pod = mesh.pod(node);
    let pending = async || mesh.agent_metric(pod, "meshvane_agent_outbox_pending").await;
    let count = async |state: &str| {
        mesh.agent_metric(pod, &format!("meshvane_agent_outbox_rounds_total{{state=\"{state}\"}}")).await
    };
    let delivered = async |_: &Mesh| pending().await <= 1.0;
    mesh.until(&format!("{node} has delivered its backlog"), Duration::from_secs(30), delivered).await;
    let (produced, acknowledged) = (count("produced").await, count("acknowledged").await);
    let (dropped, refused) = (count("dropped").await, count("refused").await);
    println!(
        "{node}: {produced} rounds produced, {acknowledged} acknowledged, {dropped} dropped, {refused} refused"
    );
    assert!(produced > 0.0);
    assert_eq!((dropped, refused), (0.0, 0.0));
}
