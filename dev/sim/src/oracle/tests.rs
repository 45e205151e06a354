//! What single faults call for, by name.

use std::sync::Arc;

use faults::{Block, Effect, NameAnswer, Node, Places, Scenario};
use meshvane_shared::address::Family;
use meshvane_shared::name::{DnsName, ServiceAddress};

use super::*;
use crate::mesh::Mesh;

fn mesh_of(nodes: usize, zones: usize) -> Arc<Mesh> {
    let zones = (0..nodes).map(|node| (zones > 0).then(|| node % zones)).collect();
    Arc::new(Mesh { zones, families: vec![Family::Ipv4, Family::Ipv6], has_service: true })
}

/// Holds that the faults call for exactly these findings, each without a choice.
fn check(nodes: usize, zones: usize, faults: &[Effect], expected: &[&str]) {
    let mesh = mesh_of(nodes, zones);
    let said = expect(&Truth::of(&mesh, faults.to_vec()), &vec![true; nodes]);
    let keys: Vec<FindingKey> = expected.iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(said.must.len(), keys.len(), "{faults:?}: {:?}", said.must);
    for (key, text) in keys.iter().zip(expected) {
        assert!(said.wants(key), "{faults:?} call for {text}, not for {:?}", said.must);
    }
    assert!(said.loose.is_empty(), "{faults:?} leave {:?} open", said.loose);
}

#[test]
fn one_fault_calls_for_one_finding() {
    check(6, 0, &[], &[]);
    check(6, 0, &[Effect::NodeDown(2)], &["node_down node=node-002"]);
    check(6, 0, &[Effect::NodeSilent(2)], &["node_down node=node-002"]);
    check(6, 0, &[Effect::NodeDeaf(2)], &["node_one_way node=node-002 direction=in"]);
    check(6, 0, &[Effect::NodeMute(2)], &["node_one_way node=node-002 direction=out"]);
    check(6, 0, &[Effect::HostPlaneCut(2)], &["plane_cut node=node-002 plane=host"]);
    check(6, 0, &[Effect::PodPlaneCut(2)], &["plane_cut node=node-002 plane=pod"]);
    check(6, 0, &[Effect::PodsIsolated(2)], &["plane_cut node=node-002 plane=pod"]);
    check(6, 0, &[Effect::PodLinkDown(2)], &["plane_cut node=node-002 plane=pod"]);
    check(6, 0, &[Effect::AgentKilled(2)], &["agent_down node=node-002"]);
    check(6, 0, &[Effect::AgentStopped(2)], &["agent_down node=node-002"]);
    let taken = ["agent_replaced node=node-002", "agent_down node=node-002"];
    check(6, 0, &[Effect::AddressTaken(2, 3)], &taken);
    check(6, 0, &[Effect::ServerCutOff], &["monitor_blind scope=server"]);
    check(6, 0, &[Effect::IcmpNotPermitted(2)], &["not_measurable node=node-002 check=icmp"]);
}

#[test]
fn pairs_and_blocks_are_told_apart() {
    check(6, 0, &[Effect::PairCut(4, 1, None)], &["pair_cut pair=node-001>node-004"]);
    check(6, 0, &[Effect::PairCut(1, 4, Some(Plane::Pod))], &["pair_cut pair=node-001>node-004 plane=pod"]);
    check(6, 0, &[Effect::FlowsBlocked(4, 1)], &["pair_one_way pair=node-004>node-001"]);
    check(6, 0, &[Effect::PacketsLost(4, 1)], &["pair_cut pair=node-001>node-004"]);
    let block = Effect::BlockCut(vec![0, 3], vec![5]);
    check(6, 0, &[block], &["group_cut groups=node-000,node-003|node-005"]);
    let silent =
        "group_cut groups=node-001,node-003,node-005|node-000,node-002,node-004,node-006 zones=zone-1";
    let zone = "group_cut groups=node-000,node-002,node-004|node-001,node-003,node-005 zones=zone-0,zone-1";
    check(6, 2, &[Effect::ZoneCut { nodes: vec![0, 2, 4], server_inside: false }], &[zone]);
    check(7, 2, &[Effect::ZoneDown(vec![1, 3, 5])], &[silent]);
    let pairs = [Effect::PairCut(0, 1, None), Effect::PairCut(2, 3, None)];
    check(6, 0, &pairs, &["pair_cut pair=node-000>node-001", "pair_cut pair=node-002>node-003"]);
}

#[test]
fn checks_families_and_names_have_findings_of_their_own() {
    let icmp = |to, plane| Effect::IcmpDropped { to, plane };
    check(6, 0, &[icmp(Some(2), None)], &["icmp_filtered node=node-002"]);
    check(6, 0, &[icmp(Some(2), Some(Plane::Host))], &["icmp_filtered node=node-002 plane=host"]);
    let port = |to, block| Effect::PortBlocked { to, block };
    check(6, 0, &[port(Some(2), Block::Refuse)], &["port_refused node=node-002 port=10256"]);
    check(6, 0, &[port(Some(2), Block::Drop)], &["port_filtered node=node-002 port=10256"]);
    // Both together leave the plane without any answer.
    let both = [icmp(Some(2), Some(Plane::Host)), port(Some(2), Block::Drop)];
    check(6, 0, &both, &["plane_cut node=node-002 plane=host"]);
    let family = |at| Effect::FamilyCut { at, family: Family::Ipv6 };
    check(6, 0, &[family(Some(2))], &["family_cut node=node-002 family=ipv6"]);
    let name = |answer| Effect::NameServers { node: None, answer };
    check(6, 0, &[name(NameAnswer::Silent)], &["name_failed name=api.shop.test"]);
    check(6, 0, &[name(NameAnswer::Lie)], &["service_unreachable name=api.shop.test port=8443"]);
    check(6, 0, &[Effect::OneNameServerDead], &["name_failed name=api.shop.test"]);
    let refused = Effect::ServiceBlocked { node: Some(1), block: Block::Refuse };
    check(6, 0, &[refused], &["service_unreachable name=api.shop.test port=8443"]);
}

#[test]
fn a_fault_of_the_whole_mesh_is_one_finding() {
    let check_all = |fault: Effect, text: &str| {
        let said = expect(&Truth::of(&mesh_of(6, 0), vec![fault.clone()]), &[true; 6]);
        let key: FindingKey = text.parse().unwrap();
        assert!(
            !said.must.is_empty()
                && said.must.iter().all(|one_of| one_of.iter().any(|pattern| pattern.is(&key))),
            "{fault}: {:?}",
            said.must
        );
    };
    check_all(Effect::IcmpDropped { to: None, plane: Some(Plane::Pod) }, "icmp_filtered scope=all plane=pod");
    check_all(Effect::PortBlocked { to: None, block: Block::Drop }, "port_filtered scope=all port=10256");
    check_all(Effect::FamilyCut { at: None, family: Family::Ipv6 }, "family_cut scope=all family=ipv6");
}

/// A mesh of two zones as the catalogue of faults sees it.
fn places_of(mesh: &Mesh, victim: usize) -> Places {
    let zone = |node: usize| mesh.zones[node].map(mesh::zone_name);
    Places {
        nodes: (0..mesh.nodes()).map(|node| Node { name: mesh::name(node), zone: zone(node) }).collect(),
        victim,
        service: ServiceAddress {
            name: DnsName::parse(mesh::SERVICE_NAME).unwrap(),
            port: mesh::SERVICE_PORT,
        },
        host_port: mesh::HOST_PORT,
    }
}

/// The expected findings satisfy everything that must be open, and each of them is needed for that.
fn calls_for_exactly(said: &Expectation, expected: &[FindingKey]) -> bool {
    let satisfied = |open: &[FindingKey]| {
        let is_open =
            |one_of: &Vec<Pattern>| one_of.iter().any(|pattern| open.iter().any(|key| pattern.is(key)));
        said.must.iter().all(is_open)
    };
    let is_needed = |key: &FindingKey| {
        let others: Vec<FindingKey> = expected.iter().filter(|other| *other != key).cloned().collect();
        !satisfied(&others)
    };
    said.loose.is_empty() && satisfied(expected) && expected.iter().all(is_needed)
}

#[test]
fn the_oracle_calls_for_what_the_catalogue_expects() {
    let mesh = mesh_of(6, 2);
    for victim in 0..mesh.nodes() {
        let places = places_of(&mesh, victim);
        for scenario in Scenario::ALL {
            let Some(effect) = scenario.effect(&places) else { continue };
            // A node that has left is no member.
            let members: Vec<bool> = (0..6).map(|node| effect != Effect::Absent(node)).collect();
            let said = expect(&Truth::of(&mesh, vec![effect.clone()]), &members);
            let expected = scenario.expected(&places);
            assert!(
                calls_for_exactly(&said, &expected),
                "{scenario}: {effect} calls for {:?}, the catalogue expects {expected:?}",
                said.must
            );
        }
    }
}
