//! How many cells show what. They are counted row by row: neither the matrix of marks nor any body is drawn for it, and
//! nothing is held but the counts. What a cell shows is what `GET /matrix` shows, a test holds both together.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::name::ServiceAddress;
use meshvane_shared::outcome::Outcome;
use meshvane_shared::plan::Plan;
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::matrix::MatrixPlane;

use super::observe::{Column, Places, columns_of, places_in};
use super::row::{Row, Service, Shown, Timed};
use super::snapshot::{NodeView, Snapshot};
use super::time::Moment;

/// The checks of services.
const SERVICE_CHECKS: [CheckKind; 2] = [CheckKind::Dns, CheckKind::Tcp];

/// How many cells of one plane and check show what. Cells that no agent was asked to measure are not among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Totals {
    /// The plane.
    pub plane: MatrixPlane,
    /// The check.
    pub check: CheckKind,
    /// Measured and reached.
    pub reached: u64,
    /// Measured and failed, by the cause's name.
    pub unreached: BTreeMap<&'static str, u64>,
    /// Could not be measured, by the reason's name.
    pub unmeasured: BTreeMap<&'static str, u64>,
    /// Without fresh data.
    pub stale: u64,
}

/// Counts the cells of all planes and services. `row_of` makes a member's row; each is let go before the next is made.
pub fn count(snapshot: &Snapshot, row_of: impl Fn(&NodeView) -> Option<Arc<Row>>) -> Vec<Totals> {
    let columns = columns_of(snapshot);
    let mut counting = Counting {
        snapshot,
        groups: groups_of(&columns),
        columns,
        places: BTreeMap::new(),
        planes: Default::default(),
        services: Services::default(),
    };
    for (node, view) in snapshot.nodes.iter().enumerate() {
        counting.count_member(node, view, row_of(view).as_deref());
    }
    counting.finish()
}

/// How often each of [`Shown::KINDS`] was seen.
#[derive(Debug, Clone)]
struct Histogram([u64; Shown::KINDS]);

impl Default for Histogram {
    fn default() -> Self {
        Self([0; Shown::KINDS])
    }
}

impl Histogram {
    fn add(&mut self, shown: Shown, cells: u64) {
        // The index of a byte is below the number of bytes.
        if let Some(count) = self.0.get_mut(shown.index()) {
            *count += cells;
        }
    }

    fn totals(&self, plane: MatrixPlane, check: CheckKind) -> Totals {
        let (unreached, unmeasured) = (BTreeMap::new(), BTreeMap::new());
        let mut totals = Totals { plane, check, reached: 0, unreached, unmeasured, stale: 0 };
        for (index, cells) in self.0.iter().enumerate().filter(|(_, cells)| **cells > 0) {
            let Some(shown) = Shown::at(index) else { continue };
            match shown.outcome() {
                Some(Outcome::Reached(_)) => totals.reached += cells,
                Some(Outcome::Unreached(cause)) => {
                    *totals.unreached.entry(cause.as_str()).or_default() += cells;
                }
                Some(Outcome::Unmeasured(reason)) => {
                    *totals.unmeasured.entry(reason.as_str()).or_default() += cells;
                }
                None if shown == Shown::STALE => totals.stale += cells,
                None => {}
            }
        }
        totals
    }
}

/// The addresses of one plane of one node: a cell of the matrix shows the worst of them.
#[derive(Debug)]
struct Group {
    node: usize,
    plane: Plane,
    columns: Range<usize>,
}

/// Columns are in the order of the plan, so those of a node and plane stand together.
fn groups_of(columns: &[Column]) -> Vec<Group> {
    let same = |one: &Column, other: &Column| (one.node, one.plane) == (other.node, other.plane);
    let mut groups = Vec::new();
    let mut begin = 0;
    for chunk in columns.chunk_by(same) {
        let end = begin + chunk.len();
        groups.extend(chunk.first().map(|first| Group {
            node: first.node,
            plane: first.plane,
            columns: begin..end,
        }));
        begin = end;
    }
    groups
}

/// What is counted for one plane, for each of its checks.
type PlaneCounts = [Histogram; CheckKind::ON_PLANES.len()];

struct Counting<'a> {
    snapshot: &'a Snapshot,
    columns: Vec<Column>,
    groups: Vec<Group>,
    /// Where the targets of the present plan are in other plans that rows are held against. Each plan is held here, so that its
    /// address stands for it.
    places: BTreeMap<*const Plan, (Arc<Plan>, Places)>,
    planes: [PlaneCounts; Plane::ALL.len()],
    services: Services,
}

impl Counting<'_> {
    fn count_member(&mut self, node: usize, view: &NodeView, row: Option<&Row>) {
        if let Some(row) = row {
            self.services.names.extend(row.services.iter().map(|service| service.address.clone()));
        }
        if view.state == MemberState::Leaving {
            return;
        }
        let is_alive = view.state == MemberState::Alive;
        // As `Observed::cell` has it: an agent that lives has not come to it yet, of others nothing fresh is known.
        let without_report = if is_alive { Shown::NOT_YET } else { Shown::STALE };
        let Some(row) = row else {
            self.services.without_row += 1;
            for group in self.groups.iter().filter(|group| group.node != node) {
                for counts in &mut self.planes[index_of(group.plane)] {
                    counts.add(without_report, 1);
                }
            }
            return;
        };
        self.services.count(row, self.snapshot.now.moment);
        let left_out =
            if is_alive && row.round_ended.is_some() { Shown::NOT_PLANNED } else { without_report };
        self.count_row(node, row, without_report, left_out);
    }

    /// Counts a row. `without_report` is shown of a target that its plan does not have, `left_out` of one without a report.
    fn count_row(&mut self, node: usize, row: &Row, without_report: Shown, left_out: Shown) {
        let places = if Arc::ptr_eq(&row.plan, &self.snapshot.plan) {
            None
        } else {
            let known = self.places.entry(Arc::as_ptr(&row.plan));
            let (_, places) =
                known.or_insert_with(|| (row.plan.clone(), places_in(&self.snapshot.plan, &row.plan)));
            Some(&*places)
        };
        let showing = row.showing(self.snapshot.now.moment);
        for group in self.groups.iter().filter(|group| group.node != node) {
            let mut worst = [Shown::NOT_PLANNED; CheckKind::ON_PLANES.len()];
            for column in &self.columns[group.columns.clone()] {
                let place =
                    places.map_or(Some(column.target), |places| places.get(column.target).copied().flatten());
                let shown = match place {
                    Some(place) => showing.get(place).map(|shown| shown.unwrap_or(left_out)),
                    None => [without_report; CheckKind::ON_PLANES.len()],
                };
                for (worst, shown) in worst.iter_mut().zip(shown) {
                    *worst = worse(*worst, shown);
                }
            }
            let counts = &mut self.planes[index_of(group.plane)];
            counts.iter_mut().zip(worst).for_each(|(counts, shown)| counts.add(shown, 1));
        }
    }

    fn finish(self) -> Vec<Totals> {
        let mut totals = Vec::new();
        for (plane, counts) in Plane::ALL.into_iter().zip(&self.planes) {
            let checks = CheckKind::ON_PLANES.into_iter().zip(counts);
            totals.extend(checks.map(|(check, counts)| counts.totals(plane.into(), check)));
        }
        totals.extend(self.services.finish());
        totals
    }
}

/// What is counted of services.
#[derive(Default)]
struct Services {
    /// Every service that any agent checks.
    names: BTreeSet<ServiceAddress>,
    /// Members that show nothing of any of them.
    without_row: u64,
    counts: [Histogram; SERVICE_CHECKS.len()],
}

impl Services {
    fn count(&mut self, row: &Row, now: Moment) {
        let mut seen = BTreeSet::new();
        for service in row.services.iter().filter(|service| seen.insert(&service.address)) {
            let shown = [show(&service.resolution, row, now), worst_connect(service, row, now)];
            self.counts.iter_mut().zip(shown).for_each(|(counts, shown)| counts.add(shown, 1));
        }
    }

    fn finish(mut self) -> impl Iterator<Item = Totals> {
        let without_data = self.without_row * self.names.len() as u64;
        self.counts.iter_mut().for_each(|counts| counts.add(Shown::STALE, without_data));
        let checks = SERVICE_CHECKS.into_iter().zip(self.counts);
        checks.map(|(check, counts)| counts.totals(MatrixPlane::Service, check))
    }
}

/// The worst of a service's addresses. Without an address there was nothing to connect to.
fn worst_connect(service: &Service, row: &Row, now: Moment) -> Shown {
    let shown = service.connects.iter().map(|(_, timed)| show(timed, row, now));
    shown.reduce(worse).unwrap_or(Shown::NOT_YET)
}

fn show(timed: &Timed, row: &Row, now: Moment) -> Shown {
    if now.since(timed.measured) > row.stale_after() { Shown::STALE } else { Shown::of(timed.outcome) }
}

/// The one of two cells that stands for both, in the order of `GET /matrix`: a failure first, an absence of knowledge before
/// an answer; of equals the later one.
fn worse(one: Shown, other: Shown) -> Shown {
    if one.badness() > other.badness() { one } else { other }
}

/// The place of a plane in [`Plane::ALL`].
fn index_of(plane: Plane) -> usize {
    match plane {
        Plane::Host => 0,
        Plane::Pod => 1,
    }
}

#[cfg(test)]
mod tests;
