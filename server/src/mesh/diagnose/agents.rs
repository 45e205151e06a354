//! Rules about what an agent cannot measure or does not report.

use std::collections::BTreeSet;
use std::time::Duration;

use meshvane_shared::address::Family;
use meshvane_shared::check::CheckKind;
use meshvane_shared::limits::STALE_AFTER_PERIODS;
use meshvane_shared::outcome::{Outcome, Reason};
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::findings::{FindingKind, Scope, Severity, Subject};

use super::survey::{ANSWERS, SILENT};
use super::{Case, Finding, FindingKey, message};
use crate::mesh::member::Origin;
use crate::mesh::observe::Mark;
use crate::mesh::row::Row;
use crate::mesh::snapshot::NodeView;
use crate::mesh::time::Moment;

/// A check that an agent cannot do at all, in one family or in all that it has. When every agent says so it is one finding.
pub(super) fn not_measurable(case: &mut Case<'_>) {
    // An agent that has just begun has said nothing yet: whether it is "every agent" shows with its first round.
    let has_begun = |view: &NodeView| view.state == MemberState::Alive && !says_something(view);
    if case.observed.snapshot.nodes.iter().any(has_begun) {
        case.diagnosis.held_kinds.insert(FindingKind::NotMeasurable);
        return;
    }
    for check in CheckKind::ON_PLANES {
        let sights: Vec<(usize, Sight)> = (0..case.observed.snapshot.nodes.len())
            .filter_map(|node| Some((node, sight(case, node, check)?)))
            .collect();
        let everybody = sights.len() > 1 && sights.iter().all(|(_, sight)| *sight == Sight::Blind(None));
        let refusal = |node: &usize| first_refusal(case, *node, check);
        let found: Vec<(Subject, Option<Family>, Option<Refusal>)> = if everybody {
            let first = sights.iter().filter_map(|(node, _)| refusal(node)).reduce(Refusal::and);
            vec![(Subject::Scope { scope: Scope::All }, None, first)]
        } else {
            let of_node = |(node, sight): &(usize, Sight)| match sight {
                Sight::Blind(family) => {
                    Some((Subject::Node { node: case.name(*node) }, *family, refusal(node)))
                }
                Sight::Sees => None,
            };
            sights.iter().filter_map(of_node).collect()
        };
        for (subject, family, refusal) in found {
            add(case, subject, check, family, refusal);
        }
    }
}

/// Tells whether what a node reports is of the agent that runs there now: what one may not do its successor may.
fn says_something(view: &NodeView) -> bool {
    let of_another = |row: &Row| view.member.boot_id().is_some_and(|boot| *boot != row.boot);
    view.row.as_ref().is_some_and(|row| !of_another(row))
}

/// What an agent can do of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sight {
    /// It measures.
    Sees,
    /// It is not permitted to, in this family or in all that it has.
    Blind(Option<Family>),
}

/// What an agent can do of a check; `None` when it is no observer, or has tried nothing yet.
fn sight(case: &Case<'_>, node: usize, check: CheckKind) -> Option<Sight> {
    let view = &case.observed.snapshot.nodes[node];
    if !view.is_observer() {
        return None;
    }
    let row = case.survey.row_of(node, check);
    // A failure that stands covers what is said now.
    let covers = view.row.as_deref().is_some_and(Row::has_standing);
    if !covers && row & Mark::NotPermitted.bit() == 0 {
        return (row & (ANSWERS | SILENT) != 0).then_some(Sight::Sees);
    }
    let (mut sees, mut blind) = (BTreeSet::new(), BTreeSet::new());
    for (place, column) in case.observed.columns.iter().enumerate() {
        match case.observed.shown_mark(node, place, check) {
            Mark::Reached | Mark::Answered | Mark::Silent => sees.insert(column.family()),
            Mark::NotPermitted => blind.insert(column.family()),
            Mark::Unmeasured | Mark::Stale | Mark::NotPlanned | Mark::Itself => false,
        };
    }
    match (blind.difference(&sees).next(), sees.is_empty()) {
        (None, true) => None,
        (None, false) => Some(Sight::Sees),
        (Some(_), true) => Some(Sight::Blind(None)),
        (Some(family), false) => Some(Sight::Blind(Some(*family))),
    }
}

/// When a check was refused first of the cells there are, and why; "not permitted" of several reasons.
fn first_refusal(case: &Case<'_>, node: usize, check: CheckKind) -> Option<Refusal> {
    let columns = 0..case.observed.columns.len();
    let refused = |column| {
        let timed = case.observed.shown(node, column, check).timed?;
        match timed.outcome {
            Outcome::Unmeasured(reason @ (Reason::NotPermitted | Reason::Blocked)) => {
                Some(Refusal { since: timed.measured, reason })
            }
            Outcome::Unmeasured(_) | Outcome::Reached(_) | Outcome::Unreached(_) => None,
        }
    };
    columns.filter_map(refused).reduce(Refusal::and)
}

/// Why an agent cannot do a check.
#[derive(Debug, Clone, Copy)]
struct Refusal {
    since: Moment,
    reason: Reason,
}

impl Refusal {
    fn and(self, other: Self) -> Self {
        Self { since: self.since.min(other.since), reason: self.reason.min(other.reason) }
    }
}

fn add(
    case: &mut Case<'_>,
    subject: Subject,
    check: CheckKind,
    family: Option<Family>,
    refusal: Option<Refusal>,
) {
    let since = refusal.map_or(case.observed.snapshot.now.moment, |refusal| refusal.since);
    let is_blocked = refusal.is_some_and(|refusal| refusal.reason == Reason::Blocked);
    let sentence = message::not_measurable(&subject, check, family, is_blocked);
    case.add(Finding {
        key: FindingKey {
            check: Some(check),
            family,
            ..FindingKey::new(FindingKind::NotMeasurable, subject)
        },
        severity: Severity::Warning,
        observers: None,
        since,
        context: Vec::new(),
        sentence,
        evidence: Vec::new(),
    });
}

/// An agent that heartbeats and has sent no whole round for three intervals, though it has somebody to probe.
pub(super) fn stale(case: &mut Case<'_>) {
    let snapshot = case.observed.snapshot;
    for (node, view) in snapshot.nodes.iter().enumerate() {
        let has_targets = case.observed.columns.iter().any(|column| column.node != node);
        if view.state != MemberState::Alive || view.member.origin != Origin::Native || !has_targets {
            continue;
        }
        let interval = view
            .row
            .as_ref()
            .map_or(view.member.interval, |row| row.interval.max(Duration::from_millis(100)));
        let reported = view.row.as_ref().and_then(|row| row.round_ended);
        let since = reported.unwrap_or(view.member.steady_since).max(view.member.steady_since);
        if snapshot.now.moment.since(since) <= interval * STALE_AFTER_PERIODS {
            continue;
        }
        let name = view.member.node.clone();
        let sentence = message::stale(&name);
        case.add(Finding {
            key: FindingKey::new(FindingKind::Stale, Subject::Node { node: name }),
            severity: Severity::Warning,
            observers: None,
            since,
            context: Vec::new(),
            sentence,
            evidence: Vec::new(),
        });
    }
}
