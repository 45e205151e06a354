//! Who reaches whom: connections and echo requests made inside namespaces.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use lab::{Addresses, Cluster, NodeId, PodId, Where};
use socket2::{Domain, Protocol, Socket, Type};

/// Far above any round trip in the lab, also on a busy machine.
const ANSWERED: Duration = Duration::from_secs(10);
/// How long silence is listened to; a shorter one could only make a test pass that ought to fail, never the
/// other way round, because what is silent here stays silent.
const SILENCE: Duration = Duration::from_millis(400);

/// The first pod of a node.
pub(crate) fn pod(node: u8) -> Where {
    Where::Pod(PodId { node: NodeId(node), number: 2 })
}

pub(crate) fn host(node: u8) -> Where {
    Where::Host(NodeId(node))
}

/// The addresses of a place.
pub(crate) fn addresses(cluster: &Cluster, place: Where) -> Addresses {
    match place {
        Where::Server => cluster.server_addresses(),
        Where::Host(node) => cluster.node(node).unwrap().host,
        Where::Pod(pod) => {
            let node = cluster.node(pod.node).unwrap();
            node.pods.iter().find(|info| info.id == pod).unwrap().addresses
        }
        Where::Fabric => panic!("the fabric has many addresses"),
    }
}

/// A listener in a place, for both families.
pub(crate) fn listen(cluster: &Cluster, place: Where, port: u16) -> TcpListener {
    let bound = cluster.in_namespace(place, || TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)));
    bound.unwrap().unwrap()
}

fn connect(cluster: &Cluster, from: Where, to: SocketAddr, limit: Duration) -> io::Result<TcpStream> {
    cluster.in_namespace(from, || TcpStream::connect_timeout(&to, limit)).unwrap()
}

/// Connects to a listener made by [`listen`] and answers the address it saw.
pub(crate) fn seen_as(cluster: &Cluster, from: Where, to: IpAddr, listener: &TcpListener) -> IpAddr {
    let port = listener.local_addr().unwrap().port();
    let target = SocketAddr::new(to, port);
    let ours = connect(cluster, from, target, ANSWERED)
        .unwrap_or_else(|error| panic!("{from:?} does not reach {target}: {error}"));
    let (mut theirs, peer) = listener.accept().unwrap();
    drop(ours);
    assert_eq!(theirs.read(&mut [0]).unwrap(), 0);
    peer.ip().to_canonical()
}

/// Every address of `to` answers on this port.
pub(crate) fn assert_reached(cluster: &Cluster, from: Where, to: Where, port: u16) {
    for address in addresses(cluster, to).all() {
        let target = SocketAddr::new(address, port);
        if let Err(error) = connect(cluster, from, target, ANSWERED) {
            panic!("{from:?} does not reach {target}: {error}");
        }
        assert!(echo(cluster, from, address, ANSWERED), "{from:?} has no echo from {address}");
    }
}

/// No address of `to` answers, neither on this port nor to an echo request.
pub(crate) fn assert_unreached(cluster: &Cluster, from: Where, to: Where, port: u16) {
    for address in addresses(cluster, to).all() {
        let target = SocketAddr::new(address, port);
        let connected = connect(cluster, from, target, SILENCE).is_ok();
        assert!(!connected, "{from:?} reaches {target}");
        assert!(!echo(cluster, from, address, SILENCE), "{from:?} has an echo from {address}");
    }
}

/// Opens an unprivileged ICMP socket in a place.
pub(crate) fn ping_socket(cluster: &Cluster, place: Where, domain: Domain) -> io::Result<Socket> {
    let protocol = if domain == Domain::IPV4 { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
    cluster.in_namespace(place, || Socket::new(domain, Type::DGRAM, Some(protocol))).unwrap()
}

/// Whether an echo request from a place is answered. The kernel fills in identifier and checksum.
fn echo(cluster: &Cluster, from: Where, to: IpAddr, limit: Duration) -> bool {
    let (domain, request, reply) = match to {
        IpAddr::V4(_) => (Domain::IPV4, 8, 0),
        IpAddr::V6(_) => (Domain::IPV6, 128, 129),
    };
    let mut socket = ping_socket(cluster, from, domain).unwrap();
    socket.set_read_timeout(Some(limit)).unwrap();
    let target = SocketAddr::new(to, 0);
    if socket.send_to(&[request, 0, 0, 0, 0, 0, 0, 1], &target.into()).is_err() {
        return false;
    }
    let mut answer = [0; 64];
    matches!(socket.read(&mut answer), Ok(length) if length >= 8 && answer[0] == reply)
}
