//! Faults of a whole plane or address family, and of nodes that swallow all.

use super::Broken;
use super::rules::{What, about, accept, arriving, chain, drop_all, drop_between, drop_to, leaving, push};
use crate::LabError;
use crate::address::Family;
use crate::cluster::{Cluster, UPLINK};
use crate::fault::Server;
use crate::spec::{NodeId, Where};

/// On which of its addresses a node is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutPlane {
    /// The node's own.
    Host,
    /// Those of its pods.
    Pod,
}

/// Where an address family is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FamilyAt {
    /// At this node and its pods.
    Node(NodeId),
    /// At every node.
    Everywhere,
}

impl Cluster {
    /// The overlay is broken at this node: nothing passes between its pods and those of other nodes. The
    /// heartbeat reaches the server, hosts reach and are reached, also by its pods.
    pub fn pod_plane_cut(&self, node: NodeId) -> Result<Broken, LabError> {
        let own = self.pod_subnets(node)?;
        let mut others = Vec::new();
        for other in self.nodes().iter().filter(|other| other.id != node) {
            others.extend(self.pod_subnets(other.id)?);
        }
        let mut rules = accept(&self.server_subnets());
        rules.push_str(&drop_between(&own, &others, What::Everything));
        rules.push_str(&drop_between(&others, &own, What::Everything));
        self.filter(Where::Host(node), &chain("forward", &rules))
    }

    /// The node forwards nothing for its pods but traffic with the server: they reach nobody and are reached by
    /// nobody, the node itself answers.
    pub fn pods_isolated(&self, node: NodeId) -> Result<Broken, LabError> {
        let mut rules = accept(&self.server_subnets());
        push(&mut rules, "drop");
        self.filter(Where::Host(node), &chain("forward", &rules))
    }

    /// The node itself answers nobody: what arrives for its own addresses is dropped. What it forwards for its pods
    /// passes, so its agent reaches all others, is reached, and heartbeats.
    pub fn host_plane_cut(&self, node: NodeId) -> Result<Broken, LabError> {
        let rules = drop_to(&self.host_subnets(node)?, What::Everything);
        self.filter(Where::Host(node), &arriving(&rules))
    }

    /// These nodes, and their pods, swallow all that arrives, without a word; neighbour discovery goes on, so
    /// that no other node's kernel reports them unreachable.
    pub fn silence(&self, nodes: &[NodeId], server: Server) -> Result<Broken, LabError> {
        let mut rules = String::new();
        match server {
            Server::Spared => rules.push_str(&accept(&self.server_subnets())),
            Server::CutOff => {}
        }
        push(&mut rules, &format!("iifname {UPLINK} drop"));
        self.filter_at(nodes, |_| Ok(arriving(&rules)))
    }

    /// One address family is dead, on both planes and in both directions; traffic with the server is spared in both
    /// families.
    pub fn family_cut(&self, at: FamilyAt, family: Family) -> Result<Broken, LabError> {
        let mut rules = accept(&self.server_subnets());
        rules.push_str(&drop_all(What::Everything, family));
        let nodes = match at {
            FamilyAt::Node(node) => vec![node],
            FamilyAt::Everywhere => self.node_ids(),
        };
        self.filter_at(&nodes, |_| Ok(format!("{}{}", arriving(&rules), leaving(&rules))))
    }

    /// Nothing passes between the server and any node; the nodes reach each other. Its loopback works.
    pub fn server_cut_off(&self) -> Result<Broken, LabError> {
        let rules = about(&self.server_subnets(), "drop");
        self.filter(Where::Server, &format!("{}{}", arriving(&rules), leaving(&rules)))
    }
}
