//! Agents that die, leave, move and come twice.

use std::time::Duration;

use e2e::mesh::Mesh;
use lab::{NodeId, Ping};
use meshvane_shared::wire::agents::MemberState;

e2e::tests!(
    an_agent_that_is_killed_is_named_and_its_node_is_not,
    an_agent_that_is_killed_and_comes_back_at_once_is_no_finding,
    a_graceful_scale_down_is_no_finding,
    an_agent_that_comes_back_with_a_new_pod_address_is_no_finding,
    of_two_agents_on_a_node_the_newer_one_speaks_and_the_older_ones_goodbye_is_not_the_nodes,
);

/// The TTL, and what judging takes.
const LOST_WITHIN: Duration = Duration::from_secs(18);
/// Longer than the TTL: whoever is missed is missed by then.
const QUIET: Duration = Duration::from_secs(20);

async fn an_agent_that_is_killed_is_named_and_its_node_is_not() {
    let mesh = Mesh::start(4).await;
    let broken = mesh.cluster.agent_killed(NodeId(2)).unwrap();
    mesh.open_are(&["agent_down/node-2"], LOST_WITHIN).await;
    mesh.pass(Duration::from_secs(12)).await;
    broken.heal_soon().await.unwrap();
    mesh.open_are(&[], Duration::from_secs(10)).await;
    mesh.full(4, Duration::from_secs(15)).await;
    mesh.opened_were(&["agent_down/node-2"]).await;
}

async fn an_agent_that_is_killed_and_comes_back_at_once_is_no_finding() {
    let mesh = Mesh::start(4).await;
    let _intact = mesh.cluster.agent_restarted(NodeId(2)).unwrap();
    mesh.pass(QUIET).await;
    mesh.full(4, Duration::from_secs(5)).await;
    mesh.opened_were(&[]).await;
}

async fn a_graceful_scale_down_is_no_finding() {
    let mesh = Mesh::start(4).await;
    let cluster = mesh.cluster.clone();
    let broken = tokio::task::spawn_blocking(move || cluster.scale_down(NodeId(3)).unwrap()).await.unwrap();
    mesh.until("node-3 is leaving", Duration::from_secs(3), async |mesh| {
        mesh.api.agent("node-3").await.is_some_and(|agent| agent.state == MemberState::Leaving)
    })
    .await;
    mesh.full(3, Duration::from_secs(8)).await;
    mesh.pass(QUIET).await;
    mesh.opened_were(&[]).await;
    broken.heal_soon().await.unwrap();
    mesh.full(4, Duration::from_secs(10)).await;
    mesh.opened_were(&[]).await;
}

async fn an_agent_that_comes_back_with_a_new_pod_address_is_no_finding() {
    let mesh = Mesh::start(4).await;
    let before = mesh.api.agent("node-2").await.unwrap();
    let cluster = mesh.cluster.clone();
    tokio::task::spawn_blocking(move || cluster.pod_restart(NodeId(2)).unwrap().forget()).await.unwrap();
    mesh.until("node-2 is alive at another address", Duration::from_secs(8), async |mesh| {
        let now = mesh.api.agent("node-2").await;
        now.is_some_and(|now| now.state == MemberState::Alive && now.pod_addresses != before.pod_addresses)
    })
    .await;
    mesh.full(4, Duration::from_secs(10)).await;
    mesh.pass(QUIET).await;
    mesh.full(4, Duration::from_secs(5)).await;
    mesh.opened_were(&[]).await;
}

async fn of_two_agents_on_a_node_the_newer_one_speaks_and_the_older_ones_goodbye_is_not_the_nodes() {
    let mesh = Mesh::start(3).await;
    let older = mesh.cluster.agents(NodeId(1)).pop().unwrap();
    let pod = mesh.cluster.add_pod(NodeId(1), Ping::Permitted).unwrap();
    let newer = mesh.cluster.start_agent_in(pod, &e2e::program::agent(), &mesh.environment()).unwrap();
    let address = mesh.cluster.node(NodeId(1)).unwrap().pods.last().unwrap().addresses.primary();
    let speaks = async |mesh: &Mesh| {
        let agent = mesh.api.agent("node-1").await;
        agent.is_some_and(|agent| agent.state == MemberState::Alive && agent.pod_addresses.contains(&address))
    };
    mesh.until("the newer agent speaks", Duration::from_secs(5), speaks).await;
    // Both heartbeat for two intervals: the older one must not take the word back.
    for _ in 0..20 {
        mesh.pass(Duration::from_millis(500)).await;
        assert!(speaks(&mesh).await, "the newer agent speaks all the time");
    }
    let cluster = mesh.cluster.clone();
    tokio::task::spawn_blocking(move || cluster.delete_pod(&older).unwrap()).await.unwrap();
    mesh.pass(QUIET).await;
    assert!(speaks(&mesh).await && newer.is_running());
    mesh.full(3, Duration::from_secs(5)).await;
    mesh.opened_were(&[]).await;
}
