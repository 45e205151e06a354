//! Who a body counts for: limits that hold for one client are kept by writer.

use std::net::IpAddr;

use meshvane_shared::name::NodeName;

/// The client behind a body, as far as it is known before the body is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Writer {
    /// The agent of this node, confirmed by Kubernetes.
    Node(NodeName),
    /// Everything that comes from this source address: a shared token tells no agents apart.
    Address(IpAddr),
}

impl Writer {
    /// The writer at a source address. The IPv4-mapped form of an address (RFC 4291 section 2.5.5.2) is the same writer.
    pub fn at(address: IpAddr) -> Self {
        Self::Address(address.to_canonical())
    }
}
