//! Expectations by their text.

use meshvane_shared::name::DnsName;

use super::*;
use crate::Node;

/// Nodes `node-1` and up, in two zones in turn; `node-2` is the victim.
pub(crate) fn places(nodes: usize) -> Places {
    let node = |number: usize| Node {
        name: NodeName::parse(&format!("node-{number}")).unwrap(),
        zone: Some(Zone::parse(if number % 2 == 1 { "zone-1" } else { "zone-2" }).unwrap()),
    };
    let service =
        meshvane_shared::name::ServiceAddress { name: DnsName::parse("api.shop.test").unwrap(), port: 8443 };
    Places { nodes: (1..=nodes).map(node).collect(), victim: 1, service, host_port: 10_256 }
}

#[test]
fn expectations_name_the_place_of_the_fault() {
    let check = |scenario: Scenario, expected: &[&str]| {
        let texts: Vec<String> = scenario.expected(&places(5)).iter().map(ToString::to_string).collect();
        assert_eq!(texts, expected, "{scenario}");
    };
    check(Scenario::NodeDown, &["node_down node=node-2"]);
    check(Scenario::NodeDeaf, &["node_one_way node=node-2 direction=in"]);
    check(Scenario::PodLinkDown, &["plane_cut node=node-2 plane=pod"]);
    check(Scenario::PairCutPod, &["pair_cut pair=node-2>node-3 plane=pod"]);
    check(Scenario::FlowsBlocked, &["pair_one_way pair=node-2>node-3"]);
    check(Scenario::BlockCut, &["group_cut groups=node-1|node-2,node-3"]);
    let both = "group_cut groups=node-2,node-4|node-1,node-3,node-5 zones=zone-2,zone-1";
    check(Scenario::ZoneCut, &[both]);
    let one = "group_cut groups=node-2,node-4|node-1,node-3,node-5 zones=zone-2";
    check(Scenario::ZoneCutServerInside, &[one]);
    check(Scenario::ZoneDown, &[one]);
    check(Scenario::ServerCutOff, &["monitor_blind scope=server"]);
    check(Scenario::IcmpDroppedOnPods, &["icmp_filtered scope=all plane=pod"]);
    check(Scenario::PortDropped, &["port_filtered node=node-2 port=10256"]);
    check(Scenario::Ipv6CutEverywhere, &["family_cut scope=all family=ipv6"]);
    check(Scenario::IcmpNotPermitted, &["not_measurable node=node-2 check=icmp"]);
    check(Scenario::ResolversSilent, &["name_failed name=api.shop.test"]);
    check(Scenario::ServiceSilent, &["service_unreachable name=api.shop.test port=8443"]);
    check(Scenario::ServerRestart, &[]);
}

#[test]
fn a_pair_that_wraps_around_has_the_smaller_name_first() {
    let places = Places { victim: 4, ..places(5) };
    let text = |scenario: Scenario| scenario.expected(&places)[0].to_string();
    assert_eq!(text(Scenario::PairCut), "pair_cut pair=node-1>node-5");
    assert_eq!(text(Scenario::FlowsBlocked), "pair_one_way pair=node-5>node-1");
    assert_eq!(text(Scenario::BlockCut), "group_cut groups=node-2|node-1,node-5");
}

#[test]
fn a_zone_of_one_node_is_not_named_as_a_zone() {
    let text = Scenario::ZoneDown.expected(&places(3))[0].to_string();
    assert_eq!(text, "group_cut groups=node-2|node-1,node-3");
}

#[test]
fn in_a_small_mesh_every_scenario_has_an_answer() {
    for nodes in [2, 3] {
        for scenario in Scenario::ALL {
            assert!(scenario.expected(&places(nodes)).len() <= 1, "{scenario}");
        }
    }
}
