use std::net::Ipv6Addr;

use tempfile::NamedTempFile;

use super::*;
use crate::names::script::{Asked, ONE, Place, Says, TWO};
use crate::names::{NAME_SERVER_PORT, SYSTEM_HOSTS, SYSTEM_RESOLVERS};

const SERVER: &str = "meshvane-server.kube-system.svc";
const ADDRESS: [u8; 4] = [10, 96, 0, 7];

fn lookup(place: &Place) -> HostLookup {
    HostLookup::new(System::new(place.path.to_path_buf(), place.port), "/nonexistent/hosts")
}

/// Knows the server by its whole name alone; of others it says a code.
fn knows(code: u8) -> impl Fn(&Asked) -> Says {
    move |asked| match asked.name.as_str() {
        "meshvane-server.kube-system.svc.cluster.local." => Says::address(ADDRESS),
        _ => Says::Code(code),
    }
}

#[tokio::test]
async fn the_server_is_found_with_every_resolv_conf_that_glibc_understands() {
    let long: Vec<String> = (0..29).map(|index| format!("{index}.{}.example", "x".repeat(50))).collect();
    let long = format!("{} svc.cluster.local cluster.local", long.join(" "));
    assert!((255..2048).contains(&long.len()), "{}", long.len());
    let short = "kube-system.svc.cluster.local svc.cluster.local cluster.local";
    for (search, options, code) in [
        (short, "ndots:5", 3),
        (short, "ndots:2", 3),
        (short, "ndots:1", 3),
        (&long, "ndots:5", 3),
        (&long, "ndots:1", 3),
        // The first search domain is broken.
        (short, "ndots:5", 2),
        (&long, "ndots:1 edns0 rotate", 2),
    ] {
        let mut place = Place::new().await;
        place.serve(ONE, knows(code)).await;
        place.write(&format!(
            "# a comment\r\nnameserver 127.0.0.1\r\nsearch {search}\r\noptions {options}\r\n"
        ));
        let found = lookup(&place).addresses(SERVER).await;
        assert_eq!(found.unwrap(), [IpAddr::from(ADDRESS)], "{options} {code} {}", search.len());
    }
}

#[tokio::test]
async fn a_name_server_that_is_silent_refuses_or_fails_leaves_the_word_to_the_next() {
    type Script = fn(&Asked) -> Says;
    let bad: [Script; 4] = [|_| Says::Nothing, |_| Says::Code(2), |_| Says::Code(5), |_| Says::Garbled];
    for script in bad {
        let mut place = Place::new().await;
        place.serve(ONE, script).await;
        place.serve(TWO, knows(3)).await;
        place.write("nameserver 127.0.0.1\nnameserver 127.0.0.2\nsearch a.test svc.cluster.local cluster.local\noptions ndots:5\n");
        let began = now();
        let found = lookup(&place).addresses(SERVER).await;
        assert_eq!(found.unwrap(), [IpAddr::from(ADDRESS)]);
        // It is waited for once, not for each name of the list.
        assert!(now() - began < FIRST_WAIT * 2, "{:?}", now() - began);
    }
}

#[tokio::test]
async fn half_an_answer_is_enough_to_connect_to() {
    let mut place = Place::new().await;
    place.serve(ONE, |asked| if asked.is_a { Says::address(ADDRESS) } else { Says::Nothing }).await;
    place.write("nameserver 127.0.0.1\n");
    assert_eq!(lookup(&place).addresses(SERVER).await.unwrap(), [IpAddr::from(ADDRESS)]);
}

#[tokio::test]
async fn name_servers_that_are_slow_are_waited_for_longer_the_second_time() {
    let mut place = Place::new().await;
    let slow = FIRST_WAIT + Duration::from_millis(100);
    place.serve_late(ONE, slow, |_| Says::address(ADDRESS)).await;
    place.write("nameserver 127.0.0.1\n");
    assert_eq!(lookup(&place).addresses(SERVER).await.unwrap(), [IpAddr::from(ADDRESS)]);
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let mut place = Place::new().await;
    place.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n");
    let refused = lookup(&place).addresses(SERVER).await.unwrap_err().to_string();
    assert!(refused.starts_with(&format!("{SERVER}: no name server can be asked")), "{refused}");
    place.serve(ONE, |_| Says::Code(3)).await;
    let unknown = lookup(&place).addresses(SERVER).await.unwrap_err().to_string();
    assert!(unknown.contains("response code 3"), "{unknown}");
    assert!(lookup(&place).addresses("no name").await.is_err());
}

#[tokio::test]
async fn a_host_that_needs_no_name_server_asks_none() {
    let hosts = NamedTempFile::new().unwrap().into_temp_path();
    std::fs::write(
        &hosts,
        "# local\n10.1.1.1 Server.test server\nfd00::1\tserver # again\n10.1.1.9 other\nx y\n",
    )
    .unwrap();
    let lookup =
        HostLookup::new(System::new("/nonexistent/resolv.conf", NAME_SERVER_PORT), hosts.to_path_buf());
    let two: [IpAddr; 2] = [[10, 1, 1, 1].into(), "fd00::1".parse().unwrap()];
    for (host, expected) in [
        ("server", &two[..]),
        ("SERVER.TEST", &two[..1]),
        ("server.test.", &two[..1]),
        ("10.1.1.2", &[[10, 1, 1, 2].into()]),
        ("[fd00::2]", &["fd00::2".parse().unwrap()]),
        ("fd00::2", &["fd00::2".parse().unwrap()]),
        ("localhost", &[ONE.into(), Ipv6Addr::LOCALHOST.into()]),
        ("a.localhost", &[ONE.into(), Ipv6Addr::LOCALHOST.into()]),
    ] {
        assert_eq!(lookup.addresses(host).await.unwrap(), expected, "{host}");
    }
}

#[tokio::test]
async fn this_machine_knows_itself() {
    let lookup = HostLookup::new(System::new(SYSTEM_RESOLVERS, NAME_SERVER_PORT), SYSTEM_HOSTS);
    let addresses = lookup.addresses("localhost").await.unwrap();
    assert!(addresses.iter().all(IpAddr::is_loopback), "{addresses:?}");
}
