//! Agents that the server refuses although Kubernetes confirms their tokens: their requests come from an
//! address that is not their pod's, as behind a masquerade.
//!
//! Only confirmed tokens count here. What a token claims about itself anybody can write.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use meshvane_shared::name::NodeName;

use crate::mesh::time::Moment;

/// The reason, as in `meshvane_auth_refusals_total`.
pub const OTHER_ADDRESS: &str = "other_address";
/// A refusal counts for this long: agents try again every few seconds.
const COUNTS_FOR: Duration = Duration::from_secs(30);
/// Nodes that are kept: as many as there may be members.
const NODES_MAX: usize = 10_000;

/// The nodes whose agents are refused.
#[derive(Debug, Default)]
pub struct RefusedAgents {
    nodes: BTreeMap<NodeName, Refusal>,
}

/// The newest refusal of a node's agent.
#[derive(Debug, Clone, Copy)]
struct Refusal {
    from: IpAddr,
    last: Moment,
}

impl Refusal {
    fn counts(&self, now: Moment) -> bool {
        now.since(self.last) < COUNTS_FOR
    }
}

impl RefusedAgents {
    /// Takes note of a request with the confirmed token of this node's agent, from an address that is not its
    /// pod's.
    pub fn note(&mut self, node: &NodeName, from: IpAddr, now: Moment) {
        if self.nodes.len() >= NODES_MAX && !self.nodes.contains_key(node) {
            self.nodes.retain(|_, refusal| refusal.counts(now));
        }
        if self.nodes.len() < NODES_MAX || self.nodes.contains_key(node) {
            self.nodes.insert(node.clone(), Refusal { from: from.to_canonical(), last: now });
        }
    }

    /// The address that the refused agent of a node comes from; `None` when it is not refused now.
    pub fn from(&self, node: &NodeName, now: Moment) -> Option<IpAddr> {
        self.nodes.get(node).filter(|refusal| refusal.counts(now)).map(|refusal| refusal.from)
    }

    /// The nodes whose agents are refused now and the addresses that these come from, ordered by node.
    pub fn all(&self, now: Moment) -> impl Iterator<Item = (&NodeName, IpAddr)> {
        self.nodes
            .iter()
            .filter(move |(_, refusal)| refusal.counts(now))
            .map(|(node, refusal)| (node, refusal.from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_refusal_counts_while_the_agent_tries_again() {
        let mut refused = RefusedAgents::default();
        let (node, from) = (NodeName::parse("a").unwrap(), "10.0.0.9".parse().unwrap());
        refused.note(&node, from, at(0));
        refused.note(&node, from, at(3));
        assert_eq!((refused.from(&node, at(32)), refused.from(&node, at(33))), (Some(from), None));
        assert_eq!((refused.all(at(32)).count(), refused.all(at(33)).count()), (1, 0));
    }

    #[test]
    fn no_more_nodes_are_kept_than_there_may_be_members() {
        let mut refused = RefusedAgents::default();
        let node = |number: usize| NodeName::parse(&format!("node-{number}")).unwrap();
        let from = "10.0.0.9".parse().unwrap();
        for number in 0..=NODES_MAX {
            refused.note(&node(number), from, at(0));
        }
        assert_eq!((refused.nodes.len(), refused.from(&node(NODES_MAX), at(0))), (NODES_MAX, None));
        refused.note(&node(0), from, at(20));
        refused.note(&node(NODES_MAX), from, at(30));
        assert_eq!(refused.nodes.len(), 2, "those that no longer count make room");
    }
}
