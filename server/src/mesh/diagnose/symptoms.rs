//! Finds the cells that fail although the address answers otherwise, and counts what works beside them.

use std::collections::{BTreeMap, BTreeSet};

use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::findings::FindingKind;
use meshvane_shared::wire::matrix::CellWord;

use super::Case;
use super::bits::Bits;
use super::filters::port_kind;
use super::planes::may_be_over;
use super::silences::number;
use super::survey::SILENT;
use super::triage::Role;
use super::waiting::{BURST, SILENT_WITHIN, is_complete};
use super::working::{Working, working};
use crate::mesh::observe::{Column, Mark};
use crate::mesh::row::Timed;
use crate::mesh::time::Moment;

/// What fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Trait {
    /// A whole family.
    Family,
    /// Echo.
    Icmp,
    /// The connect.
    Tcp,
}

/// Where it fails: what is compared must be alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Place {
    pub(super) failing: Trait,
    pub(super) plane: Plane,
    pub(super) family: Family,
    pub(super) port: Option<u16>,
}

/// One failing cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Symptom {
    pub(super) kind: FindingKind,
    pub(super) place: Place,
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) column: usize,
    pub(super) since: Moment,
    pub(super) ever_reached: bool,
}

/// All of them, and what works.
#[derive(Debug, Default)]
pub(super) struct Symptoms {
    pub(super) found: Vec<Symptom>,
    /// Of each kind, cells that fail and of which it is not known yet whether the address answers otherwise.
    unclear: BTreeMap<FindingKind, Unclear>,
    /// The families that anything is measured in.
    pub(super) families: BTreeSet<Family>,
    /// For places with symptoms, where the same works.
    working: BTreeMap<Place, Working>,
}

/// Cells that decide nothing yet.
#[derive(Debug, Default)]
struct Unclear {
    /// How many of them each node has, as the one who looks or the one who is looked at.
    nodes: BTreeMap<usize, usize>,
    /// How many there are on each plane, in each family.
    at: BTreeMap<(Plane, Family), usize>,
}

impl Symptoms {
    /// How many cells of a node decide nothing yet about a kind.
    pub(super) fn unclear_at(&self, kind: FindingKind, node: usize) -> usize {
        self.unclear.get(&kind).and_then(|unclear| unclear.nodes.get(&node)).copied().unwrap_or(0)
    }

    /// How many cells decide nothing yet about a kind, on each plane in each family.
    pub(super) fn unclear_on(
        &self,
        kind: FindingKind,
    ) -> impl Iterator<Item = ((Plane, Family), usize)> + '_ {
        let unclear = self.unclear.get(&kind).into_iter();
        unclear.flat_map(|unclear| unclear.at.iter().map(|(at, count)| (*at, *count)))
    }

    /// Tells whether any cell decides nothing yet about a kind.
    pub(super) fn is_unclear(&self, kind: FindingKind) -> bool {
        self.unclear.contains_key(&kind)
    }

    /// Where it works in a place.
    pub(super) fn working(&self, place: Place) -> Option<&Working> {
        self.working.get(&place)
    }

    /// Tells whether it works for any pair in a place.
    pub(super) fn works_anywhere(&self, place: Place) -> bool {
        self.working(place).is_some_and(|working| !working.to.is_empty())
    }
}

/// What a cell is known to be, and when that was measured.
#[derive(Debug, Clone, Copy)]
enum Known {
    /// It answers; a refusal is an answer.
    Answers(Moment),
    /// It does not, since.
    Silent(Moment),
}

/// Looks through the matrix.
pub(super) fn symptoms(case: &Case<'_>) -> Symptoms {
    let observed = case.observed;
    let mut symptoms =
        Symptoms { families: observed.columns.iter().map(Column::family).collect(), ..Symptoms::default() };
    for (from, view) in observed.snapshot.nodes.iter().enumerate() {
        if view.is_observer() && !is_accounted_for_as_source(case, from) {
            look_through(case, from, &mut symptoms);
        }
    }
    count_working(case, &mut symptoms);
    symptoms
}

fn is_accounted_for_as_source(case: &Case<'_>, node: usize) -> bool {
    match case.triage.roles[node] {
        Role::Mute | Role::CutOff | Role::PlaneCut(Plane::Pod) => true,
        Role::Sound
        | Role::Unclear
        | Role::Down
        | Role::DownWithZone
        | Role::Deaf
        | Role::PlaneCut(Plane::Host) => false,
    }
}

/// Tells whether an earlier finding about a node accounts for what is said of a plane of it, or may yet.
fn is_accounted_for(case: &Case<'_>, to: usize, plane: Plane) -> bool {
    match case.triage.roles[to] {
        Role::Down | Role::DownWithZone | Role::Deaf | Role::CutOff | Role::Unclear => true,
        Role::PlaneCut(cut) => cut == plane,
        Role::Sound | Role::Mute => false,
    }
}

fn look_through(case: &Case<'_>, from: usize, symptoms: &mut Symptoms) {
    let observed = case.observed;
    let failures = SILENT | Mark::Answered.bit();
    if case.survey.row(from) & failures == 0 {
        return;
    }
    let mut failing_pairs = Bits::below(observed.snapshot.nodes.len() * Plane::ALL.len());
    for plane in case.planes.silences.of(from) {
        failing_pairs.insert(plane);
    }
    for index in case.survey.columns_with(from, failures) {
        let column = &observed.columns[index];
        let by_pair = failing_pairs.contains(number(column.node, column.plane));
        if by_pair || is_accounted_for(case, column.node, column.plane) {
            continue;
        }
        let at = At { case, from, index, column };
        if !at.family_fails(symptoms) {
            at.icmp_fails(symptoms);
            at.tcp_fails(symptoms);
        }
    }
}

struct At<'a> {
    case: &'a Case<'a>,
    from: usize,
    index: usize,
    column: &'a Column,
}

impl At<'_> {
    fn timed(&self, column: usize, check: CheckKind) -> Option<Timed> {
        let cell = self.case.observed.cell(self.from, column, check);
        cell.timed.filter(|_| matches!(cell.word, CellWord::Reached | CellWord::Unreached))
    }

    fn known(&self, column: usize, check: CheckKind) -> Option<Known> {
        let timed = self.timed(column, check)?;
        if timed.outcome.shows_address_answers() {
            Some(Known::Answers(timed.measured))
        } else if timed.outcome.is_unreached() {
            Some(Known::Silent(timed.failing_since.unwrap_or(timed.measured)))
        } else {
            None
        }
    }

    /// Tells whether a failing check is no rest of a failure that is over.
    fn is_of_now(&self, check: CheckKind) -> bool {
        let Some(timed) = self.timed(self.index, check) else { return true };
        let since = timed.failing_since.unwrap_or(timed.measured);
        let recovery = self.case.planes.recovery([self.from, self.column.node]);
        let early = timed.measured < recovery.after(BURST);
        !may_be_over(self.case.observed.snapshot.now.moment, recovery, since, early)
    }

    /// An answer shows that a failure is not the address's: it is newer, or had time enough to turn into a failure.
    fn counts(&self, answered: Moment, since: Moment) -> bool {
        answered > since || is_complete(self.case.observed, self.from, since, SILENT_WITHIN)
    }

    /// What a whole column is known to be, over its checks.
    fn column_known(&self, column: usize) -> Option<Known> {
        let known = CheckKind::ON_PLANES.map(|check| self.known(column, check));
        let answers = known.iter().flatten().filter_map(|known| match known {
            Known::Answers(at) => Some(*at),
            Known::Silent(_) => None,
        });
        if let Some(newest) = answers.max() {
            return Some(Known::Answers(newest));
        }
        let silent = known.iter().flatten().filter_map(|known| match known {
            Known::Silent(since) => Some(*since),
            Known::Answers(_) => None,
        });
        silent.max().map(Known::Silent)
    }

    /// The column fails whole, and another family of the same plane answers.
    fn family_fails(&self, symptoms: &mut Symptoms) -> bool {
        let Some(Known::Silent(since)) = self.column_known(self.index) else { return false };
        if !CheckKind::ON_PLANES.into_iter().all(|check| self.is_of_now(check)) {
            self.doubt(symptoms, FindingKind::FamilyCut);
            return true;
        }
        let observed = self.case.observed;
        let others =
            observed.columns_at(self.column.node, self.column.plane).filter(|other| *other != self.index);
        for other in others {
            match self.column_known(other) {
                Some(Known::Answers(at)) if self.counts(at, since) => {
                    self.add(symptoms, FindingKind::FamilyCut, Trait::Family, since, true);
                    return true;
                }
                Some(Known::Answers(_)) => {
                    self.doubt(symptoms, FindingKind::FamilyCut);
                    return true;
                }
                Some(Known::Silent(_)) | None => {}
            }
        }
        // The address does not answer at all: that is the pair's, or the node's.
        true
    }

    fn icmp_fails(&self, symptoms: &mut Symptoms) {
        let Some(Known::Silent(since)) = self.known(self.index, CheckKind::Icmp) else { return };
        if !self.is_of_now(CheckKind::Icmp) {
            self.doubt(symptoms, FindingKind::IcmpFiltered);
            return;
        }
        match self.known(self.index, CheckKind::Tcp) {
            Some(Known::Answers(at)) if self.counts(at, since) => {
                let ever = self.timed(self.index, CheckKind::Icmp).is_some_and(|timed| timed.ever_reached);
                self.add(symptoms, FindingKind::IcmpFiltered, Trait::Icmp, since, ever);
            }
            Some(Known::Answers(_)) => {
                self.doubt(symptoms, FindingKind::IcmpFiltered);
            }
            Some(Known::Silent(_)) | None => {}
        }
    }

    fn tcp_fails(&self, symptoms: &mut Symptoms) {
        let Some(timed) = self.timed(self.index, CheckKind::Tcp) else { return };
        let Some(kind) = port_kind(timed.outcome) else { return };
        let since = timed.failing_since.unwrap_or(timed.measured);
        if !self.is_of_now(CheckKind::Tcp) {
            self.doubt(symptoms, kind);
            return;
        }
        let subject = &self.case.observed.snapshot.nodes[self.column.node];
        if self.column.plane == Plane::Pod {
            if timed.port.is_some_and(|port| port != subject.member.client_port) {
                // The agent has another port by now, and the observer has not heard of it.
                return;
            }
            // A port of the agent's own: it must be shown that the agent is there.
            if subject.state != MemberState::Alive || self.case.settled.contains(&self.column.node) {
                return;
            }
            if subject.member.received.is_none_or(|received| received <= since) {
                self.doubt(symptoms, kind);
                return;
            }
        }
        if kind == FindingKind::PortFiltered {
            match self.known(self.index, CheckKind::Icmp) {
                Some(Known::Answers(at)) if self.counts(at, since) => {}
                Some(Known::Answers(_)) => {
                    self.doubt(symptoms, kind);
                    return;
                }
                Some(Known::Silent(_)) | None => return,
            }
        }
        self.add(symptoms, kind, Trait::Tcp, since, timed.ever_reached);
    }

    fn doubt(&self, symptoms: &mut Symptoms, kind: FindingKind) {
        let unclear = symptoms.unclear.entry(kind).or_default();
        for node in [self.from, self.column.node] {
            *unclear.nodes.entry(node).or_default() += 1;
        }
        *unclear.at.entry((self.column.plane, self.column.family())).or_default() += 1;
    }

    fn add(
        &self,
        symptoms: &mut Symptoms,
        kind: FindingKind,
        failing: Trait,
        since: Moment,
        ever_reached: bool,
    ) {
        let port = (failing == Trait::Tcp).then(|| self.timed(self.index, CheckKind::Tcp)).flatten();
        let place = Place {
            failing,
            plane: self.column.plane,
            family: self.column.family(),
            port: port.and_then(|timed| timed.port),
        };
        symptoms.found.push(Symptom {
            kind,
            place,
            from: self.from,
            to: self.column.node,
            column: self.index,
            since,
            ever_reached,
        });
    }
}

/// Counts, for the places where something fails, the pairs where it works.
fn count_working(case: &Case<'_>, symptoms: &mut Symptoms) {
    let places: BTreeSet<Place> = symptoms.found.iter().map(|symptom| symptom.place).collect();
    for place in places {
        // The same in the other plane and family tells whether it fails there alone.
        for plane in Plane::ALL {
            for family in symptoms.families.clone() {
                let place = Place { plane, family, ..place };
                symptoms.working.entry(place).or_insert_with(|| working(&case.survey, place));
            }
        }
    }
}
