//! What a client posted, and so what the server must show.

use super::body::Node;

/// The numbers of the newest posts that were taken, 0 for none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Posted {
    /// Whose.
    pub(super) node: Node,
    /// The newest round, which is also how many there were.
    pub(super) round: u64,
    /// The newest results on hosts.
    pub(super) hosts: u64,
    /// The newest results on pods.
    pub(super) pods: u64,
    /// The newest result on a service.
    pub(super) service: u64,
}

impl Posted {
    /// Nothing yet.
    pub(super) fn nothing(node: Node) -> Self {
        Self { node, round: 0, hosts: 0, pods: 0, service: 0 }
    }
}
