//! After a restart: whom the agents that come back remember, and when judging may begin.
//!
//! A node that died before the restart never comes back by itself. The target lists of the others name it; when two of them
//! name the same address, or the only one that is heard, it is a lost member again. Until everybody who is known has reported, or one TTL is over,
//! silence means nothing and nothing is judged. Where nobody is heard for that long, as when the way to a new server takes
//! its time, the TTL begins with the first who is. Whom nobody reaches is waited for only as long as agents take to try
//! again. What agents remember counts for longer than that: some need minutes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::limits::{CONNECT_LIMIT, LATE_GRACE, RETRY_CAP};
use meshvane_shared::name::NodeName;
use meshvane_shared::plan::{Plan, Target};

use super::knocks::RENEWED_WITHIN;
use super::time::Moment;
use super::writer::Writer;

mod memories;

use memories::Memories;
pub use memories::{ALONE_MAX, LISTS_KEPT, LISTS_MAX_BYTES, VOTES_MAX};

/// Agents that live try again after at most [`RETRY_CAP`], and a connection takes [`CONNECT_LIMIT`] at most: so they are heard
/// this soon after the first one.
const BACK_WITHIN: Duration = RETRY_CAP.saturating_add(CONNECT_LIMIT).saturating_add(LATE_GRACE);

/// What the agents remember of the time before the start.
#[derive(Debug)]
pub struct Recall {
    started: Moment,
    ttl: Duration,
    /// When the time of remembering began, since somebody was heard.
    begun: Option<Moment>,
    memories: Memories,
    /// Who spoke for itself or was recalled: what others remember of it is older.
    known: BTreeSet<NodeName>,
    reported: BTreeSet<NodeName>,
    first_report: Option<Moment>,
}

impl Recall {
    /// Begins at the server's start.
    pub fn new(started: Moment, ttl: Duration) -> Self {
        Self {
            started,
            ttl,
            begun: None,
            memories: Memories::default(),
            known: BTreeSet::new(),
            reported: BTreeSet::new(),
            first_report: None,
        }
    }

    /// Tells whether agents' memories still count: for as long as it may take until they are let in.
    pub fn is_open(&self, now: Moment) -> bool {
        self.begun.is_none_or(|begun| now.since(begun) < self.ttl + RENEWED_WITHIN)
    }

    /// Notes that an agent was heard.
    pub fn heard(&mut self, node: &NodeName, now: Moment) {
        let in_time = now.since(self.started) < self.ttl;
        self.begun.get_or_insert(if in_time { self.started } else { now });
        if self.is_open(now) {
            self.known(node);
        }
    }

    /// Notes that a node is a member now, or was: it is not recalled (again).
    pub fn known(&mut self, node: &NodeName) {
        if !self.known.contains(node) {
            self.known.insert(node.clone());
        }
    }

    /// Notes that an agent reported a whole round to this start of the server.
    pub fn reported(&mut self, by: &NodeName, now: Moment) {
        self.first_report.get_or_insert(now);
        if self.is_open(now) && !self.reported.contains(by) {
            self.reported.insert(by.clone());
        }
    }

    /// Notes the target list that an agent brought from before the start, in a round that was taken.
    pub fn named(&mut self, by: &NodeName, writer: &Writer, plan: &Arc<Plan>, now: Moment) {
        if self.is_open(now) {
            self.memories.take(by, writer, plan);
        }
    }

    /// Forgets what agents remember, once it counts no longer.
    pub fn forget(&mut self) {
        self.memories = Memories::default();
    }

    /// The nodes that are members by the word of others, with their targets; `heard` are those that are heard now.
    pub fn recalled(&self, heard: &BTreeSet<NodeName>) -> Vec<(NodeName, Vec<Target>)> {
        self.memories.recalled(&self.known, heard)
    }

    /// Tells whether the first agents came so late that judging had begun without them: it pauses until it may begin.
    pub fn is_late(&self, now: Moment) -> bool {
        self.begun.is_some_and(|begun| begun > self.started && now.since(begun) < self.ttl)
    }

    /// Tells whether judging may begin: one TTL is over, or everybody whom anybody knows has reported; whom nobody reaches is
    /// missed sooner. While nobody is heard, what can be judged is what Kubernetes says.
    pub fn may_judge(
        &self,
        known: impl Iterator<Item = NodeName>,
        is_silent: impl Fn(&NodeName) -> bool,
        now: Moment,
    ) -> bool {
        if now.since(self.begun.unwrap_or(self.started)) >= self.ttl {
            return true;
        }
        let would_be_back = self.first_report.is_some_and(|first| now.since(first) >= BACK_WITHIN);
        let mut known = known.chain(self.memories.nodes().cloned()).peekable();
        known.peek().is_some()
            && known.all(|node| self.reported.contains(&node) || would_be_back && is_silent(&node))
    }
}

#[cfg(test)]
mod tests {
    use meshvane_shared::check::Plane;
    use meshvane_shared::plan::{Epoch, PlanVersion};

    use super::*;

    fn node(name: &str) -> NodeName {
        NodeName::parse(name).unwrap()
    }

    /// The list of a plan with these nodes.
    fn plan(names: &[&str]) -> Arc<Plan> {
        let version = PlanVersion { epoch: Epoch(7), generation: 1 };
        let target = |name: &&str| Target {
            node: node(name),
            plane: Plane::Host,
            address: "10.0.0.1".parse().unwrap(),
            port: None,
            zone: None,
        };
        Arc::new(Plan { version, targets: names.iter().map(target).collect() })
    }

    fn name(recall: &mut Recall, by: &str, nodes: &[&str]) {
        recall.named(&node(by), &Writer::Node(node(by)), &plan(nodes), EARLY);
    }

    /// Whose moments do not matter.
    const EARLY: Moment = Moment::from_millis(1_000);

    fn recalled(recall: &Recall, heard: &[&str]) -> Vec<String> {
        let heard = heard.iter().map(|name| node(name)).collect();
        recall.recalled(&heard).into_iter().map(|(node, _)| node.to_string()).collect()
    }

    #[test]
    fn a_node_is_recalled_by_two_or_by_all() {
        let mut recall = Recall::new(Moment::default(), Duration::from_secs(15));
        let names = |recall: &mut Recall, by: &str, nodes: &[&str]| {
            recall.heard(&node(by), EARLY);
            name(recall, by, nodes);
        };
        names(&mut recall, "a", &["a", "b", "c", "d"]);
        assert_eq!(recalled(&recall, &["a"]), ["b", "c", "d"]);
        assert_eq!(recalled(&recall, &["a", "b"]), [""; 0]);
        names(&mut recall, "b", &["a", "b", "c"]);
        assert_eq!(recalled(&recall, &["a", "b"]), ["c"]);
        recall.heard(&node("c"), EARLY);
        assert_eq!(recalled(&recall, &["a", "b", "c"]), [""; 0]);
        assert_eq!(recalled(&recall, &["a", "b"]), [""; 0], "it spoke, and whether it is a member is known");
        recall.known(&node("d"));
        assert_eq!(recalled(&recall, &["a"]), [""; 0], "once");
    }

    #[test]
    fn judging_waits_for_everybody_who_is_known_or_for_one_ttl() {
        let mut recall = Recall::new(Moment::default(), Duration::from_secs(15));
        let may = |recall: &Recall, millis| {
            recall.may_judge([node("a")].into_iter(), |_| false, Moment::from_millis(millis))
        };
        assert!(!recall.may_judge(std::iter::empty(), |_| true, Moment::from_millis(14_999)));
        assert!(!may(&recall, 1_000));
        name(&mut recall, "a", &["a", "b"]);
        recall.reported(&node("a"), EARLY);
        assert!(!may(&recall, 14_999));
        recall.reported(&node("b"), EARLY);
        assert!(may(&recall, 3_000));
        let new = Recall::new(Moment::default(), Duration::from_secs(15));
        assert!(new.may_judge(std::iter::empty(), |_| true, Moment::from_millis(15_000)));
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
        assert_eq!([8_999, 9_000].map(|millis| may(&recall, millis)), [false, true]);
        name(&mut recall, "a", &["c"]);
        assert!(!may(&recall, 14_000), "c may be slow to come back");
    }

    #[test]
    fn waiting_begins_with_the_first_who_is_heard_where_nobody_is_for_one_ttl() {
        let at = Moment::from_millis;
        let new = || Recall::new(Moment::default(), Duration::from_secs(15));
        let may = |recall: &Recall, millis| recall.may_judge([node("a")].into_iter(), |_| false, at(millis));
        let (mut soon, mut late) = (new(), new());
        soon.heard(&node("a"), at(14_999));
        assert_eq!([14_999, 15_000].map(|millis| may(&soon, millis)), [false, true]);
        assert!([14_999, 15_000].iter().all(|millis| !soon.is_late(at(*millis))));
        assert!(may(&late, 15_000) && !late.is_late(at(60_000)));
        late.heard(&node("a"), at(60_000));
        late.heard(&node("a"), at(65_000));
        for (millis, waits) in [(60_000, true), (74_999, true), (75_000, false)] {
            assert_eq!([late.is_late(at(millis)), !may(&late, millis)], [waits; 2], "{millis}");
        }
        late.reported(&node("a"), at(61_000));
        assert!(may(&late, 61_000));
    }

    #[test]
    fn memories_count_for_as_long_as_agents_may_need_to_be_let_in() {
        let at = |seconds: i64| Moment::from_millis(seconds * 1_000);
        let mut recall = Recall::new(Moment::default(), Duration::from_secs(15));
        assert!(recall.is_open(at(10_000)), "nobody was heard yet");
        recall.heard(&node("a"), at(10));
        assert_eq!([194, 195].map(|second| recall.is_open(at(second))), [true, false]);
        recall.heard(&node("b"), at(195));
        assert!(!recall.known.contains(&node("b")), "nodes that come and go are not kept for ever");
    }
}
