//! The network as built: all reach all, nobody masquerades.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};

use lab::{Cluster, Families, HOST_PORT, NodeId, NodeSpec, OUTSIDE, Ping, ServerPlace, Spec, Where, Zone};
use socket2::{Domain, Protocol, Socket, Type};

use crate::reach::{ANSWERED, addresses, assert_reached, host, listen, ping_socket, pod, seen_as};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("every_place_reaches_every_other_and_is_seen_by_its_own_address", all_reach_all),
    ("a_server_behind_a_node_is_a_pod_of_that_node", server_behind_node),
    ("a_cluster_of_one_family_has_no_other", one_family),
    ("an_icmp_socket_is_to_be_had_where_the_group_range_permits_it", icmp_permitted),
    ("two_clusters_at_once_do_not_meet", two_clusters),
    ("a_node_of_unknown_number_is_refused", unknown_node),
    ("every_host_answers_on_the_test_port", host_port),
    ("an_outsider_speaks_with_each_address_of_its_range", outsider),
    ("a_second_pod_has_the_next_address_and_a_removed_one_answers_nobody", second_pod),
];

fn all_reach_all() {
    let cluster = Cluster::build(&Spec::nodes(3)).unwrap();
    let places = [host(1), host(2), host(3), pod(1), pod(2), pod(3), Where::Server];
    for to in places {
        let listener = listen(&cluster, to, 7000);
        for from in places.into_iter().filter(|from| *from != to) {
            let pairs = addresses(&cluster, from).all().zip(addresses(&cluster, to).all());
            for (own, target) in pairs.collect::<Vec<_>>() {
                let seen = seen_as(&cluster, from, target, &listener);
                assert_eq!(seen, bridge_address(from, to, target).unwrap_or(own), "{from:?} to {to:?}");
            }
        }
    }
}

/// A host speaks to its own pods from its pod bridge, as in any cluster.
fn bridge_address(from: Where, to: Where, target: IpAddr) -> Option<IpAddr> {
    match (from, to, target) {
        (Where::Host(node), Where::Pod(pod), _) if pod.node != node => None,
        (Where::Host(_), Where::Pod(_), IpAddr::V4(v4)) => {
            let [a, b, c, _] = v4.octets();
            Some(IpAddr::from([a, b, c, 1]))
        }
        (Where::Host(_), Where::Pod(_), IpAddr::V6(v6)) => {
            let [a, b, ..] = v6.segments();
            Some(IpAddr::from([a, b, 0, 0, 0, 0, 0, 1]))
        }
        (_, _, _) => None,
    }
}

fn server_behind_node() {
    let node = NodeId(2);
    let spec = Spec { server: ServerPlace::BehindNode(node), ..Spec::nodes(2) };
    let cluster = Cluster::build(&spec).unwrap();
    assert_eq!(cluster.server_addresses().to_string(), "10.81.2.3,fd81:2::3");
    assert_eq!(cluster.server_url(), "http://10.81.2.3:8080");
    assert_eq!(cluster.node(node).unwrap().pods.len(), 1);
    let _listener = listen(&cluster, Where::Server, 7000);
    assert_reached(&cluster, pod(1), Where::Server, 7000);
    assert_reached(&cluster, pod(2), Where::Server, 7000);
}

fn one_family() {
    for (families, url) in [(Families::V4, "http://10.80.0.2:8080"), (Families::V6, "http://[fd80::2]:8080")]
    {
        let cluster = Cluster::build(&Spec { families, ..Spec::nodes(2) }).unwrap();
        assert_eq!(cluster.server_url(), url);
        assert_eq!(addresses(&cluster, pod(1)).all().count(), 1);
        assert_reached(&cluster, pod(1), host(2), HOST_PORT);
    }
}

fn icmp_permitted() {
    let refused = NodeSpec { ping: Ping::Refused, ..NodeSpec::default() };
    let spec = Spec { nodes: vec![NodeSpec::default(), refused], ..Spec::default() };
    let cluster = Cluster::build(&spec).unwrap();
    for domain in [Domain::IPV4, Domain::IPV6] {
        ping_socket(&cluster, pod(1), domain).unwrap();
        ping_socket(&cluster, host(2), domain).unwrap();
        let error = ping_socket(&cluster, pod(2), domain).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    }
}

fn two_clusters() {
    let (first, second) =
        (Cluster::build(&Spec::nodes(1)).unwrap(), Cluster::build(&Spec::nodes(1)).unwrap());
    let (here, there) = (listen(&first, Where::Server, 7000), listen(&second, Where::Server, 7000));
    there.set_nonblocking(true).unwrap();
    let target = first.server_addresses().primary();
    seen_as(&first, pod(1), target, &here);
    assert_eq!(there.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

fn unknown_node() {
    let cluster = Cluster::build(&Spec::nodes(1)).unwrap();
    for number in [0, 2] {
        let error = cluster.node(NodeId(number)).unwrap_err();
        assert_eq!(error.to_string(), format!("the cluster has no node {number}"));
    }
    assert_eq!(cluster.node_named("node-1").unwrap(), NodeId(1));
    assert_eq!(cluster.node_named("x").unwrap_err().to_string(), "the cluster has no node named x");
}

fn host_port() {
    let cluster = Cluster::build(&Spec::nodes(2)).unwrap();
    let late = cluster.add_node(&NodeSpec { zone: Some(Zone(5)), ..NodeSpec::default() }).unwrap();
    for node in [1, 2, late.0] {
        assert_reached(&cluster, pod(1), host(node), HOST_PORT);
    }
    let _listener = listen(&cluster, pod(2), 7000);
    assert_reached(&cluster, pod(3), pod(2), 7000);
}

fn outsider() {
    let cluster = Cluster::build(&Spec::nodes(1)).unwrap();
    let outsider = cluster.add_outsider().unwrap();
    for (to, port) in [(Where::Server, 7000), (pod(1), 7001)] {
        let listener = listen(&cluster, to, port);
        let target = SocketAddr::new(addresses(&cluster, to).primary(), port);
        for own in [OUTSIDE.address, "10.82.3.4".parse().unwrap(), "10.82.255.254".parse().unwrap()] {
            let connected = outsider.run(|| {
                let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
                socket.bind(&SocketAddr::new(own, 0).into()).unwrap();
                socket.connect_timeout(&target.into(), ANSWERED).map(|()| socket)
            });
            let _held = connected.unwrap().unwrap();
            assert_eq!(listener.accept().unwrap().1.ip().to_canonical(), own);
        }
    }
}

fn second_pod() {
    let cluster = Cluster::build(&Spec::nodes(2)).unwrap();
    let second = cluster.add_pod(NodeId(1), Ping::Permitted).unwrap();
    assert_eq!(second.number, 3);
    let _listener = listen(&cluster, Where::Pod(second), 7000);
    assert_reached(&cluster, pod(2), Where::Pod(second), 7000);
    assert_reached(&cluster, pod(1), Where::Pod(second), 7000);
    cluster.remove_pod(second).unwrap();
    assert_eq!(
        cluster.in_namespace(Where::Pod(second), || ()).unwrap_err().to_string(),
        "the cluster has no pod .3 of node 1"
    );
    assert_eq!(cluster.add_pod(NodeId(1), Ping::Permitted).unwrap().number, 4);
}
