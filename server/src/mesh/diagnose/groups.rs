//! Rules about pairs and groups: what fails between nodes that are fine otherwise.

use std::collections::BTreeMap;

use meshvane_shared::check::Plane;
use meshvane_shared::name::{NodeName, Zone};
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::findings::{Direction, FindingKind, Severity, Subject};

use super::blocks::Block;
use super::triage::Role;
use super::witnesses::evidence;
use super::{Case, Evidence, Finding, FindingKey, Observers, message};
use crate::mesh::time::Moment;

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
    let cuts = std::mem::take(&mut case.cuts);
    for cut in &cuts {
        if !cut.settled || case.holds_any(&cut.block) {
            case.hold_all(&cut.block);
        } else if cut.block.pairs() >= 2 {
            add_group(case, &cut.block, cut.plane, cut.both, cut.since, false);
        }
    }
    case.cuts = cuts;
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
    let observers = looking(case, block, both);
    let direction = (!both).then_some(Direction::Out);
    let sentence = message::group_cut([&left, &right], &zones, plane, both, silent, observers);
    let subject = Subject::Groups { groups: vec![left, right], zones };
    let evidence = failing_cells(case, block, both);
    case.cut_off_from_some.extend(block.nodes());
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
fn looking(case: &Case<'_>, block: &Block, both: bool) -> Observers {
    let far: &[usize] = if both { &block.right } else { &[] };
    let views = &case.observed.snapshot.nodes;
    let nodes = block.left.iter().chain(far).copied();
    Observers::all(case.observed, nodes.filter(|node| views[*node].is_observer()))
}

fn failing_cells(case: &Case<'_>, block: &Block, both: bool) -> Vec<Evidence> {
    let there = block.left.iter().flat_map(|from| block.right.iter().map(move |to| (*from, *to)));
    let back = block.right.iter().flat_map(|from| block.left.iter().map(move |to| (*from, *to)));
    let looks = there.chain(back.filter(|_| both));
    evidence(case.observed, looks.flat_map(|(from, to)| Plane::ALL.map(|plane| (from, to, plane))))
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
    let cuts = std::mem::take(&mut case.cuts);
    for cut in &cuts {
        let ([from], [to]) = (&cut.block.left[..], &cut.block.right[..]) else { continue };
        if cut.both != both || !cut.settled || case.holds_any(&cut.block) {
            continue;
        }
        let (mut from, mut to) = (case.name(*from), case.name(*to));
        if both && to < from {
            std::mem::swap(&mut from, &mut to);
        }
        let sentence = message::pair(&from, &to, cut.plane, both);
        let observers = looking(case, &cut.block, both);
        let evidence = failing_cells(case, &cut.block, both);
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
    case.cuts = cuts;
}
