//! Who gets no answer from which plane: what each observer says of each plane that it fails to reach.
//!
//! A word is about one plane, over its families and checks. Eight bytes hold one: a cut through 5,000 nodes is 25 million.

use meshvane_shared::check::{CheckKind, Plane};

use super::planes::start_of_newest;
use super::survey::{ANSWERS, SILENT, Survey};
use super::triage::slot;
use crate::mesh::observe::Beginnings;
use crate::mesh::time::Moment;

/// What one observer says of one plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Word {
    /// It answers; the newest answer is of this moment.
    Answers(Moment),
    /// It does not; failing since, and the oldest of the newest failures. A narrow word rests on one check, where others use
    /// two: the address may answer what this observer cannot ask.
    Silent { since: Moment, measured: Moment, narrow: bool },
    /// A check fails, another one has not been repeated since.
    Pending,
}

/// A pair that fails, as one of the two sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Edge {
    /// Who looks.
    pub(super) from: usize,
    /// At whom.
    pub(super) to: usize,
    /// On which planes it fails: host, pod.
    pub(super) planes: [bool; 2],
    /// When it began.
    pub(super) since: Moment,
    /// The older of the newest failures may have been asked for before something of either end recovered.
    pub(super) early: bool,
}

/// A silent word, packed.
#[derive(Debug, Clone, Copy)]
struct Silence {
    /// The number of the plane, and the flags above it.
    plane: u32,
    /// Since when, in milliseconds before now. What is older than the 49 days that fit counts as so old.
    since_ago: u32,
}

const NARROW: u32 = 1 << 31;
const EARLY: u32 = 1 << 30;

impl Silence {
    fn plane(self) -> usize {
        usize::try_from(self.plane & !(NARROW | EARLY)).unwrap_or(usize::MAX)
    }
}

/// The number of a node's plane among all planes: those of a node stand together.
pub(super) fn number(node: usize, plane: Plane) -> usize {
    node * Plane::ALL.len() + slot(plane)
}

/// The node and plane of a number.
pub(super) fn plane_of(number: usize) -> (usize, Plane) {
    let plane = Plane::ALL.into_iter().find(|plane| slot(*plane) == number % Plane::ALL.len());
    (number / Plane::ALL.len(), plane.unwrap_or(Plane::Host))
}

/// All silent words, by observer, in the order of the planes' numbers.
#[derive(Debug)]
pub(super) struct Silences {
    now: Moment,
    rows: Vec<Vec<Silence>>,
}

impl Silences {
    pub(super) fn new(now: Moment, nodes: usize) -> Self {
        Self { now, rows: vec![Vec::new(); nodes] }
    }

    /// Makes room for an observer's words.
    pub(super) fn reserve(&mut self, observer: usize, words: usize) {
        self.rows[observer].reserve_exact(words);
    }

    /// Adds a word of an observer; planes come in the order of their numbers.
    pub(super) fn add(&mut self, observer: usize, number: usize, since: Moment, narrow: bool, early: bool) {
        let flags = if narrow { NARROW } else { 0 } | if early { EARLY } else { 0 };
        let plane = u32::try_from(number).expect("a mesh has far fewer than 2^29 nodes") | flags;
        let ago = self.now.millis.saturating_sub(since.millis).max(0);
        self.rows[observer].push(Silence { plane, since_ago: u32::try_from(ago).unwrap_or(u32::MAX) });
    }

    /// Drops the narrow words about some planes.
    pub(super) fn drop_narrow(&mut self, about: impl Fn(usize) -> bool) {
        for row in &mut self.rows {
            row.retain(|silence| silence.plane & NARROW == 0 || !about(silence.plane()));
        }
    }

    /// The planes of all words, and since when each is silent.
    pub(super) fn all(&self) -> impl Iterator<Item = (usize, Moment)> + '_ {
        self.rows.iter().flatten().map(|silence| (silence.plane(), self.since(*silence)))
    }

    /// The planes that are silent to an observer.
    pub(super) fn of(&self, observer: usize) -> impl Iterator<Item = usize> + '_ {
        self.rows.get(observer).into_iter().flatten().map(|silence| silence.plane())
    }

    /// The observers that a plane is silent to.
    pub(super) fn observers(&self, number: usize) -> impl Iterator<Item = usize> + '_ {
        let is_one =
            move |row: &Vec<Silence>| row.binary_search_by_key(&number, |silence| silence.plane()).is_ok();
        self.rows.iter().enumerate().filter(move |(_, row)| is_one(row)).map(|(observer, _)| observer)
    }

    /// The failing pairs that a node tells of, in the order of those at whom it looks.
    pub(super) fn edges(&self, from: usize) -> impl Iterator<Item = Edge> + '_ {
        let row = self.rows.get(from).map_or(&[][..], Vec::as_slice);
        let of_one = |one: &Silence, next: &Silence| plane_of(one.plane()).0 == plane_of(next.plane()).0;
        row.chunk_by(of_one).filter_map(move |words| {
            let first = words.first()?;
            let (to, _) = plane_of(first.plane());
            let mut edge = Edge { from, to, planes: [false; 2], since: self.since(*first), early: false };
            for word in words {
                edge.planes[slot(plane_of(word.plane()).1)] = true;
                edge.since = edge.since.min(self.since(*word));
                edge.early |= word.plane & EARLY != 0;
            }
            Some(edge)
        })
    }

    fn since(&self, silence: Silence) -> Moment {
        Moment::from_millis(self.now.millis.saturating_sub(i64::from(silence.since_ago)))
    }
}

/// Reads what one observer says.
pub(super) struct Reader<'a> {
    survey: &'a Survey<'a>,
    observer: usize,
    beginnings: Beginnings<'a>,
    /// The beginnings of a word's failures, kept for its memory.
    begins: Vec<Moment>,
}

impl<'a> Reader<'a> {
    /// `None` for one that reported nothing.
    pub(super) fn new(survey: &'a Survey<'a>, observer: usize) -> Option<Self> {
        let beginnings = survey.observed.beginnings(observer)?;
        Some(Self { survey, observer, beginnings, begins: Vec::new() })
    }

    /// What the observer says of a plane of which a cell is silent to it; planes are best asked for in their order.
    pub(super) fn word(&mut self, node: usize, plane: Plane) -> Option<Word> {
        let observed = self.survey.observed;
        let mut answered: Option<Moment> = None;
        let mut measured: Option<Moment> = None;
        let (mut checks, mut seen) = (0, [false; CheckKind::ON_PLANES.len()]);
        self.begins.clear();
        for column in observed.columns_at(node, plane) {
            for (place, check) in CheckKind::ON_PLANES.into_iter().enumerate() {
                let mark = self.survey.mark(self.observer, column, check);
                if mark & (ANSWERS | SILENT) == 0 {
                    continue;
                }
                let Some(at) = observed.measured(self.observer, column, check) else { continue };
                if mark & ANSWERS != 0 {
                    answered = answered.max(Some(at));
                    continue;
                }
                checks += usize::from(!std::mem::replace(&mut seen[place], true));
                self.begins.push(self.beginnings.since(column, check).unwrap_or(at));
                measured = Some(measured.map_or(at, |oldest| oldest.min(at)));
            }
        }
        match (answered, start_of_newest(&self.begins), measured) {
            (Some(at), Some(since), _) if at <= since => Some(Word::Pending),
            (Some(at), _, _) => Some(Word::Answers(at)),
            (None, Some(since), Some(measured)) => {
                Some(Word::Silent { since, measured, narrow: checks == 1 })
            }
            (None, _, _) => None,
        }
    }
}
