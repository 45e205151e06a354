//! Who reaches whom: connections and echo requests made inside namespaces.

use std::io::{self, Read};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use lab::{Addresses, Cluster, Family, HOST_PORT, NodeId, PodId, Where};
use socket2::{Domain, Protocol, Socket, Type};

/// Far above any round trip in the lab, also on a busy machine.
pub(crate) const ANSWERED: Duration = Duration::from_secs(10);
/// How long silence is listened to; a shorter one could only make a test pass that ought to fail, never the
/// other way round, because what is silent here stays silent.
pub(crate) const SILENCE: Duration = Duration::from_millis(400);

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

/// What is said to whoever connects, once somebody listens: a program that was just started binds a moment later.
pub(crate) fn read_from(cluster: &Cluster, from: Where, target: SocketAddr) -> String {
    let mut said = String::new();
    loop {
        match connect(cluster, from, target, ANSWERED) {
            Ok(mut connection) => {
                connection.set_read_timeout(Some(ANSWERED)).unwrap();
                connection.read_to_string(&mut said).unwrap();
                return said;
            }
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::thread::yield_now(),
            Err(error) => panic!("{from:?} does not reach {target}: {error}"),
        }
    }
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

/// Where [`sees`] finds a listener in pods and at the server; hosts have their own.
pub(crate) const PORT: u16 = 7000;

/// What one place sees of all addresses of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sees {
    /// Echoes and open ports.
    All,
    /// Silence.
    Nothing,
    /// All in this family, silence in the other.
    Only(Family),
    /// Open ports, no echoes.
    NoEcho,
    /// Echoes, and ports that say nothing.
    PortSilent,
    /// Echoes, and ports that refuse.
    PortRefused,
}

/// What a connect gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Open,
    Refused,
    Silent,
}

/// One place sees this of every address of another.
pub(crate) fn assert_sees(cluster: &Cluster, from: Where, to: Where, expected: Sees) {
    let port = if matches!(to, Where::Host(_)) { HOST_PORT } else { PORT };
    assert_sees_port(cluster, from, to, port, expected);
}

/// [`assert_sees`] on a port of the caller's choice.
pub(crate) fn assert_sees_port(cluster: &Cluster, from: Where, to: Where, port: u16, expected: Sees) {
    for address in addresses(cluster, to).all() {
        let (tcp, icmp) = match expected {
            Sees::All => (Port::Open, true),
            Sees::Only(family) if family == Family::of(address) => (Port::Open, true),
            Sees::Nothing | Sees::Only(_) => (Port::Silent, false),
            Sees::NoEcho => (Port::Open, false),
            Sees::PortSilent => (Port::Silent, true),
            Sees::PortRefused => (Port::Refused, true),
        };
        let target = SocketAddr::new(address, port);
        let limit = if tcp == Port::Silent { SILENCE } else { ANSWERED };
        let seen = match connect(cluster, from, target, limit) {
            Ok(_) => Port::Open,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => Port::Refused,
            Err(error) if error.kind() == io::ErrorKind::TimedOut => Port::Silent,
            Err(error) => panic!("{from:?} to {target}: {error}"),
        };
        assert_eq!(seen, tcp, "{from:?} to {target}");
        let limit = if icmp { ANSWERED } else { SILENCE };
        assert_eq!(echo(cluster, from, address, limit), icmp, "echo from {address} in {from:?}");
    }
}

/// How many of so many echo requests, sent at once, are answered.
pub(crate) fn echoes(cluster: &Cluster, from: Where, to: IpAddr, count: u16) -> usize {
    let (domain, request) = match to {
        IpAddr::V4(_) => (Domain::IPV4, 8),
        IpAddr::V6(_) => (Domain::IPV6, 128),
    };
    let mut socket = ping_socket(cluster, from, domain).unwrap();
    socket.set_read_timeout(Some(SILENCE)).unwrap();
    for number in 0..count {
        let [high, low] = number.to_be_bytes();
        let sent = socket.send_to(&[request, 0, 0, 0, 0, 0, high, low], &SocketAddr::new(to, 0).into());
        assert_eq!(sent.unwrap(), 8);
    }
    let mut answer = [0; 64];
    (0..count).take_while(|_| socket.read(&mut answer).is_ok()).count()
}

/// Opens an unprivileged ICMP socket in a place.
pub(crate) fn ping_socket(cluster: &Cluster, place: Where, domain: Domain) -> io::Result<Socket> {
    let protocol = if domain == Domain::IPV4 { Protocol::ICMPV4 } else { Protocol::ICMPV6 };
    cluster.in_namespace(place, || Socket::new(domain, Type::DGRAM, Some(protocol))).unwrap()
}

/// Whether an echo request from a place is answered. The kernel fills in identifier and checksum.
pub(crate) fn echo(cluster: &Cluster, from: Where, to: IpAddr, limit: Duration) -> bool {
    let domain = if to.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    echo_by(&mut ping_socket(cluster, from, domain).unwrap(), to, limit)
}

/// Whether an echo request by a socket is answered.
pub(crate) fn echo_by(socket: &mut Socket, to: IpAddr, limit: Duration) -> bool {
    let (request, reply) = if to.is_ipv4() { (8, 0) } else { (128, 129) };
    socket.set_read_timeout(Some(limit)).unwrap();
    let target = SocketAddr::new(to, 0);
    if socket.send_to(&[request, 0, 0, 0, 0, 0, 0, 1], &target.into()).is_err() {
        return false;
    }
    let mut answer = [0; 64];
    matches!(socket.read(&mut answer), Ok(length) if length >= 8 && answer[0] == reply)
}
