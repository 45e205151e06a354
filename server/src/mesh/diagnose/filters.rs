//! Rules about what fails on addresses that answer otherwise: a family, echo, a port.
//!
//! All four work alike. Each failing cell for which another one of the same pair answers is a *symptom*. Symptoms are
//! laid to the whole mesh when nothing of the kind works anywhere, else to nodes at which all look in vain, else to nodes
//! that look at all in vain, and what is left to pairs, or (of a family or a port) to the node that is looked at.

use std::collections::{BTreeMap, BTreeSet};

use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::outcome::{Cause, Outcome};
use meshvane_shared::wire::findings::{EVIDENCE_MAX, FindingKind, Scope, Severity, Subject};

use super::planes::start_of_newest;
use super::symptoms::{Place, Symptom, Symptoms, Trait, symptoms};
use super::waiting::{FILTERED_WITHIN, have_looked_since, were_looked_at_since};
use super::witnesses::failing_cell;
use super::working::{Working, works};
use super::{Case, Evidence, Finding, FindingKey, Observers, message};
use crate::mesh::time::Moment;

/// What symptoms are laid to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Culprit {
    All,
    /// All look at it in vain.
    Target(usize),
    /// It looks at all in vain.
    Source(usize),
    /// Some look at it in vain.
    Partly(usize),
    /// One of them looks at the other in vain, or each does; sorted.
    Pair(usize, usize),
}

/// One family fails where the other works.
pub(super) fn family_cut(case: &mut Case<'_>) {
    // The first of the four: nodes, agents and pairs are judged by now.
    case.symptoms = symptoms(case);
    judge(case, FindingKind::FamilyCut);
}

/// Echo fails where TCP answers.
pub(super) fn icmp_filtered(case: &mut Case<'_>) {
    judge(case, FindingKind::IcmpFiltered);
}

/// The address answers, the port refuses.
pub(super) fn port_refused(case: &mut Case<'_>) {
    judge(case, FindingKind::PortRefused);
}

/// The address answers, the port is silent.
pub(super) fn port_filtered(case: &mut Case<'_>) {
    judge(case, FindingKind::PortFiltered);
}

/// One culprit with all its symptoms of one kind, over planes and families.
#[derive(Debug, Default)]
struct Charge<'a> {
    symptoms: Vec<&'a Symptom>,
    places: BTreeSet<Place>,
}

fn judge(case: &mut Case<'_>, kind: FindingKind) {
    let symptoms = std::mem::take(&mut case.symptoms);
    let charges = charges(&symptoms, kind);
    let is_certain = |culprit: Culprit, charge: &Charge<'_>| {
        culprit == Culprit::All && !is_doubtful(&symptoms, kind, culprit, charge)
    };
    let everywhere = charges.iter().any(|((culprit, _), charge)| is_certain(*culprit, charge));
    // What is found everywhere does not depend on a cell that decides nothing yet.
    let settled = is_settled(case, &charges);
    if !settled || symptoms.is_unclear(kind) && !everywhere {
        case.diagnosis.held_kinds.insert(kind);
    }
    if settled {
        for ((culprit, port), charge) in charges {
            let charge = without_accounted(case, culprit, charge);
            if !charge.symptoms.is_empty() && !is_doubtful(&symptoms, kind, culprit, &charge) {
                add(case, &symptoms, kind, culprit, port, &charge);
            }
        }
    }
    case.symptoms = symptoms;
}

/// What some look at in vain is not shown by one of whom another finding speaks, or may.
fn without_accounted<'a>(case: &Case<'_>, culprit: Culprit, mut charge: Charge<'a>) -> Charge<'a> {
    if matches!(culprit, Culprit::Partly(_)) {
        charge
            .symptoms
            .retain(|symptom| !case.settled.contains(&symptom.from) && !case.is_held(symptom.from));
    }
    charge
}

/// Cells that decide nothing yet are few when there is at most one of them to so many that do.
const FEW: usize = 8;

/// Tells whether cells that decide nothing yet may show something else. What all see stands though a few of them have not
/// decided; a pair has nobody else to ask.
fn is_doubtful(symptoms: &Symptoms, kind: FindingKind, culprit: Culprit, charge: &Charge<'_>) -> bool {
    match culprit {
        Culprit::All => symptoms.unclear_on(kind).any(|((plane, family), unclear)| {
            // On each plane and in each family: whether it fails there too is a part of what is said.
            let is_there =
                |symptom: &&&Symptom| (symptom.place.plane, symptom.place.family) == (plane, family);
            unclear * FEW > charge.symptoms.iter().filter(is_there).count()
        }),
        Culprit::Target(node) | Culprit::Source(node) => {
            symptoms.unclear_at(kind, node) * FEW > charge.symptoms.len()
        }
        Culprit::Partly(node) => symptoms.unclear_at(kind, node) > 0,
        Culprit::Pair(from, to) => [from, to].iter().any(|node| symptoms.unclear_at(kind, *node) > 0),
    }
}

type Charges<'a> = BTreeMap<(Culprit, Option<u16>), Charge<'a>>;

fn charges(symptoms: &Symptoms, kind: FindingKind) -> Charges<'_> {
    let mut by_place: BTreeMap<Place, Vec<&Symptom>> = BTreeMap::new();
    for symptom in symptoms.found.iter().filter(|symptom| symptom.kind == kind) {
        by_place.entry(symptom.place).or_default().push(symptom);
    }
    let mut charges = Charges::new();
    for (place, found) in by_place {
        let tally = Tally::of(symptoms.working(place), &found);
        for symptom in &found {
            let culprit = tally.culprit(kind, symptom);
            let charge = charges.entry((culprit, place.port)).or_default();
            charge.symptoms.push(symptom);
            charge.places.insert(place);
        }
    }
    // A node that all look at in vain in one place and that looks in vain at all in another is one culprit.
    let targets: BTreeSet<(usize, Option<u16>)> = charges
        .keys()
        .filter_map(|(culprit, port)| match culprit {
            Culprit::Target(node) => Some((*node, *port)),
            Culprit::All | Culprit::Source(_) | Culprit::Partly(_) | Culprit::Pair(..) => None,
        })
        .collect();
    for (node, port) in targets {
        if let Some(charge) = charges.remove(&(Culprit::Source(node), port)) {
            let whole = charges.entry((Culprit::Target(node), port)).or_default();
            whole.symptoms.extend(charge.symptoms);
            whole.places.extend(charge.places);
        }
    }
    charges
}

/// What works and what fails in one place, counted by node.
struct Tally<'a> {
    working: Option<&'a Working>,
    fails_to: BTreeMap<usize, usize>,
    fails_from: BTreeMap<usize, Vec<usize>>,
}

impl<'a> Tally<'a> {
    fn of(working: Option<&'a Working>, found: &[&Symptom]) -> Self {
        let mut tally = Self { working, fails_to: BTreeMap::new(), fails_from: BTreeMap::new() };
        for symptom in found {
            *tally.fails_to.entry(symptom.to).or_default() += 1;
            tally.fails_from.entry(symptom.from).or_default().push(symptom.to);
        }
        tally
    }

    /// All look at it in vain.
    fn is_target(&self, node: usize) -> bool {
        !self.working.is_some_and(|working| working.to.contains(node)) && self.fails_to.contains_key(&node)
    }

    /// It looks at all in vain, also at some that others do not.
    fn is_source(&self, node: usize) -> bool {
        let targets = self.fails_from.get(&node).map_or(&[][..], Vec::as_slice);
        !self.working.is_some_and(|working| working.from.contains(node))
            && targets.iter().any(|to| !self.is_target(*to))
    }

    fn failures(&self, node: usize) -> usize {
        self.fails_to.get(&node).copied().unwrap_or(0) + self.fails_from.get(&node).map_or(0, Vec::len)
    }

    fn culprit(&self, kind: FindingKind, symptom: &Symptom) -> Culprit {
        let (from, to) = (symptom.from, symptom.to);
        if self.working.is_none_or(|working| working.to.is_empty()) && self.fails_to.len() >= 2 {
            return Culprit::All;
        }
        match (self.is_target(from), self.is_target(to)) {
            // In a small mesh a node that all look at in vain has a whole row of failures: the one with more of them.
            (true, true) if self.failures(from) > self.failures(to) => Culprit::Target(from),
            (_, true) => Culprit::Target(to),
            (true, false) => Culprit::Target(from),
            (false, false) if self.is_source(from) => Culprit::Source(from),
            // Of echo a pair is the subject, of the others the node that is looked at.
            (false, false) if kind == FindingKind::IcmpFiltered => Culprit::Pair(from.min(to), from.max(to)),
            (false, false) => Culprit::Partly(to),
        }
    }
}

/// Whether all that are concerned have looked since it began.
fn is_settled(case: &Case<'_>, charges: &Charges<'_>) -> bool {
    let begins: Vec<Moment> =
        charges.values().flat_map(|charge| charge.symptoms.iter().map(|symptom| symptom.since)).collect();
    let Some(since) = start_of_newest(&begins) else { return true };
    let newest =
        charges.values().flat_map(|charge| &charge.symptoms).filter(|symptom| symptom.since >= since);
    let nodes: BTreeSet<usize> = newest.flat_map(|symptom| [symptom.from, symptom.to]).collect();
    let nodes: Vec<usize> = nodes.into_iter().collect();
    have_looked_since(&case.survey, &nodes, since, FILTERED_WITHIN)
        && were_looked_at_since(&case.survey, &nodes, since, FILTERED_WITHIN)
}

fn add(
    case: &mut Case<'_>,
    symptoms: &Symptoms,
    kind: FindingKind,
    culprit: Culprit,
    port: Option<u16>,
    charge: &Charge<'_>,
) {
    let subject = match culprit {
        Culprit::All => Subject::Scope { scope: Scope::All },
        Culprit::Target(node) | Culprit::Source(node) | Culprit::Partly(node) => {
            Subject::Node { node: case.name(node) }
        }
        Culprit::Pair(one, other) => {
            let as_it_fails = charge.symptoms.first().map(|symptom| (symptom.from, symptom.to));
            let one_way =
                charge.symptoms.iter().all(|symptom| Some((symptom.from, symptom.to)) == as_it_fails);
            let (from, to) = as_it_fails.filter(|_| one_way).unwrap_or((one, other));
            Subject::Pair { from: case.name(from), to: case.name(to) }
        }
    };
    if subject_nodes(culprit).iter().any(|node| case.settled.contains(node) || case.is_held(*node)) {
        return;
    }
    let key = FindingKey {
        plane: plane_of(symptoms, kind, charge),
        family: family_of(symptoms, kind, charge),
        port,
        ..FindingKey::new(kind, subject)
    };
    if case.diagnosis.findings.iter().any(|finding| finding.key == key) {
        return;
    }
    let observers = observers(case, symptoms, culprit, charge);
    let never_worked = charge.symptoms.iter().all(|symptom| !symptom.ever_reached);
    let is_port = matches!(kind, FindingKind::PortRefused | FindingKind::PortFiltered);
    let severity =
        if is_port && culprit == Culprit::All && never_worked { Severity::Info } else { Severity::Warning };
    let begins: Vec<Moment> = charge.symptoms.iter().map(|symptom| symptom.since).collect();
    let sentence = message::filtered(&key, observers, never_worked);
    case.add(Finding {
        key,
        severity,
        observers: Some(observers),
        since: begins.into_iter().min().unwrap_or(case.observed.snapshot.now.moment),
        context: Vec::new(),
        sentence,
        evidence: evidence(case, charge),
    });
}

fn subject_nodes(culprit: Culprit) -> Vec<usize> {
    match culprit {
        Culprit::All => Vec::new(),
        Culprit::Target(node) | Culprit::Source(node) | Culprit::Partly(node) => vec![node],
        Culprit::Pair(from, to) => vec![from, to],
    }
}

/// The plane where it fails, if it works or could be told on the other one.
fn plane_of(symptoms: &Symptoms, kind: FindingKind, charge: &Charge<'_>) -> Option<Plane> {
    if matches!(kind, FindingKind::PortRefused | FindingKind::PortFiltered) {
        // The port tells it.
        return None;
    }
    let planes: BTreeSet<Plane> = charge.places.iter().map(|place| place.plane).collect();
    let measured: BTreeSet<Plane> = charge
        .places
        .iter()
        .flat_map(|place| Plane::ALL.map(|plane| Place { plane, ..*place }))
        .filter(|place| symptoms.works_anywhere(*place) || charge.places.contains(place))
        .map(|place| place.plane)
        .collect();
    (planes.len() == 1 && measured.len() == 2).then(|| planes.first().copied()).flatten()
}

fn family_of(symptoms: &Symptoms, kind: FindingKind, charge: &Charge<'_>) -> Option<Family> {
    let families: BTreeSet<Family> = charge.places.iter().map(|place| place.family).collect();
    if kind == FindingKind::FamilyCut {
        return families.first().copied();
    }
    let both = symptoms.families.len() == 2;
    (families.len() == 1 && both).then(|| families.first().copied()).flatten()
}

/// Those that saw it, of those that look at the same.
fn observers(case: &Case<'_>, symptoms: &Symptoms, culprit: Culprit, charge: &Charge<'_>) -> Observers {
    let looked_at: Option<BTreeSet<usize>> = match culprit {
        Culprit::All | Culprit::Source(_) => None,
        Culprit::Target(node) | Culprit::Partly(node) => Some(BTreeSet::from([node])),
        Culprit::Pair(..) => Some(charge.symptoms.iter().map(|symptom| symptom.to).collect()),
    };
    let looking = |from: usize| match culprit {
        Culprit::Source(node) => from == node,
        Culprit::All | Culprit::Target(_) | Culprit::Partly(_) | Culprit::Pair(..) => true,
    };
    let works = |place: &Place, from: usize| match &looked_at {
        None => symptoms.working(*place).is_some_and(|working| working.from.contains(from)),
        Some(nodes) => {
            let mut columns = nodes.iter().flat_map(|node| case.observed.columns_of(*node));
            columns.any(|column| works(&case.survey, *place, from, column))
        }
    };
    let of_it = charge.symptoms.iter().filter(|symptom| {
        looking(symptom.from) && looked_at.as_ref().is_none_or(|nodes| nodes.contains(&symptom.to))
    });
    let saw: BTreeSet<usize> = of_it.map(|symptom| symptom.from).collect();
    let views = case.observed.snapshot.nodes.iter().enumerate();
    let observers = views.filter(|(from, view)| view.is_observer() && looking(*from));
    let looked = observers
        .filter(|(from, _)| saw.contains(from) || charge.places.iter().any(|place| works(place, *from)));
    let of = looked.count();
    Observers::of(case.observed, saw, of)
}

fn evidence(case: &Case<'_>, charge: &Charge<'_>) -> Vec<Evidence> {
    let cell = |symptom: &&Symptom| {
        let check = match symptom.place.failing {
            Trait::Tcp => CheckKind::Tcp,
            Trait::Icmp | Trait::Family => CheckKind::Icmp,
        };
        failing_cell(case.observed, symptom.from, symptom.column, check)
    };
    charge.symptoms.iter().filter_map(cell).take(EVIDENCE_MAX).collect()
}

/// The kind of finding that a failing connect to an address that answers belongs to.
pub(super) fn port_kind(outcome: Outcome) -> Option<FindingKind> {
    match outcome {
        Outcome::Unreached(Cause::Refused | Cause::Reset) => Some(FindingKind::PortRefused),
        Outcome::Unreached(
            Cause::Timeout
            | Cause::Rejected { .. }
            | Cause::NoRoute
            | Cause::Tls
            | Cause::Protocol
            | Cause::Name { .. }
            | Cause::ResolverTimeout
            | Cause::Unspecified,
        ) => Some(FindingKind::PortFiltered),
        Outcome::Reached(_) | Outcome::Unmeasured(_) => None,
    }
}
