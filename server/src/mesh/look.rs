//! Looks: which nodes are under suspicion and who is asked to look at them now.

use std::collections::VecDeque;
use std::time::Duration;

use meshvane_shared::limits::LOOKS_MAX;
use meshvane_shared::name::NodeName;

use super::time::Moment;

/// Observers that are asked at once beside the one that suspects: enough to tell a node from a link, few enough that a
/// suspicion at 5,000 nodes is no storm.
pub const LOOK_OBSERVERS: usize = 8;
/// A node that is under suspicion already is not looked at again sooner: a burst takes 1.6 s.
pub const LOOK_PERIOD: Duration = Duration::from_secs(2);
/// A look that nobody fetched is worth nothing after this: by then every agent probed the node by its own plan.
pub const LOOK_KEPT: Duration = Duration::from_secs(10);

/// The looks that were asked for.
#[derive(Debug, Default)]
pub struct LookBook {
    newest: u64,
    looks: VecDeque<Look>,
}

#[derive(Debug)]
struct Look {
    number: u64,
    node: NodeName,
    raised: Moment,
}

impl LookBook {
    /// Asks for a look at a node. Returns whether there is a new one to fetch.
    pub fn raise(&mut self, node: &NodeName, now: Moment) -> bool {
        self.looks.retain(|look| now.since(look.raised) < LOOK_KEPT);
        let asked = self.looks.iter().any(|look| look.node == *node && now.since(look.raised) < LOOK_PERIOD);
        // More suspects than this at once are a wide outage, which every agent sees by itself.
        if asked || self.looks.len() >= LOOKS_MAX {
            return false;
        }
        self.newest += 1;
        self.looks.push_back(Look { number: self.newest, node: node.clone(), raised: now });
        true
    }

    /// The number of the newest look.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// The nodes to look at whose looks are newer than `seen`, each once.
    pub fn after(&self, seen: u64, now: Moment) -> Vec<NodeName> {
        let mut nodes: Vec<NodeName> = self
            .looks
            .iter()
            .filter(|look| look.number > seen && now.since(look.raised) < LOOK_KEPT)
            .map(|look| look.node.clone())
            .collect();
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }
}

/// Tells whether an agent is among those that look at a node: all of them in a small mesh, otherwise some that are chosen by
/// the two names alone, so that every node has its own.
pub fn is_asked(agent: &NodeName, node: &NodeName, members: usize) -> bool {
    if agent == node {
        return false;
    }
    if members <= LOOK_OBSERVERS + 1 {
        return true;
    }
    let share =
        u64::MAX / u64::try_from(members).unwrap_or(u64::MAX) * u64::try_from(LOOK_OBSERVERS).unwrap_or(1);
    mix(agent.as_str().bytes().chain([0]).chain(node.as_str().bytes())) < share
}

/// FNV-1a with a final avalanche: the same on every machine and in every version, which the standard hasher is not.
fn mix(bytes: impl Iterator<Item = u8>) -> u64 {
    let folded = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let spread = (folded ^ (folded >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    spread ^ (spread >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: usize) -> NodeName {
        NodeName::parse(&format!("node-{number}")).unwrap()
    }

    #[test]
    fn a_node_is_looked_at_once_in_two_seconds_and_a_look_is_kept_for_ten() {
        let mut book = LookBook::default();
        let at = Moment::from_millis;
        assert!(book.raise(&node(1), at(0)));
        assert!(!book.raise(&node(1), at(1_999)));
        assert!(book.raise(&node(2), at(1_999)));
        assert!(book.raise(&node(1), at(2_000)));
        assert_eq!(book.after(0, at(2_000)), [node(1), node(2)]);
        assert_eq!(book.after(2, at(2_000)), [node(1)]);
        assert_eq!(book.after(book.newest(), at(2_000)), []);
        assert_eq!(book.after(0, at(12_000)), []);
    }

    #[test]
    fn a_wide_outage_raises_a_bounded_number_of_looks() {
        let mut book = LookBook::default();
        let raised = (0..500).filter(|number| book.raise(&node(*number), Moment::default())).count();
        assert_eq!(raised, LOOKS_MAX);
    }

    #[test]
    fn all_look_in_a_small_mesh_and_about_eight_in_a_large_one() {
        assert!((1..9).all(|number| is_asked(&node(number), &node(0), 9)));
        assert!(!is_asked(&node(0), &node(0), 9));
        for target in 0..20 {
            let asked = (0..1_000).filter(|number| is_asked(&node(*number), &node(target), 1_000)).count();
            assert!((1..=24).contains(&asked), "{asked} look at node-{target}");
        }
    }
}
