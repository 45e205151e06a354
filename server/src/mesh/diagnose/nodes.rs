//! Rules about one node: down, one plane cut, agent down.

use meshvane_shared::check::Plane;
use meshvane_shared::limits::{LATE_GRACE, RETRY_CAP};
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::findings::{EVIDENCE_MAX, FindingKind, Severity, Subject};

use super::planes::{PlaneVerdict, PlaneView, evidence};
use super::{Case, Finding, FindingKey, Observers, message};
use crate::mesh::observe::{Mark, Observed};
use crate::mesh::snapshot::NodeView;
use crate::mesh::time::Moment;

/// How a plane of a node stands when nobody fails to reach it, or somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// The member has no address there, or nobody could look.
    Unknown,
    /// It answers.
    Answers,
    /// It answers nobody.
    Dead,
    /// Too few have looked.
    Undecided,
}

fn standing(case: &Case<'_>, node: usize, plane: Plane) -> Standing {
    match case.planes.get(&(node, plane)) {
        Some(PlaneView { verdict: PlaneVerdict::Dead, .. }) => Standing::Dead,
        Some(PlaneView { verdict: PlaneVerdict::Answers, .. }) => Standing::Answers,
        Some(PlaneView { verdict: PlaneVerdict::Undecided, .. }) => Standing::Undecided,
        None if newest_answer(case.observed, node, plane).is_some() => Standing::Answers,
        None => Standing::Unknown,
    }
}

/// When an observer last measured an answer of a plane.
fn newest_answer(observed: &Observed<'_>, node: usize, plane: Plane) -> Option<Moment> {
    let mut newest = None;
    for column in observed.columns_at(node, plane) {
        for check in meshvane_shared::check::CheckKind::ON_PLANES {
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

/// Members that may be judged: all but those that said goodbye.
fn subjects(case: &Case<'_>) -> Vec<usize> {
    let nodes = case.observed.snapshot.nodes.iter().enumerate();
    nodes.filter(|(_, view)| view.state != MemberState::Leaving).map(|(node, _)| node).collect()
}

/// Nodes that at least one plane of answers nobody, or may.
fn nodes_with_failing_planes(case: &Case<'_>) -> Vec<usize> {
    let mut nodes: Vec<usize> = case.planes.keys().map(|(node, _)| *node).collect();
    nodes.dedup();
    nodes.retain(|node| case.observed.snapshot.nodes[*node].state != MemberState::Leaving);
    nodes
}

/// Critical, but where a single observer is all there is.
fn severity(observers: Observers) -> Severity {
    if observers.of <= 1 { Severity::Warning } else { Severity::Critical }
}

/// Neither plane answers anyone, and nothing was received from the agent since the cells began to fail.
pub(super) fn node_down(case: &mut Case<'_>) {
    for node in nodes_with_failing_planes(case) {
        let standings = Plane::ALL.map(|plane| standing(case, node, plane));
        let failing = standings
            .iter()
            .filter(|standing| matches!(standing, Standing::Dead | Standing::Undecided))
            .count();
        let known = standings.iter().filter(|standing| **standing != Standing::Unknown).count();
        // With a plane that answers it is not the node; the later rules look at it.
        if failing == 0 || failing < known {
            continue;
        }
        let dead = standings.iter().filter(|standing| **standing == Standing::Dead).count();
        let view = &case.observed.snapshot.nodes[node];
        let onset = Plane::ALL
            .iter()
            .filter_map(|plane| case.planes.get(&(node, *plane)))
            .map(|view| view.since)
            .min();
        let onset = onset.unwrap_or(case.observed.snapshot.now.moment);
        let now = case.observed.snapshot.now.moment;
        let heard_since = view.member.received.is_some_and(|received| {
            // What arrives just after the onset may have left before it, on a connection that was open: it shows that the
            // agent is there only until it is overdue itself.
            received > onset && now.since(received) <= view.member.late_after()
        });
        if dead < failing {
            case.hold(node);
        } else if !heard_since && matches!(view.state, MemberState::Late | MemberState::Lost) {
            add_node_down(case, node, onset);
        } else if !heard_since {
            // Its heartbeat is not overdue yet: whether the node or its links died shows in a moment.
            case.hold(node);
        }
    }
}

fn add_node_down(case: &mut Case<'_>, node: usize, since: Moment) {
    let observed = case.observed;
    let mut cells = Vec::new();
    let mut observers = Observers { saw: 0, of: 0, zones: 0 };
    for plane in Plane::ALL {
        let Some(view) = case.planes.get(&(node, plane)) else {
            continue;
        };
        let seen = view.observers(observed);
        observers = if seen.saw > observers.saw { seen } else { observers };
        cells.extend(evidence(observed, node, plane, view));
    }
    cells.truncate(EVIDENCE_MAX);
    let name = case.name(node);
    let silence = observed.snapshot.nodes[node].member.received;
    let sentence = message::node_down(&observed.snapshot.now, &name, observers, silence);
    case.settled.insert(node);
    case.add(Finding {
        key: FindingKey::new(FindingKind::NodeDown, Subject::Node { node: name }),
        severity: severity(observers),
        observers: Some(observers),
        since,
        context: Vec::new(),
        sentence,
        evidence: cells,
    });
}

/// One plane answers nobody while the other one answers.
pub(super) fn plane_cut(case: &mut Case<'_>) {
    for node in nodes_with_failing_planes(case) {
        if case.settled.contains(&node) || case.is_held(node) {
            continue;
        }
        for plane in Plane::ALL {
            let (this, other) = (standing(case, node, plane), standing(case, node, plane.other()));
            match (this, other) {
                (Standing::Dead, Standing::Answers) => add_plane_cut(case, node, plane),
                (Standing::Undecided, _) | (Standing::Dead, Standing::Undecided) => case.hold(node),
                (Standing::Dead, Standing::Dead | Standing::Unknown)
                | (Standing::Answers | Standing::Unknown, _) => {}
            }
        }
    }
}

fn add_plane_cut(case: &mut Case<'_>, node: usize, plane: Plane) {
    let observed = case.observed;
    let Some(view) = case.planes.get(&(node, plane)) else {
        return;
    };
    // The other plane must have answered since this one fell silent, or its answer is of the time before.
    let answered = newest_answer(observed, node, plane.other());
    if answered.is_none_or(|answered| answered <= view.since) {
        case.hold(node);
        return;
    }
    let observers = view.observers(observed);
    let name = case.name(node);
    let since = view.since;
    let cells = evidence(observed, node, plane, view);
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

/// The agent is silent and both its addresses answer.
pub(super) fn agent_down(case: &mut Case<'_>) {
    for node in subjects(case) {
        let view = &case.observed.snapshot.nodes[node];
        let late = match view.state {
            MemberState::Lost => false,
            MemberState::Late => true,
            MemberState::Alive | MemberState::Leaving => continue,
        };
        if case.settled.contains(&node) || case.is_held(node) {
            continue;
        }
        let standings = Plane::ALL.map(|plane| standing(case, node, plane));
        let returning = is_returning(view, case.observed.snapshot.now.moment);
        if standings.contains(&Standing::Undecided) || late || returning {
            case.hold(node);
        } else if !standings.contains(&Standing::Dead) {
            add_agent_down(case, node, standings.contains(&Standing::Answers));
        }
    }
}

/// Tells whether the node answers again since so short a time that its agent may not have been able to say so: a
/// heartbeat that has just failed takes up to an interval to give up, and the next try comes after the longest wait.
fn is_returning(view: &NodeView, now: Moment) -> bool {
    let grace = view.member.interval + RETRY_CAP + LATE_GRACE;
    view.recovered.is_some_and(|recovered| now.since(recovered) < grace)
}

fn add_agent_down(case: &mut Case<'_>, node: usize, answers: bool) {
    let snapshot = case.observed.snapshot;
    let view = &snapshot.nodes[node];
    let since = view.member.received.unwrap_or(view.member.known_since);
    let name = case.name(node);
    let sentence = message::agent_down(&name, view.member.pod.as_deref(), answers);
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
