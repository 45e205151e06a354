//! Faults of one protocol: echo requests that are dropped, ports that refuse or say nothing.

use super::rules::{What, accept, arriving, chain, drop_to, to_port};
use super::{Broken, CutPlane};
use crate::LabError;
use crate::cluster::{Cluster, HOST_PORT};
use crate::spec::{NodeId, Where};

/// Where an agent answers for itself: the product's default for `CLIENT_PORT`.
pub const AGENT_PORT: u16 = 6100;

/// Where echo requests are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IcmpAt {
    /// Towards this node and its pods.
    Node(NodeId),
    /// Towards all nodes, or all pods.
    Plane(CutPlane),
    /// Towards every node and every pod.
    Everywhere,
}

/// Where a port is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortAt {
    /// At this node.
    Node(NodeId),
    /// At every node.
    Everywhere,
}

/// How a port is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Block {
    /// Without a word.
    Drop,
    /// With a reset, as when nobody listens.
    Refuse,
}

impl Block {
    pub(crate) fn verdict(self) -> &'static str {
        match self {
            Block::Drop => "drop",
            Block::Refuse => "reject with tcp reset",
        }
    }
}

impl Cluster {
    /// Echo requests are dropped; TCP goes on, and so do echo requests of the victims.
    pub fn icmp_dropped(&self, at: IcmpAt) -> Result<Broken, LabError> {
        let (nodes, plane) = match at {
            IcmpAt::Node(node) => (vec![node], None),
            IcmpAt::Plane(plane) => (self.node_ids(), Some(plane)),
            IcmpAt::Everywhere => (self.node_ids(), None),
        };
        self.filter_at(&nodes, |node| {
            let towards = match plane {
                Some(CutPlane::Host) => self.host_subnets(node)?,
                Some(CutPlane::Pod) => self.pod_subnets(node)?,
                None => self.machine_subnets(node)?,
            };
            let mut rules = accept(&self.server_subnets());
            rules.push_str(&drop_to(&towards, What::Echoes));
            Ok(arriving(&rules))
        })
    }

    /// The port that every node has, [`HOST_PORT`], is blocked on the node's own addresses.
    pub fn port_blocked(&self, at: PortAt, block: Block) -> Result<Broken, LabError> {
        let nodes = match at {
            PortAt::Node(node) => vec![node],
            PortAt::Everywhere => self.node_ids(),
        };
        self.filter_at(&nodes, |node| {
            let rules = to_port(&self.host_subnets(node)?, HOST_PORT, block.verdict());
            Ok(chain("input", &rules))
        })
    }

    /// The agent's own port, [`AGENT_PORT`], is blocked on the addresses of the node's pods.
    pub fn agent_port_blocked(&self, node: NodeId, block: Block) -> Result<Broken, LabError> {
        let rules = to_port(&self.pod_subnets(node)?, AGENT_PORT, block.verdict());
        self.filter(Where::Host(node), &chain("forward", &rules))
    }
}
