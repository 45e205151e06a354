//! What part each node plays in the failures, before any rule speaks: which cells the node itself accounts for, and which
//! are left to say something about pairs and groups.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::limits::{BURST_PROBES, BURST_SPACING, LATE_GRACE, PROBE_SOFT_LIMIT, RETRY_CAP};
use meshvane_shared::wire::agents::MemberState;

use super::planes::{
    ONE_FAILURE, PlaneVerdict, PlaneView, is_answered, may_be_over, newest_answer, start_of_newest,
};
use crate::mesh::observe::{Mark, Observed};
use crate::mesh::snapshot::NodeView;
use crate::mesh::time::Moment;

/// A cell that would fail has failed, and was confirmed and told, after one interval and this: the soft limit, the burst and
/// its last judgement, and a moment for the reports.
const CONFIRMED_WITHIN: Duration = PROBE_SOFT_LIMIT
    .saturating_mul(2)
    .saturating_add(BURST_SPACING.saturating_mul(BURST_PROBES - 1))
    .saturating_add(Duration::from_millis(400));

/// Tells whether whatever would have failed together with a failure of a moment has failed and was told by now.
pub(super) fn is_complete(observed: &Observed<'_>, looking: usize, since: Moment) -> bool {
    let view = &observed.snapshot.nodes[looking];
    let interval = view.row.as_deref().map_or(view.member.interval, |row| row.interval);
    observed.snapshot.now.moment.since(since) >= interval + CONFIRMED_WITHIN
}

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
    /// The older of the newest failures on either plane.
    measured: Moment,
}

/// The parts of all nodes, and the failing pairs that no node accounts for.
#[derive(Debug)]
pub(super) struct Triage {
    /// By node.
    pub(super) roles: Vec<Role>,
    /// Ordered by (from, to).
    pub(super) edges: Vec<Edge>,
    /// All failing pairs with the planes on which they fail, also those that a node accounts for.
    pub(super) failing: BTreeMap<(usize, usize), [bool; 2]>,
    /// The ends of failing pairs of which one end is unclear: what else fails at them may be a part of something larger.
    pub(super) unclear_ends: BTreeSet<usize>,
    /// The ends of failing pairs that may be the rest of a failure that is over.
    pub(super) rests: BTreeSet<usize>,
}

pub(super) type Planes = BTreeMap<(usize, Plane), PlaneView>;

/// The index of a plane in a pair of flags.
pub(super) fn slot(plane: Plane) -> usize {
    match plane {
        Plane::Host => 0,
        Plane::Pod => 1,
    }
}

/// Tells each node's part.
pub(super) fn triage(observed: &Observed<'_>, planes: &Planes) -> Triage {
    let all = edges_of(planes);
    let mut sent: BTreeMap<usize, Vec<Edge>> = BTreeMap::new();
    for edge in &all {
        sent.entry(edge.from).or_default().push(*edge);
    }
    let nodes = observed.snapshot.nodes.len();
    let mut roles: Vec<Role> = (0..nodes)
        .map(|node| role(observed, planes, node, sent.get(&node).map_or(&[][..], Vec::as_slice)))
        .collect();
    raise_zones(observed, planes, &mut roles);
    let is_rest = |edge: &Edge| may_be_over(observed, [edge.from, edge.to], edge.since, edge.measured);
    let left: Vec<Edge> = all.iter().filter_map(|edge| left_over(*edge, &roles)).collect();
    let (rests, edges): (Vec<Edge>, Vec<Edge>) = left.into_iter().partition(is_rest);
    let failing = all.iter().map(|edge| ((edge.from, edge.to), edge.planes)).collect();
    let is_unclear = |edge: &&Edge| [edge.from, edge.to].iter().any(|node| roles[*node] == Role::Unclear);
    let unclear = all.iter().filter(is_unclear).chain(&rests);
    let unclear_ends = unclear.flat_map(|edge| [edge.from, edge.to]).collect();
    let rests = rests.iter().flat_map(|edge| [edge.from, edge.to]).collect();
    Triage { roles, edges, failing, unclear_ends, rests }
}

fn edges_of(planes: &Planes) -> Vec<Edge> {
    let mut edges: BTreeMap<(usize, usize), Edge> = BTreeMap::new();
    for ((to, plane), view) in planes {
        for silence in &view.silent {
            let edge = edges.entry((silence.observer, *to)).or_insert(Edge {
                from: silence.observer,
                to: *to,
                planes: [false; 2],
                since: silence.since,
                measured: silence.measured,
            });
            edge.planes[slot(*plane)] = true;
            edge.since = edge.since.min(silence.since);
            edge.measured = edge.measured.min(silence.measured);
        }
    }
    edges.into_values().collect()
}

fn role(observed: &Observed<'_>, planes: &Planes, node: usize, sent: &[Edge]) -> Role {
    let view = &observed.snapshot.nodes[node];
    if view.state == MemberState::Leaving {
        return Role::Sound;
    }
    let views = Plane::ALL.map(|plane| planes.get(&(node, plane)));
    let verdict = |plane: Plane| views[slot(plane)].map(|view| view.verdict);
    let answers = |plane: Plane| match verdict(plane) {
        Some(PlaneVerdict::Answers) => true,
        Some(PlaneVerdict::Dead | PlaneVerdict::Undecided) => false,
        None => is_answered(observed, node, plane),
    };
    let dead = |plane: Plane| verdict(plane) == Some(PlaneVerdict::Dead);
    let undecided = |plane: Plane| verdict(plane) == Some(PlaneVerdict::Undecided);
    let someone_answered = Plane::ALL.into_iter().any(answers);
    let fails = Plane::ALL.into_iter().any(|plane| dead(plane) || undecided(plane));
    if fails && !someone_answered {
        return if Plane::ALL.into_iter().any(undecided) {
            Role::Unclear
        } else {
            unanswering(observed, views, view, node, sent)
        };
    }
    for plane in Plane::ALL {
        if dead(plane) {
            return cut_plane(observed, views[slot(plane)], node, plane);
        }
        // One that answered before the other fell silent may be dead too.
        if undecided(plane) {
            return Role::Unclear;
        }
    }
    mute(observed, node, sent)
}

/// Neither plane answers anyone.
fn unanswering(
    observed: &Observed<'_>,
    views: [Option<&PlaneView>; 2],
    view: &NodeView,
    node: usize,
    sent: &[Edge],
) -> Role {
    let now = observed.snapshot.now.moment;
    let onset = views.iter().flatten().map(|view| view.since).min().unwrap_or(now);
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
    let looked_at_by = views.iter().flatten().map(|view| view.silent.len()).max().unwrap_or(0);
    if looked_at_by <= 1 {
        // One observer and a node that is heard: a pair, not a node.
        return Role::Sound;
    }
    if view.is_observer() && reaches_somebody_since(observed, node, onset) {
        return Role::Deaf;
    }
    // Heard twice and more since it began: the connection to the server works, in both directions.
    let steady = view.member.heard.is_some_and(|heard| heard.since(onset) > view.member.late_after());
    if view.is_observer() && !sent.is_empty() && steady { Role::CutOff } else { Role::Unclear }
}

/// One plane answers nobody. The other must have answered since, or its answer is of the time before.
fn cut_plane(observed: &Observed<'_>, view: Option<&PlaneView>, node: usize, plane: Plane) -> Role {
    let Some(view) = view else { return Role::Sound };
    let subject = &observed.snapshot.nodes[node];
    if view.silent.len() == 1 && view.answers + view.pending == 0 && subject.state == MemberState::Alive {
        // One observer and a node that is heard: a pair, not a node.
        return Role::Sound;
    }
    let answered = newest_answer(observed, node, plane.other());
    if answered.is_some_and(|answered| answered > view.since) { Role::PlaneCut(plane) } else { Role::Unclear }
}

/// A node whose planes answer: does it reach anybody itself?
fn mute(observed: &Observed<'_>, node: usize, sent: &[Edge]) -> Role {
    let targets: BTreeSet<usize> = sent.iter().map(|edge| edge.to).collect();
    if targets.len() < 2 {
        return Role::Sound;
    }
    let begins: Vec<Moment> = sent.iter().map(|edge| edge.since).collect();
    let Some(onset) = start_of_newest(&begins) else { return Role::Sound };
    if reaches_somebody_since(observed, node, onset) {
        return Role::Sound;
    }
    if reaches_somebody_since(observed, node, Moment::from_millis(i64::MIN)) {
        // Answers of the time before: it has not looked at all of them since.
        return Role::Unclear;
    }
    // On each plane that ever answered: one that was not asked since may be the one that is cut.
    let answered: Vec<Moment> =
        Plane::ALL.into_iter().filter_map(|plane| newest_answer(observed, node, plane)).collect();
    let still = !answered.is_empty() && answered.iter().all(|at| *at > onset);
    if still { Role::Mute } else { Role::Unclear }
}

/// Tells whether a node measured an answer of another one after a moment.
fn reaches_somebody_since(observed: &Observed<'_>, node: usize, since: Moment) -> bool {
    CheckKind::ON_PLANES.into_iter().any(|check| {
        let Some(marks) = observed.marks(check) else { return false };
        marks.row(node).iter().enumerate().any(|(column, mark)| {
            matches!(mark, Mark::Reached | Mark::Answered)
                && observed.cell(node, column, check).timed.is_some_and(|timed| timed.measured > since)
        })
    })
}

/// A zone of which nobody answers and nobody is heard is one fault. While some of its nodes are down and none of the others
/// shows a sign of life, it is open which it will be.
fn raise_zones(observed: &Observed<'_>, planes: &Planes, roles: &mut [Role]) {
    let mut zones: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (node, view) in observed.snapshot.nodes.iter().enumerate() {
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
        let onsets: Vec<Moment> = down.iter().filter_map(|node| onset_of(planes, *node)).collect();
        let (Some(onset), Some(last)) = (onsets.iter().min().copied(), onsets.iter().max()) else { continue };
        if last.since(onset) > ONE_FAILURE {
            // They went down one after the other: each has its own finding.
            continue;
        }
        if down.len() == nodes.len() {
            for node in nodes {
                roles[*node] = Role::DownWithZone;
            }
        } else if !nodes.iter().any(|node| is_sound_since(observed, planes, roles, *node, onset)) {
            for node in down {
                roles[node] = Role::Unclear;
            }
        }
    }
}

/// When a node's planes stopped answering.
fn onset_of(planes: &Planes, node: usize) -> Option<Moment> {
    Plane::ALL.into_iter().filter_map(|plane| planes.get(&(node, plane))).map(|view| view.since).min()
}

/// Tells whether a node showed a sign of life after a moment.
fn is_sound_since(
    observed: &Observed<'_>,
    planes: &Planes,
    roles: &[Role],
    node: usize,
    onset: Moment,
) -> bool {
    let view = &observed.snapshot.nodes[node];
    if roles[node] == Role::Down {
        return false;
    }
    let heard = view.state == MemberState::Alive && view.member.received.is_some_and(|at| at > onset);
    let fails = Plane::ALL.into_iter().any(|plane| planes.contains_key(&(node, plane)));
    let answered = || {
        Plane::ALL.into_iter().any(|plane| newest_answer(observed, node, plane).is_some_and(|at| at > onset))
    };
    (heard && (!fails || view.is_observer() && reaches_somebody_since(observed, node, onset))) || answered()
}

/// What of a failing pair no node accounts for.
fn left_over(edge: Edge, roles: &[Role]) -> Option<Edge> {
    let mut planes = edge.planes;
    match roles[edge.to] {
        Role::Down | Role::DownWithZone | Role::Deaf | Role::CutOff | Role::Unclear => return None,
        Role::PlaneCut(plane) => planes[slot(plane)] = false,
        Role::Sound | Role::Mute => {}
    }
    match roles[edge.from] {
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

/// Tells whether all that these nodes measure is newer than a moment, or so much time has passed that what would fail has failed.
pub(super) fn have_looked_since(observed: &Observed<'_>, nodes: &[usize], since: Moment) -> bool {
    nodes.iter().all(|node| {
        let view = &observed.snapshot.nodes[*node];
        if !view.is_observer() || is_complete(observed, *node, since) {
            return true;
        }
        CheckKind::ON_PLANES.into_iter().all(|check| {
            let Some(marks) = observed.marks(check) else { return true };
            marks.row(*node).iter().enumerate().all(|(column, mark)| {
                *mark != Mark::Reached
                    || observed.cell(*node, column, check).timed.is_none_or(|timed| timed.measured > since)
            })
        })
    })
}

/// Tells whether all that others measure of these nodes is newer than a moment, or what would fail has failed.
pub(super) fn were_looked_at_since(observed: &Observed<'_>, nodes: &[usize], since: Moment) -> bool {
    let observers =
        (0..observed.snapshot.nodes.len()).filter(|place| observed.snapshot.nodes[*place].is_observer());
    let waited_for: Vec<usize> = observers.filter(|place| !is_complete(observed, *place, since)).collect();
    let is_new = |from: usize, column: usize, check: CheckKind| {
        let mark = observed.marks(check).and_then(|marks| marks.get(from, column));
        mark != Some(&Mark::Reached)
            || observed.cell(from, column, check).timed.is_none_or(|timed| timed.measured > since)
    };
    nodes.iter().flat_map(|node| Plane::ALL.map(|plane| observed.columns_at(*node, plane))).flatten().all(
        |column| {
            CheckKind::ON_PLANES
                .into_iter()
                .all(|check| waited_for.iter().all(|from| is_new(*from, column, check)))
        },
    )
}

/// How long after the return of one agent others that fell silent with it may still be on their way back.
const RETURN_GRACE: Duration = ONE_FAILURE;

/// Tells whether a silent node's whole surroundings are silent or have just come back: then it may come back too.
pub(super) fn may_be_returning(observed: &Observed<'_>, node: usize) -> bool {
    let now = observed.snapshot.now.moment;
    let views = &observed.snapshot.nodes;
    let just_back = |view: &NodeView| {
        view.state == MemberState::Alive
            && view.member.steady_since > view.member.known_since
            && now.since(view.member.steady_since)
                < RETURN_GRACE.max(view.member.interval + RETRY_CAP + LATE_GRACE)
    };
    let silent = |view: &NodeView| matches!(view.state, MemberState::Late | MemberState::Lost);
    let zone = views[node].member.zone.as_ref();
    let peers = views.iter().filter(|view| view.state != MemberState::Leaving);
    let in_zone: Vec<&NodeView> =
        peers.clone().filter(|view| zone.is_some() && view.member.zone.as_ref() == zone).collect();
    if in_zone.len() >= 2
        && in_zone.iter().any(|view| just_back(view))
        && in_zone.iter().all(|view| silent(view) || just_back(view))
    {
        return true;
    }
    let all = peers.clone().count();
    let back = peers.clone().filter(|view| just_back(view)).count();
    let quiet = peers.filter(|view| silent(view)).count();
    back >= 1 && quiet + back >= 2 && (quiet + back) * 2 >= all
}
