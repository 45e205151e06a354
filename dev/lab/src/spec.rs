//! What a cluster shall look like, and the names of its parts.

use std::fmt;

use crate::LabError;

/// A host's address is 10 + its number in one byte; 200 leaves room and is more than this is meant for.
pub const MAX_NODES: usize = 200;
/// Zones are one digit: enough for every layout under test, and short in link names.
pub const MAX_ZONES: u8 = 9;
/// Pods of one node, counting those that a restart has left behind: one byte, less the gateway and the network.
pub const MAX_PODS_PER_NODE: u8 = 250;

/// A node's number; the first is 1, as in its default name `node-1` and in its pods' addresses `10.81.1.x`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u8);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.0)
    }
}

/// A zone's number; the first is 1, as in its name `zone-1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zone(pub u8);

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "zone-{}", self.0)
    }
}

/// A pod: its node and the last part of its address, the first being 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodId {
    /// The node it is on.
    pub node: NodeId,
    /// The last part of its address.
    pub number: u8,
}

impl fmt::Display for PodId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pod .{} of {}", self.number, self.node)
    }
}

/// A namespace of the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Where {
    /// The router between the zones.
    Fabric,
    /// Where the server runs.
    Server,
    /// The node itself.
    Host(NodeId),
    /// A pod.
    Pod(PodId),
}

/// Which address families the cluster has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Families {
    /// IPv4 and IPv6.
    #[default]
    Both,
    /// IPv4 alone.
    V4,
    /// IPv6 alone.
    V6,
}

/// Whether unprivileged ICMP sockets may be opened (`net.ipv4.ping_group_range`).
///
/// It is fixed when the namespace is made: "nobody" is how a namespace begins, and the sandbox, which has one
/// group only, may not write that value back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ping {
    /// By our group, as in every distribution and in pods with the safe sysctl set.
    #[default]
    Permitted,
    /// By nobody: the kernel's own default, `1 0`.
    Refused,
}

/// Where the server runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerPlace {
    /// In a namespace beside the zones, 10.80.0.2: no fault of a node touches it.
    #[default]
    Own,
    /// In a pod of this node, as in a real cluster.
    BehindNode(NodeId),
}

/// One node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSpec {
    /// Its name; `None` for `node-K`.
    pub name: Option<String>,
    /// Its zone; `None` for 1 and 2 in turn.
    pub zone: Option<Zone>,
    /// Whether its first pod may ping.
    pub ping: Ping,
}

/// A cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spec {
    /// Its nodes, numbered from 1 in this order.
    pub nodes: Vec<NodeSpec>,
    /// Where its server runs.
    pub server: ServerPlace,
    /// Its address families.
    pub families: Families,
}

impl Spec {
    /// This many nodes, all else by default.
    pub fn nodes(count: usize) -> Self {
        Spec { nodes: vec![NodeSpec::default(); count], ..Spec::default() }
    }
}

/// A node's description with nothing left open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodePlan {
    pub(crate) id: NodeId,
    pub(crate) name: String,
    pub(crate) zone: Zone,
    pub(crate) ping: Ping,
}

impl NodePlan {
    /// Checks the description of the node that comes after `present`.
    pub(crate) fn new<'a>(
        spec: &NodeSpec,
        mut present: impl ExactSizeIterator<Item = &'a str>,
    ) -> Result<Self, LabError> {
        let number = present.len() + 1;
        let rule = |field: String, rule: &str| LabError::Spec { field, rule: rule.to_owned() };
        let id =
            u8::try_from(number).ok().filter(|_| number <= MAX_NODES).map(NodeId).ok_or_else(|| {
                rule("nodes".to_owned(), &format!("a cluster has at most {MAX_NODES} nodes"))
            })?;
        let name = spec.name.clone().unwrap_or_else(|| format!("node-{number}"));
        if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.') {
            return Err(rule(format!("nodes[{}].name", number - 1), "letters, digits, `-` and `.` only"));
        }
        if present.any(|other| other == name) {
            return Err(rule(format!("nodes[{}].name", number - 1), "another node has this name"));
        }
        let zone = spec.zone.unwrap_or(if number % 2 == 1 { Zone(1) } else { Zone(2) });
        if !(1..=MAX_ZONES).contains(&zone.0) {
            return Err(rule(format!("nodes[{}].zone", number - 1), &format!("from 1 to {MAX_ZONES}")));
        }
        Ok(NodePlan { id, name, zone, ping: spec.ping })
    }
}

#[cfg(test)]
mod tests;
