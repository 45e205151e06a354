//! Agents whose source address is translated on the way to a server that believes them by their pods' addresses.

use std::time::Duration;

use e2e::kubernetes::Kubernetes;
use e2e::mesh::{Mesh, turn_to_start};
use e2e::program;
use lab::{NodeId, Spec};
use meshvane_shared::paths;
use meshvane_shared::wire::agents::{AgentsBody, RefusedAgentBody};

e2e::tests!(
    an_agent_behind_a_masquerade_is_named_with_the_reason_until_it_is_repaired,
    a_node_whose_agent_never_came_through_is_uncovered_with_the_reason,
);

const NODES: usize = 3;
/// The node behind the masquerade.
const A: NodeId = NodeId(2);
/// Several meshes start at once when all cases are played.
const START_WITHIN: Duration = Duration::from_secs(12);
/// The TTL of 15 s, and what judging takes.
const AFTER_THE_TTL: Duration = Duration::from_secs(18);
/// A new Node has two minutes until it needs an agent, and so has every Node after the server's start.
const AFTER_TWO_MINUTES: Duration = Duration::from_secs(130);
/// An agent that is refused tries again every 3 s at the latest.
const HEALED_WITHIN: Duration = Duration::from_secs(10);
/// A refusal counts for 30 s.
const FORGOTTEN_WITHIN: Duration = Duration::from_secs(35);
/// A finding stays as it is for this long, and after mending none opens.
const STAYS: Duration = Duration::from_secs(8);

/// A mesh in which Kubernetes vouches for the agents; only the server runs.
fn build() -> (Mesh, Kubernetes) {
    let mesh = Mesh::build(&Spec::nodes(NODES));
    let kubernetes = Kubernetes::of(&mesh.cluster);
    let server = program::server_in_kubernetes(kubernetes.known());
    mesh.cluster.start_server(&server, &kubernetes.server()).unwrap();
    (mesh, kubernetes)
}

fn start_agents(mesh: &Mesh, kubernetes: &Kubernetes) {
    for node in mesh.cluster.nodes() {
        mesh.cluster.start_agent(node.id, &program::agent(), &kubernetes.agent(node.id)).unwrap();
    }
}

async fn refused(mesh: &Mesh) -> Vec<RefusedAgentBody> {
    let body: Option<AgentsBody> = mesh.api.get(paths::AGENTS).await;
    body.and_then(|body| body.cluster).map(|cluster| cluster.refused).unwrap_or_default()
}

/// What is said of the node while its agent comes from the node's address: which node, why, and what to do.
async fn says_why(mesh: &Mesh, id: &str) {
    let node = mesh.cluster.node(A).unwrap();
    let from = node.host.primary();
    let message = mesh.watch.find(id).unwrap().body.message;
    for part in [
        "the agent on node-2 is refused, since ",
        &format!("its requests come from {from}, which is no address of its pod"),
        "exclude the way from the agents to the server from masquerade",
    ] {
        assert!(message.contains(part), "{message}");
    }
    let refused = refused(mesh).await;
    let [agent] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!((agent.node.as_str(), agent.reason.as_str(), agent.from), ("node-2", "other_address", from));
    let log = mesh.cluster.agents(A)[0].log().unwrap();
    assert!(log.contains("address translation"), "{log}");
}

/// Nothing is open any more, the mesh is whole, and it stays so.
async fn is_healed(mesh: &Mesh) {
    let took = mesh.open_are(&[], HEALED_WITHIN).await;
    println!("closed {:.1} s after the repair", took.as_secs_f64());
    mesh.full(NODES, START_WITHIN).await;
    mesh.pass(STAYS).await;
    assert!(mesh.watch.open().is_empty(), "{:?}", mesh.watch.open());
    let forgotten = async |mesh: &Mesh| refused(mesh).await.is_empty();
    mesh.until("no agent is shown as refused", FORGOTTEN_WITHIN, forgotten).await;
}

/// The finding is the only one, says why, and goes with the masquerade.
async fn stays_and_heals(mesh: &Mesh, id: &str, masquerade: lab::Broken) {
    mesh.pass(STAYS).await;
    assert_eq!(mesh.watch.open(), [id]);
    says_why(mesh, id).await;
    // Connections that are open keep the wrong address: the agent has to make new ones.
    masquerade.heal_soon().await.unwrap();
    is_healed(mesh).await;
    mesh.opened_were(&[id]).await;
}

async fn an_agent_behind_a_masquerade_is_named_with_the_reason_until_it_is_repaired() {
    let turn = turn_to_start().await;
    let (mesh, kubernetes) = build();
    start_agents(&mesh, &kubernetes);
    mesh.full(NODES, START_WITHIN).await;
    drop(turn);
    mesh.pass(STAYS).await;
    mesh.opened_were(&[]).await;
    let masquerade = mesh.cluster.masqueraded(A).unwrap();
    let id = "agent_down/node-2";
    let took = mesh.open_are(&[id], AFTER_THE_TTL).await;
    println!("named {:.1} s after the masquerade began", took.as_secs_f64());
    stays_and_heals(&mesh, id, masquerade).await;
}

async fn a_node_whose_agent_never_came_through_is_uncovered_with_the_reason() {
    let turn = turn_to_start().await;
    let (mesh, kubernetes) = build();
    let masquerade = mesh.cluster.masqueraded(A).unwrap();
    start_agents(&mesh, &kubernetes);
    drop(turn);
    let id = "uncovered/node-2";
    mesh.open_are(&[id], AFTER_TWO_MINUTES).await;
    stays_and_heals(&mesh, id, masquerade).await;
}
