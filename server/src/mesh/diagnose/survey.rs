//! One pass over the marks: which of them there are in each row and in each column. Most rows and columns are healthy, and the
//! rules need not look at them again.

use meshvane_shared::check::{CheckKind, Plane};

use crate::mesh::observe::{Mark, Observed};
use crate::mesh::time::Moment;

/// Marks that are looked at together when a row is searched: a cache line.
const TOGETHER: usize = 64;

/// The marks that show an answer.
pub(super) const ANSWERS: u8 = Mark::Reached.bit() | Mark::Answered.bit();
/// The marks that show no answer.
pub(super) const SILENT: u8 = Mark::Silent.bit();

/// The matrix, and the marks that there are in it.
#[derive(Debug)]
pub(super) struct Survey<'a> {
    pub(super) observed: &'a Observed<'a>,
    /// For each check, the marks that each row has.
    rows: [Vec<u8>; CheckKind::ON_PLANES.len()],
    /// For each check, the marks that each column has in the rows of observers.
    columns: [Vec<u8>; CheckKind::ON_PLANES.len()],
}

impl<'a> Survey<'a> {
    /// Looks through the matrix once.
    pub(super) fn of(observed: &'a Observed<'a>) -> Self {
        let empty = |length: usize| CheckKind::ON_PLANES.map(|_| vec![0; length]);
        let mut survey = Self {
            observed,
            rows: empty(observed.snapshot.nodes.len()),
            columns: empty(observed.columns.len()),
        };
        for (place, check) in CheckKind::ON_PLANES.into_iter().enumerate() {
            let Some(marks) = observed.marks(check) else { continue };
            for (row, view) in observed.snapshot.nodes.iter().enumerate() {
                let of_row = marks.row(row);
                survey.rows[place][row] = seen(of_row);
                if view.is_observer() {
                    for (known, mark) in survey.columns[place].iter_mut().zip(of_row) {
                        *known |= mark.bit();
                    }
                }
            }
        }
        survey
    }

    /// The marks of a node's row.
    pub(super) fn row(&self, node: usize) -> u8 {
        self.rows.iter().filter_map(|rows| rows.get(node)).fold(0, |all, seen| all | seen)
    }

    /// The marks of a node's row, of one check.
    pub(super) fn row_of(&self, node: usize, check: CheckKind) -> u8 {
        let place = CheckKind::ON_PLANES.iter().position(|known| *known == check);
        place.and_then(|place| self.rows[place].get(node)).copied().unwrap_or(0)
    }

    /// What observers' rows show of a plane.
    pub(super) fn plane(&self, node: usize, plane: Plane) -> u8 {
        let columns = self.observed.columns_at(node, plane);
        columns
            .flat_map(|column| self.columns.iter().map(move |seen| seen[column]))
            .fold(0, |all, seen| all | seen)
    }

    /// Tells whether an observer is answered by a plane.
    pub(super) fn is_answered(&self, node: usize, plane: Plane) -> bool {
        self.plane(node, plane) & ANSWERS != 0
    }

    /// Tells whether an observer measured an answer of a plane after a moment.
    pub(super) fn is_answered_since(&self, node: usize, plane: Plane, since: Moment) -> bool {
        let views = self.observed.snapshot.nodes.iter().enumerate();
        self.is_answered(node, plane)
            && views.filter(|(_, view)| view.is_observer()).any(|(observer, _)| {
                self.observed.columns_at(node, plane).any(|column| self.is_new(observer, column, since))
            })
    }

    /// Tells whether a node measured an answer of another one after a moment.
    pub(super) fn reaches_somebody_since(&self, node: usize, since: Moment) -> bool {
        CheckKind::ON_PLANES.into_iter().any(|check| {
            let marks = self.observed.marks(check).map_or(&[][..], |marks| marks.row(node));
            places(marks, ANSWERS)
                .any(|column| self.observed.measured(node, column, check).is_some_and(|at| at > since))
        })
    }

    /// Tells whether a cell shows an answer, by any check, from after a moment.
    pub(super) fn is_new(&self, observer: usize, column: usize, since: Moment) -> bool {
        CheckKind::ON_PLANES.into_iter().any(|check| {
            self.mark(observer, column, check) & ANSWERS != 0
                && self.observed.measured(observer, column, check).is_some_and(|at| at > since)
        })
    }

    /// The columns in which a row has some kinds of marks by any check, in ascending order.
    pub(super) fn columns_with(&self, row: usize, wanted: u8) -> impl Iterator<Item = usize> + '_ {
        let [icmp, tcp] = [self.observed.icmp.row(row), self.observed.tcp.row(row)];
        let chunks = icmp.chunks(TOGETHER).zip(tcp.chunks(TOGETHER)).enumerate();
        let wanted_in = move |icmp: &[Mark], tcp: &[Mark]| (seen(icmp) | seen(tcp)) & wanted != 0;
        chunks.filter(move |(_, (icmp, tcp))| wanted_in(icmp, tcp)).flat_map(move |(number, (icmp, tcp))| {
            let marks = icmp.iter().zip(tcp).enumerate();
            marks
                .filter(move |(_, (icmp, tcp))| (icmp.bit() | tcp.bit()) & wanted != 0)
                .map(move |(place, _)| number * TOGETHER + place)
        })
    }

    /// A cell's mark as a bit; none outside the matrix.
    pub(super) fn mark(&self, row: usize, column: usize, check: CheckKind) -> u8 {
        self.observed.marks(check).and_then(|marks| marks.get(row, column)).map_or(0, |mark| mark.bit())
    }

    /// What one node's row shows of a plane.
    pub(super) fn cell(&self, row: usize, node: usize, plane: Plane) -> u8 {
        let columns = self.observed.columns_at(node, plane);
        let marks =
            columns.flat_map(|column| CheckKind::ON_PLANES.map(|check| self.mark(row, column, check)));
        marks.fold(0, |all, mark| all | mark)
    }
}

/// The marks that there are, as bits.
fn seen(marks: &[Mark]) -> u8 {
    marks.iter().fold(0, |all, mark| all | mark.bit())
}

/// The places of some kinds of marks in a row, in ascending order. What has none of them is passed over by the cache line.
pub(super) fn places(row: &[Mark], wanted: u8) -> impl Iterator<Item = usize> + '_ {
    let chunks = row.chunks(TOGETHER).enumerate().filter(move |(_, chunk)| seen(chunk) & wanted != 0);
    chunks.flat_map(move |(number, chunk)| {
        let marks = chunk.iter().enumerate().filter(move |(_, mark)| mark.bit() & wanted != 0);
        marks.map(move |(place, _)| number * TOGETHER + place)
    })
}
