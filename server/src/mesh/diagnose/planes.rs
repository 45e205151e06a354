//! How each plane of each node looks to those who look at it.
//!
//! An observer's word counts only if it is about *now*: an answer from before the failure began shows nothing, nor does a
//! failure from before the node came back. Such an observer is *pending*: it is asked to look and will.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::limits::{BURST_PROBES, BURST_SPACING, PROBE_SOFT_LIMIT};
use meshvane_shared::matrix::Matrix;
use meshvane_shared::outcome::Outcome;
use meshvane_shared::wire::findings::EVIDENCE_MAX;
use meshvane_shared::wire::matrix::CellWord;

use super::{Evidence, Observers};
use crate::mesh::look::LOOK_OBSERVERS;
use crate::mesh::observe::{Mark, Observed};
use crate::mesh::snapshot::NodeView;
use crate::mesh::time::Moment;

/// Failures that begin within this of each other are one: a round of the default interval finds all cells of a node within
/// 5 s, a reduced one within 10 s.
pub(super) const ONE_FAILURE: Duration = Duration::from_secs(10);

/// One plane of a node, as those see it who look at it.
#[derive(Debug, Clone)]
pub struct PlaneView {
    /// What follows from it.
    pub verdict: PlaneVerdict,
    /// Observers whom the plane does not answer.
    pub silent: Vec<Silence>,
    /// How many observers it answers, since the failure began.
    pub answers: usize,
    /// Observers that have not looked since the failure began.
    pub pending: usize,
    /// When it stopped answering, as far as was measured. An answer from before it shows nothing.
    pub since: Moment,
}

/// What the observers' words come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaneVerdict {
    /// Nobody is answered, and enough have looked.
    Dead,
    /// Somebody is answered.
    Answers,
    /// Too few have looked since the failure began.
    Undecided,
}

/// An observer whom a plane does not answer.
#[derive(Debug, Clone, Copy)]
pub struct Silence {
    /// The observer's place in the snapshot.
    pub observer: usize,
    /// The oldest of its newest failures.
    pub measured: Moment,
    /// When its probes began to fail.
    pub since: Moment,
}

/// What one observer says of one plane.
enum Word {
    /// It answers; the newest answer is of this moment.
    Answers(Moment),
    /// It does not; failing since, and the oldest of the newest failures. A narrow word rests on one check, where others use
    /// two: the address may answer what this observer cannot ask.
    Silent { since: Moment, measured: Moment, narrow: bool },
    /// A check fails, another one has not been repeated since.
    Pending,
}

/// The planes that somebody fails to reach. One pass over the marks; details are looked up for those only.
pub fn failing_planes(observed: &Observed<'_>) -> BTreeMap<(usize, Plane), PlaneView> {
    let mut suspicious = BTreeSet::new();
    for check in CheckKind::ON_PLANES {
        let Some(marks) = observed.marks(check) else {
            continue;
        };
        for (_, column, mark) in marks.iter() {
            if *mark == Mark::Silent {
                let column = observed.columns[column];
                suspicious.insert((column.node, column.plane));
            }
        }
    }
    suspicious
        .into_iter()
        .filter_map(|(node, plane)| view(observed, node, plane).map(|view| ((node, plane), view)))
        .collect()
}

fn view(observed: &Observed<'_>, node: usize, plane: Plane) -> Option<PlaneView> {
    let columns: Vec<usize> = observed.columns_at(node, plane).collect();
    let subject_back = back_since(&observed.snapshot.nodes[node]);
    let mut answer_times = Vec::new();
    let mut silent = Vec::new();
    let mut narrow_words = 0;
    let mut pending = 0;
    for (observer, looking) in observed.snapshot.nodes.iter().enumerate() {
        if observer == node || !looking.is_observer() {
            continue;
        }
        // Neither does a failure from before the observer itself came back: it may have been the one that was cut off.
        let fresh_after = subject_back.max(back_since(looking));
        match word(observed, observer, &columns) {
            Some(Word::Answers(at)) => answer_times.push(at),
            Some(Word::Silent { since, measured, narrow }) if measured >= fresh_after => {
                narrow_words += usize::from(narrow);
                silent.push((Silence { observer, measured, since }, narrow));
            }
            Some(Word::Silent { .. } | Word::Pending) => pending += 1,
            None => {}
        }
    }
    // Where others are answered by the one check and not by the other, an observer that has only the other sees a filter.
    if narrow_words > 0 && !answer_times.is_empty() && is_answered_by_one_check(observed, &columns) {
        silent.retain(|(_, narrow)| !narrow);
    }
    let silent: Vec<Silence> = silent.into_iter().map(|(silence, _)| silence).collect();
    if silent.is_empty() && pending == 0 {
        return None;
    }
    let begins: Vec<Moment> = silent.iter().map(|silence| silence.since).collect();
    let since = start_of_newest(&begins).unwrap_or(observed.snapshot.now.moment);
    let answers = answer_times.iter().filter(|at| **at > since).count();
    pending += answer_times.len() - answers;
    let verdict = if answers > 0 {
        PlaneVerdict::Answers
    } else if !silent.is_empty() && (pending == 0 || silent.len() >= LOOK_OBSERVERS) {
        PlaneVerdict::Dead
    } else {
        PlaneVerdict::Undecided
    };
    Some(PlaneView { verdict, silent, answers, pending, since })
}

/// Since when a node is as it is: it was heard for the first time after a silence, or a cell that looks at it recovered.
pub(super) fn back_since(view: &NodeView) -> Moment {
    view.recovered.max(Some(view.member.steady_since)).unwrap_or_default()
}

/// How long after a recovery what failed together with it may still be on its way back: failing cells are asked in every
/// second round, and an answer is believed when another one follows.
const RECOVERY_GRACE: Duration = Duration::from_secs(8);

/// How long it takes to find a failure: one that is reported sooner than this after a recovery may have been asked for
/// before it.
const FAILURE_TAKES: Duration =
    PROBE_SOFT_LIMIT.saturating_add(BURST_SPACING.saturating_mul(BURST_PROBES - 1));

/// When anything between a node and others last recovered, whoever looked.
fn last_recovery(view: &NodeView) -> Moment {
    let of_row = view.row.as_deref().and_then(|row| row.recovered);
    back_since(view).max(of_row.unwrap_or_default())
}

/// Tells whether a failure between two nodes may be a rest of one that is over: it began before something of either end
/// recovered, and was not repeated since, or that is only a moment ago.
pub(super) fn may_be_over(
    observed: &Observed<'_>,
    ends: [usize; 2],
    since: Moment,
    measured: Moment,
) -> bool {
    let recovery = ends.map(|end| last_recovery(&observed.snapshot.nodes[end]));
    let Some(recovery) = recovery.into_iter().max().filter(|at| since <= *at) else { return false };
    measured < recovery.after(FAILURE_TAKES) || observed.snapshot.now.moment.since(recovery) < RECOVERY_GRACE
}

/// Tells whether some observer is answered by one of the two checks while the other one fails.
fn is_answered_by_one_check(observed: &Observed<'_>, columns: &[usize]) -> bool {
    let mixed = |row: usize, column: usize| {
        let mark = |marks: &Matrix<Mark>| marks.get(row, column).copied();
        matches!(
            (mark(&observed.icmp), mark(&observed.tcp)),
            (Some(Mark::Silent), Some(Mark::Reached | Mark::Answered))
                | (Some(Mark::Reached), Some(Mark::Silent))
        )
    };
    let rows = 0..observed.snapshot.nodes.len();
    rows.into_iter().any(|row| columns.iter().any(|column| mixed(row, *column)))
}

/// Tells whether an observer is answered by a plane. Of a healthy one the first that is asked is, and most are healthy.
pub(super) fn is_answered(observed: &Observed<'_>, node: usize, plane: Plane) -> bool {
    let answered = |column: usize| {
        CheckKind::ON_PLANES.into_iter().filter_map(|check| observed.marks(check)).any(|marks| {
            marks.column(column).enumerate().any(|(observer, mark)| {
                matches!(mark, Mark::Reached | Mark::Answered)
                    && observed.snapshot.nodes[observer].is_observer()
            })
        })
    };
    observed.columns_at(node, plane).any(answered)
}

/// When an observer last measured an answer of a plane.
pub(super) fn newest_answer(observed: &Observed<'_>, node: usize, plane: Plane) -> Option<Moment> {
    let mut newest = None;
    for column in observed.columns_at(node, plane) {
        for check in CheckKind::ON_PLANES {
            let Some(marks) = observed.marks(check) else {
                continue;
            };
            for (observer, mark) in marks.column(column).enumerate() {
                let answers = matches!(mark, Mark::Reached | Mark::Answered);
                if answers && observed.snapshot.nodes[observer].is_observer() {
                    newest =
                        newest.max(observed.cell(observer, column, check).timed.map(|timed| timed.measured));
                }
            }
        }
    }
    newest
}

/// When the newest failure began: the earliest of the moments that belong with the latest.
pub(super) fn start_of_newest(begins: &[Moment]) -> Option<Moment> {
    let newest = begins.iter().max()?;
    begins.iter().filter(|begin| newest.since(**begin) <= ONE_FAILURE).min().copied()
}

/// What one observer says of a plane, over its families and checks; `None` when it measured nothing.
fn word(matrix: &Observed<'_>, observer: usize, columns: &[usize]) -> Option<Word> {
    let mut answered: Option<Moment> = None;
    let mut begins = Vec::new();
    let mut measured: Option<Moment> = None;
    let mut silent_checks = BTreeSet::new();
    for column in columns {
        for check in CheckKind::ON_PLANES {
            let cell = matrix.cell(observer, *column, check);
            let fresh = matches!(cell.word, CellWord::Reached | CellWord::Unreached);
            let Some(timed) = cell.timed.filter(|_| fresh) else {
                continue;
            };
            if timed.outcome.shows_address_answers() {
                answered = answered.max(Some(timed.measured));
            } else if timed.outcome.is_unreached() {
                silent_checks.insert(check);
                begins.push(timed.failing_since.unwrap_or(timed.measured));
                measured = Some(measured.map_or(timed.measured, |oldest| oldest.min(timed.measured)));
            }
        }
    }
    let since = start_of_newest(&begins);
    match (answered, since, measured) {
        (Some(at), Some(since), _) if at <= since => Some(Word::Pending),
        (Some(at), _, _) => Some(Word::Answers(at)),
        (None, Some(since), Some(measured)) => {
            Some(Word::Silent { since, measured, narrow: silent_checks.len() == 1 })
        }
        (None, _, _) => None,
    }
}

impl PlaneView {
    /// Counts those who saw it and those who looked.
    pub fn observers(&self, observed: &Observed<'_>) -> Observers {
        let zones: BTreeSet<_> = self
            .silent
            .iter()
            .filter_map(|silence| observed.snapshot.nodes[silence.observer].member.zone.as_ref())
            .collect();
        Observers {
            saw: self.silent.len(),
            of: self.silent.len() + self.answers + self.pending,
            zones: zones.len(),
        }
    }
}

/// The failing cells of a node's plane as those reported them who are silent to it.
pub fn evidence(observed: &Observed<'_>, node: usize, plane: Plane, view: &PlaneView) -> Vec<Evidence> {
    let mut evidence = Vec::new();
    for silence in &view.silent {
        for column in observed.columns_at(node, plane) {
            for check in CheckKind::ON_PLANES {
                if evidence.len() == EVIDENCE_MAX {
                    return evidence;
                }
                evidence.extend(failing_cell(observed, silence.observer, column, check));
            }
        }
    }
    evidence
}

pub(super) fn failing_cell(
    observed: &Observed<'_>,
    from: usize,
    column: usize,
    check: CheckKind,
) -> Option<Evidence> {
    let cell = observed.cell(from, column, check);
    let timed = cell.timed.filter(|_| cell.word == CellWord::Unreached)?;
    let Outcome::Unreached(cause) = timed.outcome else {
        return None;
    };
    let at = observed.columns[column];
    Some(Evidence {
        from: observed.snapshot.nodes[from].member.node.clone(),
        to: observed.snapshot.nodes[at.node].member.node.to_string(),
        plane: Some(at.plane),
        check,
        family: Some(at.family()),
        cause: Some(cause),
        measured: timed.measured,
    })
}
