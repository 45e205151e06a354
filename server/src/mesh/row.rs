//! A row of the matrix: what one node reports of its targets, dense, in the order of its plan.
//!
//! At 5,000 nodes there are 10,000 targets in each of 5,000 rows, so a cell has 12 bytes: when it was measured is held
//! against the row's reference, and what only failing cells have stands aside.

use std::collections::{BTreeMap, btree_map};
use std::iter::Peekable;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::check::CheckKind;
use meshvane_shared::limits::STALE_AFTER_PERIODS;
use meshvane_shared::name::{BootId, DnsName, NodeName, ServiceAddress};
use meshvane_shared::outcome::{Outcome, ResolverDetail};
use meshvane_shared::plan::Plan;

use super::time::Moment;

mod apply;
mod cell;
mod checked;
mod sequences;
mod service;

pub use apply::{Applied, Change, ChangeKind, RoundError, check_targets};
pub use cell::{Cell, Shown};
pub use checked::CheckedRound;
pub use sequences::{Numbered, SEQUENCES_KEPT, Sequences};

/// Checks on each target, in the order of its cells.
const CHECKS: usize = CheckKind::ON_PLANES.len();

/// What one node reports.
#[derive(Debug, Clone)]
pub struct Row {
    /// The plan whose targets the cells stand for.
    pub plan: Arc<Plan>,
    /// The boot that reports.
    pub boot: BootId,
    /// The agent's probe interval: that of its heartbeat, or of its newest round until it has sent one.
    pub interval: Duration,
    /// When the newest whole round ended; `None` when only parts arrived.
    pub round_ended: Option<Moment>,
    /// Whether the newest whole round was cut off at its deadline.
    pub overrun: bool,
    /// Rounds and parts that were taken, of this boot.
    pub taken: u64,
    /// Which sequence numbers were taken, of this boot.
    pub sequences: Sequences,
    /// The services.
    pub services: Vec<Service>,
    /// Targets at whose address another node's agent answers, in the order of the plan.
    pub strangers: Vec<Stranger>,
    /// When a cell of this row last went from failing to answering.
    pub recovered: Option<Moment>,
    reference: Moment,
    cells: Vec<Cell>,
    /// Since when cells fail; of those that cannot be measured too, as long as nothing answered.
    failing_since: BTreeMap<usize, Moment>,
    /// The failures of cells that cannot be measured now.
    standing: BTreeMap<usize, Standing>,
}

/// A failure after which the cell could not be measured: nothing answered since.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The failure.
    pub outcome: Outcome,
    /// When it was measured last.
    pub measured: Moment,
}

/// One service as the node sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Its name and port.
    pub address: ServiceAddress,
    /// Resolving the name; the time is the resolver's.
    pub resolution: Timed,
    /// How many addresses the name has.
    pub answers: u32,
    /// Resolving by each name server alone.
    pub resolvers: Vec<(IpAddr, Timed)>,
    /// What failing name servers did beside their cause.
    pub details: Vec<(IpAddr, ResolverDetail)>,
    /// The name of the search list that has the addresses, when it is not the name itself.
    pub resolved_as: Option<DnsName>,
    /// Time in microseconds that candidates of the search list took before the one that resolved.
    pub search_us: Option<u32>,
    /// Connecting to each address.
    pub connects: Vec<(IpAddr, Timed)>,
}

/// A target whose `/health` names another node than the plan does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stranger {
    /// The target's place in the row's plan.
    pub target: usize,
    /// The node whose agent answers there.
    pub node: NodeName,
    /// When it answered.
    pub measured: Moment,
}

/// An outcome, when it was measured, and since when it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timed {
    /// What the check gave.
    pub outcome: Outcome,
    /// When.
    pub measured: Moment,
    /// With a failure, also one that cannot be measured now: when its first probe was sent.
    pub failing_since: Option<Moment>,
    /// With an outcome that is unmeasured: the failure before it.
    pub standing: Option<Standing>,
    /// The newest probe has no answer yet.
    pub suspect: bool,
    /// It was reached before, or is now: by this address and port, as far as this server was told.
    pub ever_reached: bool,
    /// The TCP port, for a TCP check.
    pub port: Option<u16>,
}

impl Timed {
    /// The failure that an unmeasured outcome leaves standing, as it was measured last.
    pub fn standing_failure(self) -> Option<Self> {
        let Standing { outcome, measured } = self.standing?;
        Some(Self { outcome, measured, standing: None, ..self })
    }
}

impl Row {
    /// An empty row of a plan.
    fn empty(plan: Arc<Plan>, boot: BootId, now: Moment) -> Self {
        let cells = vec![Cell::NONE; plan.targets.len() * CHECKS];
        Self {
            plan,
            boot,
            interval: Duration::ZERO,
            round_ended: None,
            overrun: false,
            taken: 0,
            sequences: Sequences::default(),
            services: Vec::new(),
            strangers: Vec::new(),
            recovered: None,
            reference: now,
            cells,
            failing_since: BTreeMap::new(),
            standing: BTreeMap::new(),
        }
    }

    /// The row with the probe interval that its agent's heartbeat states, if it does.
    pub fn with_interval(row: Arc<Self>, interval: Option<Duration>) -> Arc<Self> {
        let Some(interval) = interval.filter(|interval| *interval != row.interval) else { return row };
        let mut changed = Self::clone(&row);
        changed.interval = interval;
        Arc::new(changed)
    }

    /// What a check of a target gave, or `None` when it was never reported.
    pub fn get(&self, target: usize, check: CheckKind) -> Option<Timed> {
        let index = cell_index(target, check)?;
        let cell = self.cells.get(index)?;
        let outcome = cell.outcome()?;
        Some(Timed {
            outcome,
            measured: cell.measured(self.reference),
            failing_since: self.failing_since.get(&index).copied(),
            standing: self.standing.get(&index).copied(),
            suspect: cell.suspect(),
            ever_reached: cell.ever_reached(),
            port: cell.port(),
        })
    }

    /// When a check of a target was measured last, or `None` when it was never reported.
    pub fn measured(&self, target: usize, check: CheckKind) -> Option<Moment> {
        let cell = self.cells.get(cell_index(target, check)?)?;
        cell.is_reported().then(|| cell.measured(self.reference))
    }

    /// The failure of a cell that cannot be measured now.
    pub fn standing(&self, target: usize, check: CheckKind) -> Option<Standing> {
        self.standing.get(&cell_index(target, check)?).copied()
    }

    /// Returns true while the row holds a failure that cannot be measured now.
    pub fn has_standing(&self) -> bool {
        !self.standing.is_empty()
    }

    /// The beginnings of the failures in this row.
    pub fn beginnings(&self) -> Beginnings<'_> {
        Beginnings { row: self, ahead: self.failing_since.iter().peekable(), asked: 0 }
    }

    /// What each cell shows at `now`, for one who counts them.
    pub fn showing(&self, now: Moment) -> Showing<'_> {
        Showing {
            cells: &self.cells,
            reference: self.reference,
            oldest_fresh: now.before(self.stale_after()),
        }
    }

    /// The age above which a cell of this row is stale.
    pub fn stale_after(&self) -> Duration {
        self.interval * STALE_AFTER_PERIODS
    }

    /// Number of cells that are suspect now.
    pub fn suspects(&self) -> usize {
        self.cells.iter().filter(|cell| cell.suspect()).count()
    }
}

/// What the cells of a row show at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Showing<'a> {
    cells: &'a [Cell],
    reference: Moment,
    oldest_fresh: Moment,
}

impl Showing<'_> {
    /// What the checks of a target show, in the order of [`CheckKind::ON_PLANES`]; `None` for one that was never reported.
    pub fn get(&self, target: usize) -> [Option<Shown>; CHECKS] {
        let at = target.saturating_mul(CHECKS);
        let mut shown = [None; CHECKS];
        let cells = self.cells.get(at..at.saturating_add(CHECKS)).unwrap_or_default();
        for (shown, cell) in shown.iter_mut().zip(cells) {
            let is_stale = cell.measured(self.reference) < self.oldest_fresh;
            *shown = cell.shown().map(|shown| if is_stale { Shown::STALE } else { shown });
        }
        shown
    }
}

/// The beginnings of a row's failures: asked for in ascending order they cost a step each, where looking up costs a search.
#[derive(Debug)]
pub struct Beginnings<'a> {
    row: &'a Row,
    ahead: Peekable<btree_map::Iter<'a, usize, Moment>>,
    asked: usize,
}

impl Beginnings<'_> {
    /// Since when a check of a target fails, if it does.
    pub fn since(&mut self, target: usize, check: CheckKind) -> Option<Moment> {
        let index = cell_index(target, check)?;
        if index < self.asked {
            return self.row.failing_since.get(&index).copied();
        }
        self.asked = index;
        while self.ahead.next_if(|(at, _)| **at < index).is_some() {}
        self.ahead.peek().filter(|(at, _)| **at == index).map(|(_, since)| **since)
    }
}

/// The place of a check among the cells of a row; `None` for a check that planes do not get.
fn cell_index(target: usize, check: CheckKind) -> Option<usize> {
    let place = CheckKind::ON_PLANES.iter().position(|kind| *kind == check)?;
    Some(target * CHECKS + place)
}

#[cfg(test)]
mod tests;
