//! Faults of packets: what passes and what does not, before, during and after.

use std::net::TcpListener;

use lab::{
    AGENT_PORT, Block, Broken, Cluster, CutPlane, Environment, Family, FamilyAt, IcmpAt, LabError, NodeId,
    PortAt, ServerPlace, Side, Spec, Where, Zone,
};

use crate::plays::program;
use crate::reach::{
    ANSWERED, PORT, SILENCE, Sees, addresses, assert_sees, assert_sees_port, echo, echoes, host, listen, pod,
};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("a_cut_host_plane_leaves_the_pods_reaching_and_reached", host_plane_cut),
    ("a_deaf_node_is_reached_by_nobody_and_reaches_all", node_deaf),
    ("a_mute_node_reaches_the_server_alone_and_is_reached_by_all", node_mute),
    ("blocked_flows_fail_one_way", flows_blocked),
    ("lost_packets_break_both_ways_of_one_pair", packets_lost),
    ("a_cut_pair_fails_on_the_planes_it_is_cut_on", pair_cut),
    ("a_cut_block_fails_between_its_sides_and_not_within", block_cut),
    ("a_cut_zone_keeps_the_server_on_the_side_it_is_on", zone_cut),
    ("a_zone_that_is_down_answers_nothing_until_it_is_healed", zone_down),
    ("a_server_that_is_cut_off_leaves_the_nodes_to_each_other", server_cut_off),
    ("a_server_in_a_pod_can_be_cut_off_too", server_in_a_pod_cut_off),
    ("dropped_echo_requests_leave_ports_open", icmp_dropped),
    ("a_blocked_port_of_a_node_refuses_or_is_silent", port_blocked),
    ("a_blocked_port_of_an_agent_refuses_or_is_silent", agent_port_blocked),
    ("a_cut_family_leaves_the_other_and_the_server", family_cut),
    ("random_loss_takes_its_share_of_each_way", random_loss),
    ("one_lost_probe_is_one", one_lost_probe),
    ("faults_do_not_cut_off_a_server_behind_a_node", server_behind_a_node),
];

/// What is seen while it is broken; before and after everything is.
type Picture<'a> = &'a [(Where, Where, Sees)];

/// A cluster whose pods and server listen.
fn mesh(nodes: u8, server: ServerPlace) -> (Cluster, Vec<TcpListener>) {
    let cluster = Cluster::build(&Spec { server, ..Spec::nodes(nodes.into()) }).unwrap();
    let places = (1..=nodes).map(pod).chain([Where::Server]);
    let listeners = places.map(|place| listen(&cluster, place, PORT)).collect();
    (cluster, listeners)
}

fn check(nodes: u8, cut: impl FnOnce(&Cluster) -> Result<Broken, LabError>, during: Picture<'_>) {
    let (cluster, _listeners) = mesh(nodes, ServerPlace::Own);
    check_in(&cluster, cut, during);
}

fn check_in(cluster: &Cluster, cut: impl FnOnce(&Cluster) -> Result<Broken, LabError>, during: Picture<'_>) {
    let all_is_well = || {
        for (from, to, _) in during {
            assert_sees(cluster, *from, *to, Sees::All);
        }
    };
    all_is_well();
    let broken = cut(cluster).unwrap();
    for (from, to, sees) in during {
        assert_sees(cluster, *from, *to, *sees);
    }
    broken.heal().unwrap();
    all_is_well();
}

const SERVER: Where = Where::Server;
const TWO: NodeId = NodeId(2);
const THREE: NodeId = NodeId(3);

fn host_plane_cut() {
    check(
        3,
        |cluster| cluster.host_plane_cut(TWO),
        &[
            (pod(1), host(2), Sees::Nothing),
            (host(3), host(2), Sees::Nothing),
            (pod(1), pod(2), Sees::All),
            (pod(2), pod(3), Sees::All),
            (pod(2), host(3), Sees::All),
            (pod(2), SERVER, Sees::All),
        ],
    );
}

fn node_deaf() {
    check(
        2,
        |cluster| cluster.node_deaf(TWO),
        &[
            (pod(1), host(2), Sees::Nothing),
            (pod(1), pod(2), Sees::Nothing),
            (pod(2), pod(1), Sees::All),
            (pod(2), host(1), Sees::All),
            (pod(2), SERVER, Sees::All),
        ],
    );
}

fn node_mute() {
    check(
        2,
        |cluster| cluster.node_mute(TWO),
        &[
            (pod(2), host(1), Sees::Nothing),
            (pod(2), pod(1), Sees::Nothing),
            (pod(1), pod(2), Sees::All),
            (pod(1), host(2), Sees::All),
            (pod(2), SERVER, Sees::All),
        ],
    );
}

fn flows_blocked() {
    check(
        3,
        |cluster| cluster.flows_blocked(NodeId(1), TWO),
        &[
            (pod(1), pod(2), Sees::Nothing),
            (pod(1), host(2), Sees::Nothing),
            (pod(2), pod(1), Sees::All),
            (pod(2), host(1), Sees::All),
            (pod(3), pod(2), Sees::All),
            (pod(1), pod(3), Sees::All),
        ],
    );
}

fn packets_lost() {
    check(
        3,
        |cluster| cluster.packets_lost(NodeId(1), THREE),
        &[
            (pod(1), pod(3), Sees::Nothing),
            (pod(1), host(3), Sees::Nothing),
            // The answers are lost.
            (pod(3), pod(1), Sees::Nothing),
            (pod(3), host(1), Sees::Nothing),
            (pod(2), pod(3), Sees::All),
            (pod(3), SERVER, Sees::All),
        ],
    );
}

fn pair_cut() {
    let (cluster, _listeners) = mesh(3, ServerPlace::Own);
    let check_pair = |plane: Option<CutPlane>, hosts: Sees, pods: Sees| {
        check_in(
            &cluster,
            |cluster| cluster.pair_cut(THREE, TWO, plane),
            &[
                (pod(2), host(3), hosts),
                (pod(3), host(2), hosts),
                (pod(2), pod(3), pods),
                (pod(3), pod(2), pods),
                (pod(1), pod(2), Sees::All),
                (pod(3), host(1), Sees::All),
                (pod(3), SERVER, Sees::All),
            ],
        );
    };
    check_pair(None, Sees::Nothing, Sees::Nothing);
    check_pair(Some(CutPlane::Host), Sees::Nothing, Sees::All);
    check_pair(Some(CutPlane::Pod), Sees::All, Sees::Nothing);
}

fn block_cut() {
    check(
        4,
        |cluster| cluster.block_cut(&[NodeId(1), TWO], &[THREE]),
        &[
            (pod(1), pod(3), Sees::Nothing),
            (pod(3), host(2), Sees::Nothing),
            (pod(1), pod(2), Sees::All),
            (pod(4), pod(3), Sees::All),
            (pod(4), host(1), Sees::All),
            (pod(3), SERVER, Sees::All),
        ],
    );
}

fn zone_cut() {
    let (cluster, _listeners) = mesh(4, ServerPlace::Own);
    let check_zone = |server: Side, first: Sees, second: Sees| {
        check_in(
            &cluster,
            |cluster| cluster.zone_cut(Zone(1), server),
            &[
                (pod(1), pod(2), Sees::Nothing),
                (pod(4), host(3), Sees::Nothing),
                (pod(1), pod(3), Sees::All),
                (pod(2), host(4), Sees::All),
                (pod(1), SERVER, first),
                (pod(2), SERVER, second),
            ],
        );
    };
    check_zone(Side::Outside, Sees::All, Sees::All);
    check_zone(Side::Inside(Zone(1)), Sees::All, Sees::Nothing);
    check_zone(Side::Inside(Zone(2)), Sees::Nothing, Sees::All);
    let refusal = cluster.zone_cut(Zone(3), Side::Outside).unwrap_err();
    assert_eq!(refusal.to_string(), "the cluster has no node in zone-3");
}

fn zone_down() {
    let (cluster, _listeners) = mesh(4, ServerPlace::Own);
    for node in cluster.nodes() {
        cluster.start_agent(node.id, &program(&["run"]), &Environment::new()).unwrap();
    }
    let broken = cluster.zone_down(Zone(2)).unwrap();
    let running = || [1, 2, 3, 4].map(|node| cluster.agents(NodeId(node)).len());
    assert_eq!(running(), [1, 0, 1, 0]);
    for gone in [2, 4] {
        let address = addresses(&cluster, host(gone)).v4.unwrap();
        assert!(!echo(&cluster, pod(1), address.into(), SILENCE));
    }
    assert_sees(&cluster, pod(1), pod(3), Sees::All);
    broken.heal().unwrap();
    assert_eq!(running(), [1, 1, 1, 1]);
    assert_sees(&cluster, pod(1), pod(2), Sees::All);
    assert_sees(&cluster, pod(4), host(3), Sees::All);
}

fn server_cut_off() {
    check(
        2,
        Cluster::server_cut_off,
        &[
            (pod(1), SERVER, Sees::Nothing),
            (host(2), SERVER, Sees::Nothing),
            (SERVER, pod(2), Sees::Nothing),
            (SERVER, SERVER, Sees::All),
            (pod(1), pod(2), Sees::All),
            (pod(1), host(2), Sees::All),
        ],
    );
}

fn server_in_a_pod_cut_off() {
    let (cluster, _listeners) = mesh(2, ServerPlace::BehindNode(NodeId(1)));
    check_in(
        &cluster,
        Cluster::server_cut_off,
        &[
            (pod(1), SERVER, Sees::Nothing),
            (pod(2), SERVER, Sees::Nothing),
            (pod(1), pod(2), Sees::All),
            (pod(2), host(1), Sees::All),
        ],
    );
}

fn icmp_dropped() {
    let (cluster, _listeners) = mesh(3, ServerPlace::Own);
    let check_icmp = |at: IcmpAt, victims: (Sees, Sees), others: (Sees, Sees)| {
        check_in(
            &cluster,
            |cluster| cluster.icmp_dropped(at),
            &[
                (pod(1), host(2), victims.0),
                (pod(1), pod(2), victims.1),
                (pod(2), host(3), others.0),
                (pod(2), pod(3), others.1),
                (pod(2), SERVER, Sees::All),
            ],
        );
    };
    let (hidden, seen) = (Sees::NoEcho, Sees::All);
    check_icmp(IcmpAt::Node(TWO), (hidden, hidden), (seen, seen));
    check_icmp(IcmpAt::Plane(CutPlane::Host), (hidden, seen), (hidden, seen));
    check_icmp(IcmpAt::Plane(CutPlane::Pod), (seen, hidden), (seen, hidden));
    check_icmp(IcmpAt::Everywhere, (hidden, hidden), (hidden, hidden));
}

fn port_blocked() {
    let (cluster, _listeners) = mesh(3, ServerPlace::Own);
    let blocks = [(Block::Drop, Sees::PortSilent), (Block::Refuse, Sees::PortRefused)];
    for (block, sees) in blocks {
        for (at, others) in [(PortAt::Node(TWO), Sees::All), (PortAt::Everywhere, sees)] {
            check_in(
                &cluster,
                |cluster| cluster.port_blocked(at, block),
                &[
                    (pod(1), host(2), sees),
                    (pod(1), host(3), others),
                    (pod(2), host(1), others),
                    (pod(1), pod(2), Sees::All),
                ],
            );
        }
    }
}

fn agent_port_blocked() {
    let (cluster, _listeners) = mesh(2, ServerPlace::Own);
    let _agents = [1, 2].map(|node| listen(&cluster, pod(node), AGENT_PORT));
    for (block, sees) in [(Block::Drop, Sees::PortSilent), (Block::Refuse, Sees::PortRefused)] {
        let broken = cluster.agent_port_blocked(TWO, block).unwrap();
        assert_sees_port(&cluster, pod(1), pod(2), AGENT_PORT, sees);
        assert_sees_port(&cluster, pod(2), pod(1), AGENT_PORT, Sees::All);
        assert_sees(&cluster, pod(1), pod(2), Sees::All);
        broken.heal().unwrap();
        assert_sees_port(&cluster, pod(1), pod(2), AGENT_PORT, Sees::All);
    }
}

fn family_cut() {
    let (cluster, _listeners) = mesh(3, ServerPlace::Own);
    for (family, other) in [(Family::V6, Family::V4), (Family::V4, Family::V6)] {
        for (at, elsewhere) in [(FamilyAt::Node(TWO), Sees::All), (FamilyAt::Everywhere, Sees::Only(other))] {
            check_in(
                &cluster,
                |cluster| cluster.family_cut(at, family),
                &[
                    (pod(1), host(2), Sees::Only(other)),
                    (pod(2), pod(1), Sees::Only(other)),
                    (pod(1), pod(3), elsewhere),
                    (pod(2), SERVER, Sees::All),
                ],
            );
        }
    }
}

fn random_loss() {
    let (cluster, _listeners) = mesh(2, ServerPlace::Own);
    let all =
        [(pod(1), pod(2), Sees::Nothing), (host(2), host(1), Sees::Nothing), (pod(2), SERVER, Sees::All)];
    check_in(&cluster, |cluster| cluster.random_loss(100), &all);
    let none = [(pod(1), pod(2), Sees::All), (pod(2), host(1), Sees::All)];
    check_in(&cluster, |cluster| cluster.random_loss(0), &none);
    let refusal = cluster.random_loss(101).unwrap_err();
    assert_eq!(refusal.to_string(), "percent: from 0 to 100");
    let broken = cluster.random_loss(30).unwrap();
    for target in addresses(&cluster, pod(2)).all() {
        // 49 of 100 survive both ways: 98 of 200, with a standard deviation of 7. If a way were counted twice, 48
        // would, if it were not counted, 140. Bounds of six deviations are missed once in 500 million.
        let answered = echoes(&cluster, pod(1), target, 200);
        assert!((56..=139).contains(&answered), "{answered} of 200 from {target}");
    }
    broken.heal().unwrap();
    for target in addresses(&cluster, pod(2)).all() {
        assert_eq!(echoes(&cluster, pod(1), target, 100), 100);
    }
}

fn one_lost_probe() {
    let (cluster, _listeners) = mesh(2, ServerPlace::Own);
    let broken = cluster.one_lost_probe(TWO).unwrap();
    let targets: Vec<_> =
        [host(2), pod(2)].into_iter().flat_map(|place| addresses(&cluster, place).all()).collect();
    assert!(!echo(&cluster, pod(1), targets[1], SILENCE));
    for target in &targets {
        assert!(echo(&cluster, pod(1), *target, ANSWERED), "{target}");
        assert_eq!(echoes(&cluster, pod(1), *target, 50), 50, "{target}");
    }
    assert_sees(&cluster, pod(1), host(2), Sees::All);
    broken.heal().unwrap();
    assert_sees(&cluster, pod(1), host(2), Sees::All);
}

fn server_behind_a_node() {
    let (cluster, _listeners) = mesh(2, ServerPlace::BehindNode(TWO));
    let reached = (pod(1), SERVER, Sees::All);
    let cut = |cut: &dyn Fn(&Cluster) -> Result<Broken, LabError>, also: (Where, Where, Sees)| {
        check_in(&cluster, cut, &[reached, also]);
    };
    cut(&|cluster| cluster.node_deaf(TWO), (pod(1), pod(2), Sees::Nothing));
    cut(&|cluster| cluster.pair_cut(NodeId(1), TWO, None), (pod(1), pod(2), Sees::Nothing));
    cut(&|cluster| cluster.node_mute(NodeId(1)), (pod(1), pod(2), Sees::Nothing));
    cut(&|cluster| cluster.random_loss(100), (pod(1), host(2), Sees::Nothing));
}
