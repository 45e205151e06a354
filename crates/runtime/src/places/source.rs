//! Where connections come from.

use std::net::{IpAddr, Ipv6Addr};

/// Where connections come from: an IPv4 address, or the /64 of an IPv6 address, within which one host may
/// choose freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// The source of an address. An IPv4 address in IPv6 form counts as the IPv4 address.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            // One address, and not a network that anybody could be given.
            IpAddr::V6(address) if !address.is_loopback() => {
                Self(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into())
            }
            address @ (IpAddr::V4(_) | IpAddr::V6(_)) => Self(address),
        }
    }
}
