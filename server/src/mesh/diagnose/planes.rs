//! How each plane of each node looks to those who look at it.
//!
//! An observer's word counts only if it is about *now*: an answer from before the failure began shows nothing, nor does a
//! failure from before the node came back, or from before the observer itself did: it may have been the one that was cut off.
//! Such an observer is asked to look and will.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use meshvane_shared::check::Plane;

use super::silences::{Reader, Silences, Word, number, plane_of};
use super::survey::{ANSWERS, SILENT, Survey};
use super::waiting::BURST;
use crate::mesh::look::LOOK_OBSERVERS;
use crate::mesh::observe::{Mark, Observed};
use crate::mesh::snapshot::NodeView;
use crate::mesh::time::Moment;

/// Failures that begin within this of each other are one: a round of the default interval finds all cells of a node within
/// 5 s, a reduced one within 10 s.
pub(super) const ONE_FAILURE: Duration = Duration::from_secs(10);

/// One plane of a node, as those see it who look at it.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlaneView {
    /// What follows from it.
    pub(super) verdict: PlaneVerdict,
    /// How many observers it does not answer.
    pub(super) silent: usize,
    /// Others look at it too, whether or not they have looked since the failure began.
    pub(super) others: bool,
    /// Observers that can ask only what a filter drops there were left out.
    pub(super) filtered: bool,
    /// When it stopped answering, as far as was measured. An answer from before it shows nothing.
    pub(super) since: Moment,
}

/// What the observers' words come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PlaneVerdict {
    /// Nobody is answered, and enough have looked.
    Dead,
    /// Somebody is answered.
    Answers,
    /// Too few have looked since the failure began.
    Undecided,
}

/// The planes that somebody fails to reach; those that are not here answer everybody who looked.
#[derive(Debug)]
pub(super) struct Planes {
    views: BTreeMap<(usize, Plane), PlaneView>,
    /// Who does not reach them.
    pub(super) silences: Silences,
    /// For each node, when anything between it and others last recovered, whoever looked.
    recoveries: Vec<Moment>,
}

impl Planes {
    pub(super) fn get(&self, node: usize, plane: Plane) -> Option<&PlaneView> {
        self.views.get(&(node, plane))
    }

    /// The planes of a node that are here.
    pub(super) fn of(&self, node: usize) -> impl Iterator<Item = &PlaneView> {
        Plane::ALL.into_iter().filter_map(move |plane| self.get(node, plane))
    }

    /// When the first of a node's planes stopped answering.
    pub(super) fn onset(&self, node: usize) -> Option<Moment> {
        self.of(node).map(|view| view.since).min()
    }

    /// When anything between two nodes and others last recovered.
    pub(super) fn recovery(&self, ends: [usize; 2]) -> Moment {
        let recoveries = ends.into_iter().filter_map(|end| self.recoveries.get(end));
        recoveries.max().copied().unwrap_or_default()
    }
}

/// What the observers' words about one plane come to while they are read.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    silent: usize,
    narrow: usize,
    filtered: bool,
    pending: usize,
    /// The newest answer of those of whom a check fails too.
    answered: Option<Moment>,
    /// The newest beginning.
    newest: Option<Moment>,
    /// The earliest that belongs with it.
    since: Option<Moment>,
    answers: bool,
}

/// Looks at the planes that somebody fails to reach. Rows are read in their order, and only what is not healthy in detail.
pub(super) fn failing_planes(survey: &Survey<'_>) -> Planes {
    let snapshot = survey.observed.snapshot;
    let nodes = snapshot.nodes.len();
    let mut planes = Planes {
        views: BTreeMap::new(),
        silences: Silences::new(snapshot.now.moment, nodes),
        recoveries: snapshot.nodes.iter().map(last_recovery).collect(),
    };
    let mut tallies = vec![Tally::default(); nodes * Plane::ALL.len()];
    read_words(survey, &mut planes, &mut tallies);
    drop_narrow(survey, &mut planes.silences, &mut tallies);
    for (plane, since) in planes.silences.all() {
        tallies[plane].newest = tallies[plane].newest.max(Some(since));
    }
    for (plane, since) in planes.silences.all() {
        let tally = &mut tallies[plane];
        if tally.newest.is_some_and(|newest| newest.since(since) <= ONE_FAILURE) {
            tally.since = Some(tally.since.map_or(since, |earliest| earliest.min(since)));
        }
    }
    find_answers(survey, &mut tallies);
    for (place, tally) in tallies.iter().enumerate() {
        let (node, plane) = plane_of(place);
        if tally.silent + tally.pending > 0 {
            planes.views.insert((node, plane), view(survey, node, plane, tally));
        }
    }
    planes
}

fn view(survey: &Survey<'_>, node: usize, plane: Plane, tally: &Tally) -> PlaneView {
    let others = tally.pending > 0 || survey.is_answered(node, plane);
    let verdict = if tally.answers {
        PlaneVerdict::Answers
    } else if tally.silent > 0 && (!others || tally.silent >= LOOK_OBSERVERS) {
        PlaneVerdict::Dead
    } else {
        PlaneVerdict::Undecided
    };
    let since = tally.since.unwrap_or(survey.observed.snapshot.now.moment);
    PlaneView { verdict, silent: tally.silent, others, filtered: tally.filtered, since }
}

fn read_words(survey: &Survey<'_>, planes: &mut Planes, tallies: &mut [Tally]) {
    let observed = survey.observed;
    let views = &observed.snapshot.nodes;
    let back: Vec<Moment> = views.iter().map(NodeView::back_since).collect();
    for (observer, looking) in views.iter().enumerate() {
        if !looking.is_observer() || survey.row(observer) & SILENT == 0 {
            continue;
        }
        let Some(mut reader) = Reader::new(survey, observer) else { continue };
        // At most so many: a plane has one column at least.
        planes.silences.reserve(observer, survey.columns_with(observer, SILENT).count());
        let mut last = None;
        for column in survey.columns_with(observer, SILENT) {
            let at = observed.columns[column];
            if last.replace((at.node, at.plane)) == Some((at.node, at.plane)) {
                continue;
            }
            let tally = &mut tallies[number(at.node, at.plane)];
            match reader.word(at.node, at.plane) {
                Some(Word::Answers(moment)) => tally.answered = tally.answered.max(Some(moment)),
                Some(Word::Silent { since, measured, narrow })
                    if measured >= back[observer].max(back[at.node]) =>
                {
                    tally.silent += 1;
                    tally.narrow += usize::from(narrow);
                    // One that is reported sooner than a burst takes may have been asked for before the recovery.
                    let early = measured < planes.recovery([observer, at.node]).after(BURST);
                    planes.silences.add(observer, number(at.node, at.plane), since, narrow, early);
                }
                Some(Word::Silent { .. } | Word::Pending) => tally.pending += 1,
                None => {}
            }
        }
    }
}

/// Where others are answered by the one check and not by the other, an observer that has only the other sees a filter.
fn drop_narrow(survey: &Survey<'_>, silences: &mut Silences, tallies: &mut [Tally]) {
    let mut filtered = BTreeSet::new();
    for (place, tally) in tallies.iter_mut().enumerate() {
        let (node, plane) = plane_of(place);
        let is_answered = || tally.answered.is_some() || is_plainly_answered(survey, node, plane);
        if tally.narrow > 0 && is_answered() && is_answered_by_one_check(survey, node, plane) {
            tally.silent -= tally.narrow;
            tally.filtered = true;
            filtered.insert(place);
        }
    }
    if !filtered.is_empty() {
        silences.drop_narrow(|place| filtered.contains(&place));
    }
}

/// Tells whether an observer is answered by a plane and no check of its fails.
fn is_plainly_answered(survey: &Survey<'_>, node: usize, plane: Plane) -> bool {
    let views = survey.observed.snapshot.nodes.iter().enumerate();
    survey.is_answered(node, plane)
        && views.filter(|(_, view)| view.is_observer()).any(|(observer, _)| {
            let marks = survey.cell(observer, node, plane);
            marks & ANSWERS != 0 && marks & SILENT == 0
        })
}

/// Tells whether some observer is answered by one of the two checks while the other one fails.
fn is_answered_by_one_check(survey: &Survey<'_>, node: usize, plane: Plane) -> bool {
    let Observed { icmp, tcp, .. } = survey.observed;
    let mixed = |row: usize, column: usize| {
        matches!(
            (icmp.get(row, column), tcp.get(row, column)),
            (Some(Mark::Silent), Some(Mark::Reached | Mark::Answered))
                | (Some(Mark::Reached), Some(Mark::Silent))
        )
    };
    let rows = 0..survey.observed.snapshot.nodes.len();
    rows.into_iter().any(|row| survey.observed.columns_at(node, plane).any(|column| mixed(row, column)))
}

/// Tells which planes answer somebody since they are silent to others. Most do, and the first row or two tell so.
fn find_answers(survey: &Survey<'_>, tallies: &mut [Tally]) {
    let mut open: Vec<(usize, Moment)> = Vec::new();
    for (place, tally) in tallies.iter_mut().enumerate() {
        let Some(since) = tally.since else { continue };
        let (node, plane) = plane_of(place);
        tally.answers = tally.answered.is_some_and(|at| at > since);
        if !tally.answers && survey.is_answered(node, plane) {
            open.push((place, since));
        }
    }
    for (observer, looking) in survey.observed.snapshot.nodes.iter().enumerate() {
        if open.is_empty() {
            return;
        }
        if !looking.is_observer() || survey.row(observer) & ANSWERS == 0 {
            continue;
        }
        open.retain(|(place, since)| {
            let (node, plane) = plane_of(*place);
            // The word of one of whom a check fails was read already.
            let answers = survey.cell(observer, node, plane) & SILENT == 0
                && survey
                    .observed
                    .columns_at(node, plane)
                    .any(|column| survey.is_new(observer, column, *since));
            tallies[*place].answers = answers;
            !answers
        });
    }
}

/// How long after a recovery what failed together with it may still be on its way back: failing cells are asked in every
/// second round, and an answer is believed when another one follows.
const RECOVERY_GRACE: Duration = Duration::from_secs(8);

/// When anything between a node and others last recovered, whoever looked.
fn last_recovery(view: &NodeView) -> Moment {
    let of_row = view.row.as_deref().and_then(|row| row.recovered);
    view.back_since().max(of_row.unwrap_or_default())
}

/// Tells whether a failure between two nodes may be a rest of one that is over: it began before something of either end
/// recovered, and was not repeated since (it is `early`), or that is only a moment ago.
pub(super) fn may_be_over(now: Moment, recovery: Moment, since: Moment, early: bool) -> bool {
    since <= recovery && (early || now.since(recovery) < RECOVERY_GRACE)
}

/// When the newest failure began: the earliest of the moments that belong with the latest.
pub(super) fn start_of_newest(begins: &[Moment]) -> Option<Moment> {
    let newest = begins.iter().max()?;
    begins.iter().filter(|begin| newest.since(**begin) <= ONE_FAILURE).min().copied()
}
