//! Faults of whole zones.

use super::Broken;
use super::rules::{about, arriving, leaving};
use crate::LabError;
use crate::cluster::Cluster;
use crate::spec::{NodeId, Zone};

/// On which side of a cut the server is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// On none: every node reaches it.
    Outside,
    /// With this zone: only nodes on that zone's side of the cut reach it.
    Inside(Zone),
}

impl Cluster {
    /// The zone and all other zones do not reach each other; each side is fine within itself.
    pub fn zone_cut(&self, zone: Zone, server: Side) -> Result<Broken, LabError> {
        let inside = self.nodes_of(zone)?;
        let outside: Vec<_> = self.node_ids().into_iter().filter(|node| !inside.contains(node)).collect();
        let without_server = match server {
            Side::Outside => &[],
            Side::Inside(with) if with == zone => outside.as_slice(),
            Side::Inside(with) => {
                self.nodes_of(with)?;
                inside.as_slice()
            }
        };
        let cut = self.block_cut(&inside, &outside)?;
        let rules = about(&self.server_subnets(), "drop");
        let filter =
            self.filter_at(without_server, |_| Ok(format!("{}{}", arriving(&rules), leaving(&rules))))?;
        Ok(cut.before(filter))
    }

    /// Every node of the zone loses its power.
    pub fn zone_down(&self, zone: Zone) -> Result<Broken, LabError> {
        let nodes = self.nodes_of(zone)?;
        let mut cards = self.intact();
        // All cards first: nothing says goodbye, and nobody sees one node go before the other for long.
        for node in &nodes {
            cards = cards.before(self.host_link_down(*node)?);
        }
        Ok(cards.before(self.killed(self.all_on(&nodes))))
    }

    /// The nodes of a zone, by number.
    fn nodes_of(&self, zone: Zone) -> Result<Vec<NodeId>, LabError> {
        let nodes: Vec<_> =
            self.nodes().iter().filter(|node| node.zone == zone).map(|node| node.id).collect();
        if nodes.is_empty() { Err(LabError::Unknown(format!("node in {zone}"))) } else { Ok(nodes) }
    }
}
