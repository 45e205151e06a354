//! Where a fault happens.

use meshvane_shared::name::{NodeName, ServiceAddress, Zone};

/// A node of the mesh.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The name that findings use.
    pub name: NodeName,
    /// The zone, where nodes have zones.
    pub zone: Option<Zone>,
}

/// The mesh and the place in it where a fault happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// All nodes, at least one. Their numbers are their positions here.
    pub nodes: Vec<Node>,
    /// The number of the node that breaks. Zone faults break its zone.
    pub victim: usize,
    /// The service that agents check.
    pub service: ServiceAddress,
    /// The port that agents check on host addresses.
    pub host_port: u16,
}

impl Places {
    /// The node after the victim; the first node where the victim is the last.
    ///
    /// In a mesh of one node it is the victim: faults of a pair need two nodes.
    pub fn second(&self) -> usize {
        (self.victim + 1) % self.nodes.len()
    }

    /// The first node that is neither the victim nor the second.
    ///
    /// In a mesh of two nodes it is the victim: faults of three nodes need three.
    pub fn third(&self) -> usize {
        let is_free = |node: &usize| ![self.victim, self.second()].contains(node);
        (0..self.nodes.len()).find(is_free).unwrap_or(self.victim)
    }

    /// The nodes of the victim's zone, the victim among them. Without zones it is the victim alone.
    pub fn zone(&self) -> Vec<usize> {
        let zone = &self.nodes[self.victim].zone;
        let is_inside =
            |node: &usize| *node == self.victim || zone.is_some() && self.nodes[*node].zone == *zone;
        (0..self.nodes.len()).filter(is_inside).collect()
    }

    /// All nodes but these.
    pub fn others(&self, nodes: &[usize]) -> Vec<usize> {
        (0..self.nodes.len()).filter(|node| !nodes.contains(node)).collect()
    }

    /// The name of a node.
    pub(crate) fn name(&self, node: usize) -> NodeName {
        self.nodes[node].name.clone()
    }
}
