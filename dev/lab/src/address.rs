//! Which address is whose: pure arithmetic, drawn in the crate's own documentation.

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::spec::{Families, NodeId, Zone};

/// The length of every IPv4 subnet of the lab.
const LENGTH_V4: u8 = 24;
/// The length of every IPv6 subnet of the lab.
const LENGTH_V6: u8 = 64;
/// Hosts count from here in their zone's subnet, so that an address is not mistaken for a gateway's.
const FIRST_HOST: u8 = 10;
/// The gateway's last part, in every subnet.
const GATEWAY: u8 = 1;
/// The last part of the server's address in its own subnet.
const SERVER: u8 = 2;

/// One address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// That of an address.
    pub fn of(address: IpAddr) -> Family {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }
}

/// An address in each family that the cluster has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Addresses {
    /// The IPv4 address; `None` in a cluster without IPv4.
    pub v4: Option<Ipv4Addr>,
    /// The IPv6 address; `None` in a cluster without IPv6.
    pub v6: Option<Ipv6Addr>,
}

impl Addresses {
    /// All of them, IPv4 first.
    pub fn all(self) -> impl Iterator<Item = IpAddr> {
        self.v4.map(IpAddr::V4).into_iter().chain(self.v6.map(IpAddr::V6))
    }

    /// The one that a program which takes a single address gets: IPv4 where there is one.
    ///
    /// # Panics
    /// Never for addresses of a cluster: it has one family at least.
    pub fn primary(self) -> IpAddr {
        self.all().next().expect("a cluster has one address family at least")
    }
}

/// As Kubernetes writes them into `POD_IPS`: separated by commas.
impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<_> = self.all().map(|address| address.to_string()).collect();
        f.write_str(&all.join(","))
    }
}

/// A range of addresses: a network address and the length of its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// The first address.
    pub address: IpAddr,
    /// The prefix length in bits.
    pub length: u8,
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// Addresses of clients outside of the cluster: see [`Outsider`](crate::Outsider).
pub const OUTSIDE: Subnet = Subnet { address: IpAddr::V4(Ipv4Addr::new(10, 82, 0, 0)), length: 16 };
/// All of IPv4: where a default route leads.
pub(crate) const EVERYWHERE_V4: Subnet = Subnet { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), length: 0 };
/// All of IPv6.
pub(crate) const EVERYWHERE_V6: Subnet = Subnet { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), length: 0 };

/// The subnets of one place: `10.A.B.0/24` and `fdA:B::/64`, A being 80 in the fabric and 81 behind nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    side: Side,
    number: u8,
}

impl Place {
    pub(crate) fn zone(zone: Zone) -> Self {
        Place { side: Side::Fabric, number: zone.0 }
    }

    pub(crate) fn server() -> Self {
        Place { side: Side::Fabric, number: 0 }
    }

    pub(crate) fn pods(node: NodeId) -> Self {
        Place { side: Side::Pods, number: node.0 }
    }

    /// The node that the pod with this address is on.
    pub(crate) fn node_of_pod(address: IpAddr) -> Option<NodeId> {
        match address.to_canonical() {
            IpAddr::V4(v4) => match v4.octets() {
                [10, side, number, _] if side == Side::Pods.v4() => Some(NodeId(number)),
                _ => None,
            },
            IpAddr::V6(v6) => match v6.segments() {
                [side, number, ..] if side == Side::Pods.v6() => u8::try_from(number).ok().map(NodeId),
                _ => None,
            },
        }
    }

    pub(crate) fn gateway(self, families: Families) -> Addresses {
        self.member(GATEWAY, families)
    }

    pub(crate) fn host(self, node: NodeId, families: Families) -> Addresses {
        self.member(node.0.saturating_add(FIRST_HOST), families)
    }

    pub(crate) fn server_address(self, families: Families) -> Addresses {
        self.member(SERVER, families)
    }

    pub(crate) fn member(self, last: u8, families: Families) -> Addresses {
        let (v4, v6) = (self.v4(last), self.v6(last));
        match families {
            Families::Both => Addresses { v4: Some(v4), v6: Some(v6) },
            Families::V4 => Addresses { v4: Some(v4), v6: None },
            Families::V6 => Addresses { v4: None, v6: Some(v6) },
        }
    }

    /// The subnet in the family of this address.
    pub(crate) fn subnet(self, family_of: IpAddr) -> Subnet {
        match family_of {
            IpAddr::V4(_) => Subnet { address: self.v4(0).into(), length: LENGTH_V4 },
            IpAddr::V6(_) => Subnet { address: self.v6(0).into(), length: LENGTH_V6 },
        }
    }

    fn v4(self, last: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, self.side.v4(), self.number, last)
    }

    fn v6(self, last: u8) -> Ipv6Addr {
        Ipv6Addr::new(self.side.v6(), u16::from(self.number), 0, 0, 0, 0, 0, u16::from(last))
    }
}

/// On which side of the nodes a subnet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Fabric,
    Pods,
}

impl Side {
    fn v4(self) -> u8 {
        match self {
            Side::Fabric => 80,
            Side::Pods => 81,
        }
    }

    /// Reads, in hexadecimal, as IPv4's part does in decimal.
    fn v6(self) -> u16 {
        match self {
            Side::Fabric => 0xfd80,
            Side::Pods => 0xfd81,
        }
    }
}
