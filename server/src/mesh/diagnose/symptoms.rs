//! Finds the cells that fail although the address answers otherwise, and counts what works beside them.

use std::collections::{BTreeMap, BTreeSet};

use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::findings::FindingKind;
use meshvane_shared::wire::matrix::CellWord;

use super::Case;
use super::filters::port_kind;
use super::planes::may_be_over;
use super::triage::{Role, is_complete, slot};
use crate::mesh::observe::{Column, Mark, Observed};
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
    pub(super) failing: Trait,
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
    /// Kinds of which a cell fails and it is not known yet whether the address answers otherwise.
    pub(super) unclear: BTreeSet<FindingKind>,
    /// The families that anything is measured in.
    pub(super) families: BTreeSet<Family>,
    /// For places with symptoms, the pairs where the same works.
    working: BTreeMap<Place, Vec<(usize, usize)>>,
}

impl Symptoms {
    /// The pairs where it works in a place.
    pub(super) fn working(&self, place: Place) -> Option<&Vec<(usize, usize)>> {
        self.working.get(&place)
    }

    /// Tells whether it works for any pair in a place.
    pub(super) fn works_anywhere(&self, place: Place) -> bool {
        self.working(place).is_some_and(|pairs| !pairs.is_empty())
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

/// Tells whether an earlier finding accounts for what this row says of a plane of a node, or may yet.
fn is_accounted_for(case: &Case<'_>, from: usize, to: usize, plane: Plane) -> bool {
    let by_node = match case.triage.roles[to] {
        Role::Down | Role::DownWithZone | Role::Deaf | Role::CutOff | Role::Unclear => true,
        Role::PlaneCut(cut) => cut == plane,
        Role::Sound | Role::Mute => false,
    };
    let by_pair = case.triage.failing.get(&(from, to)).is_some_and(|planes| planes[slot(plane)]);
    by_node || by_pair
}

fn look_through(case: &Case<'_>, from: usize, symptoms: &mut Symptoms) {
    let observed = case.observed;
    let (icmp, tcp) = (observed.icmp.row(from), observed.tcp.row(from));
    for (index, column) in observed.columns.iter().enumerate() {
        let (icmp, tcp) = (icmp[index], tcp[index]);
        let fine = |mark: Mark| !matches!(mark, Mark::Silent | Mark::Answered);
        if fine(icmp) && fine(tcp) || is_accounted_for(case, from, column.node, column.plane) {
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
        !may_be_over(self.case.observed, [self.from, self.column.node], since, timed.measured)
    }

    /// An answer shows that a failure is not the address's: it is newer, or had time enough to turn into a failure.
    fn counts(&self, answered: Moment, since: Moment) -> bool {
        answered > since || is_complete(self.case.observed, self.from, since)
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
            symptoms.unclear.insert(FindingKind::FamilyCut);
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
                    symptoms.unclear.insert(FindingKind::FamilyCut);
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
            symptoms.unclear.insert(FindingKind::IcmpFiltered);
            return;
        }
        match self.known(self.index, CheckKind::Tcp) {
            Some(Known::Answers(at)) if self.counts(at, since) => {
                let ever = self.timed(self.index, CheckKind::Icmp).is_some_and(|timed| timed.ever_reached);
                self.add(symptoms, FindingKind::IcmpFiltered, Trait::Icmp, since, ever);
            }
            Some(Known::Answers(_)) => {
                symptoms.unclear.insert(FindingKind::IcmpFiltered);
            }
            Some(Known::Silent(_)) | None => {}
        }
    }

    fn tcp_fails(&self, symptoms: &mut Symptoms) {
        let Some(timed) = self.timed(self.index, CheckKind::Tcp) else { return };
        let Some(kind) = port_kind(timed.outcome) else { return };
        let since = timed.failing_since.unwrap_or(timed.measured);
        if !self.is_of_now(CheckKind::Tcp) {
            symptoms.unclear.insert(kind);
            return;
        }
        let subject = &self.case.observed.snapshot.nodes[self.column.node];
        if self.column.plane == Plane::Pod
            && timed.port.is_some_and(|port| port != subject.member.client_port)
        {
            // The agent has another port by now, and the observer has not heard of it.
            return;
        }
        if self.column.plane == Plane::Pod {
            // A port of the agent's own: it must be shown that the agent is there.
            if subject.state != MemberState::Alive || self.case.settled.contains(&self.column.node) {
                return;
            }
            if subject.member.received.is_none_or(|received| received <= since) {
                symptoms.unclear.insert(kind);
                return;
            }
        }
        if kind == FindingKind::PortFiltered {
            match self.known(self.index, CheckKind::Icmp) {
                Some(Known::Answers(at)) if self.counts(at, since) => {}
                Some(Known::Answers(_)) => {
                    symptoms.unclear.insert(kind);
                    return;
                }
                Some(Known::Silent(_)) | None => return,
            }
        }
        self.add(symptoms, kind, Trait::Tcp, since, timed.ever_reached);
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
            failing,
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
                symptoms.working.entry(place).or_insert_with(|| working_pairs(case.observed, place));
            }
        }
    }
}

fn working_pairs(observed: &Observed<'_>, place: Place) -> Vec<(usize, usize)> {
    let mut pairs = Vec::new();
    for (index, column) in observed.columns.iter().enumerate() {
        if column.plane != place.plane || column.family() != place.family {
            continue;
        }
        for (from, view) in observed.snapshot.nodes.iter().enumerate() {
            if !view.is_observer() {
                continue;
            }
            let mark =
                |check: CheckKind| observed.marks(check).and_then(|marks| marks.get(from, index)).copied();
            let works = match place.failing {
                Trait::Icmp => mark(CheckKind::Icmp) == Some(Mark::Reached),
                Trait::Tcp => {
                    mark(CheckKind::Tcp) == Some(Mark::Reached)
                        && observed.cell(from, index, CheckKind::Tcp).timed.and_then(|timed| timed.port)
                            == place.port
                }
                Trait::Family => [CheckKind::Icmp, CheckKind::Tcp]
                    .into_iter()
                    .any(|check| matches!(mark(check), Some(Mark::Reached | Mark::Answered))),
            };
            if works {
                pairs.push((from, column.node));
            }
        }
    }
    pairs
}
