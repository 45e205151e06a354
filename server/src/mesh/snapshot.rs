//! Everything that is known at one moment: the input of observing, judging and reporting.

use std::sync::Arc;

use meshvane_shared::name::NodeName;
use meshvane_shared::plan::Plan;
use meshvane_shared::wire::agents::MemberState;

use super::knocks::Knocks;
use super::member::{Member, Origin, Timing};
use super::row::Row;
use super::time::{Moment, Now};

/// The mesh at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The moment.
    pub now: Now,
    /// When silence becomes loss.
    pub timing: Timing,
    /// The present plan.
    pub plan: Arc<Plan>,
    /// The members that are not gone, ordered by node.
    pub nodes: Vec<NodeView>,
}

/// One member at that moment.
#[derive(Debug, Clone)]
pub struct NodeView {
    /// The member.
    pub member: Arc<Member>,
    /// Its state.
    pub state: MemberState,
    /// What it reports.
    pub row: Option<Arc<Row>>,
    /// When a cell that looks at this node last went from failing to answering.
    pub recovered: Option<Moment>,
    /// An answer that was made after this moment reached the agent, and it was heard since: that connection works both ways.
    pub answered: Option<Moment>,
    /// Its agent is there and is not let in yet.
    pub knocks: Option<Knocks>,
}

impl Snapshot {
    /// The place of a node among [`Snapshot::nodes`].
    pub fn place(&self, node: &NodeName) -> Option<usize> {
        self.nodes.binary_search_by(|view| view.member.node.cmp(node)).ok()
    }
}

impl NodeView {
    /// A member of which nothing else is known than its row.
    pub fn new(member: Arc<Member>, state: MemberState, row: Option<Arc<Row>>) -> Self {
        Self { member, state, row, recovered: None, answered: None, knocks: None }
    }

    /// Tells whether the node's row counts when others are judged: its agent is heard, and it confirms a failure before it
    /// reports one. An original agent does not, and tests once a minute.
    pub fn is_observer(&self) -> bool {
        match (self.state, self.member.origin) {
            (MemberState::Alive, Origin::Native) => self.row.is_some(),
            (MemberState::Alive | MemberState::Late | MemberState::Lost | MemberState::Leaving, _) => false,
        }
    }

    /// Since when the node is as it is: it was heard for the first time after a silence, or a cell that looks at it recovered.
    pub fn back_since(&self) -> Moment {
        self.recovered.max(Some(self.member.steady_since)).unwrap_or_default()
    }

    /// The run of refused requests that goes on: the newest one came within the longest time between two tries.
    pub fn knocks(&self, now: Moment) -> Option<Knocks> {
        self.knocks.filter(|knocks| now.since(knocks.last) < self.member.tries_again_within())
    }

    /// Tells whether the agent is there and may soon be let in: its silence says nothing until then.
    pub fn is_awaited(&self, now: Moment) -> bool {
        self.knocks(now).is_some_and(|knocks| knocks.may_pass(now))
    }

    /// Tells whether the member is heard: alive or late. The compatible lists show these.
    pub fn is_heard(&self) -> bool {
        matches!(self.state, MemberState::Alive | MemberState::Late)
    }
}
