//! Failing pairs that are nobody's, made into blocks: those that fail at the same time, on the same plane and the same way.

use std::collections::BTreeMap;

use meshvane_shared::check::Plane;

use super::bits::{Bits, Pairs};
use super::blocks::{self, Block};
use super::planes::{ONE_FAILURE, Planes};
use super::silences::Edge;
use super::survey::{ANSWERS, SILENT, Survey};
use super::triage::{Triage, slot};
use super::waiting::{SILENT_WITHIN, have_looked_since, is_pending};
use crate::mesh::time::Moment;

/// A block of failing pairs and what is known of it.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) block: Block,
    /// The plane on which it fails; `None` for all.
    pub(super) plane: Option<Plane>,
    /// It fails in both directions; otherwise from left to right.
    pub(super) both: bool,
    pub(super) since: Moment,
    /// All that are in it, and all that look at them, have looked since it began.
    pub(super) settled: bool,
}

/// How pairs fail that may belong together.
type Shape = (Option<Plane>, bool);

/// Makes blocks of the failing pairs. Those that began at different times are different faults.
pub(super) fn cuts(survey: &Survey<'_>, planes: &Planes, triage: &Triage) -> Vec<Cut> {
    let nodes = survey.observed.snapshot.nodes.len();
    let now = survey.observed.snapshot.now.moment;
    let windows = windows((0..nodes).flat_map(|from| triage.edges(planes, now, from)).map(|edge| edge.since));
    if windows.is_empty() {
        return Vec::new();
    }
    let reverse = Reverse::of(survey, planes);
    let cutting = |window| Cutting { survey, planes, triage, reverse: &reverse, window };
    windows.into_iter().flat_map(|window| cutting(window).cuts()).collect()
}

/// The first and the last moment of things that began together: each within [`ONE_FAILURE`] of another one.
fn windows(begins: impl Iterator<Item = Moment>) -> Vec<(Moment, Moment)> {
    // Two that are in one slice of that length belong together, so the ends of the slices tell all.
    let slice = i64::try_from(ONE_FAILURE.as_millis()).unwrap_or(i64::MAX);
    let mut slices: BTreeMap<i64, (Moment, Moment)> = BTreeMap::new();
    for begin in begins {
        let (first, last) = slices.entry(begin.millis.div_euclid(slice)).or_insert((begin, begin));
        *first = begin.min(*first);
        *last = begin.max(*last);
    }
    let mut windows: Vec<(Moment, Moment)> = Vec::new();
    for (first, last) in slices.into_values() {
        match windows.last_mut() {
            Some((_, end)) if first.since(*end) <= ONE_FAILURE => *end = last,
            Some(_) | None => windows.push((first, last)),
        }
    }
    windows
}

/// What the other end of each pair sees, turned around: looked up in the order of the rows.
struct Reverse {
    failing: Pairs,
    /// Those of the failing ones that fail on this plane alone.
    alone: [Pairs; 2],
}

impl Reverse {
    fn of(survey: &Survey<'_>, planes: &Planes) -> Self {
        let nodes = survey.observed.snapshot.nodes.len();
        let empty = || Pairs::below(nodes);
        let mut reverse = Self { failing: empty(), alone: [empty(), empty()] };
        for from in 0..nodes {
            for edge in planes.silences.edges(from) {
                reverse.failing.insert(edge.to, from);
                if let Some(plane) = label(survey, edge) {
                    reverse.alone[slot(plane)].insert(edge.to, from);
                }
            }
        }
        reverse
    }

    /// Tells whether the way back fails.
    fn fails(&self, edge: Edge) -> bool {
        self.failing.contains(edge.from, edge.to)
    }

    /// The plane on which the way back fails; `None` when it fails on all that are looked at.
    fn label(&self, edge: Edge) -> Option<Plane> {
        let alone = |plane: &Plane| self.alone[slot(*plane)].contains(edge.from, edge.to);
        Plane::ALL.into_iter().find(alone)
    }
}

/// The plane on which a pair fails; `None` when it fails on all that are looked at.
fn label(survey: &Survey<'_>, edge: Edge) -> Option<Plane> {
    let works = |plane: Plane| !edge.planes[slot(plane)] && measures(survey, edge.from, edge.to, plane);
    match Plane::ALL.map(works) {
        [false, true] => Some(Plane::Host),
        [true, false] => Some(Plane::Pod),
        [false, false] | [true, true] => None,
    }
}

fn measures(survey: &Survey<'_>, from: usize, to: usize, plane: Plane) -> bool {
    survey.cell(from, to, plane) & (ANSWERS | SILENT) != 0
}

/// The failures of one window.
struct Cutting<'a> {
    survey: &'a Survey<'a>,
    planes: &'a Planes,
    triage: &'a Triage,
    reverse: &'a Reverse,
    window: (Moment, Moment),
}

impl Cutting<'_> {
    fn edges(&self, from: usize) -> impl Iterator<Item = Edge> + '_ {
        let now = self.survey.observed.snapshot.now.moment;
        let (first, last) = self.window;
        let edges = self.triage.edges(self.planes, now, from);
        edges.filter(move |edge| (first..=last).contains(&edge.since))
    }

    fn cuts(&self) -> Vec<Cut> {
        let nodes = self.survey.observed.snapshot.nodes.len();
        let mut shapes: BTreeMap<Shape, Pairs> = BTreeMap::new();
        for from in 0..nodes {
            for edge in self.edges(from) {
                let shape = self.shape(edge);
                let pairs = shapes.entry(shape).or_insert_with(|| Pairs::below(nodes));
                pairs.insert(from, edge.to);
                if shape.1 {
                    pairs.insert(edge.to, from);
                }
            }
        }
        let mut cuts = Vec::new();
        for ((plane, both), pairs) in shapes {
            let weigh = |block: &Block| self.begins(block, both).map(|since| i128::from(since.millis)).sum();
            let blocks =
                if both { blocks::undirected(&pairs, &weigh) } else { blocks::directed(&pairs, &weigh) };
            for block in blocks {
                let since = self.begins(&block, both).min();
                let since = since.unwrap_or(self.survey.observed.snapshot.now.moment);
                let settled = self.is_settled(&block, since);
                cuts.push(Cut { block, plane, both, since, settled });
            }
        }
        cuts
    }

    fn shape(&self, edge: Edge) -> Shape {
        let label = label(self.survey, edge);
        let observer = self.survey.observed.snapshot.nodes[edge.to].is_observer();
        let tells = || Plane::ALL.into_iter().any(|plane| measures(self.survey, edge.to, edge.from, plane));
        if self.reverse.fails(edge) {
            return (label.filter(|_| self.reverse.label(edge) == label), true);
        }
        // Where nobody is there to tell how the way back is, it counts as failing.
        (label, !observer || !tells())
    }

    /// When the failures of a block began.
    fn begins(&self, block: &Block, both: bool) -> impl Iterator<Item = Moment> + '_ {
        let limit = self.survey.observed.snapshot.nodes.len();
        let there = (block.left.clone(), Bits::of(&block.right, limit));
        let back = (block.right.clone(), Bits::of(&block.left, limit));
        [there, back].into_iter().take(if both { 2 } else { 1 }).flat_map(move |(near, far)| {
            near.into_iter().flat_map(move |from| {
                let far = far.clone();
                self.edges(from).filter(move |edge| far.contains(edge.to)).map(|edge| edge.since)
            })
        })
    }

    fn is_settled(&self, block: &Block, since: Moment) -> bool {
        let nodes: Vec<usize> = block.nodes().collect();
        nodes.iter().all(|node| !self.triage.unclear_ends.contains(node))
            && !is_pending(self.survey, &nodes, since)
            && have_looked_since(self.survey, &nodes, since, SILENT_WITHIN)
    }
}
