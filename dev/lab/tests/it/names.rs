//! Services and name servers beside the zones.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{Name, RecordType};
use lab::{
    Asker, Block, Broken, Cluster, DnsAnswer, DnsBehaviour, Environment, LabError, NodeId, Scenario,
    ServerPlace, Service, Spec, Where,
};

use crate::plays::program;
use crate::reach::{ANSWERED, SILENCE, pod};

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("a_service_answers_refuses_and_is_silent_to_all_or_to_one_node", service),
    ("a_service_is_there_also_when_the_server_is_behind_a_node", beside_without_a_server),
    ("a_name_server_says_what_it_is_told_to_say", answers),
    ("a_name_server_lies_to_one_node_alone", lies_to_one),
    ("a_name_server_truncates_and_dies_by_udp_alone", truncates),
    ("a_name_server_that_is_dropped_refuses_and_the_other_answers", one_of_two_dies),
    ("agents_are_told_of_the_backend_and_it_breaks_and_is_mended", backend),
    ("agents_find_their_name_servers_where_programs_look_for_them", resolv_conf),
];

const NAME: &str = "web.test";

fn check_service(cluster: &Cluster, service: &Service, from: Where, expected: Result<(), io::ErrorKind>) {
    for address in service.addresses().all() {
        let target = SocketAddr::new(address, service.port());
        let limit = if expected == Err(io::ErrorKind::TimedOut) { SILENCE } else { ANSWERED };
        let connected = cluster.in_namespace(from, || TcpStream::connect_timeout(&target, limit)).unwrap();
        assert_eq!(connected.map(drop).map_err(|error| error.kind()), expected, "{from:?} to {target}");
    }
}

fn service() {
    let cluster = Cluster::build(&Spec::nodes(2)).unwrap();
    let service = cluster.service(80).unwrap();
    let check = |first, second| {
        check_service(&cluster, &service, pod(1), first);
        check_service(&cluster, &service, pod(2), second);
    };
    let (refused, silent) = (Err(io::ErrorKind::ConnectionRefused), Err(io::ErrorKind::TimedOut));
    check(Ok(()), Ok(()));
    service.refuse(Asker::Everybody).unwrap();
    check(refused, refused);
    service.silent(Asker::Everybody).unwrap();
    check(silent, silent);
    service.refuse(Asker::Node(NodeId(2))).unwrap();
    check(Ok(()), refused);
    service.silent(Asker::Node(NodeId(1))).unwrap();
    check(silent, Ok(()));
    service.answer().unwrap();
    check(Ok(()), Ok(()));
    let refusal = service.refuse(Asker::Node(NodeId(3))).unwrap_err();
    assert_eq!(refusal.to_string(), "the cluster has no node 3");
    drop(cluster);
    assert!(matches!(service.silent(Asker::Node(NodeId(1))), Err(LabError::Closed)));
}

fn beside_without_a_server() {
    let server = ServerPlace::BehindNode(NodeId(1));
    let cluster = Cluster::build(&Spec { server, ..Spec::nodes(2) }).unwrap();
    let [first, second] = [80, 81].map(|port| cluster.service(port).unwrap());
    check_service(&cluster, &first, pod(2), Ok(()));
    check_service(&cluster, &second, pod(1), Ok(()));
    // No fault of a node that spares the server touches them.
    let broken = cluster.node_mute(NodeId(2)).unwrap();
    check_service(&cluster, &first, pod(2), Ok(()));
    broken.heal().unwrap();
}

fn question() -> Vec<u8> {
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(Name::from_ascii(NAME).unwrap(), RecordType::A));
    message.to_vec().unwrap()
}

/// What a name server says: its code and addresses.
type Said = (ResponseCode, Vec<String>);

fn said(bytes: &[u8]) -> Said {
    let message = Message::from_vec(bytes).unwrap();
    let data = message.answers.iter().map(|record| record.data.to_string()).collect();
    (message.metadata.response_code, data)
}

fn ask_udp(cluster: &Cluster, from: Where, server: IpAddr, limit: Duration) -> io::Result<Said> {
    let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0u16; 8].into() };
    let socket = cluster.in_namespace(from, || UdpSocket::bind((any, 0))).unwrap().unwrap();
    socket.connect((server, 53))?;
    socket.set_read_timeout(Some(limit))?;
    socket.send(&question())?;
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer)?;
    Ok(said(&answer[..length]))
}

fn ask_tcp(cluster: &Cluster, from: Where, server: IpAddr, limit: Duration) -> io::Result<Said> {
    let target = SocketAddr::new(server, 53);
    let connected = cluster.in_namespace(from, || TcpStream::connect_timeout(&target, ANSWERED)).unwrap();
    let mut connection = connected?;
    connection.set_read_timeout(Some(limit))?;
    let question = question();
    connection.write_all(&u16::try_from(question.len()).unwrap().to_be_bytes())?;
    connection.write_all(&question)?;
    let mut answer = Vec::new();
    connection.read_to_end(&mut answer)?;
    Ok(said(&answer[2..]))
}

fn web(address: &str) -> DnsBehaviour {
    DnsBehaviour {
        names: BTreeMap::from([(NAME.to_owned(), vec![address.parse().unwrap()])]),
        answer: DnsAnswer::Right,
        only: BTreeMap::new(),
    }
}

fn answers() {
    let cluster = Cluster::build(&Spec::nodes(1)).unwrap();
    let right = web("10.1.2.3");
    let server = cluster.dns_server(right.clone()).unwrap();
    let check = |answer: DnsAnswer, expected: Option<(ResponseCode, &str)>| {
        server.behave(right.with_answer(answer.clone()));
        let limit = if expected.is_some() { ANSWERED } else { SILENCE };
        for address in server.addresses().all() {
            for heard in [
                ask_udp(&cluster, pod(1), address, limit).ok(),
                ask_tcp(&cluster, pod(1), address, limit).ok(),
            ] {
                let heard = heard.map(|(code, data)| (code, data.join(" ")));
                assert_eq!(heard, expected.map(|(code, data)| (code, data.to_owned())), "{answer:?}");
            }
        }
    };
    let wrong = DnsAnswer::Wrong(vec!["10.6.6.6".parse().unwrap()]);
    check(DnsAnswer::Right, Some((ResponseCode::NoError, "10.1.2.3")));
    check(wrong, Some((ResponseCode::NoError, "10.6.6.6")));
    check(DnsAnswer::NxDomain, Some((ResponseCode::NXDomain, "")));
    check(DnsAnswer::ServFail, Some((ResponseCode::ServFail, "")));
    check(DnsAnswer::Refused, Some((ResponseCode::Refused, "")));
    check(DnsAnswer::Silent, None);
    check(DnsAnswer::Slow(ANSWERED), None);
    check(DnsAnswer::Slow(Duration::from_millis(50)), Some((ResponseCode::NoError, "10.1.2.3")));
}

fn truncates() {
    let cluster = Cluster::build(&Spec::nodes(2)).unwrap();
    let right = web("10.1.2.3");
    let server = cluster.dns_server(right.with_answer(DnsAnswer::TruncatedThenSilent)).unwrap();
    let address = server.addresses().primary();
    let udp = |node, limit| ask_udp(&cluster, pod(node), address, limit).ok();
    let tcp = |node| ask_tcp(&cluster, pod(node), address, ANSWERED).unwrap();
    let (cut, whole) =
        ((ResponseCode::NoError, Vec::new()), (ResponseCode::NoError, vec!["10.1.2.3".to_owned()]));
    assert_eq!([udp(1, ANSWERED), udp(1, ANSWERED)], [Some(cut.clone()), Some(cut.clone())]);
    assert_eq!(tcp(1), whole);
    assert_eq!((udp(1, SILENCE), tcp(1)), (None, whole.clone()));
    assert_eq!(udp(2, ANSWERED), Some(cut.clone()), "who did not ask by TCP is told as before");
    server.behave(right.with_answer(DnsAnswer::Truncated));
    assert_eq!((udp(1, ANSWERED), tcp(1), udp(1, ANSWERED)), (Some(cut.clone()), whole, Some(cut)));
}

fn lies_to_one() {
    let cluster = Cluster::build(&Spec::nodes(2)).unwrap();
    let server = cluster.dns_server(web("10.1.2.3").but_for(NodeId(2), DnsAnswer::NxDomain)).unwrap();
    for address in server.addresses().all() {
        let heard = [1, 2].map(|node| ask_udp(&cluster, pod(node), address, ANSWERED).unwrap().0);
        assert_eq!(heard, [ResponseCode::NoError, ResponseCode::NXDomain]);
    }
}

fn one_of_two_dies() {
    let cluster = Cluster::build(&Spec::nodes(1)).unwrap();
    let [first, second] = ["10.1.2.3", "10.1.2.4"].map(|address| cluster.dns_server(web(address)).unwrap());
    let (dead, alive) = (first.addresses().primary(), second.addresses().primary());
    assert_eq!(ask_udp(&cluster, pod(1), dead, ANSWERED).unwrap().1, ["10.1.2.3"]);
    drop(first);
    let refused = ask_udp(&cluster, pod(1), dead, ANSWERED).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(ask_udp(&cluster, pod(1), alive, ANSWERED).unwrap().1, ["10.1.2.4"]);
}

/// What agents of a cluster with a backend find: by each name server its code, and whether the port answers where the
/// first one that knows the name says.
fn found(
    cluster: &Cluster,
    servers: &[IpAddr],
    node: u8,
) -> (Vec<Option<ResponseCode>>, Result<(), io::ErrorKind>) {
    let heard: Vec<_> =
        servers.iter().map(|server| ask_udp(cluster, pod(node), *server, SILENCE).ok()).collect();
    let address = heard.iter().flatten().find_map(|(_, data)| data.first()?.parse().ok());
    let connected = match address {
        Some(address) => {
            let target = SocketAddr::new(address, 80);
            let connected = cluster.in_namespace(pod(node), || TcpStream::connect_timeout(&target, SILENCE));
            connected.unwrap().map(drop).map_err(|error| error.kind())
        }
        None => Err(io::ErrorKind::HostUnreachable),
    };
    (heard.into_iter().map(|heard| heard.map(|(code, _)| code)).collect(), connected)
}

fn backend() {
    let cluster = Cluster::build(&Spec::nodes(2)).unwrap();
    let refusal = cluster.apply(Scenario::NameNxdomain, NodeId(2)).unwrap_err();
    assert_eq!(refusal.to_string(), "the cluster has no backend");
    cluster.add_backend(NAME, 80).unwrap();
    let second = cluster.add_backend("other.test", 81).unwrap_err();
    assert_eq!(second.to_string(), "backends: at most one");
    let log_of = |words: &[&str]| {
        let process = cluster.start_agent(NodeId(1), &program(words), &Environment::new()).unwrap();
        assert!(process.wait(ANSWERED).unwrap().success());
        process.log().unwrap()
    };
    assert!(log_of(&["report"]).contains("env CUSTOM_SERVICE_NAME=web.test:80\n"));
    let servers: Vec<IpAddr> = log_of(&["show", "/etc/resolv.conf"])
        .lines()
        .map(|line| line.strip_prefix("nameserver ").unwrap().parse().unwrap())
        .collect();
    assert_eq!(servers.len(), 2);
    let (right, wrong) = (Some(ResponseCode::NoError), Some(ResponseCode::NXDomain));
    let (nowhere, refused, silent) =
        (io::ErrorKind::HostUnreachable, io::ErrorKind::ConnectionRefused, io::ErrorKind::TimedOut);
    let well = (vec![right, right], Ok(()));
    let check = |broken: Result<Broken, LabError>,
                 first: (Vec<_>, Result<(), _>),
                 second: (Vec<_>, Result<(), _>)| {
        let broken = broken.unwrap();
        assert_eq!(found(&cluster, &servers, 1), first);
        assert_eq!(found(&cluster, &servers, 2), second);
        broken.heal().unwrap();
        assert_eq!([1, 2].map(|node| found(&cluster, &servers, node)), [well.clone(), well.clone()]);
    };
    let node = NodeId(2);
    let unknown = (vec![wrong, wrong], Err(nowhere));
    check(cluster.names_answer(&DnsAnswer::NxDomain), unknown.clone(), unknown.clone());
    check(cluster.names_answer_node(node, &DnsAnswer::NxDomain), well.clone(), unknown);
    check(cluster.names_lie_to(node), well.clone(), (vec![right, right], Err(refused)));
    let one = (vec![None, right], Ok(()));
    check(cluster.one_name_server_answers(DnsAnswer::Silent), one.clone(), one);
    let blocked = (vec![right, right], Err(silent));
    check(cluster.service_blocked(Asker::Everybody, Block::Drop), blocked.clone(), blocked);
    check(
        cluster.service_blocked(Asker::Node(node), Block::Refuse),
        well.clone(),
        (vec![right, right], Err(refused)),
    );
}

fn resolv_conf() {
    let cluster = Cluster::build(&Spec::nodes(2)).unwrap();
    let own = std::fs::read_to_string("/etc/resolv.conf").unwrap();
    let start = |node: u8, words: &[&str]| {
        cluster.start_agent(NodeId(node), &program(words), &Environment::new()).unwrap()
    };
    let shown = |node: u8| {
        let process = start(node, &["show", "/etc/resolv.conf"]);
        assert!(process.wait(ANSWERED).unwrap().success());
        process.log().unwrap()
    };
    assert_eq!(shown(1), own);
    cluster.set_resolv_conf("nameserver 10.80.0.201\n").unwrap();
    assert_eq!(shown(1), "nameserver 10.80.0.201\n");
    // One that runs sees a change: what is shown is read after it is told to go on.
    let waiting = start(2, &["show-at-the-end", "/etc/resolv.conf"]);
    while !waiting.log().unwrap().contains("ready") {
        std::thread::yield_now();
    }
    cluster.set_resolv_conf("nameserver 10.80.0.202\noptions ndots:5\n").unwrap();
    waiting.terminate();
    assert!(waiting.wait(ANSWERED).unwrap().success());
    assert_eq!(waiting.log().unwrap(), "ready\nnameserver 10.80.0.202\noptions ndots:5\n");
    assert_eq!(std::fs::read_to_string("/etc/resolv.conf").unwrap(), own);
}
