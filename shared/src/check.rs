//! What can be checked, and where.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A kind of check. Closed: a new one is a new variant, and the compiler shows every place that must know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// ICMP echo, RFC 792 and RFC 4443.
    Icmp,
    /// A TCP connect, RFC 9293: the handshake, and nothing said.
    Tcp,
    /// A name resolution, RFC 1035.
    Dns,
}

impl CheckKind {
    /// The checks that a member's plane gets, in the order of its cells in a row.
    pub const ON_PLANES: [Self; 2] = [Self::Icmp, Self::Tcp];

    /// The name as it stands in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Icmp => "icmp",
            Self::Tcp => "tcp",
            Self::Dns => "dns",
        }
    }
}

impl fmt::Display for CheckKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}

/// Which of a member's addresses is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plane {
    /// The node's address.
    Host,
    /// The agent pod's address, on the cluster's pod network.
    Pod,
}

impl Plane {
    /// Both planes, in the order in which a plan lists them.
    pub const ALL: [Self; 2] = [Self::Host, Self::Pod];

    /// The name as it stands in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Pod => "pod",
        }
    }

    /// The other plane.
    pub fn other(self) -> Self {
        match self {
            Self::Host => Self::Pod,
            Self::Pod => Self::Host,
        }
    }
}

impl fmt::Display for Plane {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(self.as_str())
    }
}
