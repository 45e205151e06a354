//! The table of faults.

use lab::{AGENT_PORT, Block, CutPlane, FamilyAt, HOST_PORT, IcmpAt, NodeId, PortAt, Side, Zone};
use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::wire::findings::{Direction, FindingKind};

use super::case::{AFTER_A_MINUTE, AFTER_THE_TTL, Case, Expected, Fault, Layout, Of, SOON};

/// The node that is broken, and the second where a fault needs two.
const A: NodeId = NodeId(2);
const B: NodeId = NodeId(3);
const A_NAME: &str = "node-2";
const B_NAME: &str = "node-3";
const FIVE: Layout = Layout::nodes(5);
const SIX: Layout = Layout::nodes(6);
const ODD: &[&str] = &["node-1", "node-3", "node-5"];
const EVEN: &[&str] = &["node-2", "node-4", "node-6"];

/// A finding about the broken node that the four others see, in both zones.
const fn of_a(kind: FindingKind) -> Expected {
    Expected::new(kind, Of::Node(A_NAME)).seen_by(4, 4, 2)
}

/// A finding about all that all five see.
const fn of_all(kind: FindingKind) -> Expected {
    Expected::new(kind, Of::All).seen_by(5, 5, 2)
}

/// A fault of five nodes with this one finding.
macro_rules! five {
    ($name:literal, $fault:expr, $expected:expr) => {
        five!($name, $fault, $expected, SOON)
    };
    ($name:literal, $fault:expr, $expected:expr, $within:expr) => {
        case!($name, FIVE, $fault, $expected, $within)
    };
}

macro_rules! case {
    ($name:literal, $layout:expr, $fault:expr, $expected:expr, $within:expr) => {
        Case {
            name: $name,
            layout: $layout,
            fault: Fault::Breaks($fault),
            expected: const { &[$expected] },
            within: $within,
        }
    };
}

use FindingKind::{
    AgentDown, AgentReplaced, FamilyCut, GroupCut, IcmpFiltered, MonitorBlind, NodeDown, NodeOneWay,
    NotMeasurable, PairCut, PairOneWay, PlaneCut, PortFiltered, PortRefused,
};

/// All of them.
pub(super) static CASES: &[Case] = &[
    // Nodes and agents.
    five!("node_down", |lab| lab.node_down(A), of_a(NodeDown)),
    five!(
        "agent_killed",
        |lab| lab.agent_killed(A),
        Expected::new(AgentDown, Of::Node(A_NAME)),
        AFTER_THE_TTL
    ),
    five!(
        "agent_stopped",
        |lab| lab.agent_stopped(A),
        Expected::new(AgentDown, Of::Node(A_NAME)),
        AFTER_THE_TTL
    ),
    five!("another_agent_at_the_address", |lab| lab.address_taken(A, B), of_a(AgentReplaced), AFTER_A_MINUTE),
    // Planes of one node.
    five!("pod_plane_cut_heartbeat_alive", |lab| lab.pod_plane_cut(A), of_a(PlaneCut).on(Plane::Pod)),
    five!("pods_isolated_heartbeat_alive", |lab| lab.pods_isolated(A), of_a(PlaneCut).on(Plane::Pod)),
    five!("pod_plane_cut_heartbeat_cut", |lab| lab.pod_link_down(A), of_a(PlaneCut).on(Plane::Pod)),
    five!("host_plane_cut", |lab| lab.host_plane_cut(A), of_a(PlaneCut).on(Plane::Host)),
    // One way.
    five!(
        "node_that_sends_and_is_not_reached",
        |lab| lab.node_deaf(A),
        of_a(NodeOneWay).going(Direction::In)
    ),
    five!(
        "node_that_is_reached_and_does_not_send",
        |lab| lab.node_mute(A),
        Expected::new(NodeOneWay, Of::Node(A_NAME)).going(Direction::Out).seen_by(1, 1, 1)
    ),
    five!(
        "new_flows_one_way_dropped",
        |lab| lab.flows_blocked(A, B),
        Expected::new(PairOneWay, Of::Pair(A_NAME, B_NAME)).seen_by(1, 1, 1)
    ),
    five!(
        "new_flows_one_way_dropped_the_other_way_round",
        |lab| lab.flows_blocked(B, A),
        Expected::new(PairOneWay, Of::Pair(B_NAME, A_NAME)).seen_by(1, 1, 1)
    ),
    // Without a probe that tells direction it looks like a pair.
    five!(
        "all_packets_one_way_lost",
        |lab| lab.packets_lost(A, B),
        Expected::new(PairCut, Of::Pair(A_NAME, B_NAME)).seen_by(2, 2, 2)
    ),
    // Pairs and groups.
    five!(
        "pair_cut_on_both_planes",
        |lab| lab.pair_cut(A, B, None),
        Expected::new(PairCut, Of::Pair(A_NAME, B_NAME)).seen_by(2, 2, 2)
    ),
    five!(
        "pair_cut_on_pod",
        |lab| lab.pair_cut(A, B, Some(CutPlane::Pod)),
        Expected::new(PairCut, Of::Pair(A_NAME, B_NAME)).on(Plane::Pod).seen_by(2, 2, 2)
    ),
    five!(
        "pair_cut_on_host",
        |lab| lab.pair_cut(A, B, Some(CutPlane::Host)),
        Expected::new(PairCut, Of::Pair(A_NAME, B_NAME)).on(Plane::Host).seen_by(2, 2, 2)
    ),
    case!(
        "block_of_two_and_three_cut",
        Layout::nodes(7),
        |lab| lab.block_cut(&[A, B], &[NodeId(4), NodeId(5), NodeId(6)]),
        Expected::new(GroupCut, Of::Groups([&[A_NAME, B_NAME], &["node-4", "node-5", "node-6"]], &[]))
            .seen_by(5, 5, 2),
        SOON
    ),
    five!(
        "node_cut_off_from_all_others_heartbeat_alive",
        |lab| lab.block_cut(&[A], &[NodeId(1), B, NodeId(4), NodeId(5)]),
        Expected::new(GroupCut, Of::Groups([&[A_NAME], &["node-1", "node-3", "node-4", "node-5"]], &[]))
            .seen_by(5, 5, 2)
    ),
    case!(
        "zone_cut_server_outside",
        SIX,
        |lab| lab.zone_cut(Zone(2), Side::Outside),
        Expected::new(GroupCut, Of::Groups([ODD, EVEN], &["zone-1", "zone-2"])).seen_by(6, 6, 2),
        SOON
    ),
    case!(
        "zone_cut_server_inside_the_other",
        SIX,
        |lab| lab.zone_cut(Zone(2), Side::Inside(Zone(1))),
        Expected::new(GroupCut, Of::Groups([EVEN, ODD], &["zone-2"])).seen_by(3, 3, 1),
        SOON
    ),
    case!(
        "zone_dead",
        SIX,
        |lab| lab.zone_down(Zone(2)),
        Expected::new(GroupCut, Of::Groups([EVEN, ODD], &["zone-2"])).seen_by(3, 3, 1),
        SOON
    ),
    five!("server_cut_off_from_all", lab::Cluster::server_cut_off, Expected::new(MonitorBlind, Of::Server)),
    // One check.
    five!("icmp_dropped_at_one_node", |lab| lab.icmp_dropped(IcmpAt::Node(A)), of_a(IcmpFiltered)),
    five!(
        "icmp_dropped_on_pods",
        |lab| lab.icmp_dropped(IcmpAt::Plane(CutPlane::Pod)),
        of_all(IcmpFiltered).on(Plane::Pod)
    ),
    five!(
        "icmp_dropped_on_hosts",
        |lab| lab.icmp_dropped(IcmpAt::Plane(CutPlane::Host)),
        of_all(IcmpFiltered).on(Plane::Host)
    ),
    five!("icmp_dropped_everywhere", |lab| lab.icmp_dropped(IcmpAt::Everywhere), of_all(IcmpFiltered)),
    Case {
        name: "icmp_not_permitted_on_one_agent",
        layout: Layout { mute: Some(A), ..FIVE },
        fault: Fault::FromTheStart,
        expected: &[Expected::new(NotMeasurable, Of::Node(A_NAME)).by(CheckKind::Icmp)],
        within: AFTER_THE_TTL,
    },
    five!(
        "port_refused_at_one_node",
        |lab| lab.port_blocked(PortAt::Node(A), Block::Refuse),
        of_a(PortRefused).at(HOST_PORT)
    ),
    five!(
        "port_dropped_at_one_node",
        |lab| lab.port_blocked(PortAt::Node(A), Block::Drop),
        of_a(PortFiltered).at(HOST_PORT)
    ),
    five!(
        "port_refused_everywhere",
        |lab| lab.port_blocked(PortAt::Everywhere, Block::Refuse),
        of_all(PortRefused).at(HOST_PORT)
    ),
    five!(
        "port_dropped_everywhere",
        |lab| lab.port_blocked(PortAt::Everywhere, Block::Drop),
        of_all(PortFiltered).at(HOST_PORT)
    ),
    five!(
        "agent_port_refused",
        |lab| lab.agent_port_blocked(A, Block::Refuse),
        of_a(PortRefused).at(AGENT_PORT)
    ),
    five!(
        "agent_port_dropped",
        |lab| lab.agent_port_blocked(A, Block::Drop),
        of_a(PortFiltered).at(AGENT_PORT)
    ),
    // One family.
    five!(
        "ipv6_cut_at_one_node",
        |lab| lab.family_cut(FamilyAt::Node(A), lab::Family::V6),
        of_a(FamilyCut).over(Family::Ipv6)
    ),
    five!(
        "ipv6_cut_everywhere",
        |lab| lab.family_cut(FamilyAt::Everywhere, lab::Family::V6),
        of_all(FamilyCut).over(Family::Ipv6)
    ),
    // Small clusters.
    case!(
        "of_one_node_the_node_lost",
        Layout::nodes(1),
        |lab| lab.node_down(NodeId(1)),
        Expected::new(AgentDown, Of::Node("node-1")),
        AFTER_THE_TTL
    ),
    case!(
        "of_two_nodes_one_lost",
        Layout::nodes(2),
        |lab| lab.node_down(A),
        Expected::new(NodeDown, Of::Node(A_NAME)).seen_by(1, 1, 1),
        SOON
    ),
    case!(
        "of_two_nodes_their_link_lost",
        Layout::nodes(2),
        |lab| lab.pair_cut(NodeId(1), A, None),
        Expected::new(PairCut, Of::Pair("node-1", A_NAME)).seen_by(2, 2, 2),
        SOON
    ),
    case!(
        "of_three_nodes_one_lost",
        Layout::nodes(3),
        |lab| lab.node_down(A),
        Expected::new(NodeDown, Of::Node(A_NAME)).seen_by(2, 2, 1),
        SOON
    ),
];
