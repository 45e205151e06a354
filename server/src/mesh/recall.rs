//! After a restart: whom the agents that come back remember, and when judging may begin.
//!
//! A node that died before the restart never comes back by itself. The target lists of the others name it; when two of them
//! do, or all that are heard, it is a lost member again. Until everybody who is known has reported, or one TTL is over,
//! silence means nothing and nothing is judged. Whom all that are heard look for in vain is waited for only as long as
//! agents take to try again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use meshvane_shared::limits::{LATE_GRACE, RETRY_CAP};
use meshvane_shared::name::NodeName;
use meshvane_shared::plan::Target;

use super::time::Moment;

/// Agents that must name a node, unless fewer are heard at all: one alone may hold an outdated list.
const NAMED_BY: usize = 2;

/// Agents that live try again after at most [`RETRY_CAP`], so they are heard this soon after the first one.
const BACK_WITHIN: Duration = RETRY_CAP.saturating_add(LATE_GRACE);

/// What the agents remember of the time before the start.
#[derive(Debug)]
pub struct Recall {
    started: Moment,
    ttl: Duration,
    named: BTreeMap<NodeName, Named>,
    reported: BTreeSet<NodeName>,
    first_report: Option<Moment>,
}

#[derive(Debug)]
struct Named {
    by: BTreeSet<NodeName>,
    targets: Vec<Target>,
}

impl Recall {
    /// Begins at the server's start.
    pub fn new(started: Moment, ttl: Duration) -> Self {
        Self { started, ttl, named: BTreeMap::new(), reported: BTreeSet::new(), first_report: None }
    }

    /// Tells whether agents' memories still count.
    pub fn is_open(&self, now: Moment) -> bool {
        now.since(self.started) < self.ttl
    }

    /// Notes that an agent reported a whole round to this start of the server.
    pub fn reported(&mut self, by: &NodeName, now: Moment) {
        self.first_report.get_or_insert(now);
        self.reported.insert(by.clone());
    }

    /// Notes the target list that an agent brought from before the start.
    pub fn named(&mut self, by: &NodeName, targets: &[Target]) {
        for target in targets {
            let named = self
                .named
                .entry(target.node.clone())
                .or_insert_with(|| Named { by: BTreeSet::new(), targets: Vec::new() });
            if named.by.insert(by.clone()) || !named.targets.contains(target) {
                named.targets.retain(|known| known.key() != target.key());
                named.targets.push(target.clone());
            }
        }
    }

    /// The nodes that are members by the word of others, with their targets; `heard` are those that speak for
    /// themselves.
    pub fn recalled(&self, heard: &BTreeSet<NodeName>) -> Vec<(NodeName, Vec<Target>)> {
        let enough =
            |named: &Named| named.by.len() >= NAMED_BY || heard.iter().all(|node| named.by.contains(node));
        self.named
            .iter()
            .filter(|(node, named)| !heard.contains(*node) && enough(named))
            .map(|(node, named)| (node.clone(), named.targets.clone()))
            .collect()
    }

    /// Tells whether judging may begin: one TTL is over, or everybody whom anybody knows has reported. Whom nobody reaches is
    /// missed sooner.
    pub fn may_judge(
        &self,
        known: impl Iterator<Item = NodeName>,
        is_silent: impl Fn(&NodeName) -> bool,
        now: Moment,
    ) -> bool {
        if !self.is_open(now) {
            return true;
        }
        let would_be_back = self.first_report.is_some_and(|first| now.since(first) >= BACK_WITHIN);
        let mut known = known.chain(self.named.keys().cloned()).peekable();
        known.peek().is_some()
            && known.all(|node| self.reported.contains(&node) || would_be_back && is_silent(&node))
    }
}

#[cfg(test)]
mod tests {
    use meshvane_shared::check::Plane;

    use super::*;

    fn node(name: &str) -> NodeName {
        NodeName::parse(name).unwrap()
    }

    fn targets(names: &[&str]) -> Vec<Target> {
        let target = |name: &&str| Target {
            node: node(name),
            plane: Plane::Host,
            address: "10.0.0.1".parse().unwrap(),
            port: None,
            zone: None,
        };
        names.iter().map(target).collect()
    }

    fn recalled(recall: &Recall, heard: &[&str]) -> Vec<String> {
        let heard = heard.iter().map(|name| node(name)).collect();
        recall.recalled(&heard).into_iter().map(|(node, _)| node.to_string()).collect()
    }

    #[test]
    fn a_node_is_recalled_by_two_or_by_all() {
        let mut recall = Recall::new(Moment::default(), Duration::from_secs(15));
        recall.named(&node("a"), &targets(&["a", "b", "c", "d"]));
        assert_eq!(recalled(&recall, &["a"]), ["b", "c", "d"]);
        assert_eq!(recalled(&recall, &["a", "b"]), [""; 0]);
        recall.named(&node("b"), &targets(&["a", "b", "c"]));
        assert_eq!(recalled(&recall, &["a", "b"]), ["c"]);
        assert_eq!(recalled(&recall, &["a", "b", "c"]), [""; 0]);
    }

    #[test]
    fn judging_waits_for_everybody_who_is_known_or_for_one_ttl() {
        let mut recall = Recall::new(Moment::default(), Duration::from_secs(15));
        let at = Moment::from_millis;
        let may = |recall: &Recall, millis| recall.may_judge([node("a")].into_iter(), |_| false, at(millis));
        let nobody = |recall: &Recall, millis| recall.may_judge(std::iter::empty(), |_| true, at(millis));
        assert!(!nobody(&recall, 14_999));
        assert!(!may(&recall, 1_000));
        recall.named(&node("a"), &targets(&["a", "b"]));
        recall.reported(&node("a"), at(1_500));
        assert!(!may(&recall, 14_999));
        recall.reported(&node("b"), at(2_500));
        assert!(may(&recall, 3_000));
        assert!(nobody(&Recall::new(Moment::default(), Duration::from_secs(15)), 15_000));
    }

    #[test]
    fn a_node_that_nobody_reaches_is_waited_for_as_long_as_agents_take_to_try_again() {
        let mut recall = Recall::new(Moment::default(), Duration::from_secs(15));
        let may = |recall: &Recall, millis| {
            let known = ["a", "b"].map(node).into_iter();
            recall.may_judge(known, |silent| *silent == node("b"), Moment::from_millis(millis))
        };
        assert!(!may(&recall, 14_000));
        recall.reported(&node("a"), Moment::from_millis(2_000));
        assert!(!may(&recall, 6_999));
        assert!(may(&recall, 7_000));
        recall.named(&node("a"), &targets(&["c"]));
        assert!(!may(&recall, 14_000), "c may be slow to come back");
    }
}
