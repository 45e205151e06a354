use std::net::Ipv4Addr;

use tempfile::{NamedTempFile, TempPath};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::*;

const ONE: Ipv4Addr = Ipv4Addr::LOCALHOST;
const TWO: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// What a name server does with a name.
#[derive(Debug, Clone)]
enum Says {
    Addresses(Vec<Ipv4Addr>),
    Code(u8),
    Nothing,
}

fn name(text: &str) -> DnsName {
    DnsName::parse(text).unwrap()
}

fn code(rcode: u16) -> Answer {
    Answer::Failed(Cause::Name { rcode })
}

/// The name of a question, and whether it is for IPv4 addresses; with its end in the packet.
fn read_question(packet: &[u8]) -> (String, bool, usize) {
    let (mut at, mut name) = (12, String::new());
    while packet[at] != 0 {
        let end = at + 1 + usize::from(packet[at]);
        name.push_str(std::str::from_utf8(&packet[at + 1..end]).unwrap());
        name.push('.');
        at = end;
    }
    (name, packet[at + 2] == 1, at + 5)
}

fn reply(packet: &[u8], says: &Says) -> Option<Vec<u8>> {
    let (_, is_a, end) = read_question(packet);
    let (rcode, addresses) = match says {
        Says::Addresses(addresses) if is_a => (0, addresses.as_slice()),
        Says::Addresses(_) => (0, &[] as &[Ipv4Addr]),
        Says::Code(rcode) => (*rcode, &[] as &[Ipv4Addr]),
        Says::Nothing => return None,
    };
    let mut reply = packet[..end].to_vec();
    reply[2] = 0x81;
    reply[3] = 0x80 | rcode;
    reply[6..12].copy_from_slice(&[0, u8::try_from(addresses.len()).unwrap(), 0, 0, 0, 0]);
    for address in addresses {
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        reply.extend(address.octets());
    }
    Some(reply)
}

/// A small name server at an address: what it says is a function of the name, after a delay.
async fn serve(socket: UdpSocket, says: impl Fn(&str) -> Says, delay: Duration) {
    let mut buffer = [0u8; 512];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        let (name, ..) = read_question(&buffer[..length]);
        if let Some(reply) = reply(&buffer[..length], &says(&name)) {
            tokio::time::sleep(delay).await;
            socket.send_to(&reply, from).await.unwrap();
        }
    }
}

/// A `resolv.conf` of this test, and name servers that all listen at one port.
struct Place {
    path: TempPath,
    port: u16,
    servers: JoinSet<()>,
}

impl Place {
    async fn new() -> (Self, UdpSocket) {
        let path = NamedTempFile::new().unwrap().into_temp_path();
        let socket = UdpSocket::bind((ONE, 0)).await.unwrap();
        let port = socket.local_addr().unwrap().port();
        (Self { path, port, servers: JoinSet::new() }, socket)
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.path, text).unwrap();
    }

    fn resolvers(&self) -> Resolvers {
        Resolvers::new(&self.path, self.port)
    }
}

/// What one name server makes of a name, with this `resolv.conf` beside its own line.
async fn ask_one(lines: &str, text: &str, says: impl Fn(&str) -> Says + Send + 'static) -> Answer {
    let (mut place, socket) = Place::new().await;
    place.write(&format!("nameserver 127.0.0.1\n{lines}\n"));
    place.servers.spawn(serve(socket, says, Duration::ZERO));
    place.resolvers().ask(ONE.into(), &name(text)).await
}

#[tokio::test]
async fn a_name_has_its_addresses_each_once_in_order() {
    let (one, two) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
    let answer = ask_one("", "service.test.", move |_| Says::Addresses(vec![two, one, two])).await;
    let Answer::Resolved { addresses, searched, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(addresses, [IpAddr::from(one), IpAddr::from(two)]);
    assert!(searched < Duration::from_millis(1), "nothing was tried before: {searched:?}");
}

#[tokio::test]
async fn a_response_code_is_the_cause_and_an_empty_answer_is_code_0() {
    assert_eq!(ask_one("", "service.test.", |_| Says::Code(3)).await, code(3));
    assert_eq!(ask_one("", "service.test.", |_| Says::Code(2)).await, code(2));
    assert_eq!(ask_one("", "service.test.", |_| Says::Code(5)).await, code(5));
    assert_eq!(ask_one("", "service.test.", |_| Says::Addresses(Vec::new())).await, code(0));
}

#[tokio::test]
async fn the_search_list_is_walked_and_its_time_is_not_the_names() {
    let (mut place, socket) = Place::new().await;
    place.write("nameserver 127.0.0.1\nsearch a.test b.test c.test\noptions ndots:5\n");
    let says = |name: &str| match name {
        "api.shop.b.test." => Says::Addresses(vec![TWO]),
        _ => Says::Code(3),
    };
    place.servers.spawn(serve(socket, says, Duration::from_millis(40)));
    let answer = place.resolvers().ask(ONE.into(), &name("api.shop")).await;
    let Answer::Resolved { took, searched, .. } = answer else { panic!("{answer:?}") };
    assert!(searched >= Duration::from_millis(40) && took >= Duration::from_millis(40));
    assert!(took < searched + Duration::from_millis(80), "{took:?} holds no part of {searched:?}");
}

#[tokio::test]
async fn a_name_that_no_candidate_has_is_judged_by_the_most_telling_code() {
    let lines = "search a.test b.test\noptions ndots:5";
    assert_eq!(ask_one(lines, "api.shop", |_| Says::Code(3)).await, code(3));
    let broken = |name: &str| Says::Code(if name.ends_with("a.test.") { 2 } else { 3 });
    assert_eq!(ask_one(lines, "api.shop", broken).await, code(2));
    let later = |name: &str| match name {
        "api.shop.a.test." => Says::Code(2),
        "api.shop.b.test." => Says::Addresses(vec![TWO]),
        _ => Says::Code(3),
    };
    assert!(matches!(ask_one(lines, "api.shop", later).await, Answer::Resolved { .. }));
    let refused = |name: &str| match name {
        "api.shop.a.test." => Says::Code(5),
        "api.shop.b.test." => panic!("the search list ends with a refusal"),
        _ => Says::Addresses(vec![TWO]),
    };
    assert!(matches!(ask_one(lines, "api.shop", refused).await, Answer::Resolved { .. }));
}

#[test]
fn candidates_come_in_the_order_of_the_system() {
    let search = ["ns.svc.test".to_owned(), "test".to_owned()];
    let check = |name: &str, ndots, expected: &[&str]| {
        assert_eq!(candidates(name, ndots, &search), expected, "{name} {ndots}");
    };
    check("api", 1, &["api.ns.svc.test.", "api.test.", "api."]);
    check("api.shop", 1, &["api.shop.", "api.shop.ns.svc.test.", "api.shop.test."]);
    check("api.shop", 5, &["api.shop.ns.svc.test.", "api.shop.test.", "api.shop."]);
    check("api", 0, &["api.", "api.ns.svc.test.", "api.test."]);
    check("api.shop.", 5, &["api.shop."]);
}

#[tokio::test]
async fn each_name_server_speaks_for_itself() {
    let (mut place, socket) = Place::new().await;
    place.write("nameserver 127.0.0.1\nnameserver 127.0.0.2\n");
    let other = UdpSocket::bind((TWO, place.port)).await.unwrap();
    place.servers.spawn(serve(socket, |_| Says::Nothing, Duration::ZERO));
    place.servers.spawn(serve(other, |_| Says::Addresses(vec![TWO]), Duration::ZERO));
    let resolvers = place.resolvers();
    assert_eq!(resolvers.servers(), [IpAddr::from(ONE), TWO.into()]);
    let service = name("service.test.");
    let dead = tokio::time::timeout(Duration::from_millis(300), resolvers.ask(ONE.into(), &service));
    let (dead, good) = tokio::join!(dead, resolvers.ask(TWO.into(), &service));
    assert!(dead.is_err(), "it is silent");
    let Answer::Resolved { took, .. } = good else { panic!("{good:?}") };
    assert!(took < Duration::from_millis(300), "the dead one is not waited for: {took:?}");
}

#[tokio::test]
async fn a_slow_name_server_is_an_answer_with_its_time() {
    let (mut place, socket) = Place::new().await;
    place.write("nameserver 127.0.0.1\n");
    let delay = Duration::from_millis(1_100);
    // A and AAAA come together and are answered one after the other.
    place.servers.spawn(serve(socket, |_| Says::Addresses(vec![TWO]), delay));
    let answer = place.resolvers().ask(ONE.into(), &name("service.test.")).await;
    let Answer::Resolved { took, .. } = answer else { panic!("{answer:?}") };
    assert!(took >= delay, "{took:?}");
}

#[tokio::test]
async fn a_port_where_no_server_listens_is_a_resolver_timeout() {
    assert_eq!(judge(&NetError::Timeout), Answer::Failed(Cause::ResolverTimeout));
    assert_eq!(judge(&NetError::NoConnections), Answer::Failed(Cause::ResolverTimeout));
    let (place, socket) = Place::new().await;
    place.write("nameserver 127.0.0.1\n");
    drop(socket);
    let answer = place.resolvers().ask(ONE.into(), &name("service.test.")).await;
    assert_eq!(answer, Answer::Failed(Cause::ResolverTimeout));
}

#[tokio::test]
async fn the_file_is_read_again_when_it_changes() {
    let (mut place, socket) = Place::new().await;
    place.write("nameserver 127.0.0.9\n");
    place.servers.spawn(serve(socket, |_| Says::Addresses(vec![TWO]), Duration::ZERO));
    let resolvers = place.resolvers();
    let service = name("service.test.");
    assert_eq!(resolvers.servers(), [IpAddr::from([127, 0, 0, 9])]);
    assert_eq!(resolvers.ask(ONE.into(), &service).await, Answer::Unmeasured(Reason::Cancelled));
    place.write("nameserver 127.0.0.1\nnameserver 127.0.0.1\nnameserver 127.0.0.3\n");
    assert_eq!(resolvers.servers(), [IpAddr::from(ONE), [127, 0, 0, 3].into()]);
    assert!(matches!(resolvers.ask(ONE.into(), &service).await, Answer::Resolved { .. }));
    place.write("nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n");
    assert_eq!(resolvers.servers().len(), RESOLVERS_MAX);
    std::fs::remove_file(&place.path).unwrap();
    assert_eq!(resolvers.servers(), [] as [IpAddr; 0]);
}

#[tokio::test]
async fn without_resolvers_a_name_is_not_measured() {
    let resolvers = Resolvers::new("/nonexistent/resolv.conf", NAME_SERVER_PORT);
    assert_eq!(
        resolvers.ask(ONE.into(), &name("service.test")).await,
        Answer::Unmeasured(Reason::NoResource)
    );
}
