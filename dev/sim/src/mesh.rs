//! The mesh that an incident happens to: names, zones, families and addresses. Values only.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use meshvane_shared::address::Family;
use meshvane_shared::check::Plane;
use meshvane_shared::name::{DnsName, NodeName, ServiceAddress, Zone};

/// The port of the agents' responders, which is checked on pod addresses.
pub(crate) const CLIENT_PORT: u16 = 6100;
/// The port that is checked on host addresses.
pub(crate) const HOST_PORT: u16 = 10_256;
/// The service that agents check where the mesh has one.
pub(crate) const SERVICE_NAME: &str = "api.shop.test";
/// Its port.
pub(crate) const SERVICE_PORT: u16 = 8443;
/// Its address.
pub(crate) const SERVICE_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 254, 0, 1));
/// An address at which nothing answers, for name servers that lie.
pub(crate) const EMPTY_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 254, 0, 99));
/// The name servers, in the order in which they are asked.
pub(crate) const NAME_SERVERS: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(10, 255, 0, 53)), IpAddr::V4(Ipv4Addr::new(10, 255, 1, 53))];

/// A mesh without a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mesh {
    /// The zone of each node, by number; `None` where nodes have no zones.
    pub(crate) zones: Vec<Option<usize>>,
    /// The families that every node has.
    pub(crate) families: Vec<Family>,
    /// Agents check [`SERVICE_NAME`].
    pub(crate) has_service: bool,
}

impl Mesh {
    /// How many nodes there are.
    pub(crate) fn nodes(&self) -> usize {
        self.zones.len()
    }

    /// The nodes of a zone, in order.
    pub(crate) fn of_zone(&self, zone: usize) -> Vec<usize> {
        (0..self.nodes()).filter(|node| self.zones[*node] == Some(zone)).collect()
    }

    /// The zones that have nodes, in order.
    pub(crate) fn zones_used(&self) -> Vec<usize> {
        let mut zones: Vec<usize> = self.zones.iter().flatten().copied().collect();
        zones.sort_unstable();
        zones.dedup();
        zones
    }

    /// The services that agents are told to check.
    pub(crate) fn services(&self) -> Vec<ServiceAddress> {
        let name = || DnsName::parse(SERVICE_NAME).expect("the constant is a DNS name");
        if self.has_service { vec![ServiceAddress { name: name(), port: SERVICE_PORT }] } else { Vec::new() }
    }
}

/// The name of a node; names sort as their numbers do.
pub(crate) fn name(node: usize) -> NodeName {
    NodeName::parse(&format!("node-{node:03}")).expect("the word and digits are a node's name")
}

/// The name of a zone.
pub(crate) fn zone_name(zone: usize) -> Zone {
    Zone::parse(&format!("zone-{zone}")).expect("the word and digits are a zone's name")
}

/// The address of a node's plane; a new pod of the same node has the next number.
pub(crate) fn address(node: usize, plane: Plane, family: Family, pod: u8) -> IpAddr {
    let number = u16::try_from(node).expect("a mesh has fewer than 2^15 nodes");
    let [high, low] = number.to_be_bytes();
    let (side, last) = match plane {
        Plane::Host => (0_u8, 1),
        Plane::Pod => (128, pod.saturating_add(1)),
    };
    match family {
        Family::Ipv4 => Ipv4Addr::new(10, side | high, low, last).into(),
        Family::Ipv6 => Ipv6Addr::new(0xfd00, side.into(), number, 0, 0, 0, 0, last.into()).into(),
    }
}

/// Where an address leads: the reverse of [`address`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) node: usize,
    pub(crate) plane: Plane,
    pub(crate) family: Family,
    /// Which pod of the node, for pod addresses.
    pub(crate) pod: u8,
}

/// The place of an address, if it is one of a node.
pub(crate) fn place(address: IpAddr) -> Option<Place> {
    let (side, node, last, family) = match address {
        IpAddr::V4(address) => match address.octets() {
            [10, high, low, last] if !matches!(high, 254 | 255) => {
                (high & 128, u16::from_be_bytes([high & 127, low]), last, Family::Ipv4)
            }
            _ => return None,
        },
        IpAddr::V6(address) => match address.segments() {
            [0xfd00, side, number, 0, 0, 0, 0, last] => {
                (u8::try_from(side).ok()?, number, u8::try_from(last).ok()?, Family::Ipv6)
            }
            _ => return None,
        },
    };
    let plane = if side == 0 { Plane::Host } else { Plane::Pod };
    Some(Place { node: node.into(), plane, family, pod: last.checked_sub(1)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_leads_back_to_its_place() {
        for node in [0, 1, 39, 249, 300] {
            for family in [Family::Ipv4, Family::Ipv6] {
                for (plane, pod) in [(Plane::Host, 0), (Plane::Pod, 0), (Plane::Pod, 7)] {
                    let expected = Place { node, plane, family, pod };
                    assert_eq!(place(address(node, plane, family, pod)), Some(expected));
                }
            }
        }
        assert_eq!(place(SERVICE_ADDRESS), None);
        assert_eq!(place(NAME_SERVERS[0]), None);
    }
}
