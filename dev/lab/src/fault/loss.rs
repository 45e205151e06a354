//! Random loss, and loss of a single packet.

use super::Broken;
use super::rules::{accept, arriving, push};
use crate::LabError;
use crate::cluster::Cluster;
use crate::spec::{NodeId, Where};

/// So many echo requests pass before another would be dropped: more than any run sends, and half of what the
/// kernel's counter takes.
const ONCE_IN: u32 = 1 << 31;

impl Cluster {
    /// Every packet between two nodes or their pods is lost with this probability, in hundredths, each way by itself.
    /// Traffic with the server is spared.
    pub fn random_loss(&self, percent: u8) -> Result<Broken, LabError> {
        if percent > 100 {
            return Err(LabError::Spec { field: "percent".to_owned(), rule: "from 0 to 100".to_owned() });
        }
        let mut rules = accept(&self.server_side_subnets());
        // `nft` refuses comparisons that are always true or always false.
        match percent {
            0 => {}
            1..100 => push(&mut rules, &format!("numgen random mod 100 < {percent} drop")),
            100.. => push(&mut rules, "drop"),
        }
        // On arrival alone: every packet arrives at one node.
        self.filter_at(&self.node_ids(), |_| Ok(arriving(&rules)))
    }

    /// One echo request to the node or its pods is dropped: the next, and no other.
    pub fn one_lost_probe(&self, node: NodeId) -> Result<Broken, LabError> {
        // One rule counts for both families.
        let lose = format!("chain lose {{\nnumgen inc mod {ONCE_IN} 0 drop\n}}\n");
        let rules = "icmp type echo-request jump lose\nicmpv6 type echo-request jump lose\n";
        self.filter(Where::Host(node), &format!("{lose}{}", arriving(rules)))
    }
}
