use super::*;

#[tokio::test]
async fn a_listener_knows_its_real_port_and_a_taken_port_is_named() {
    let first = bind(Door::Api, Bind::Address(Ipv4Addr::LOCALHOST.into()), 0).unwrap();
    assert_ne!(first.address.port(), 0);
    let error = bind(Door::Api, Bind::Address(Ipv4Addr::LOCALHOST.into()), first.address.port()).unwrap_err();
    assert!(error.to_string().contains(&format!("cannot listen on {}", first.address)), "{error}");
}

#[test]
fn a_kernel_without_ipv6_is_told_from_a_taken_port() {
    let of = |errno: nix::errno::Errno| io::Error::from_raw_os_error(errno as i32);
    assert!(lacks_ipv6(&of(nix::errno::Errno::EAFNOSUPPORT)));
    assert!(lacks_ipv6(&of(nix::errno::Errno::EADDRNOTAVAIL)));
    assert!(!lacks_ipv6(&of(nix::errno::Errno::EADDRINUSE)));
    assert!(!lacks_ipv6(&of(nix::errno::Errno::EACCES)));
}
