//! The table of faults.

use lab::{AGENT_PORT, Block, CutPlane, IcmpAt, NodeId, Scenario};
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::wire::findings::FindingKind;

use super::case::{
    AFTER_A_MINUTE, AFTER_THE_TTL, Case, Expected, Fault, Layout, Observers, Of, SOON, VICTIM,
};

/// The node that is broken, and the second where a fault needs two.
const A: NodeId = VICTIM;
const B: NodeId = NodeId(3);
const A_NAME: &str = "node-2";
const B_NAME: &str = "node-3";
const FIVE: Layout = Layout::nodes(5);
const SIX: Layout = Layout::nodes(6);

/// A finding about the broken node that the four others see, in both zones.
const fn of_a(kind: FindingKind) -> Expected {
    Expected::new(kind, Of::Node(A_NAME)).seen_by(4, 4, 2)
}

/// A finding about all that all five see.
const fn of_all(kind: FindingKind) -> Expected {
    Expected::new(kind, Of::All).seen_by(5, 5, 2)
}

/// All four others see it, in both zones.
const BY_FOUR: Option<Observers> = Some((4, 4, 2));
/// All five see it, in both zones.
const BY_FIVE: Option<Observers> = Some((5, 5, 2));
/// Both ends see it.
const BY_TWO: Option<Observers> = Some((2, 2, 2));
/// One end sees it.
const BY_ONE: Option<Observers> = Some((1, 1, 1));
/// The three nodes of the other zone see it.
const BY_THREE: Option<Observers> = Some((3, 3, 1));
/// All six see it, in both zones.
const BY_SIX: Option<Observers> = Some((6, 6, 2));

/// A fault of the catalogue, in a mesh of five nodes.
macro_rules! plays {
    ($name:literal, $scenario:ident, $observers:expr) => {
        plays!($name, FIVE, $scenario, $observers, SOON)
    };
    ($name:literal, $layout:expr, $scenario:ident, $observers:expr, $within:expr) => {
        Case {
            name: $name,
            layout: $layout,
            fault: Fault::Plays(Scenario::$scenario, $observers),
            within: $within,
        }
    };
}

/// Another fault of five nodes, with this one finding.
macro_rules! five {
    ($name:literal, $fault:expr, $expected:expr) => {
        case!($name, FIVE, $fault, $expected, SOON)
    };
}

macro_rules! case {
    ($name:literal, $layout:expr, $fault:expr, $expected:expr, $within:expr) => {
        Case {
            name: $name,
            layout: $layout,
            fault: Fault::Breaks($fault, const { &[$expected] }),
            within: $within,
        }
    };
}

use FindingKind::{
    AgentDown, GroupCut, IcmpFiltered, NodeDown, NotMeasurable, PairCut, PairOneWay, PortFiltered,
    PortRefused,
};

/// All of them.
pub(super) static CASES: &[Case] = &[
    // Nodes and agents.
    plays!("node_down", NodeDown, BY_FOUR),
    plays!("agent_killed", FIVE, AgentKilled, None, AFTER_THE_TTL),
    plays!("agent_stopped", FIVE, AgentStopped, None, AFTER_THE_TTL),
    plays!("another_agent_at_the_address", FIVE, AddressTaken, BY_FOUR, AFTER_A_MINUTE),
    // Planes of one node.
    plays!("pod_plane_cut_heartbeat_alive", PodPlaneCut, BY_FOUR),
    plays!("pods_isolated_heartbeat_alive", PodsIsolated, BY_FOUR),
    plays!("pod_plane_cut_heartbeat_cut", PodLinkDown, BY_FOUR),
    plays!("host_plane_cut", HostPlaneCut, BY_FOUR),
    // One way.
    plays!("node_that_sends_and_is_not_reached", NodeDeaf, BY_FOUR),
    plays!("node_that_is_reached_and_does_not_send", NodeMute, BY_ONE),
    plays!("new_flows_one_way_dropped", FlowsBlocked, BY_ONE),
    five!(
        "new_flows_one_way_dropped_the_other_way_round",
        |lab| lab.flows_blocked(B, A),
        Expected::new(PairOneWay, Of::Pair(B_NAME, A_NAME)).seen_by(1, 1, 1)
    ),
    // Without a probe that tells direction it looks like a pair.
    plays!("all_packets_one_way_lost", PacketsLost, BY_TWO),
    // Pairs and groups.
    plays!("pair_cut_on_both_planes", PairCut, BY_TWO),
    plays!("pair_cut_on_pod", PairCutPod, BY_TWO),
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
    plays!("zone_cut_server_outside", SIX, ZoneCut, BY_SIX, SOON),
    plays!("zone_cut_server_inside_the_other", SIX, ZoneCutServerInside, BY_THREE, SOON),
    plays!("zone_dead", SIX, ZoneDown, BY_THREE, SOON),
    plays!("server_cut_off_from_all", ServerCutOff, None),
    // One check.
    plays!("icmp_dropped_at_one_node", IcmpDropped, BY_FOUR),
    plays!("icmp_dropped_on_pods", IcmpDroppedOnPods, BY_FIVE),
    five!(
        "icmp_dropped_on_hosts",
        |lab| lab.icmp_dropped(IcmpAt::Plane(CutPlane::Host)),
        of_all(IcmpFiltered).on(Plane::Host)
    ),
    plays!("icmp_dropped_everywhere", IcmpDroppedEverywhere, BY_FIVE),
    Case {
        name: "icmp_not_permitted_on_one_agent",
        layout: Layout { mute: Some(A), ..FIVE },
        fault: Fault::FromTheStart(
            const { &[Expected::new(NotMeasurable, Of::Node(A_NAME)).by(CheckKind::Icmp)] },
        ),
        within: AFTER_THE_TTL,
    },
    plays!("port_refused_at_one_node", PortRefused, BY_FOUR),
    plays!("port_dropped_at_one_node", PortDropped, BY_FOUR),
    plays!("port_refused_everywhere", PortRefusedEverywhere, BY_FIVE),
    plays!("port_dropped_everywhere", PortDroppedEverywhere, BY_FIVE),
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
    plays!("ipv6_cut_at_one_node", Ipv6Cut, BY_FOUR),
    plays!("ipv6_cut_everywhere", Ipv6CutEverywhere, BY_FIVE),
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
