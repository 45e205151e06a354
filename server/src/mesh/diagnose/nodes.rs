//! Rules about one node: down, one way, one plane cut, agent replaced, agent down.

use std::collections::{BTreeMap, BTreeSet};

use meshvane_shared::check::Plane;
use meshvane_shared::name::NodeName;
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::findings::{Direction, FindingKind, Severity, Subject};

use super::message::SignOfAgent;
use super::planes::PlaneVerdict;
use super::silences::plane_of;
use super::triage::Role;
use super::waiting::{is_returning, may_be_returning};
use super::witnesses::evidence;
use super::{Case, Evidence, Finding, FindingKey, Observers, message};
use crate::mesh::member::Origin;
use crate::mesh::observe::Observed;
use crate::mesh::snapshot::NodeView;
use crate::mesh::time::Moment;

/// Critical, but where a single observer is all there is.
fn severity(observers: Observers) -> Severity {
    if observers.of <= 1 { Severity::Warning } else { Severity::Critical }
}

/// Neither plane answers anyone, and nothing was received from the agent since the cells began to fail.
pub(super) fn node_down(case: &mut Case<'_>) {
    for node in case.with_role(Role::Down) {
        if may_be_returning(case.observed, node) {
            case.hold(node);
            continue;
        }
        let (observers, cells) = seen(case, node);
        let name = case.name(node);
        let silence = case.observed.snapshot.nodes[node].member.received;
        let sentence = message::node_down(&case.observed.snapshot.now, &name, observers, silence);
        case.settled.insert(node);
        case.add(Finding {
            key: FindingKey::new(FindingKind::NodeDown, Subject::Node { node: name }),
            severity: severity(observers),
            observers: Some(observers),
            since: case.onset(node),
            context: Vec::new(),
            sentence,
            evidence: cells,
        });
    }
}

/// Who sees that a node does not answer, on the plane that most see, and the failing cells of both planes.
fn seen(case: &Case<'_>, node: usize) -> (Observers, Vec<Evidence>) {
    let failing = || Plane::ALL.into_iter().filter(|plane| case.planes.get(node, *plane).is_some());
    let seen = failing().map(|plane| case.observers_of(node, plane));
    // Of planes that equally many see, the first.
    let most = seen.reduce(|most, other| if other.saw > most.saw { other } else { most });
    let observers = most.unwrap_or(Observers { saw: 0, of: 0, zones: 0 });
    let looks = failing().flat_map(|plane| case.looks_at(node, plane));
    (observers, evidence(case.observed, looks))
}

/// On every plane the node reaches nobody but is reached, or the reverse.
pub(super) fn node_one_way(case: &mut Case<'_>) {
    for (role, direction) in [(Role::Deaf, Direction::In), (Role::Mute, Direction::Out)] {
        for node in case.with_role(role) {
            let (observers, cells) = match direction {
                Direction::In | Direction::Both => seen(case, node),
                Direction::Out => said(case, node),
            };
            let since = match direction {
                Direction::In | Direction::Both => case.onset(node),
                Direction::Out => {
                    let begins = case.planes.silences.edges(node).map(|edge| edge.since).min();
                    begins.unwrap_or(case.observed.snapshot.now.moment)
                }
            };
            let name = case.name(node);
            let sentence = message::node_one_way(&name, direction, observers);
            case.settled.insert(node);
            case.add(Finding {
                key: FindingKey {
                    direction: Some(direction),
                    ..FindingKey::new(FindingKind::NodeOneWay, Subject::Node { node: name })
                },
                severity: Severity::Critical,
                observers: Some(observers),
                since,
                context: Vec::new(),
                sentence,
                evidence: cells,
            });
        }
    }
}

/// What a node says of all others whom it does not reach.
fn said(case: &Case<'_>, node: usize) -> (Observers, Vec<Evidence>) {
    let planes = case.planes.silences.of(node).map(plane_of);
    let looks = planes.map(|(to, plane)| (node, to, plane));
    (Observers::all(case.observed, [node]), evidence(case.observed, looks))
}

/// One plane answers nobody while the other one answers.
pub(super) fn plane_cut(case: &mut Case<'_>) {
    for plane in Plane::ALL {
        for node in case.with_role(Role::PlaneCut(plane)) {
            add_plane_cut(case, node, plane);
        }
    }
}

fn add_plane_cut(case: &mut Case<'_>, node: usize, plane: Plane) {
    let observed = case.observed;
    let Some(view) = case.planes.get(node, plane) else {
        return;
    };
    let observers = case.observers_of(node, plane);
    let name = case.name(node);
    let since = view.since;
    let cells = evidence(observed, case.looks_at(node, plane));
    let agent_silent = observed.snapshot.nodes[node].state == MemberState::Lost;
    let sentence = message::plane_cut(&name, plane, observers, agent_silent);
    case.settled.insert(node);
    case.add(Finding {
        key: FindingKey {
            plane: Some(plane),
            ..FindingKey::new(FindingKind::PlaneCut, Subject::Node { node: name })
        },
        severity: severity(observers),
        observers: Some(observers),
        since,
        context: Vec::new(),
        sentence,
        evidence: cells,
    });
}

/// Another node's agent answers at the node's pod address.
pub(super) fn agent_replaced(case: &mut Case<'_>) {
    for (node, told) in strangers(case.observed) {
        if case.settled.contains(&node) || case.is_held(node) {
            continue;
        }
        let by: BTreeSet<&NodeName> = told.iter().map(|(_, stranger, _)| stranger).collect();
        let Some(stranger) = by.first().copied().cloned() else { continue };
        let observers: BTreeSet<usize> = told.iter().map(|(observer, _, _)| *observer).collect();
        let of = (0..case.observed.snapshot.nodes.len())
            .filter(|place| *place != node && case.observed.snapshot.nodes[*place].is_observer())
            .count();
        if observers.len() < 2 && of >= 2 {
            // One alone may have asked through a translation of its own.
            case.hold(node);
            continue;
        }
        let observers = Observers::of(case.observed, observers, of);
        let since = told.iter().map(|(_, _, at)| *at).min();
        let name = case.name(node);
        let sentence = message::agent_replaced(&name, &stranger, observers);
        case.settled.insert(node);
        case.add(Finding {
            key: FindingKey::new(FindingKind::AgentReplaced, Subject::Node { node: name }),
            severity: Severity::Warning,
            observers: Some(observers),
            since: since.unwrap_or(case.observed.snapshot.now.moment),
            context: Vec::new(),
            sentence,
            evidence: Vec::new(),
        });
    }
}

/// For each node at whose address another one's agent answered: who asked, who answered, and when.
fn strangers(observed: &Observed<'_>) -> BTreeMap<usize, Vec<(usize, NodeName, Moment)>> {
    let snapshot = observed.snapshot;
    let mut found: BTreeMap<usize, Vec<(usize, NodeName, Moment)>> = BTreeMap::new();
    for (observer, view) in snapshot.nodes.iter().enumerate().filter(|(_, view)| view.is_observer()) {
        for stranger in
            view.row.iter().flat_map(|row| row.strangers.iter().map(move |stranger| (row, stranger)))
        {
            let (row, stranger) = stranger;
            let Some(target) = row.plan.targets.get(stranger.target) else { continue };
            let Some(node) = snapshot.place(&target.node) else { continue };
            let subject = &snapshot.nodes[node];
            // The member may have moved, or have been heard again since: then it is nobody's old address any more.
            let current = subject.member.addresses(target.plane).contains(&target.address)
                && stranger.measured > subject.member.steady_since;
            if current && subject.state != MemberState::Leaving && stranger.node != target.node {
                found.entry(node).or_default().push((observer, stranger.node.clone(), stranger.measured));
            }
        }
    }
    found
}

/// The agent is silent and both its addresses answer.
pub(super) fn agent_down(case: &mut Case<'_>) {
    let nodes = case.observed.snapshot.nodes.len();
    for node in 0..nodes {
        let view = &case.observed.snapshot.nodes[node];
        let late = match view.state {
            MemberState::Lost => false,
            MemberState::Late => true,
            MemberState::Alive | MemberState::Leaving => continue,
        };
        if case.settled.contains(&node) || case.is_held(node) || is_superseded(case.observed, view) {
            continue;
        }
        let verdicts = Plane::ALL.map(|plane| case.planes.get(node, plane).map(|view| view.verdict));
        let now = case.observed.snapshot.now.moment;
        let returning = is_returning(view, now) || view.is_awaited(now);
        let undecided = verdicts.contains(&Some(PlaneVerdict::Undecided));
        if undecided || late || returning || may_be_returning(case.observed, node) {
            case.hold(node);
        } else if !verdicts.contains(&Some(PlaneVerdict::Dead)) {
            add_agent_down(case, node, sign_of_agent(case, node));
        }
    }
}

/// Tells whether an original agent has given way to one that says its node: the same addresses speak again.
fn is_superseded(observed: &Observed<'_>, view: &NodeView) -> bool {
    view.member.origin == Origin::Original
        && observed.snapshot.nodes.iter().any(|other| {
            other.member.origin == Origin::Native
                && other.is_heard()
                && other
                    .member
                    .host_addresses
                    .iter()
                    .any(|address| view.member.host_addresses.contains(address))
        })
}

fn sign_of_agent(case: &Case<'_>, node: usize) -> SignOfAgent {
    let answers = || Plane::ALL.into_iter().any(|plane| case.survey.is_answered(node, plane));
    match case.observed.snapshot.nodes[node].knocks(case.observed.snapshot.now.moment) {
        Some(_) => SignOfAgent::Refused,
        None if answers() => SignOfAgent::NodeAnswers,
        None => SignOfAgent::Nothing,
    }
}

fn add_agent_down(case: &mut Case<'_>, node: usize, sign: SignOfAgent) {
    let snapshot = case.observed.snapshot;
    let view = &snapshot.nodes[node];
    let since = view.member.received.unwrap_or(view.member.known_since);
    let name = case.name(node);
    let sentence = message::agent_down(&name, view.member.pod.as_deref(), sign);
    case.settled.insert(node);
    case.add(Finding {
        key: FindingKey::new(FindingKind::AgentDown, Subject::Node { node: name }),
        severity: Severity::Warning,
        observers: None,
        since,
        context: Vec::new(),
        sentence,
        evidence: Vec::new(),
    });
}
