//! What ordinary clusters have: services by address beside a wildcard, and heartbeats slower than the server's TTL.

use std::time::Duration;

use e2e::mesh::{Mesh, turn_to_start};
use e2e::program;
use lab::{Asker, DnsBehaviour, NodeId, Spec};
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::matrix::CellWord;

e2e::tests!(
    a_service_that_is_an_address_is_taken_as_itself_beside_a_wildcard,
    a_heartbeat_interval_above_the_ttl_is_said_and_flaps_nothing,
);

const NODES: usize = 3;
/// Several meshes start at once when all cases are played.
const START_WITHIN: Duration = Duration::from_secs(12);
/// The promise to the user, at the default interval.
const NAMED_WITHIN: Duration = Duration::from_secs(10);
const HEALED_WITHIN: Duration = Duration::from_secs(20);
/// Two rounds, in which nothing may open.
const STAYS: Duration = Duration::from_secs(10);
/// The port of the service.
const PORT: u16 = 8443;

/// Every node reaches the one service.
async fn is_reached(mesh: &Mesh) -> bool {
    let matrix = mesh.api.matrix("plane=service&check=tcp").await;
    let cells = matrix.into_iter().flat_map(|matrix| matrix.cells).flatten();
    cells.filter(|cell| cell.outcome == CellWord::Reached).count() == NODES
}

async fn a_service_that_is_an_address_is_taken_as_itself_beside_a_wildcard() {
    let turn = turn_to_start().await;
    let mesh = Mesh::build(&Spec::nodes(NODES));
    let service = mesh.cluster.service(PORT).unwrap();
    let address = service.addresses().primary();
    // A wildcard of the search domain knows the address as a name, and says a place where the port refuses.
    let elsewhere = mesh.cluster.service(PORT + 1).unwrap().addresses();
    let wildcard = DnsBehaviour::right(&format!("{address}.wildcard.test"), elsewhere);
    let resolver = mesh.cluster.dns_server(wildcard).unwrap();
    let text =
        format!("nameserver {}\nsearch wildcard.test\noptions ndots:5\n", resolver.addresses().primary());
    mesh.cluster.set_resolv_conf(&text).unwrap();
    mesh.start_server();
    let environment = mesh.environment().with("CUSTOM_SERVICE_NAME", format!("{address}:{PORT}"));
    for node in mesh.cluster.nodes() {
        mesh.cluster.start_agent(node.id, &program::agent(), &environment).unwrap();
    }
    mesh.full(NODES, START_WITHIN).await;
    mesh.until("everybody reaches the service", START_WITHIN, is_reached).await;
    drop(turn);
    mesh.pass(STAYS).await;
    mesh.opened_were(&[]).await;
    service.refuse(Asker::Everybody).unwrap();
    let id = format!("service_unreachable/{address}/{PORT}");
    mesh.open_are(&[&id], NAMED_WITHIN).await;
    service.answer().unwrap();
    mesh.open_are(&[], HEALED_WITHIN).await;
    mesh.until("everybody reaches the service again", HEALED_WITHIN, is_reached).await;
    mesh.pass(STAYS).await;
    mesh.opened_were(&[&id]).await;
}

async fn a_heartbeat_interval_above_the_ttl_is_said_and_flaps_nothing() {
    let turn = turn_to_start().await;
    let mesh = Mesh::build(&Spec::nodes(NODES));
    mesh.start_server();
    let slow = mesh.environment().with("HEARTBEAT_INTERVAL", "20s").with("MESHVANE_PROBE_INTERVAL", "5s");
    for node in mesh.cluster.nodes() {
        let environment = if node.id == NodeId(2) { slow.clone() } else { mesh.environment() };
        mesh.cluster.start_agent(node.id, &program::agent(), &environment).unwrap();
    }
    mesh.full(NODES, START_WITHIN).await;
    drop(turn);
    let said = mesh.api.agent("node-2").await.unwrap().problems;
    assert!(matches!(&said[..], [problem] if problem.contains("CACHE_KEY_SECOND")), "{said:?}");
    // Two of its heartbeats, each looked at in every second between them.
    for _ in 0..45 {
        mesh.pass(Duration::from_secs(1)).await;
        assert_eq!(mesh.api.agent("node-2").await.unwrap().state, MemberState::Alive);
    }
    mesh.opened_were(&[]).await;
    // It is lost all the same when it goes away: after twice its interval and a second.
    let killed = mesh.cluster.agent_killed(NodeId(2)).unwrap();
    mesh.open_are(&["agent_down/node-2"], Duration::from_secs(41 + 5)).await;
    killed.heal_soon().await.unwrap();
    mesh.open_are(&[], HEALED_WITHIN).await;
}
