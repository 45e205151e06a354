//! After a restart: whom the agents that come back remember, and when judging may begin.
//!
//! A node that died before the restart never comes back by itself. The target lists of the others name it; when two of them
//! do, or all that are heard, it is a lost member again. Until everybody who is known has reported, or one TTL is over,
//! silence means nothing and nothing is judged. Where nobody is heard for that long, as when the way to a new server takes
//! its time, the TTL begins with the first who is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use meshvane_shared::name::NodeName;
use meshvane_shared::plan::Target;

use super::time::Moment;

/// Agents that must name a node, unless fewer are heard at all: one alone may hold an outdated list.
const NAMED_BY: usize = 2;

/// What the agents remember of the time before the start.
#[derive(Debug)]
pub struct Recall {
    started: Moment,
    ttl: Duration,
    /// When the time of remembering began, since somebody was heard.
    begun: Option<Moment>,
    named: BTreeMap<NodeName, Named>,
    reported: BTreeSet<NodeName>,
}

#[derive(Debug)]
struct Named {
    by: BTreeSet<NodeName>,
    targets: Vec<Target>,
}

impl Recall {
    /// Begins at the server's start.
    pub fn new(started: Moment, ttl: Duration) -> Self {
        Self { started, ttl, begun: None, named: BTreeMap::new(), reported: BTreeSet::new() }
    }

    /// Tells whether agents' memories still count.
    pub fn is_open(&self, now: Moment) -> bool {
        self.begun.is_none_or(|begun| now.since(begun) < self.ttl)
    }

    /// Notes that an agent was heard.
    pub fn heard(&mut self, now: Moment) {
        let in_time = now.since(self.started) < self.ttl;
        self.begun.get_or_insert(if in_time { self.started } else { now });
    }

    /// Notes that an agent reported a whole round to this start of the server.
    pub fn reported(&mut self, by: &NodeName) {
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

    /// Tells whether the first agents came so late that judging had begun without them: it pauses until it may begin.
    pub fn is_late(&self, now: Moment) -> bool {
        self.is_open(now) && self.begun.is_some_and(|begun| begun > self.started)
    }

    /// Tells whether judging may begin: one TTL is over, or everybody whom anybody knows has reported. While nobody is heard,
    /// what can be judged is what Kubernetes says.
    pub fn may_judge(&self, known: impl Iterator<Item = NodeName>, now: Moment) -> bool {
        if now.since(self.begun.unwrap_or(self.started)) >= self.ttl {
            return true;
        }
        let mut known = known.chain(self.named.keys().cloned()).peekable();
        known.peek().is_some() && known.all(|node| self.reported.contains(&node))
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
        let may =
            |recall: &Recall, millis| recall.may_judge([node("a")].into_iter(), Moment::from_millis(millis));
        assert!(!recall.may_judge(std::iter::empty(), Moment::from_millis(14_999)));
        assert!(!may(&recall, 1_000));
        recall.named(&node("a"), &targets(&["a", "b"]));
        recall.reported(&node("a"));
        assert!(!may(&recall, 2_000));
        recall.reported(&node("b"));
        assert!(may(&recall, 3_000));
    }

    #[test]
    fn remembering_begins_with_the_first_who_is_heard_where_nobody_is_for_one_ttl() {
        let at = Moment::from_millis;
        let new = || Recall::new(Moment::default(), Duration::from_secs(15));
        let may = |recall: &Recall, millis| recall.may_judge([node("a")].into_iter(), at(millis));
        let (mut soon, mut late) = (new(), new());
        soon.heard(at(14_999));
        assert_eq!([14_999, 15_000].map(|millis| soon.is_open(at(millis))), [true, false]);
        assert!([14_999, 15_000].iter().all(|millis| !soon.is_late(at(*millis))));
        assert!(may(&late, 15_000) && late.is_open(at(60_000)) && !late.is_late(at(60_000)));
        late.heard(at(60_000));
        late.heard(at(65_000));
        for (millis, open) in [(60_000, true), (74_999, true), (75_000, false)] {
            let seen = [late.is_open(at(millis)), late.is_late(at(millis)), !may(&late, millis)];
            assert_eq!(seen, [open; 3], "{millis}");
        }
        late.reported(&node("a"));
        assert!(may(&late, 61_000));
    }
}
