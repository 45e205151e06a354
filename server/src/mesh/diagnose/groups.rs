//! Rules about pairs and groups: what fails between nodes that are fine otherwise.

use std::collections::{BTreeMap, BTreeSet};

use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::name::{NodeName, Zone};
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::findings::{Direction, EVIDENCE_MAX, FindingKind, Severity, Subject};

use super::blocks::{self, Block};
use super::planes::{ONE_FAILURE, failing_cell};
use super::triage::{Edge, Role, Triage, have_looked_since, slot};
use super::{Case, Evidence, Finding, FindingKey, Observers, message};
use crate::mesh::observe::{Mark, Observed};
use crate::mesh::time::Moment;

/// A block of failing pairs and what is known of it.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    block: Block,
    /// The plane on which it fails; `None` for all.
    plane: Option<Plane>,
    /// It fails in both directions; otherwise from left to right.
    both: bool,
    since: Moment,
    /// All that are in it have looked since it began.
    settled: bool,
}

/// How pairs fail that may belong together.
type Shape = (Option<Plane>, bool);

/// Makes blocks of the failing pairs. Those that began at different times are different faults.
pub(super) fn cuts(observed: &Observed<'_>, planes: &super::triage::Planes, triage: &Triage) -> Vec<Cut> {
    let mut edges = triage.edges.clone();
    edges.sort_by_key(|edge| (edge.since, edge.from, edge.to));
    let mut found = Vec::new();
    for together in edges.chunk_by(|one, next| next.since.since(one.since) <= ONE_FAILURE) {
        found.extend(cuts_of(observed, planes, triage, together));
    }
    found
}

fn cuts_of(
    observed: &Observed<'_>,
    planes: &super::triage::Planes,
    triage: &Triage,
    edges: &[Edge],
) -> Vec<Cut> {
    let mut shapes: BTreeMap<Shape, BTreeSet<(usize, usize)>> = BTreeMap::new();
    let mut since: BTreeMap<(usize, usize), Moment> = BTreeMap::new();
    for edge in edges {
        let pair = (edge.from, edge.to);
        let label = label(observed, pair, edge.planes);
        let back = (edge.to, edge.from);
        let reverse = triage.failing.get(&back).map(|planes| self::label(observed, back, *planes));
        let (shape, key) = match reverse {
            Some(reverse) => {
                let plane = if reverse == label { label } else { None };
                ((plane, true), (edge.from.min(edge.to), edge.from.max(edge.to)))
            }
            // Nobody is there to tell how the way back is.
            None if !observed.snapshot.nodes[edge.to].is_observer() || !measures(observed, back) => {
                ((label, true), (edge.from.min(edge.to), edge.from.max(edge.to)))
            }
            None => ((label, false), pair),
        };
        shapes.entry(shape).or_default().insert(key);
        let begin = since.entry(key).or_insert(edge.since);
        *begin = (*begin).min(edge.since);
    }
    let mut cuts = Vec::new();
    for ((plane, both), pairs) in shapes {
        let blocks = if both { blocks::undirected(&pairs) } else { blocks::directed(&pairs) };
        for block in blocks {
            let since = pairs_of(&block, both).filter_map(|pair| since.get(&pair)).min().copied();
            let since = since.unwrap_or(observed.snapshot.now.moment);
            let settled = is_settled(observed, planes, triage, &block, since);
            cuts.push(Cut { block, plane, both, since, settled });
        }
    }
    cuts
}

fn pairs_of(block: &Block, both: bool) -> impl Iterator<Item = (usize, usize)> + '_ {
    let pair = move |from: usize, to: usize| if both { (from.min(to), from.max(to)) } else { (from, to) };
    block.left.iter().flat_map(move |from| block.right.iter().map(move |to| pair(*from, *to)))
}

/// The plane on which a pair fails; `None` when it fails on all that are looked at.
fn label(observed: &Observed<'_>, pair: (usize, usize), failing: [bool; 2]) -> Option<Plane> {
    let works = |plane: Plane| !failing[slot(plane)] && measures_plane(observed, pair, plane);
    match Plane::ALL.map(works) {
        [false, true] => Some(Plane::Host),
        [true, false] => Some(Plane::Pod),
        [false, false] | [true, true] => None,
    }
}

fn measures(observed: &Observed<'_>, pair: (usize, usize)) -> bool {
    Plane::ALL.into_iter().any(|plane| measures_plane(observed, pair, plane))
}

fn measures_plane(observed: &Observed<'_>, (from, to): (usize, usize), plane: Plane) -> bool {
    let measured = |column: usize| {
        CheckKind::ON_PLANES.into_iter().filter_map(|check| observed.marks(check)).any(|marks| {
            matches!(marks.get(from, column), Some(Mark::Reached | Mark::Answered | Mark::Silent))
        })
    };
    observed.columns_at(to, plane).any(measured)
}

fn is_settled(
    observed: &Observed<'_>,
    planes: &super::triage::Planes,
    triage: &Triage,
    block: &Block,
    since: Moment,
) -> bool {
    let nodes: Vec<usize> = block.left.iter().chain(&block.right).copied().collect();
    if nodes.iter().any(|node| triage.unclear_ends.contains(node)) {
        return false;
    }
    let views = nodes.iter().flat_map(|node| Plane::ALL.map(|plane| planes.get(&(*node, plane)))).flatten();
    let pending: usize = views.map(|view| view.pending).sum();
    let everybody: Vec<usize> =
        if pending > 0 { (0..observed.snapshot.nodes.len()).collect() } else { nodes };
    have_looked_since(observed, &everybody, since)
}

/// A zone that is silent as a whole, a node that is cut off from all others, and blocks of two and more pairs.
pub(super) fn group_cut(case: &mut Case<'_>) {
    for node in case.with_role(Role::Unclear).into_iter().chain(case.triage.rests.clone()) {
        case.hold(node);
    }
    silent_zones(case);
    let cut_off: Vec<usize> = case.with_role(Role::CutOff);
    for node in cut_off {
        let others = others(case, &[node]);
        let since = case.onset(node);
        add_group(case, &Block { left: vec![node], right: others }, None, true, since, false);
    }
    for cut in case.cuts.clone() {
        let pairs = cut.block.left.len() * cut.block.right.len();
        if !cut.settled || case.holds_any(&cut.block) {
            case.hold_all(&cut.block);
        } else if pairs >= 2 {
            add_group(case, &cut.block, cut.plane, cut.both, cut.since, false);
        }
    }
}

fn silent_zones(case: &mut Case<'_>) {
    let mut zones: BTreeMap<Zone, Vec<usize>> = BTreeMap::new();
    for node in case.with_role(Role::DownWithZone) {
        if let Some(zone) = &case.observed.snapshot.nodes[node].member.zone {
            zones.entry(zone.clone()).or_default().push(node);
        }
    }
    for nodes in zones.into_values() {
        let others = others(case, &nodes);
        let since = nodes.iter().map(|node| case.onset(*node)).min();
        let since = since.unwrap_or(case.observed.snapshot.now.moment);
        case.settled.extend(&nodes);
        add_group(case, &Block { left: nodes, right: others }, None, true, since, true);
    }
}

/// The nodes that are there to be cut off from: neither these, nor down themselves, nor leaving.
fn others(case: &Case<'_>, these: &[usize]) -> Vec<usize> {
    let views = case.observed.snapshot.nodes.iter().enumerate();
    views
        .filter(|(node, view)| {
            !these.contains(node)
                && view.state != MemberState::Leaving
                && !matches!(case.triage.roles[*node], Role::Down | Role::DownWithZone)
        })
        .map(|(node, _)| node)
        .collect()
}

fn add_group(
    case: &mut Case<'_>,
    block: &Block,
    plane: Option<Plane>,
    both: bool,
    since: Moment,
    silent: bool,
) {
    let names = |nodes: &[usize]| -> Vec<NodeName> { nodes.iter().map(|node| case.name(*node)).collect() };
    let (mut left, mut right) = (names(&block.left), names(&block.right));
    if both && !silent && (right.len(), &right) < (left.len(), &left) {
        std::mem::swap(&mut left, &mut right);
    }
    // Of a zone that is silent the rest of the mesh is no counterpart, whatever it is made of.
    let groups = [&left, &right];
    let shown = if silent { &groups[..1] } else { &groups[..] };
    let zones: Vec<Zone> = shown.iter().filter_map(|group| whole_zone(case, group)).collect();
    let observers = observers(case, block, both);
    let direction = (!both).then_some(Direction::Out);
    let sentence = message::group_cut([&left, &right], &zones, plane, both, silent, observers);
    let subject = Subject::Groups { groups: vec![left, right], zones };
    let evidence = evidence(case.observed, block, both);
    case.cut_off_from_some.extend(block.left.iter().chain(&block.right));
    case.add(Finding {
        key: FindingKey { plane, direction, ..FindingKey::new(FindingKind::GroupCut, subject) },
        severity: Severity::Critical,
        observers: Some(observers),
        since,
        context: Vec::new(),
        sentence,
        evidence,
    });
}

/// The zone whose members, two or more, are exactly these.
fn whole_zone(case: &Case<'_>, group: &[NodeName]) -> Option<Zone> {
    let snapshot = case.observed.snapshot;
    let zone = snapshot.nodes[snapshot.place(group.first()?)?].member.zone.clone()?;
    let of_zone = snapshot
        .nodes
        .iter()
        .filter(|view| view.state != MemberState::Leaving && view.member.zone.as_ref() == Some(&zone))
        .map(|view| &view.member.node);
    (group.len() >= 2 && of_zone.eq(group)).then_some(zone)
}

/// Those of a block that look, and fail.
fn observers(case: &Case<'_>, block: &Block, both: bool) -> Observers {
    let views = &case.observed.snapshot.nodes;
    let far: &[usize] = if both { &block.right } else { &[] };
    let looking: Vec<usize> =
        block.left.iter().chain(far).copied().filter(|node| views[*node].is_observer()).collect();
    let zones: BTreeSet<&Zone> =
        looking.iter().filter_map(|node| views[*node].member.zone.as_ref()).collect();
    Observers { saw: looking.len(), of: looking.len(), zones: zones.len() }
}

fn evidence(observed: &Observed<'_>, block: &Block, both: bool) -> Vec<Evidence> {
    let there = block.left.iter().flat_map(|from| block.right.iter().map(move |to| (*from, *to)));
    let back = block.right.iter().flat_map(|from| block.left.iter().map(move |to| (*from, *to)));
    let mut found = Vec::new();
    for (from, to) in there.chain(back.filter(|_| both)) {
        for plane in Plane::ALL {
            for column in observed.columns_at(to, plane) {
                for check in CheckKind::ON_PLANES {
                    found.extend(failing_cell(observed, from, column, check));
                    if found.len() == EVIDENCE_MAX {
                        return found;
                    }
                }
            }
        }
    }
    found
}

/// Two nodes that do not reach each other, each fine with the others.
pub(super) fn pair_cut(case: &mut Case<'_>) {
    pairs(case, true, FindingKind::PairCut);
}

/// The same for new flows in one direction.
pub(super) fn pair_one_way(case: &mut Case<'_>) {
    pairs(case, false, FindingKind::PairOneWay);
}

fn pairs(case: &mut Case<'_>, both: bool, kind: FindingKind) {
    for cut in case.cuts.clone() {
        let ([from], [to]) = (&cut.block.left[..], &cut.block.right[..]) else { continue };
        if cut.both != both || !cut.settled || case.holds_any(&cut.block) {
            continue;
        }
        let (mut from, mut to) = (case.name(*from), case.name(*to));
        if both && to < from {
            std::mem::swap(&mut from, &mut to);
        }
        let sentence = message::pair(&from, &to, cut.plane, both);
        let observers = observers(case, &cut.block, both);
        let evidence = evidence(case.observed, &cut.block, both);
        case.add(Finding {
            key: FindingKey { plane: cut.plane, ..FindingKey::new(kind, Subject::Pair { from, to }) },
            severity: Severity::Warning,
            observers: Some(observers),
            since: cut.since,
            context: Vec::new(),
            sentence,
            evidence,
        });
    }
}
