//! Faults between single nodes, and of nodes in one direction.
//!
//! A *new flow* is an echo request or a SYN. Heartbeats are spared by all of them.

use super::rules::{What, accept, arriving, drop_all, drop_between, leaving};
use super::{Broken, CutPlane};
use crate::LabError;
use crate::address::Family;
use crate::cluster::Cluster;
use crate::spec::{NodeId, Where};

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

impl Cluster {
    /// The node, with its pods, is reached by nobody: new flows from elsewhere are dropped. What it begins itself
    /// works.
    pub fn node_deaf(&self, node: NodeId) -> Result<Broken, LabError> {
        let mut rules = accept(&self.server_subnets());
        rules.extend(FAMILIES.map(|family| drop_all(What::NewFlows, family)));
        self.filter(Where::Host(node), &arriving(&rules))
    }

    /// The node, with its pods, reaches nobody but the server and what is beside it: new flows of its own are
    /// dropped. It answers others.
    pub fn node_mute(&self, node: NodeId) -> Result<Broken, LabError> {
        let mut rules = accept(&self.server_side_subnets());
        rules.extend(FAMILIES.map(|family| drop_all(What::NewFlows, family)));
        self.filter(Where::Host(node), &leaving(&rules))
    }

    /// New flows from the one node, with its pods, to the other are dropped. Answers pass, and new flows the other
    /// way.
    pub fn flows_blocked(&self, from: NodeId, to: NodeId) -> Result<Broken, LabError> {
        self.dropped_on_arrival(&[from], to, What::NewFlows)
    }

    /// Every packet from the one node, with its pods, to the other is dropped: also the answers to what the other
    /// begins.
    pub fn packets_lost(&self, from: NodeId, to: NodeId) -> Result<Broken, LabError> {
        self.dropped_on_arrival(&[from], to, What::Everything)
    }

    /// Two nodes do not reach each other: their pods on the pod plane, the pods of each the other's host address on
    /// the host plane, everything without a plane.
    pub fn pair_cut(&self, a: NodeId, b: NodeId, plane: Option<CutPlane>) -> Result<Broken, LabError> {
        let Some(plane) = plane else {
            return self.block_cut(&[a], &[b]);
        };
        let (a_pods, b_pods) = (self.pod_subnets(a)?, self.pod_subnets(b)?);
        let pairs = match plane {
            CutPlane::Pod => vec![(a_pods, b_pods)],
            CutPlane::Host => vec![(a_pods, self.host_subnets(b)?), (self.host_subnets(a)?, b_pods)],
        };
        let mut rules = accept(&self.server_subnets());
        for (of_a, of_b) in &pairs {
            rules.push_str(&drop_between(of_a, of_b, What::Everything));
            rules.push_str(&drop_between(of_b, of_a, What::Everything));
        }
        // Whatever passes between the two arrives at one of them.
        self.filter_at(&[a, b], |_| Ok(arriving(&rules)))
    }

    /// Nothing passes between a node of the one set and a node of the other; within a set all is well.
    pub fn block_cut(&self, left: &[NodeId], right: &[NodeId]) -> Result<Broken, LabError> {
        let mut all = self.intact();
        for (from, to) in [(left, right), (right, left)] {
            for node in to {
                all = all.before(self.dropped_on_arrival(from, *node, What::Everything)?);
            }
        }
        Ok(all)
    }

    fn dropped_on_arrival(&self, from: &[NodeId], to: NodeId, what: What) -> Result<Broken, LabError> {
        let mut sources = Vec::new();
        for node in from {
            sources.extend(self.machine_subnets(*node)?);
        }
        let mut rules = accept(&self.server_subnets());
        rules.push_str(&drop_between(&sources, &self.machine_subnets(to)?, what));
        self.filter(Where::Host(to), &arriving(&rules))
    }
}
