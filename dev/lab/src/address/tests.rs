use super::*;

#[test]
fn a_node_has_its_number_in_every_address() {
    let (node, zone) = (NodeId(3), Zone(1));
    let rows = [
        (Place::zone(zone).host(node, Families::Both), "10.80.1.13,fd80:1::d"),
        (Place::zone(zone).gateway(Families::Both), "10.80.1.1,fd80:1::1"),
        (Place::pods(node).gateway(Families::Both), "10.81.3.1,fd81:3::1"),
        (Place::pods(node).member(2, Families::V4), "10.81.3.2"),
        (Place::pods(node).member(4, Families::V6), "fd81:3::4"),
        (Place::server().server_address(Families::Both), "10.80.0.2,fd80::2"),
    ];
    for (addresses, expected) in rows {
        assert_eq!(addresses.to_string(), expected);
    }
}

#[test]
fn the_largest_node_still_has_a_host_address() {
    let node = NodeId(u8::try_from(crate::spec::MAX_NODES).unwrap());
    let addresses = Place::zone(Zone(2)).host(node, Families::Both);
    assert_eq!(addresses.v4, Some(Ipv4Addr::new(10, 80, 2, 210)));
}

#[test]
fn a_subnet_is_of_the_family_asked_for() {
    let place = Place::pods(NodeId(7));
    assert_eq!(place.subnet(IpAddr::V4(Ipv4Addr::LOCALHOST)).to_string(), "10.81.7.0/24");
    assert_eq!(place.subnet(IpAddr::V6(Ipv6Addr::LOCALHOST)).to_string(), "fd81:7::/64");
}

#[test]
fn the_primary_address_is_ipv4_where_there_is_one() {
    assert!(Place::server().server_address(Families::Both).primary().is_ipv4());
    assert!(Place::server().server_address(Families::V6).primary().is_ipv6());
}
