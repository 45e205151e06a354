use std::net::{Ipv4Addr, TcpListener};

use super::*;

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port)
}

/// Sockets that the kernel lists for a port, as (state, local port, remote port). State 06 is `TIME_WAIT`.
fn sockets_of(port: u16) -> Vec<(String, u16, u16)> {
    let port_of = |text: &str| u16::from_str_radix(text.rsplit(':').next().unwrap(), 16).unwrap();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .map(|fields| (fields[3].to_owned(), port_of(fields[1]), port_of(fields[2])))
        .filter(|(_, local, remote)| *local == port || *remote == port)
        .collect()
}

#[tokio::test]
async fn an_open_port_is_reached_and_leaves_no_time_wait_behind() {
    let listener = TcpListener::bind(loopback(0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    for _ in 0..5 {
        let answer = ask(loopback(port)).await;
        assert!(matches!(answer, Answer::Reached { rtt } if rtt < Duration::from_secs(1)), "{answer:?}");
        drop(listener.accept().unwrap());
    }
    let lingering: Vec<_> = sockets_of(port).into_iter().filter(|(state, _, _)| state == "06").collect();
    assert_eq!(lingering, []);
    assert_eq!(sockets_of(port).len(), 1, "the listener itself shows that the table was read");
}

#[tokio::test]
async fn a_port_without_a_listener_is_refused() {
    let port = {
        let listener = TcpListener::bind(loopback(0)).unwrap();
        listener.local_addr().unwrap().port()
    };
    assert_eq!(ask(loopback(port)).await, Answer::Failed(Cause::Refused));
}

#[test]
fn only_a_prohibition_is_a_rejection() {
    let check = |family, icmp_type, icmp_code, expected| {
        assert_eq!(is_rejection(family, icmp_type, icmp_code), expected, "{family} {icmp_type}/{icmp_code}");
    };
    check(Family::Ipv4, 3, 13, true);
    check(Family::Ipv4, 3, 9, true);
    check(Family::Ipv4, 3, 10, true);
    check(Family::Ipv4, 3, 1, false);
    check(Family::Ipv4, 11, 13, false);
    check(Family::Ipv6, 1, 1, true);
    check(Family::Ipv6, 1, 5, true);
    check(Family::Ipv6, 1, 6, true);
    check(Family::Ipv6, 1, 3, false);
}
