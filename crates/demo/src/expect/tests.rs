//! Which findings are the expected ones.

use meshvane_shared::name::{NodeName, Zone};

use super::*;
use crate::edges::tests::finding as body;
use meshvane_shared::wire::findings::FindingState;

fn name(text: &str) -> NodeName {
    NodeName::parse(text).unwrap()
}

fn record(kind: FindingKind, subject: Subject) -> Record {
    let open = body(kind, VICTIM_NAME, FindingState::Open);
    Record::new(&meshvane_shared::wire::findings::FindingBody { subject, ..open }, std::time::Duration::ZERO)
}

fn expected(scenario: Scenario) -> Expected {
    finding(scenario).unwrap()
}

#[test]
fn a_finding_is_the_expected_one_by_kind_and_subject() {
    let node = |text| Subject::Node { node: name(text) };
    let down = expected(Scenario::NodeDown);
    assert!(down.is(&record(FindingKind::NodeDown, node("node-2"))));
    assert!(!down.is(&record(FindingKind::NodeDown, node("node-3"))));
    assert!(!down.is(&record(FindingKind::AgentDown, node("node-2"))));
    let pair = |from, to| Subject::Pair { from: name(from), to: name(to) };
    let one_way = expected(Scenario::FlowsBlocked);
    assert!(one_way.is(&record(FindingKind::PairOneWay, pair("node-2", "node-3"))));
    assert!(!one_way.is(&record(FindingKind::PairOneWay, pair("node-3", "node-2"))));
}

#[test]
fn a_finding_about_a_service_is_the_expected_one_by_name_and_port() {
    let named = |text: &str| Subject::Name { name: text.to_owned() };
    let unresolved = expected(Scenario::NameNxdomain);
    assert!(unresolved.is(&record(FindingKind::NameFailed, named(SERVICE))));
    assert!(!unresolved.is(&record(FindingKind::NameFailed, named("web.shop.test"))));
    assert!(!unresolved.is(&record(FindingKind::NameFailed, Subject::Node { node: name(VICTIM_NAME) })));
    let unreachable = record(FindingKind::ServiceUnreachable, named(SERVICE));
    assert!(!expected(Scenario::ServiceRefused).is(&unreachable));
    assert!(expected(Scenario::ServiceRefused).is(&Record { port: Some(SERVICE_PORT), ..unreachable }));
}

#[test]
fn groups_are_the_expected_ones_in_either_order() {
    let groups = |groups: [&[&str]; 2], zones: &[&str]| Subject::Groups {
        groups: groups.iter().map(|group| group.iter().map(|text| name(text)).collect()).collect(),
        zones: zones.iter().map(|text| Zone::parse(text).unwrap()).collect(),
    };
    let block = expected(Scenario::BlockCut);
    let cut = |subject| record(FindingKind::GroupCut, subject);
    assert!(block.is(&cut(groups([&["node-1"], &["node-2", "node-3"]], &[]))));
    assert!(block.is(&cut(groups([&["node-2", "node-3"], &["node-1"]], &[]))));
    assert!(!block.is(&cut(groups([&["node-2"], &["node-1", "node-3"]], &[]))));
    let zone = expected(Scenario::ZoneCut);
    assert!(zone.is(&cut(groups([&["node-1", "node-3"], &["node-2", "node-4"]], &["zone-1", "zone-2"]))));
    assert!(!zone.is(&cut(groups([&["node-1", "node-3"], &["node-2", "node-4"]], &["zone-1"]))));
}

#[test]
fn plane_direction_family_and_port_must_be_as_expected() {
    let node = Subject::Node { node: name(VICTIM_NAME) };
    let plane = Record { plane: Some(Plane::Pod), ..record(FindingKind::PlaneCut, node.clone()) };
    assert!(expected(Scenario::PodPlaneCut).is(&plane));
    assert!(!expected(Scenario::HostPlaneCut).is(&plane));
    let inwards = Record { direction: Some(Direction::In), ..record(FindingKind::NodeOneWay, node.clone()) };
    assert!(expected(Scenario::NodeDeaf).is(&inwards));
    assert!(!expected(Scenario::NodeMute).is(&inwards));
    let ipv4 = Record { family: Some(Family::Ipv4), ..record(FindingKind::FamilyCut, node.clone()) };
    assert!(!expected(Scenario::Ipv6Cut).is(&ipv4));
    let port = Record {
        port: Some(HOST_PORT),
        plane: Some(Plane::Host),
        ..record(FindingKind::PortRefused, node.clone())
    };
    assert!(expected(Scenario::PortRefused).is(&port));
    assert!(!expected(Scenario::PortRefused).is(&record(FindingKind::PortRefused, node)));
}

#[test]
fn an_expectation_reads_as_a_clause() {
    let check = |scenario, text: &str| assert_eq!(expected(scenario).to_string(), text);
    check(Scenario::NodeDown, "node_down of node-2");
    check(Scenario::NodeDeaf, "node_one_way of node-2, inwards");
    check(Scenario::PairCutPod, "pair_cut of node-2 to node-3 on pod");
    check(Scenario::BlockCut, "group_cut of node-1 from node-2 and node-3");
    check(Scenario::ZoneDown, "group_cut of zone-2");
    check(Scenario::Ipv6CutEverywhere, "family_cut of all nodes in ipv6");
    check(Scenario::PortDropped, "port_filtered of node-2 on port 10256");
    check(Scenario::ResolversSilent, "name_failed of api.shop.test");
    check(Scenario::ServiceSilent, "service_unreachable of api.shop.test on port 8443");
    check(Scenario::ServerCutOff, "monitor_blind of the server");
}
