//! Faults: what breaks, what goes on, and that all is well after.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use lab::{AGENT_PORT, Cluster, Environment, HOST_PORT, NodeId, Scenario, Server, ServerPlace, Spec, Where};
use socket2::Domain;

use crate::plays::program;
use crate::reach::{
    ANSWERED, SILENCE, addresses, assert_reached, assert_unreached, echo, echo_by, host, listen, ping_socket,
    pod, read_from, seen_as,
};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("a_power_cut_kills_the_agent_and_silences_the_node_until_it_is_healed", node_down),
    ("a_power_cut_takes_the_server_behind_the_node_with_it", node_down_with_server),
    ("a_pulled_cable_cuts_the_node_and_leaves_its_agent_running", cable_pulled),
    ("a_cut_pod_plane_leaves_the_host_answering_and_the_server_reachable", pod_plane_cut),
    ("isolated_pods_reach_the_server_alone", pods_isolated),
    ("a_pod_link_that_is_down_leaves_the_host_answering", pod_link_down),
    ("silenced_nodes_swallow_everything_but_the_servers_traffic_if_it_is_spared", silence),
    ("agents_stop_die_and_come_back", agents),
    ("at_a_taken_address_another_nodes_agent_answers_until_it_is_healed", address_taken),
    ("dead_echo_sessions_are_those_of_the_sockets_in_use", echo_sessions_dead),
    ("a_masquerade_hides_pods_from_the_server_alone_and_stays_with_open_connections", masqueraded),
    ("a_dropped_fault_is_mended", dropped),
    ("every_scenario_breaks_and_heals", every_scenario),
];

const PORT: u16 = 7000;

fn mesh(nodes: usize) -> Cluster {
    let cluster = Cluster::build(&Spec::nodes(nodes)).unwrap();
    for node in cluster.nodes() {
        cluster.start_agent(node.id, &program(&["goodbye"]), &Environment::new()).unwrap();
    }
    cluster.start_server(&program(&["run"]), &Environment::new()).unwrap();
    cluster
}

fn node_down() {
    let cluster = mesh(3);
    let agent = cluster.agents(NodeId(2)).remove(0);
    let broken = cluster.node_down(NodeId(2)).unwrap();
    assert!(!agent.is_running());
    assert_unreached(&cluster, pod(1), host(2), HOST_PORT);
    assert_unreached(&cluster, host(3), host(2), HOST_PORT);
    assert_reached(&cluster, pod(1), host(3), HOST_PORT);
    broken.heal().unwrap();
    assert_eq!(cluster.agents(NodeId(2)).len(), 1);
    let _listener = listen(&cluster, pod(2), PORT);
    assert_reached(&cluster, pod(1), host(2), HOST_PORT);
    assert_reached(&cluster, pod(1), pod(2), PORT);
    assert_reached(&cluster, pod(2), host(3), HOST_PORT);
}

fn node_down_with_server() {
    let cluster =
        Cluster::build(&Spec { server: ServerPlace::BehindNode(NodeId(1)), ..Spec::nodes(2) }).unwrap();
    cluster.start_server(&program(&["run"]), &Environment::new()).unwrap();
    let broken = cluster.node_down(NodeId(1)).unwrap();
    assert!(cluster.server().is_none());
    broken.heal().unwrap();
    assert!(cluster.server().is_some());
}

fn cable_pulled() {
    let cluster = mesh(2);
    let broken = cluster.cable_pulled(NodeId(2)).unwrap();
    assert_unreached(&cluster, pod(1), host(2), HOST_PORT);
    assert_eq!(cluster.agents(NodeId(2)).len(), 1);
    broken.heal().unwrap();
    assert_reached(&cluster, pod(1), host(2), HOST_PORT);
    assert_reached(&cluster, pod(2), host(1), HOST_PORT);
}

fn pod_plane_cut() {
    let cluster = mesh(3);
    let _listeners = [pod(1), pod(2), pod(3), Where::Server].map(|place| listen(&cluster, place, PORT));
    let broken = cluster.pod_plane_cut(NodeId(2)).unwrap();
    assert_unreached(&cluster, pod(1), pod(2), PORT);
    assert_unreached(&cluster, pod(2), pod(3), PORT);
    assert_reached(&cluster, pod(1), host(2), HOST_PORT);
    assert_reached(&cluster, pod(2), host(3), HOST_PORT);
    assert_reached(&cluster, pod(2), Where::Server, PORT);
    assert_reached(&cluster, Where::Server, pod(2), PORT);
    assert_reached(&cluster, pod(1), pod(3), PORT);
    broken.heal().unwrap();
    assert_reached(&cluster, pod(1), pod(2), PORT);
}

fn pods_isolated() {
    let cluster = mesh(2);
    let _listeners = [pod(1), pod(2), Where::Server].map(|place| listen(&cluster, place, PORT));
    let broken = cluster.pods_isolated(NodeId(2)).unwrap();
    assert_unreached(&cluster, pod(1), pod(2), PORT);
    assert_unreached(&cluster, pod(2), host(1), HOST_PORT);
    assert_reached(&cluster, pod(1), host(2), HOST_PORT);
    assert_reached(&cluster, pod(2), Where::Server, PORT);
    broken.heal().unwrap();
    assert_reached(&cluster, pod(2), host(1), HOST_PORT);
}

fn pod_link_down() {
    let cluster = mesh(2);
    let _listeners = [pod(2), Where::Server].map(|place| listen(&cluster, place, PORT));
    let broken = cluster.pod_link_down(NodeId(2)).unwrap();
    assert_unreached(&cluster, pod(1), pod(2), PORT);
    assert_unreached(&cluster, pod(2), Where::Server, PORT);
    assert_reached(&cluster, pod(1), host(2), HOST_PORT);
    broken.heal().unwrap();
    assert_reached(&cluster, pod(1), pod(2), PORT);
    assert_reached(&cluster, pod(2), Where::Server, PORT);
}

fn silence() {
    let cluster = mesh(4);
    let _listener = listen(&cluster, Where::Server, PORT);
    let victims = [NodeId(2), NodeId(3)];
    let broken = cluster.silence(&victims, Server::Spared).unwrap();
    for victim in [2, 3] {
        assert_unreached(&cluster, pod(1), host(victim), HOST_PORT);
        assert_reached(&cluster, pod(victim), Where::Server, PORT);
    }
    assert_reached(&cluster, pod(1), host(4), HOST_PORT);
    broken.heal().unwrap();
    let broken = cluster.silence(&victims, Server::CutOff).unwrap();
    assert_unreached(&cluster, pod(2), Where::Server, PORT);
    broken.heal().unwrap();
    assert_reached(&cluster, pod(1), host(2), HOST_PORT);
}

fn agents() {
    let cluster = mesh(2);
    let node = NodeId(1);
    let first = cluster.agents(node).remove(0);
    let broken = cluster.agent_killed(node).unwrap();
    assert!(!first.is_running());
    let refusal = cluster.agent_stopped(node).unwrap_err();
    assert_eq!(refusal.to_string(), "the cluster has no running agent on node 1");
    broken.heal().unwrap();
    assert_eq!(cluster.agents(node).len(), 1);
    let broken = cluster.scale_down(node).unwrap();
    assert_eq!(cluster.agents(node).len(), 0);
    assert_eq!(cluster.node(node).unwrap().pods, []);
    broken.heal().unwrap();
    let pods = cluster.node(node).unwrap().pods;
    assert_eq!(pods.iter().map(|pod| pod.id.number).collect::<Vec<_>>(), [3]);
    assert_eq!(cluster.agents(node).len(), 1);
}

fn address_taken() {
    let cluster = Cluster::build(&Spec::nodes(3)).unwrap();
    let environment = Environment::new();
    for node in cluster.nodes() {
        cluster.start_agent(node.id, &program(&["health"]), &environment).unwrap();
    }
    let address = cluster.node(NodeId(2)).unwrap().pods[0].addresses.primary();
    let target = SocketAddr::new(address, AGENT_PORT);
    let named = || read_from(&cluster, pod(1), target);
    assert_eq!(named(), "node-2");
    let broken = cluster.address_taken(NodeId(2), NodeId(3)).unwrap();
    assert_eq!(cluster.agents(NodeId(2)).len(), 0);
    assert_eq!(named(), "node-3");
    broken.heal().unwrap();
    assert_eq!(cluster.agents(NodeId(2)).len(), 1);
    assert_eq!(named(), "node-2");
    let refusal = cluster.address_taken(NodeId(2), NodeId(9)).unwrap_err();
    assert_eq!(refusal.to_string(), "the cluster has no node 9");
    assert_eq!(cluster.agents(NodeId(2)).len(), 1);
}

fn echo_sessions_dead() {
    let cluster = Cluster::build(&Spec::nodes(2)).unwrap();
    let refusal = cluster.echo_sessions_dead(NodeId(2)).unwrap_err();
    assert_eq!(refusal.to_string(), "the cluster has no ICMP socket in a pod");
    let targets: Vec<_> =
        [host(2), pod(2)].map(|place| addresses(&cluster, place).v4.unwrap().into()).to_vec();
    let mut used = ping_socket(&cluster, pod(1), Domain::IPV4).unwrap();
    assert!(targets.iter().all(|target| echo_by(&mut used, *target, ANSWERED)));
    let broken = cluster.echo_sessions_dead(NodeId(2)).unwrap();
    for target in &targets {
        assert!(!echo_by(&mut used, *target, SILENCE), "{target}");
        assert!(echo(&cluster, pod(1), *target, ANSWERED), "{target}");
    }
    assert_reached(&cluster, pod(1), host(2), HOST_PORT);
    broken.heal().unwrap();
    assert!(targets.iter().all(|target| echo_by(&mut used, *target, ANSWERED)));
}

/// A connection between two places, both ends of it.
fn connected(cluster: &Cluster, from: Where, to: &TcpListener, address: IpAddr) -> (TcpStream, TcpStream) {
    let target = SocketAddr::new(address, to.local_addr().unwrap().port());
    let ours = cluster.in_namespace(from, || TcpStream::connect_timeout(&target, ANSWERED)).unwrap().unwrap();
    let (theirs, _) = to.accept().unwrap();
    theirs.set_read_timeout(Some(ANSWERED)).unwrap();
    (ours, theirs)
}

fn masqueraded() {
    let cluster = Cluster::build(&Spec::nodes(2)).unwrap();
    let [server, peer] = [Where::Server, pod(2)].map(|place| listen(&cluster, place, PORT));
    let own = addresses(&cluster, pod(1));
    let broken = cluster.masqueraded(NodeId(1)).unwrap();
    let pairs = cluster.server_addresses().all().zip(addresses(&cluster, host(1)).all());
    for (address, node) in pairs {
        assert_eq!(seen_as(&cluster, pod(1), address, &server), node);
    }
    for (address, own) in addresses(&cluster, pod(2)).all().zip(own.all()) {
        assert_eq!(seen_as(&cluster, pod(1), address, &peer), own, "other ways keep the address");
    }
    let address = cluster.server_addresses().primary();
    let (mut ours, mut theirs) = connected(&cluster, pod(1), &server, address);
    broken.heal().unwrap();
    for (address, own) in cluster.server_addresses().all().zip(own.all()) {
        assert_eq!(seen_as(&cluster, pod(1), address, &server), own);
    }
    ours.write_all(b"on").unwrap();
    let mut read = [0; 2];
    theirs.read_exact(&mut read).unwrap();
    assert_eq!(
        (&read, theirs.peer_addr().unwrap().ip().to_canonical()),
        (b"on", addresses(&cluster, host(1)).primary())
    );
}

fn dropped() {
    let cluster = mesh(2);
    drop(cluster.host_link_down(NodeId(2)).unwrap());
    assert_reached(&cluster, pod(1), host(2), HOST_PORT);
    let broken = cluster.server_killed().unwrap();
    assert!(cluster.server().is_none());
    drop(cluster);
    broken.heal().unwrap();
}

fn every_scenario() {
    let cluster = mesh(3);
    cluster.add_backend("web.test", 80).unwrap();
    // Its session is one that can be dead; the programs here open no such socket.
    let mut session = ping_socket(&cluster, pod(1), Domain::IPV4).unwrap();
    assert!(echo_by(&mut session, addresses(&cluster, host(2)).v4.unwrap().into(), ANSWERED));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for scenario in Scenario::ALL {
        let run = cluster.play(scenario, NodeId(2), Duration::ZERO);
        runtime.block_on(run).unwrap_or_else(|error| panic!("{scenario}: {error}"));
        assert_eq!(cluster.agents(NodeId(2)).len(), 1, "{scenario}");
        assert!(cluster.server().is_some(), "{scenario}");
        assert_reached(&cluster, pod(1), host(2), HOST_PORT);
        let newest = cluster.node(NodeId(2)).unwrap().pods.last().unwrap().id;
        let _listener = listen(&cluster, Where::Pod(newest), PORT);
        assert_reached(&cluster, pod(1), Where::Pod(newest), PORT);
        assert_reached(&cluster, Where::Pod(newest), host(3), HOST_PORT);
    }
}
