//! Nodes that die.

use std::time::Duration;

use e2e::clock::Stopwatch;
use e2e::mesh::Mesh;
use lab::{NodeId, Server, ServerPlace, Spec};
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::findings::Severity;

e2e::tests!(
    a_node_that_loses_its_power_is_named_within_eight_seconds_and_its_return_resolves_it,
    two_nodes_that_die_together_are_two_findings,
    of_two_nodes_one_that_dies_is_named_by_the_word_of_one,
    a_node_behind_a_pulled_cable_is_down_and_says_nothing_false_when_it_is_back,
    the_server_behind_a_node_names_the_others,
    a_node_that_swallows_all_that_arrives_is_down_though_its_last_words_came_late,
);

/// The promise to the user, at the default interval.
const NAMED_WITHIN: Duration = Duration::from_secs(8);
/// After mending: the agent starts, the others look at once, two answers each.
const HEALED_WITHIN: Duration = Duration::from_secs(20);

async fn a_node_that_loses_its_power_is_named_within_eight_seconds_and_its_return_resolves_it() {
    let mesh = Mesh::start(5).await;
    let clock = Stopwatch::start();
    let broken = mesh.cluster.node_down(NodeId(3)).unwrap();
    mesh.open_are(&["node_down/node-3"], NAMED_WITHIN).await;
    println!("node-3 named after {:?}", clock.elapsed());
    let body = mesh.watch.find("node_down/node-3").unwrap().body;
    let observers = body.observers.clone().unwrap();
    assert_eq!((observers.saw, observers.of, observers.zones), (4, 4, 2), "{}", body.message);
    assert_eq!(body.severity, Severity::Critical);
    // It gets louder, not invisible: lost, and still named.
    mesh.until("node-3 is lost", Duration::from_secs(16), async |mesh| {
        mesh.api.agent("node-3").await.is_some_and(|agent| agent.state == MemberState::Lost)
    })
    .await;
    mesh.pass(Duration::from_secs(5)).await;
    assert_eq!(mesh.watch.open(), ["node_down/node-3"]);
    let clock = Stopwatch::start();
    broken.heal_soon().await.unwrap();
    mesh.open_are(&[], HEALED_WITHIN).await;
    println!("healed after {:?}", clock.elapsed());
    mesh.full(5, HEALED_WITHIN).await;
    mesh.pass(Duration::from_secs(11)).await;
    mesh.opened_were(&["node_down/node-3"]).await;
}

async fn two_nodes_that_die_together_are_two_findings() {
    let mesh = Mesh::start(5).await;
    // Of both zones: a whole zone that dies is one finding.
    let one = mesh.cluster.node_down(NodeId(2)).unwrap();
    let both = one.before(mesh.cluster.node_down(NodeId(3)).unwrap());
    mesh.open_are(&["node_down/node-2", "node_down/node-3"], Duration::from_secs(12)).await;
    both.heal_soon().await.unwrap();
    mesh.open_are(&[], HEALED_WITHIN).await;
    mesh.full(5, HEALED_WITHIN).await;
    mesh.opened_were(&["node_down/node-2", "node_down/node-3"]).await;
}

async fn of_two_nodes_one_that_dies_is_named_by_the_word_of_one() {
    let mesh = Mesh::start(2).await;
    let broken = mesh.cluster.node_down(NodeId(2)).unwrap();
    mesh.open_are(&["node_down/node-2"], NAMED_WITHIN).await;
    let body = mesh.watch.find("node_down/node-2").unwrap().body;
    assert_eq!(body.severity, Severity::Warning);
    assert!(body.message.contains("from 1 of 1 observer,"), "{}", body.message);
    broken.heal_soon().await.unwrap();
    mesh.open_are(&[], HEALED_WITHIN).await;
    mesh.opened_were(&["node_down/node-2"]).await;
}

async fn a_node_behind_a_pulled_cable_is_down_and_says_nothing_false_when_it_is_back() {
    let mesh = Mesh::start(4).await;
    let broken = mesh.cluster.cable_pulled(NodeId(1)).unwrap();
    mesh.open_are(&["node_down/node-1"], NAMED_WITHIN).await;
    // Its agent runs on and gathers rounds in which nobody answers: it must not blame the others when it is back.
    mesh.pass(Duration::from_secs(20)).await;
    broken.heal_soon().await.unwrap();
    mesh.open_are(&[], HEALED_WITHIN).await;
    mesh.full(4, HEALED_WITHIN).await;
    mesh.opened_were(&["node_down/node-1"]).await;
}

async fn the_server_behind_a_node_names_the_others() {
    let mesh = Mesh::build(&Spec { server: ServerPlace::BehindNode(NodeId(1)), ..Spec::nodes(4) });
    mesh.start_server();
    mesh.start_agents();
    mesh.full(4, e2e::mesh::FULL_MESH_WITHIN).await;
    let broken = mesh.cluster.node_down(NodeId(4)).unwrap();
    mesh.open_are(&["node_down/node-4"], NAMED_WITHIN).await;
    broken.heal_soon().await.unwrap();
    mesh.open_are(&[], HEALED_WITHIN).await;
    mesh.opened_were(&["node_down/node-4"]).await;
}

async fn a_node_that_swallows_all_that_arrives_is_down_though_its_last_words_came_late() {
    let mesh = Mesh::start(4).await;
    let broken = mesh.cluster.silence(&[NodeId(2)], Server::CutOff).unwrap();
    // What it still sends arrives once, on open connections: one interval, and one second, later than a clean death.
    mesh.open_are(&["node_down/node-2"], NAMED_WITHIN + Duration::from_secs(6)).await;
    mesh.pass(Duration::from_secs(12)).await;
    broken.heal_soon().await.unwrap();
    mesh.open_are(&[], HEALED_WITHIN).await;
    mesh.full(4, HEALED_WITHIN).await;
    mesh.opened_were(&["node_down/node-2"]).await;
}
