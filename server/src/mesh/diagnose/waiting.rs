//! What is still to be waited for: looks that were asked for, and agents that may be on their way back.

use std::time::Duration;

use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::limits::{BURST_PROBES, BURST_SPACING, CAREFUL_PROBES, PROBE_SOFT_LIMIT};
use meshvane_shared::wire::agents::MemberState;

use super::planes::ONE_FAILURE;
use super::survey::{ANSWERS, Survey, places};
use crate::mesh::observe::{Mark, Observed};
use crate::mesh::snapshot::NodeView;
use crate::mesh::time::Moment;

/// A burst, from its first probe until the last one is judged.
pub(super) const BURST: Duration =
    PROBE_SOFT_LIMIT.saturating_add(BURST_SPACING.saturating_mul(BURST_PROBES - 1));
/// The same where haste is of no use.
const CAREFUL_BURST: Duration =
    PROBE_SOFT_LIMIT.saturating_add(BURST_SPACING.saturating_mul(CAREFUL_PROBES - 1));
/// A moment for the reports.
const TOLD: Duration = Duration::from_millis(400);
/// A cell of an address that is silent has failed, and was confirmed and told, after one interval and this: its turn, then a
/// burst. A look just before its turn takes less.
pub(super) const SILENT_WITHIN: Duration = PROBE_SOFT_LIMIT.saturating_add(BURST).saturating_add(TOLD);
/// The same for a check that fails while the address answers the other one.
pub(super) const FILTERED_WITHIN: Duration =
    PROBE_SOFT_LIMIT.saturating_add(CAREFUL_BURST).saturating_add(TOLD);

/// Tells whether whatever would have failed together with a failure of a moment has failed and was told by now.
pub(super) fn is_complete(observed: &Observed<'_>, looking: usize, since: Moment, within: Duration) -> bool {
    let view = &observed.snapshot.nodes[looking];
    let interval = view.row.as_deref().map_or(view.member.interval, |row| row.interval);
    observed.snapshot.now.moment.since(since) >= interval + within
}

/// The observers that may still find what failed at a moment.
fn unfinished<'a>(
    observed: &'a Observed<'_>,
    since: Moment,
    within: Duration,
) -> impl Iterator<Item = usize> + 'a {
    let views = observed.snapshot.nodes.iter().enumerate();
    views
        .filter(move |(from, view)| view.is_observer() && !is_complete(observed, *from, since, within))
        .map(|(from, _)| from)
}

/// Tells whether all that these nodes measure is newer than a moment, or so much time has passed that what would fail has failed.
pub(super) fn have_looked_since(
    survey: &Survey<'_>,
    nodes: &[usize],
    since: Moment,
    within: Duration,
) -> bool {
    let observed = survey.observed;
    let has_looked = |node: usize| {
        CheckKind::ON_PLANES.into_iter().all(|check| {
            let marks = observed.marks(check).map_or(&[][..], |marks| marks.row(node));
            places(marks, Mark::Reached.bit())
                .all(|column| observed.measured(node, column, check).is_none_or(|at| at > since))
        })
    };
    let views = &observed.snapshot.nodes;
    nodes.iter().all(|node| {
        !views[*node].is_observer() || is_complete(observed, *node, since, within) || has_looked(*node)
    })
}

/// Tells whether all that others measure of these nodes is newer than a moment, or what would fail has failed.
pub(super) fn were_looked_at_since(
    survey: &Survey<'_>,
    nodes: &[usize],
    since: Moment,
    within: Duration,
) -> bool {
    let observed = survey.observed;
    let is_new = |from: usize, column: usize, check: CheckKind| {
        survey.mark(from, column, check) != Mark::Reached.bit()
            || observed.measured(from, column, check).is_none_or(|at| at > since)
    };
    unfinished(observed, since, within).all(|from| {
        let mut columns = nodes.iter().flat_map(|node| observed.columns_of(*node));
        columns.all(|column| CheckKind::ON_PLANES.into_iter().all(|check| is_new(from, column, check)))
    })
}

/// Tells whether somebody has no word on one of these nodes' planes from after a moment, and still may have one.
pub(super) fn is_pending(survey: &Survey<'_>, nodes: &[usize], since: Moment) -> bool {
    let observed = survey.observed;
    let is_old = |from: usize, node: usize, plane: Plane| {
        survey.cell(from, node, plane) & ANSWERS != 0
            && !observed.columns_at(node, plane).any(|column| survey.is_new(from, column, since))
    };
    unfinished(observed, since, SILENT_WITHIN)
        .any(|from| nodes.iter().any(|node| Plane::ALL.into_iter().any(|plane| is_old(from, *node, plane))))
}

/// Tells whether the node answers again since so short a time that its agent may not have been able to say so.
pub(super) fn is_returning(view: &NodeView, now: Moment) -> bool {
    view.recovered.is_some_and(|recovered| now.since(recovered) < view.member.tries_again_within())
}

/// How long after the return of one node others that fell silent with it may still be on their way back.
const RETURN_GRACE: Duration = ONE_FAILURE;

/// Tells whether a silent node's whole surroundings are silent or have just come back: then it may come back too.
pub(super) fn may_be_returning(observed: &Observed<'_>, node: usize) -> bool {
    let now = observed.snapshot.now.moment;
    let views = &observed.snapshot.nodes;
    let silent = |view: &NodeView| matches!(view.state, MemberState::Late | MemberState::Lost);
    let heard_again = |view: &NodeView| {
        view.state == MemberState::Alive
            && view.member.steady_since > view.member.known_since
            && now.since(view.member.steady_since) < RETURN_GRACE.max(view.member.tries_again_within())
    };
    // Its addresses answer before its agent tries the server again.
    let answers_again = |view: &NodeView| {
        silent(view) && view.recovered.is_some_and(|recovered| now.since(recovered) < RETURN_GRACE)
    };
    let just_back = |view: &NodeView| heard_again(view) || answers_again(view);
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
    let quiet = peers.filter(|view| silent(view) && !just_back(view)).count();
    back >= 1 && quiet + back >= 2 && (quiet + back) * 2 >= all
}
