//! Laying filters into namespaces, and whose addresses are whose.

use super::Broken;
use super::nft;
use super::rules::{single, whole};
use crate::LabError;
use crate::address::{Place, Subnet};
use crate::cluster::Cluster;
use crate::spec::{NodeId, Where};

impl Cluster {
    /// Loads a table of these chains, in `nft` syntax, family `inet`, into the namespace. Mending deletes it.
    pub fn filter(&self, place: Where, chains: &str) -> Result<Broken, LabError> {
        let netns = self.inner.netns(place)?;
        let table = format!("inet lab_{}", self.inner.next_number());
        nft::run(&netns, &format!("table {table} {{\n{chains}\n}}\n"))?;
        Ok(self.broken(move |cluster| {
            nft::run(&cluster.inner.netns(place)?, &format!("delete table {table}\n"))
        }))
    }

    /// Loads a table into each of these nodes.
    pub(super) fn filter_at(
        &self,
        nodes: &[NodeId],
        chains: impl Fn(NodeId) -> Result<String, LabError>,
    ) -> Result<Broken, LabError> {
        let mut all = self.intact();
        for node in nodes {
            all = all.before(self.filter(Where::Host(*node), &chains(*node)?)?);
        }
        Ok(all)
    }

    /// All nodes.
    pub(super) fn node_ids(&self) -> Vec<NodeId> {
        self.nodes().iter().map(|node| node.id).collect()
    }

    /// A node's own addresses.
    pub(super) fn host_subnets(&self, node: NodeId) -> Result<Vec<Subnet>, LabError> {
        Ok(single(self.node(node)?.host).collect())
    }

    /// The addresses of a node's pods: those it has and those it may get.
    pub(super) fn pod_subnets(&self, node: NodeId) -> Result<Vec<Subnet>, LabError> {
        Ok(whole(Place::pods(node), self.node(node)?.host).collect())
    }

    /// A node's addresses and those of its pods.
    pub(super) fn machine_subnets(&self, node: NodeId) -> Result<Vec<Subnet>, LabError> {
        Ok([self.host_subnets(node)?, self.pod_subnets(node)?].concat())
    }

    /// The server's addresses.
    pub(super) fn server_subnets(&self) -> Vec<Subnet> {
        single(self.server_addresses()).collect()
    }

    /// The server's addresses and those of everything that is beside the zones.
    pub(super) fn server_side_subnets(&self) -> Vec<Subnet> {
        let beside = whole(Place::server(), self.server_addresses());
        self.server_subnets().into_iter().chain(beside).collect()
    }
}
