//! Address translation on the way to the server.

use super::Broken;
use super::nft;
use super::rules::masquerade_to;
use crate::LabError;
use crate::cluster::Cluster;
use crate::spec::{NodeId, Where};

impl Cluster {
    /// What the node's pods send to the server leaves with the node's own address, as behind a masquerade that covers too
    /// much. Everything else keeps its address.
    ///
    /// Mending ends it for connections that begin later. Those that are open keep the other address as long as they
    /// last, as in a cluster where the kernel has other translations to remember: the table stays without that rule.
    pub fn masqueraded(&self, node: NodeId) -> Result<Broken, LabError> {
        self.node(node)?;
        let place = Where::Host(node);
        let table = format!("inet lab_{}", self.inner.next_number());
        let rules = masquerade_to(&self.server_subnets());
        nft::run(&self.inner.netns(place)?, &format!("table {table} {{\n{rules}\n}}\n"))?;
        Ok(self.broken(move |cluster| {
            nft::run(&cluster.inner.netns(place)?, &format!("flush chain {table} postrouting\n"))
        }))
    }
}
