//! What part each node plays in the failures, before any rule speaks: which cells the node itself accounts for, and which
//! are left to say something about pairs and groups.

use std::collections::{BTreeMap, BTreeSet};

use meshvane_shared::check::Plane;
use meshvane_shared::wire::agents::MemberState;

use super::planes::{ONE_FAILURE, PlaneVerdict, Planes, may_be_over, start_of_newest};
use super::silences::Edge;
use super::survey::{ANSWERS, Survey};
use super::waiting::BURST;
use crate::mesh::snapshot::NodeView;
use crate::mesh::time::Moment;

/// A node's part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Nothing is known against the node itself.
    Sound,
    /// Too little is known yet.
    Unclear,
    /// No plane answers anyone and its agent is silent.
    Down,
    /// The same, and so are all others of its zone.
    DownWithZone,
    /// Nobody reaches it, and it reaches others.
    Deaf,
    /// It reaches nobody, and others reach it.
    Mute,
    /// Nobody reaches it and it reaches nobody, and its agent is heard.
    CutOff,
    /// One plane answers nobody while the other answers.
    PlaneCut(Plane),
}

/// The parts of all nodes, and what is known of the failing pairs that no node accounts for.
#[derive(Debug)]
pub(super) struct Triage {
    /// By node.
    pub(super) roles: Vec<Role>,
    /// The ends of failing pairs of which one end is unclear: what else fails at them may be a part of something larger.
    pub(super) unclear_ends: BTreeSet<usize>,
    /// The ends of failing pairs that may be the rest of a failure that is over.
    pub(super) rests: BTreeSet<usize>,
}

/// The index of a plane in a pair of flags.
pub(super) fn slot(plane: Plane) -> usize {
    match plane {
        Plane::Host => 0,
        Plane::Pod => 1,
    }
}

/// Tells each node's part.
pub(super) fn triage(survey: &Survey<'_>, planes: &Planes) -> Triage {
    let nodes = survey.observed.snapshot.nodes.len();
    let mut roles: Vec<Role> = (0..nodes).map(|node| role(survey, planes, node)).collect();
    raise_zones(survey, planes, &mut roles);
    let mut triage = Triage { roles, unclear_ends: BTreeSet::new(), rests: BTreeSet::new() };
    let now = survey.observed.snapshot.now.moment;
    for from in 0..nodes {
        for edge in planes.silences.edges(from) {
            let ends = [from, edge.to];
            let is_rest = triage.left_over(edge).is_some_and(|edge| is_rest(planes, now, edge));
            if is_rest {
                triage.rests.extend(ends);
            }
            if is_rest || ends.iter().any(|node| triage.roles[*node] == Role::Unclear) {
                triage.unclear_ends.extend(ends);
            }
        }
    }
    triage
}

fn is_rest(planes: &Planes, now: Moment, edge: Edge) -> bool {
    may_be_over(now, planes.recovery([edge.from, edge.to]), edge.since, edge.early)
}

impl Triage {
    /// The failing pairs that a node tells of, that no node accounts for, and that are no rest of a failure that is over.
    pub(super) fn edges<'a>(
        &'a self,
        planes: &'a Planes,
        now: Moment,
        from: usize,
    ) -> impl Iterator<Item = Edge> + 'a {
        let left = planes.silences.edges(from).filter_map(|edge| self.left_over(edge));
        left.filter(move |edge| !is_rest(planes, now, *edge))
    }

    /// What of a failing pair no node accounts for.
    fn left_over(&self, edge: Edge) -> Option<Edge> {
        let mut planes = edge.planes;
        match self.roles[edge.to] {
            Role::Down | Role::DownWithZone | Role::Deaf | Role::CutOff | Role::Unclear => return None,
            Role::PlaneCut(plane) => planes[slot(plane)] = false,
            Role::Sound | Role::Mute => {}
        }
        match self.roles[edge.from] {
            // All that its agent sends leaves from its pod.
            Role::Mute
            | Role::CutOff
            | Role::PlaneCut(Plane::Pod)
            | Role::Down
            | Role::DownWithZone
            | Role::Unclear => return None,
            Role::PlaneCut(Plane::Host) => planes[slot(Plane::Host)] = false,
            Role::Sound | Role::Deaf => {}
        }
        planes.contains(&true).then_some(Edge { planes, ..edge })
    }
}

fn role(survey: &Survey<'_>, planes: &Planes, node: usize) -> Role {
    let view = &survey.observed.snapshot.nodes[node];
    if view.state == MemberState::Leaving {
        return Role::Sound;
    }
    let verdict = |plane: Plane| planes.get(node, plane).map(|view| view.verdict);
    let answers = |plane: Plane| match verdict(plane) {
        Some(PlaneVerdict::Answers) => true,
        Some(PlaneVerdict::Dead | PlaneVerdict::Undecided) => false,
        None => survey.is_answered(node, plane),
    };
    let dead = |plane: Plane| verdict(plane) == Some(PlaneVerdict::Dead);
    let undecided = |plane: Plane| verdict(plane) == Some(PlaneVerdict::Undecided);
    let someone_answered = Plane::ALL.into_iter().any(answers);
    let fails = Plane::ALL.into_iter().any(|plane| dead(plane) || undecided(plane));
    if fails && !someone_answered {
        return if Plane::ALL.into_iter().any(undecided) {
            Role::Unclear
        } else {
            unanswering(survey, planes, view, node)
        };
    }
    for plane in Plane::ALL {
        if dead(plane) {
            return cut_plane(survey, planes, node, plane);
        }
        // One that answered before the other fell silent may be dead too.
        if undecided(plane) {
            return Role::Unclear;
        }
    }
    mute(survey, planes, node)
}

/// Neither plane answers anyone.
fn unanswering(survey: &Survey<'_>, planes: &Planes, view: &NodeView, node: usize) -> Role {
    let now = survey.observed.snapshot.now.moment;
    let onset = planes.onset(node).unwrap_or(now);
    // What arrives just after the onset may have left before it, on a connection that was open: it shows that the agent is
    // there only until it is overdue itself.
    let heard_since =
        view.member.received.is_some_and(|at| at > onset && now.since(at) <= view.member.late_after());
    if !heard_since {
        return match view.state {
            MemberState::Late | MemberState::Lost => Role::Down,
            // Its heartbeat is not overdue yet: whether the node or its links died shows in a moment.
            MemberState::Alive | MemberState::Leaving => Role::Unclear,
        };
    }
    let looked_at_by = planes.of(node).map(|view| view.silent).max().unwrap_or(0);
    if looked_at_by <= 1 {
        // One observer and a node that is heard: a pair, not a node.
        return Role::Sound;
    }
    if view.is_observer() && survey.reaches_somebody_since(node, onset) {
        return Role::Deaf;
    }
    // An answer of ours reached it since it began, or it was heard twice and more: that connection works, in both directions.
    let steady = view.answered.is_some_and(|answered| answered > onset)
        || view.member.heard.is_some_and(|heard| heard.since(onset) > view.member.late_after());
    let tells = planes.silences.edges(node).next().is_some();
    if view.is_observer() && tells && steady { Role::CutOff } else { Role::Unclear }
}

/// One plane answers nobody. The other must have answered since, or its answer is of the time before.
fn cut_plane(survey: &Survey<'_>, planes: &Planes, node: usize, plane: Plane) -> Role {
    let Some(view) = planes.get(node, plane) else { return Role::Sound };
    let subject = &survey.observed.snapshot.nodes[node];
    if view.silent == 1 && !view.others && subject.state == MemberState::Alive {
        // One observer and a node that is heard: a pair, not a node.
        return Role::Sound;
    }
    // A node that loses its power loses its pods first: an answer that is as old as the first silences may be its last.
    if survey.is_answered_since(node, plane.other(), view.since.after(BURST)) {
        Role::PlaneCut(plane)
    } else {
        Role::Unclear
    }
}

/// A node whose planes answer: does it reach anybody itself?
fn mute(survey: &Survey<'_>, planes: &Planes, node: usize) -> Role {
    let begins: Vec<Moment> = planes.silences.edges(node).map(|edge| edge.since).collect();
    if begins.len() < 2 {
        return Role::Sound;
    }
    let Some(onset) = start_of_newest(&begins) else { return Role::Sound };
    if survey.reaches_somebody_since(node, onset) {
        return Role::Sound;
    }
    if survey.row(node) & ANSWERS != 0 {
        // Answers of the time before: it has not looked at all of them since.
        return Role::Unclear;
    }
    // On each plane that ever answered: one that was not asked since may be the one that is cut.
    let mut answered = Plane::ALL.into_iter().filter(|plane| survey.is_answered(node, *plane)).peekable();
    let still =
        answered.peek().is_some() && answered.all(|plane| survey.is_answered_since(node, plane, onset));
    if still { Role::Mute } else { Role::Unclear }
}

/// A zone of which nobody answers and nobody is heard is one fault. While some of its nodes are down and none of the others
/// shows a sign of life, it is open which it will be.
fn raise_zones(survey: &Survey<'_>, planes: &Planes, roles: &mut [Role]) {
    let mut zones: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (node, view) in survey.observed.snapshot.nodes.iter().enumerate() {
        if view.state == MemberState::Leaving {
            continue;
        }
        if let Some(zone) = &view.member.zone {
            zones.entry(zone.as_str()).or_default().push(node);
        }
    }
    for nodes in zones.values().filter(|nodes| nodes.len() >= 2) {
        let down: Vec<usize> = nodes.iter().copied().filter(|node| roles[*node] == Role::Down).collect();
        if down.is_empty() {
            continue;
        }
        let onsets: Vec<Moment> = down.iter().filter_map(|node| planes.onset(*node)).collect();
        let (Some(onset), Some(last)) = (onsets.iter().min().copied(), onsets.iter().max()) else { continue };
        if last.since(onset) > ONE_FAILURE {
            // They went down one after the other: each has its own finding.
            continue;
        }
        if down.len() == nodes.len() {
            for node in nodes {
                roles[*node] = Role::DownWithZone;
            }
        } else if !nodes.iter().any(|node| is_sound_since(survey, planes, roles, *node, onset)) {
            for node in down {
                roles[node] = Role::Unclear;
            }
        }
    }
}

/// Tells whether a node showed a sign of life after a moment.
fn is_sound_since(survey: &Survey<'_>, planes: &Planes, roles: &[Role], node: usize, onset: Moment) -> bool {
    let view = &survey.observed.snapshot.nodes[node];
    if roles[node] == Role::Down {
        return false;
    }
    let heard = view.state == MemberState::Alive && view.member.received.is_some_and(|at| at > onset);
    let fails = planes.of(node).next().is_some();
    let answered = || Plane::ALL.into_iter().any(|plane| survey.is_answered_since(node, plane, onset));
    (heard && (!fails || view.is_observer() && survey.reaches_somebody_since(node, onset))) || answered()
}
