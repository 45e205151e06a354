use std::net::{Ipv4Addr, SocketAddr};

use hickory_resolver::config::{ConnectionConfig, NameServerConfig};
use tokio::net::UdpSocket;

use super::*;

/// A name server of a few bytes: answers every question with this response code, and an A question with these addresses.
async fn serve(socket: UdpSocket, rcode: u8, addresses: Vec<Ipv4Addr>) {
    let mut buffer = [0u8; 512];
    loop {
        let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
        let mut question_end = 12;
        while buffer[question_end] != 0 {
            question_end += usize::from(buffer[question_end]) + 1;
        }
        question_end += 5;
        assert!(question_end <= length);
        let is_a = buffer[question_end - 3] == 1;
        let answers = if is_a { addresses.as_slice() } else { &[] };
        let mut reply = buffer[..question_end].to_vec();
        reply[2] = 0x81;
        reply[3] = 0x80 | rcode;
        reply[6..12].copy_from_slice(&[0, u8::try_from(answers.len()).unwrap(), 0, 0, 0, 0]);
        for address in answers {
            reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            reply.extend(address.octets());
        }
        socket.send_to(&reply, from).await.unwrap();
    }
}

fn resolver_at(address: SocketAddr) -> TokioResolver {
    let mut connection = ConnectionConfig::udp();
    connection.port = address.port();
    let server = NameServerConfig::new(address.ip(), true, vec![connection]);
    build(ResolverConfig::from_parts(None, Vec::new(), vec![server]), ResolverOpts::default()).unwrap()
}

async fn answer_of_a_server(rcode: u8, addresses: Vec<Ipv4Addr>) -> Answer {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let resolver = resolver_at(socket.local_addr().unwrap());
    let server = tokio::spawn(serve(socket, rcode, addresses));
    let answer = resolve(&resolver, &DnsName::parse("service.test.").unwrap()).await;
    server.abort();
    answer
}

#[tokio::test]
async fn a_name_has_its_addresses_each_once_in_order() {
    let (one, two) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
    let answer = answer_of_a_server(0, vec![two, one, two]).await;
    let Answer::Resolved { addresses, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(addresses, [IpAddr::from(one), IpAddr::from(two)]);
}

#[tokio::test]
async fn a_response_code_is_the_cause_and_an_empty_answer_is_code_0() {
    let name = |rcode| Answer::Failed(Cause::Name { rcode });
    assert_eq!(answer_of_a_server(3, Vec::new()).await, name(3));
    assert_eq!(answer_of_a_server(2, Vec::new()).await, name(2));
    assert_eq!(answer_of_a_server(0, Vec::new()).await, name(0));
}

#[tokio::test]
async fn a_silent_server_is_a_resolver_timeout() {
    assert_eq!(judge(&NetError::Timeout), Answer::Failed(Cause::ResolverTimeout));
    assert_eq!(judge(&NetError::NoConnections), Answer::Failed(Cause::ResolverTimeout));
    let closed = {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        socket.local_addr().unwrap()
    };
    let answer = resolve(&resolver_at(closed), &DnsName::parse("service.test.").unwrap()).await;
    assert_eq!(answer, Answer::Failed(Cause::ResolverTimeout));
}

#[tokio::test]
async fn without_resolvers_a_name_is_not_measured() {
    let resolvers = Resolvers::new("/nonexistent/resolv.conf");
    let answer = resolvers.ask(&DnsName::parse("service.test").unwrap()).await;
    assert_eq!(answer, Answer::Unmeasured(Reason::NoResource));
}
