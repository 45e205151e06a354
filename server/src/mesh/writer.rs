//! The client that a body counts for: limits that hold for one client are kept by writer.

use std::net::IpAddr;

use meshvane_shared::address::source_of;
use meshvane_shared::name::NodeName;

/// The client behind a body, as far as it is known before the body is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Writer {
    /// The agent of this node, confirmed by Kubernetes.
    Node(NodeName),
    /// Everything that comes from this source: a shared token tells no agents apart.
    Source(IpAddr),
}

impl Writer {
    /// The writer at a source address. All addresses of one IPv6 network are one writer: a host may choose among them.
    pub fn at(address: IpAddr) -> Self {
        Self::Source(source_of(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_one_writer_whichever_of_its_addresses_it_takes() {
        let at = |text: &str| Writer::at(text.parse().unwrap());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
    }
}
