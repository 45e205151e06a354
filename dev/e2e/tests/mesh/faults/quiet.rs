//! The table of what must not be called a fault.

use std::pin::Pin;
use std::time::Duration;

use e2e::mesh::{Mesh, turn_to_start};
use lab::{Broken, Cluster, GRACE, LabError, NodeId, NodeSpec, Spec};
use meshvane_shared::wire::agents::MemberState;

use super::clocks::Clocks;

/// So long nothing may open.
const QUIET: Duration = Duration::from_mins(1);
/// A mesh is whole again within this after what is no fault, ten new agents on a busy machine included.
const WHOLE_WITHIN: Duration = Duration::from_secs(20);
/// Several meshes start at once when all cases are played.
const START_WITHIN: Duration = Duration::from_secs(12);
const NODES: usize = 4;
/// The node that it happens to.
const A: NodeId = NodeId(2);
/// Another port than the default for agents.
const OTHER_PORT: &str = "6200";

/// What takes several steps.
type Steps<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// What happens to a mesh.
enum Event {
    /// Nothing.
    Nothing,
    /// A fault of the lab; it lasts for the time of silence.
    Fault(fn(&Cluster) -> Result<Broken, LabError>),
    /// Something else, at once.
    Once(fn(&Mesh)),
    /// Something else, in steps.
    Steps(for<'a> fn(&'a Mesh) -> Steps<'a>),
}

/// A case.
pub(super) struct Case {
    /// Its name.
    pub(super) name: &'static str,
    /// What happens.
    event: Event,
    /// How many nodes are a full mesh at the end; `None` when lost probes may leave a hole at any moment.
    left: Option<usize>,
    /// What the clocks show meanwhile.
    clocks: Clocks,
}

const fn case(name: &'static str, event: Event, left: Option<usize>) -> Case {
    Case { name, event, left, clocks: Clocks::Right }
}

/// Nothing happens, for a minute, with these clocks.
const fn at(name: &'static str, clocks: Clocks) -> Case {
    Case { clocks, ..case(name, Event::Nothing, Some(NODES)) }
}

/// All of them.
pub(super) static CASES: &[Case] = &[
    case("nothing_happens", Event::Nothing, Some(NODES)),
    case("graceful_scale_down", Event::Fault(|lab| lab.scale_down(A)), Some(NODES - 1)),
    case("rolling_restart_of_all_agents", Event::Steps(|mesh| Box::pin(rolling_restart(mesh))), Some(NODES)),
    case("port_of_a_peer_moved", Event::Once(port_moved), Some(NODES)),
    case("random_loss_of_1_percent", Event::Fault(|lab| lab.random_loss(1)), None),
    case("random_loss_of_3_percent", Event::Fault(|lab| lab.random_loss(3)), None),
    case("one_lost_probe", Event::Fault(|lab| lab.one_lost_probe(A)), Some(NODES)),
    case("echo_sessions_dead", Event::Fault(|lab| lab.echo_sessions_dead(A)), Some(NODES)),
    case("agent_masqueraded_with_a_shared_token", Event::Fault(|lab| lab.masqueraded(A)), Some(NODES)),
    case("server_restarted", Event::Fault(Cluster::server_restart), Some(NODES)),
    case("agent_stopped_for_three_seconds", Event::Steps(|mesh| Box::pin(paused(mesh))), Some(NODES)),
    at("clocks_off_by_an_hour", Clocks::OfTwoNodes),
    at("servers_clock_off_by_an_hour", Clocks::OfTheServer),
    case("a_node_joins", Event::Once(|mesh| join(mesh, 1)), Some(NODES + 1)),
    case("ten_nodes_join_at_once", Event::Once(|mesh| join(mesh, 10)), Some(NODES + 10)),
];

/// Lets it happen, and a minute pass.
pub(super) async fn play(case: &Case) {
    let turn = turn_to_start().await;
    let mesh = Mesh::build(&Spec::nodes(NODES));
    case.clocks.start(&mesh);
    mesh.full(NODES, START_WITHIN).await;
    drop(turn);
    let mut broken = None;
    match case.event {
        Event::Nothing => {}
        Event::Fault(fault) => {
            broken = Some(tokio::task::block_in_place(|| fault(&mesh.cluster)).unwrap());
        }
        Event::Once(event) => tokio::task::block_in_place(|| event(&mesh)),
        Event::Steps(event) => event(&mesh).await,
    }
    mesh.pass(QUIET).await;
    if let Some(nodes) = case.left {
        mesh.full(nodes, WHOLE_WITHIN).await;
    }
    case.clocks.are_seen(&mesh).await;
    mesh.opened_were(&[]).await;
    drop(broken);
}

/// As a `DaemonSet` does it: the next pod is deleted when the last new one is at work.
async fn rolling_restart(mesh: &Mesh) {
    for node in mesh.cluster.nodes() {
        let old = mesh.api.agent(&node.name).await.unwrap().boot_id;
        tokio::task::block_in_place(|| mesh.cluster.pod_restart(node.id)).unwrap().forget();
        mesh.until(&format!("{} is back", node.name), WHOLE_WITHIN, async |mesh| {
            let now = mesh.api.agent(&node.name).await;
            now.is_some_and(|now| now.state == MemberState::Alive && now.boot_id != old)
        })
        .await;
    }
}

/// The agent is started again in its pod with another `CLIENT_PORT`: same address, and nobody at the old port.
fn port_moved(mesh: &Mesh) {
    let agent = mesh.cluster.agents(A).pop().unwrap();
    agent.terminate();
    agent.wait(GRACE).unwrap();
    let environment = mesh.environment().with("CLIENT_PORT", OTHER_PORT);
    mesh.cluster.start_agent(A, &e2e::program::agent(), &environment).unwrap();
}

async fn paused(mesh: &Mesh) {
    let stopped = mesh.cluster.agent_stopped(A).unwrap();
    mesh.pass(Duration::from_secs(3)).await;
    stopped.heal_soon().await.unwrap();
}

/// Nodes that are all there before the first of their agents starts.
fn join(mesh: &Mesh, count: usize) {
    let add = |_| mesh.cluster.add_node(&NodeSpec::default()).unwrap();
    let new: Vec<NodeId> = (0..count).map(add).collect();
    for node in new {
        mesh.start_agent(node);
    }
}
