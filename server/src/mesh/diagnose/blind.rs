//! The rule about ourselves: when half of the mesh falls silent at once, it may be us who cannot hear.

use meshvane_shared::check::Plane;
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::findings::{FindingKind, Scope, Severity, Subject};

use super::planes::{ONE_FAILURE, PlaneVerdict};
use super::waiting::is_returning;
use super::{Case, Finding, FindingKey, message};
use crate::mesh::snapshot::NodeView;
use crate::mesh::time::Moment;

/// What the silence of many shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hearing {
    /// Too few are silent, or others see why.
    Fine,
    /// The others have not looked since, or those that are silent may be heard in a moment.
    Unclear,
    /// So many fell silent at once, and nobody sees why.
    Blind {
        /// How many.
        silent: usize,
        /// Of how many.
        of: usize,
        /// When the first of them was last heard.
        since: Moment,
    },
}

/// Half of the members or more, at least two, fell silent in one window, and no fresh row of another node shows why, not even
/// after the time in which those whose nodes answer would have been heard again.
pub(super) fn hearing(case: &Case<'_>) -> Hearing {
    let snapshot = case.observed.snapshot;
    let members = snapshot.nodes.iter().filter(|view| view.state != MemberState::Leaving).count();
    let heard = |place: usize| {
        let member = &snapshot.nodes[place].member;
        member.received.unwrap_or(member.known_since)
    };
    // One that this server never heard, known from before its start, did not fall silent; nor did one that is not let in.
    let fell_silent = |view: &NodeView| {
        matches!(view.state, MemberState::Late | MemberState::Lost)
            && view.member.heard.is_some()
            && !view.is_awaited(snapshot.now.moment)
    };
    let mut silent: Vec<usize> =
        (0..snapshot.nodes.len()).filter(|place| fell_silent(&snapshot.nodes[*place])).collect();
    // Those that fell silent with the last one; others were silent before.
    let Some(last) = silent.iter().map(|place| heard(*place)).max() else { return Hearing::Fine };
    silent.retain(|place| last.since(heard(*place)) <= ONE_FAILURE);
    if silent.len() < 2 || silent.len() * 2 < members {
        return Hearing::Fine;
    }
    let since = silent.iter().map(|place| heard(*place)).min().unwrap_or(last);
    let blind = Hearing::Blind { silent: silent.len(), of: members, since };
    if !snapshot.nodes.iter().any(|view| view.is_observer() && view.member.received > Some(last)) {
        return blind;
    }
    // Somebody is heard: what does it see of those that are not?
    let mut unseen = false;
    for node in silent {
        for plane in Plane::ALL {
            match case.planes.get(node, plane).map(|view| view.verdict) {
                Some(PlaneVerdict::Dead) => return Hearing::Fine,
                Some(PlaneVerdict::Undecided) => unseen = true,
                Some(PlaneVerdict::Answers) | None => {}
            }
        }
        let view = &snapshot.nodes[node];
        let overdue = heard(node).after(view.member.late_after());
        // Before it was overdue it may have answered and then died.
        let answered =
            Plane::ALL.into_iter().any(|plane| case.survey.is_answered_since(node, plane, overdue));
        let now = snapshot.now.moment;
        let trying = now.since(heard(node)) < view.member.tries_again_within() || is_returning(view, now);
        unseen |= !answered || trying;
    }
    if unseen { Hearing::Unclear } else { blind }
}

/// The server does not hear, so nothing else is judged.
pub(super) fn monitor_blind(case: &mut Case<'_>) {
    let Hearing::Blind { silent, of, since } = case.hearing else { return };
    case.add(Finding {
        key: FindingKey::new(FindingKind::MonitorBlind, Subject::Scope { scope: Scope::Server }),
        severity: Severity::Critical,
        observers: None,
        since,
        context: Vec::new(),
        sentence: message::monitor_blind(silent, of),
        evidence: Vec::new(),
    });
}
