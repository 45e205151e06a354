//! Which findings are the expected ones.

use super::*;

const NODES: u8 = 5;

fn expected(scenario: Scenario) -> FindingKey {
    finding(scenario, NODES).unwrap()
}

/// Holds that a finding with this text is the expected one of a scenario, or that it is not.
fn check(scenario: Scenario, found: &str, is: bool) {
    assert_eq!(is_expected(&expected(scenario), &found.parse().unwrap()), is, "{scenario}: {found}");
}

#[test]
fn a_finding_is_the_expected_one_by_kind_and_subject() {
    check(Scenario::NodeDown, "node_down node=node-2", true);
    check(Scenario::NodeDown, "node_down node=node-3", false);
    check(Scenario::NodeDown, "agent_down node=node-2", false);
    check(Scenario::FlowsBlocked, "pair_one_way pair=node-2>node-3", true);
    check(Scenario::FlowsBlocked, "pair_one_way pair=node-3>node-2", false);
    check(Scenario::IcmpNotPermitted, "not_measurable node=node-2 check=icmp", true);
    check(Scenario::IcmpNotPermitted, "not_measurable node=node-2 check=dns", false);
}

#[test]
fn a_finding_about_a_service_is_the_expected_one_by_name_and_port() {
    check(Scenario::NameNxdomain, "name_failed name=api.shop.test", true);
    check(Scenario::NameNxdomain, "name_failed name=web.shop.test", false);
    check(Scenario::NameNxdomain, "name_failed node=node-2", false);
    check(Scenario::ServiceRefused, "service_unreachable name=api.shop.test", false);
    check(Scenario::ServiceRefused, "service_unreachable name=api.shop.test port=8443", true);
}

#[test]
fn groups_are_the_expected_ones_in_either_order() {
    check(Scenario::BlockCut, "group_cut groups=node-1|node-2,node-3", true);
    check(Scenario::BlockCut, "group_cut groups=node-2,node-3|node-1", true);
    check(Scenario::BlockCut, "group_cut groups=node-2|node-1,node-3", false);
    check(Scenario::ZoneCut, "group_cut groups=node-1,node-3|node-2,node-4 zones=zone-1,zone-2", true);
    check(Scenario::ZoneCut, "group_cut groups=node-1,node-3|node-2,node-4 zones=zone-1", false);
    check(Scenario::ZoneDown, "group_cut groups=node-2,node-4|node-1 zones=zone-2", true);
}

#[test]
fn plane_direction_family_and_port_must_be_as_expected() {
    check(Scenario::PodPlaneCut, "plane_cut node=node-2 plane=pod", true);
    check(Scenario::HostPlaneCut, "plane_cut node=node-2 plane=pod", false);
    check(Scenario::NodeDeaf, "node_one_way node=node-2 direction=in", true);
    check(Scenario::NodeMute, "node_one_way node=node-2 direction=in", false);
    check(Scenario::PairCut, "pair_cut pair=node-2>node-3 direction=both", true);
    check(Scenario::Ipv6Cut, "family_cut node=node-2 family=ipv4", false);
    check(Scenario::PortRefused, "port_refused node=node-2 plane=host port=10256", true);
    check(Scenario::PortRefused, "port_refused node=node-2", false);
}

#[test]
fn the_place_of_a_fault_reads_as_words() {
    let check = |scenario, text: &str| assert_eq!(victim(scenario, NODES), text);
    check(Scenario::NodeDown, "node-2");
    check(Scenario::PairCutPod, "node-2 to node-3");
    check(Scenario::BlockCut, "node-1 from node-2 and node-3");
    check(Scenario::ZoneDown, "zone-2");
    check(Scenario::Ipv6CutEverywhere, "all nodes");
    check(Scenario::ResolversSilent, "api.shop.test");
    check(Scenario::ServerCutOff, "the server");
    check(Scenario::ServerRestart, "the server");
    check(Scenario::AgentRestart, "node-2");
}
