//! From rows to the matrix: which cell shows what now.
//!
//! Readers see [`observe`]: what cannot be measured is unmeasured, what is old is stale. The judge reads [`observe_for_judge`], where a
//! failure *stands* while its observer cannot measure or report: a finding is over when something answers, not when those who saw it
//! lose their sight. It stands no longer when there was a sign of life since.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::limits::{BURST_PROBES, BURST_SPACING, PROBE_SOFT_LIMIT};
use meshvane_shared::matrix::Matrix;
use meshvane_shared::outcome::{Outcome, Reason};
use meshvane_shared::plan::Plan;
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::matrix::CellWord;

use super::row::{self, Row, Timed};
use super::snapshot::{NodeView, Snapshot};
use super::time::Moment;

/// What a cell shows, in one byte: a matrix of 5,000 × 10,000 of these is looked through in one pass. Each has a bit of its
/// own, so that the marks of many cells come together by OR.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Mark {
    /// Measured, reached.
    Reached = 1,
    /// Measured, failed in a way that shows that the address answers.
    Answered = 1 << 1,
    /// Measured, failed, and the address did not answer.
    Silent = 1 << 2,
    /// Could not be measured: not permitted, or a rule of the agent's own machine stops it.
    NotPermitted = 1 << 3,
    /// Could not be measured for another reason.
    Unmeasured = 1 << 4,
    /// No fresh data.
    Stale = 1 << 5,
    /// Nobody was asked to measure it.
    NotPlanned = 1 << 6,
    /// From a node to itself.
    Itself = 1 << 7,
}

impl Mark {
    /// The mark's bit.
    pub const fn bit(self) -> u8 {
        self as u8
    }
}

/// A column of the matrix: one target of the present plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// The node's place in the snapshot.
    pub node: usize,
    /// The target's place in the plan.
    pub target: usize,
    /// Which of the node's addresses.
    pub plane: Plane,
    /// The address.
    pub address: IpAddr,
}

impl Column {
    /// The family of the column's address.
    pub fn family(&self) -> Family {
        Family::of(self.address)
    }
}

/// The observed matrix: a row for each node of the snapshot, a column for each target.
#[derive(Debug)]
pub struct Observed<'a> {
    /// What it was made from.
    pub snapshot: &'a Snapshot,
    /// The columns, in the order of the plan.
    pub columns: Vec<Column>,
    /// What ICMP shows.
    pub icmp: Matrix<Mark>,
    /// What TCP shows.
    pub tcp: Matrix<Mark>,
    /// Where each node's columns begin, and the end of the last.
    starts: Vec<usize>,
    /// For each row, where the plan's targets are in it; `None` where they are at the same place.
    places: Vec<Option<Arc<Places>>>,
    /// Failures that cannot be measured now stand.
    failures_stand: bool,
}

/// For each target of the present plan, its place in another one.
pub(super) type Places = Vec<Option<usize>>;

/// A cell with its details.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// What it shows.
    pub word: CellWord,
    /// What was reported last, stale or not; `None` when nothing was.
    pub timed: Option<Timed>,
}

/// What is last measured of a failure that may be over: a burst before an answer that came first.
const BURST: Duration = PROBE_SOFT_LIMIT.saturating_add(BURST_SPACING.saturating_mul(BURST_PROBES - 1));

/// Makes the matrix as it is shown.
pub fn observe(snapshot: &Snapshot) -> Observed<'_> {
    draw(snapshot, false)
}

/// Makes the matrix as it is judged: failures that cannot be measured now stand.
pub fn observe_for_judge(snapshot: &Snapshot) -> Observed<'_> {
    draw(snapshot, true)
}

fn draw(snapshot: &Snapshot, failures_stand: bool) -> Observed<'_> {
    let columns = columns_of(snapshot);
    let places = places_of(snapshot);
    let nodes = 0..=snapshot.nodes.len();
    // Columns are in the order of the plan, so those of a node stand together.
    let starts = nodes.map(|node| columns.partition_point(|column| column.node < node)).collect();
    let mut observed = Observed {
        snapshot,
        icmp: Matrix::filled(snapshot.nodes.len(), columns.len(), Mark::NotPlanned),
        tcp: Matrix::filled(snapshot.nodes.len(), columns.len(), Mark::NotPlanned),
        columns,
        starts,
        places,
        failures_stand,
    };
    for row in 0..snapshot.nodes.len() {
        for column in 0..observed.columns.len() {
            let icmp = mark_of(observed.cell(row, column, CheckKind::Icmp));
            let tcp = mark_of(observed.cell(row, column, CheckKind::Tcp));
            if let Some(mark) = observed.icmp.get_mut(row, column) {
                *mark = icmp;
            }
            if let Some(mark) = observed.tcp.get_mut(row, column) {
                *mark = tcp;
            }
        }
    }
    observed
}

/// The targets of members that have not said goodbye.
pub(super) fn columns_of(snapshot: &Snapshot) -> Vec<Column> {
    let mut columns = Vec::with_capacity(snapshot.plan.targets.len());
    for (target, planned) in snapshot.plan.targets.iter().enumerate() {
        let Some(node) = snapshot.place(&planned.node) else {
            continue;
        };
        if snapshot.nodes[node].state != MemberState::Leaving {
            columns.push(Column { node, target, plane: planned.plane, address: planned.address });
        }
    }
    columns
}

/// Rows are told apart by their plan itself and not by its version: agents bring plans of former servers along, and one that
/// lies may give another list the same version.
fn places_of(snapshot: &Snapshot) -> Vec<Option<Arc<Places>>> {
    let mut known: BTreeMap<*const Plan, Arc<Places>> = BTreeMap::new();
    let mut place = |row: &Row| {
        if Arc::ptr_eq(&row.plan, &snapshot.plan) {
            return None;
        }
        let places = known
            .entry(Arc::as_ptr(&row.plan))
            .or_insert_with(|| Arc::new(places_in(&snapshot.plan, &row.plan)));
        Some(places.clone())
    };
    snapshot.nodes.iter().map(|node| node.row.as_deref().and_then(&mut place)).collect()
}

/// Where each target of `plan` is in `other`: the same key at the same address.
pub(super) fn places_in(plan: &Plan, other: &Plan) -> Places {
    let keys: BTreeMap<_, _> = other
        .targets
        .iter()
        .enumerate()
        .map(|(place, target)| (target.key(), (place, target.address)))
        .collect();
    let place = |target: &meshvane_shared::plan::Target| match keys.get(&target.key()) {
        Some((place, address)) if *address == target.address => Some(*place),
        _ => None,
    };
    plan.targets.iter().map(place).collect()
}

fn mark_of(cell: Cell) -> Mark {
    match cell.word {
        CellWord::Stale => Mark::Stale,
        CellWord::NotPlanned => Mark::NotPlanned,
        CellWord::Itself => Mark::Itself,
        CellWord::Reached | CellWord::Unreached | CellWord::Unmeasured => {
            match cell.timed.map(|timed| timed.outcome) {
                Some(Outcome::Reached(_)) => Mark::Reached,
                Some(outcome @ Outcome::Unreached(_)) if outcome.shows_address_answers() => Mark::Answered,
                Some(Outcome::Unreached(_)) => Mark::Silent,
                Some(Outcome::Unmeasured(Reason::NotPermitted | Reason::Blocked)) => Mark::NotPermitted,
                Some(Outcome::Unmeasured(_)) | None => Mark::Unmeasured,
            }
        }
    }
}

impl Observed<'_> {
    /// What one check shows.
    pub fn marks(&self, check: CheckKind) -> Option<&Matrix<Mark>> {
        match check {
            CheckKind::Icmp => Some(&self.icmp),
            CheckKind::Tcp => Some(&self.tcp),
            CheckKind::Dns => None,
        }
    }

    /// The columns of a node, all its planes and families.
    pub fn columns_of(&self, node: usize) -> Range<usize> {
        let start = self.starts.get(node).copied().unwrap_or(self.columns.len());
        start..self.starts.get(node + 1).copied().unwrap_or(start)
    }

    /// The columns of one plane of a node.
    pub fn columns_at(&self, node: usize, plane: Plane) -> impl Iterator<Item = usize> + '_ {
        self.columns_of(node).filter(move |column| self.columns[*column].plane == plane)
    }

    /// Tells whether somebody looks at a node and nobody has an answer of it.
    pub fn is_silent_to_all(&self, node: usize) -> bool {
        let columns = self.columns_of(node);
        let looks = |marks: &Matrix<Mark>, row: usize| {
            let marks = marks.row(row).get(columns.clone()).unwrap_or_default();
            marks.iter().fold(0, |seen, mark| seen | mark.bit())
        };
        let rows = 0..self.snapshot.nodes.len();
        let seen = rows.fold(0, |seen, row| seen | looks(&self.icmp, row) | looks(&self.tcp, row));
        seen & Mark::Silent.bit() != 0 && seen & (Mark::Reached.bit() | Mark::Answered.bit()) == 0
    }

    /// The place of a column's target in what a row reports.
    fn place(&self, row: usize, column: usize) -> Option<usize> {
        let target = self.columns.get(column)?.target;
        match self.places.get(row).and_then(Option::as_ref) {
            None => Some(target),
            Some(places) => places.get(target).copied().flatten(),
        }
    }

    /// When a cell was measured last, stale or not: less than [`Observed::cell`] and in a fraction of its time.
    pub fn measured(&self, row: usize, column: usize, check: CheckKind) -> Option<Moment> {
        let reported = self.snapshot.nodes.get(row)?.row.as_deref()?;
        if self.failures_stand && reported.has_standing() {
            return self.cell(row, column, check).timed.map(|timed| timed.measured);
        }
        reported.measured(self.place(row, column)?, check)
    }

    /// The beginnings of a row's failures, for one who goes through its columns.
    pub fn beginnings(&self, row: usize) -> Option<Beginnings<'_>> {
        let reported = self.snapshot.nodes.get(row)?.row.as_deref()?;
        Some(Beginnings { observed: self, row, inner: reported.beginnings() })
    }

    /// A cell with its details: as it is judged, if that is what the matrix was made for.
    pub fn cell(&self, row: usize, column: usize, check: CheckKind) -> Cell {
        let shown = self.shown(row, column, check);
        let standing = shown.timed.filter(|_| self.failures_stand).and_then(|timed| {
            let view = self.snapshot.nodes.get(row)?;
            let subject = self.snapshot.nodes.get(self.columns.get(column)?.node)?;
            standing(self.snapshot.now.moment, view, subject, shown.word, timed)
        });
        standing.map_or(shown, |timed| Cell { word: CellWord::Unreached, timed: Some(timed) })
    }

    /// The mark of a cell as it is shown.
    pub fn shown_mark(&self, row: usize, column: usize, check: CheckKind) -> Mark {
        mark_of(self.shown(row, column, check))
    }

    /// A cell as it is shown.
    pub fn shown(&self, row: usize, column: usize, check: CheckKind) -> Cell {
        let bare = |word| Cell { word, timed: None };
        let (Some(view), Some(at)) = (self.snapshot.nodes.get(row), self.columns.get(column)) else {
            return bare(CellWord::NotPlanned);
        };
        if at.node == row {
            return bare(CellWord::Itself);
        }
        let without_report =
            if view.state == MemberState::Alive { CellWord::Unmeasured } else { CellWord::Stale };
        let Some(reported) = view.row.as_deref() else {
            return bare(without_report);
        };
        let place = self.place(row, column);
        let Some(timed) = place.and_then(|place| reported.get(place, check)) else {
            // A whole round over this target without the cell means that the agent does not check it.
            let complete = place.is_some() && reported.round_ended.is_some();
            return bare(if complete && view.state == MemberState::Alive {
                CellWord::NotPlanned
            } else {
                without_report
            });
        };
        if self.snapshot.now.moment.since(timed.measured) > reported.stale_after() {
            return Cell { word: CellWord::Stale, timed: Some(timed) };
        }
        Cell { word: word_of(timed.outcome), timed: Some(timed) }
    }
}

/// The failure that stands behind a cell that is not measured now.
///
/// It stands while the agent says that it cannot measure, and while the agent is heard and brings no rounds at all. Where rounds come
/// and the cell is old all the same, the agent does not check it any more. A sign of life since ends it: the node that is looked at was
/// heard after a silence, or recovered for somebody; or something of the one that looks recovered, and it had the time to look again.
fn standing(now: Moment, view: &NodeView, subject: &NodeView, word: CellWord, timed: Timed) -> Option<Timed> {
    let row = view.row.as_deref()?;
    let failure = match word {
        CellWord::Unmeasured => timed.standing_failure()?,
        CellWord::Stale if is_overdue(now, view, row) => match timed.outcome {
            Outcome::Unreached(_) => timed,
            Outcome::Unmeasured(_) => timed.standing_failure()?,
            Outcome::Reached(_) => return None,
        },
        CellWord::Stale
        | CellWord::Reached
        | CellWord::Unreached
        | CellWord::NotPlanned
        | CellWord::Itself => return None,
    };
    let came_back = failure.measured < subject.back_since().after(BURST);
    let had_time = row
        .recovered
        .is_some_and(|at| failure.measured < at.after(BURST) && now.since(at) > row.stale_after());
    (!came_back && !had_time).then_some(failure)
}

/// Returns true when an agent is heard and its rounds are overdue: those of the agent that runs there now.
pub fn is_overdue(now: Moment, view: &NodeView, row: &Row) -> bool {
    view.is_observer()
        && view.member.boot_id() == Some(&row.boot)
        && row.round_ended.is_none_or(|ended| now.since(ended) > row.stale_after())
}

/// The beginnings of a row's failures. Columns are best asked for in ascending order.
#[derive(Debug)]
pub struct Beginnings<'a> {
    observed: &'a Observed<'a>,
    row: usize,
    inner: row::Beginnings<'a>,
}

impl Beginnings<'_> {
    /// Since when a cell fails, if it does.
    pub fn since(&mut self, column: usize, check: CheckKind) -> Option<Moment> {
        self.inner.since(self.observed.place(self.row, column)?, check)
    }
}

/// The word of an outcome that is fresh.
pub fn word_of(outcome: Outcome) -> CellWord {
    match outcome {
        Outcome::Reached(_) => CellWord::Reached,
        Outcome::Unreached(_) => CellWord::Unreached,
        Outcome::Unmeasured(_) => CellWord::Unmeasured,
    }
}

#[cfg(test)]
mod tests;
