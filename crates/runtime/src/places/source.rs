//! Where connections come from.

use std::net::IpAddr;

use meshvane_shared::address::source_of;

/// Where connections come from: an address, or a network within which one host may choose freely.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// The source of an address.
    pub fn of(address: IpAddr) -> Self {
        Self(source_of(address))
    }
}
