//! Faults, and what they do to single cells. Pure.

use std::collections::BTreeSet;
use std::time::Duration;

use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::name::Zone;
use meshvane_shared::outcome::{Cause, Outcome, Reason};

/// A mesh without a fault.
#[derive(Debug, Clone)]
pub(crate) struct Mesh {
    /// How many nodes.
    pub(crate) nodes: usize,
    /// The zone of each.
    pub(crate) zones: Vec<Option<Zone>>,
}

impl Mesh {
    /// The nodes of a zone, in order.
    pub(crate) fn of_zone(&self, zone: &Zone) -> Vec<usize> {
        (0..self.nodes).filter(|node| self.zones[*node].as_ref() == Some(zone)).collect()
    }

    /// How many zones there are.
    pub(crate) fn zones_used(&self) -> usize {
        self.zones.iter().flatten().collect::<BTreeSet<_>>().len()
    }

    /// All nodes but these.
    pub(crate) fn others(&self, these: &[usize]) -> Vec<usize> {
        (0..self.nodes).filter(|node| !these.contains(node)).collect()
    }
}

/// Which cells a filter is at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// Those that look at this node.
    Node(usize),
    /// Those of these two at each other.
    Pair(usize, usize),
    /// All.
    Everywhere,
}

/// What else fails when a plane of a node is cut: how its own agent's probes fare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Own {
    /// They pass: only what begins at others is dropped.
    Pass,
    /// Those to the same plane of others fail.
    SamePlane,
    /// All fail: the agent lives on that plane.
    All,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    NodeDown {
        node: usize,
    },
    /// The agent is away; its port is refused, or its kernel still takes connections.
    AgentDown {
        node: usize,
        refused: bool,
    },
    PlaneCut {
        node: usize,
        plane: Plane,
        heard: bool,
        own: Own,
    },
    /// What begins at the node is dropped, or what begins at others for it.
    NodeOneWay {
        node: usize,
        out: bool,
    },
    /// These do not reach those; with `one_way`, those reach these. With `silent` the server does not hear these.
    Cut {
        left: Vec<usize>,
        right: Vec<usize>,
        plane: Option<Plane>,
        one_way: bool,
        silent: bool,
    },
    ZoneDown {
        nodes: Vec<usize>,
    },
    IcmpFiltered {
        at: At,
        plane: Option<Plane>,
        always: bool,
    },
    Port {
        at: At,
        plane: Plane,
        refused: bool,
        always: bool,
    },
    FamilyCut {
        at: At,
        family: Family,
    },
    MonitorBlind {
        silent: Vec<usize>,
    },
    NotMeasurable {
        at: At,
    },
}

/// One cell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) from: usize,
    pub(crate) to: usize,
    pub(crate) plane: Plane,
    pub(crate) family: Family,
    pub(crate) check: CheckKind,
}

/// An agent is lost one TTL after it was last heard, which was at most an interval before it fell silent.
const SEEN_AFTER_LOSS: Duration = Duration::from_secs(21);
/// Every cell was asked since, and what failed was confirmed.
const SEEN_AFTER: Duration = Duration::from_secs(12);
/// For what was so since the beginning.
const LONG: Duration = Duration::from_mins(10);

impl At {
    fn holds(self, cell: Cell) -> bool {
        match self {
            Self::Node(node) => cell.to == node,
            Self::Pair(one, other) => {
                (cell.from, cell.to) == (one, other) || (cell.from, cell.to) == (other, one)
            }
            Self::Everywhere => true,
        }
    }

    fn nodes(self, mesh: &Mesh) -> Vec<usize> {
        match self {
            Self::Node(node) => vec![node],
            Self::Pair(one, other) => vec![one, other],
            Self::Everywhere => (0..mesh.nodes).collect(),
        }
    }
}

impl Fault {
    /// How long the fault is there when the mesh is judged.
    pub(crate) fn age(&self) -> Duration {
        if matches!(self, Self::AgentDown { .. }) {
            SEEN_AFTER_LOSS
        } else if self.is_from_the_beginning() {
            LONG
        } else {
            SEEN_AFTER
        }
    }

    /// Tells whether the mesh never was without it.
    pub(crate) fn is_from_the_beginning(&self) -> bool {
        matches!(
            self,
            Self::NotMeasurable { .. }
                | Self::IcmpFiltered { always: true, .. }
                | Self::Port { always: true, .. }
        )
    }

    /// Tells whether the server does not hear this node any more.
    pub(crate) fn silences(&self, node: usize) -> bool {
        match self {
            Self::NodeDown { node: down } | Self::AgentDown { node: down, .. } => *down == node,
            Self::PlaneCut { node: cut, heard, .. } => *cut == node && !heard,
            Self::Cut { left, silent, .. } => *silent && left.contains(&node),
            Self::ZoneDown { nodes } | Self::MonitorBlind { silent: nodes } => nodes.contains(&node),
            Self::Nothing
            | Self::NodeOneWay { .. }
            | Self::IcmpFiltered { .. }
            | Self::Port { .. }
            | Self::FamilyCut { .. }
            | Self::NotMeasurable { .. } => false,
        }
    }

    /// The nodes that a finding may blame.
    pub(crate) fn nodes(&self, mesh: &Mesh) -> BTreeSet<usize> {
        match self {
            Self::Nothing => BTreeSet::new(),
            Self::NodeDown { node }
            | Self::AgentDown { node, .. }
            | Self::PlaneCut { node, .. }
            | Self::NodeOneWay { node, .. } => BTreeSet::from([*node]),
            Self::Cut { left, right, .. } => left.iter().chain(right).copied().collect(),
            Self::ZoneDown { nodes } | Self::MonitorBlind { silent: nodes } => {
                nodes.iter().copied().collect()
            }
            Self::IcmpFiltered { at, .. }
            | Self::Port { at, .. }
            | Self::FamilyCut { at, .. }
            | Self::NotMeasurable { at } => at.nodes(mesh).into_iter().collect(),
        }
    }

    /// What the cell shows; `None` when it is as healthy as ever.
    pub(crate) fn shows(&self, cell: Cell) -> Option<Outcome> {
        match self {
            Self::NotMeasurable { at } => {
                let blind = match at {
                    At::Node(node) => cell.from == *node,
                    At::Pair(..) | At::Everywhere => true,
                };
                (blind && cell.check == CheckKind::Icmp).then_some(Outcome::Unmeasured(Reason::NotPermitted))
            }
            Self::AgentDown { node, refused } => {
                let own_port = cell.to == *node && cell.plane == Plane::Pod && cell.check == CheckKind::Tcp;
                (own_port && *refused).then_some(Outcome::Unreached(Cause::Refused))
            }
            Self::Port { at, plane, refused, .. } => {
                let cause = if *refused { Cause::Refused } else { Cause::Timeout };
                let hit = at.holds(cell) && cell.plane == *plane && cell.check == CheckKind::Tcp;
                hit.then_some(Outcome::Unreached(cause))
            }
            Self::Nothing
            | Self::NodeDown { .. }
            | Self::PlaneCut { .. }
            | Self::NodeOneWay { .. }
            | Self::Cut { .. }
            | Self::ZoneDown { .. }
            | Self::IcmpFiltered { .. }
            | Self::FamilyCut { .. }
            | Self::MonitorBlind { .. } => {
                self.silences_cell(cell).then_some(Outcome::Unreached(Cause::Timeout))
            }
        }
    }

    fn silences_cell(&self, cell: Cell) -> bool {
        match self {
            Self::Nothing
            | Self::MonitorBlind { .. }
            | Self::NotMeasurable { .. }
            | Self::AgentDown { .. }
            | Self::Port { .. } => false,
            Self::NodeDown { node } => cell.to == *node,
            Self::ZoneDown { nodes } => nodes.contains(&cell.to),
            Self::PlaneCut { node, plane, own, .. } => {
                let from_it = cell.from == *node
                    && match own {
                        Own::Pass => false,
                        Own::SamePlane => cell.plane == *plane,
                        Own::All => true,
                    };
                from_it || cell.to == *node && cell.plane == *plane
            }
            Self::NodeOneWay { node, out } => *node == if *out { cell.from } else { cell.to },
            Self::Cut { left, right, plane, one_way, .. } => {
                let there = left.contains(&cell.from) && right.contains(&cell.to);
                let back = right.contains(&cell.from) && left.contains(&cell.to);
                plane.is_none_or(|plane| plane == cell.plane) && (there || back && !one_way)
            }
            Self::IcmpFiltered { at, plane, .. } => {
                cell.check == CheckKind::Icmp
                    && at.holds(cell)
                    && plane.is_none_or(|plane| plane == cell.plane)
            }
            Self::FamilyCut { at, family } => {
                let back = Cell { from: cell.to, to: cell.from, ..cell };
                cell.family == *family && (at.holds(cell) || at.holds(back))
            }
        }
    }
}
