//! Rules about what an agent cannot measure or does not report.

use std::time::Duration;

use meshvane_shared::check::CheckKind;
use meshvane_shared::limits::STALE_AFTER_PERIODS;
use meshvane_shared::outcome::{Outcome, Reason};
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::findings::{FindingKind, Scope, Severity, Subject};

use super::{Case, Finding, FindingKey, message};
use crate::mesh::member::Origin;
use crate::mesh::observe::Mark;
use crate::mesh::time::Moment;

/// A check that an agent cannot do at all: all its cells say "not permitted". When every agent says so it is one finding.
pub(super) fn not_measurable(case: &mut Case<'_>) {
    for check in CheckKind::ON_PLANES {
        let blind: Vec<usize> = (0..case.observed.snapshot.nodes.len())
            .filter(|node| is_not_permitted(case, *node, check))
            .collect();
        let observers = case.observed.snapshot.nodes.iter().filter(|view| view.is_observer()).count();
        if blind.is_empty() {
            continue;
        }
        if blind.len() == observers && observers > 1 {
            let since = blind.iter().filter_map(|node| first_seen(case, *node, check)).min();
            add(case, Subject::Scope { scope: Scope::All }, check, since);
            continue;
        }
        for node in blind {
            let since = first_seen(case, node, check);
            let subject = Subject::Node { node: case.name(node) };
            add(case, subject, check, since);
        }
    }
}

fn is_not_permitted(case: &Case<'_>, node: usize, check: CheckKind) -> bool {
    if !case.observed.snapshot.nodes[node].is_observer() {
        return false;
    }
    let Some(marks) = case.observed.marks(check) else {
        return false;
    };
    let mut measurable =
        marks.row(node).iter().filter(|mark| !matches!(mark, Mark::Itself | Mark::NotPlanned)).peekable();
    measurable.peek().is_some() && measurable.all(|mark| *mark == Mark::NotPermitted)
}

fn first_seen(case: &Case<'_>, node: usize, check: CheckKind) -> Option<Moment> {
    let columns = 0..case.observed.columns.len();
    let refused = |column| {
        let timed = case.observed.cell(node, column, check).timed?;
        (timed.outcome == Outcome::Unmeasured(Reason::NotPermitted)).then_some(timed.measured)
    };
    columns.filter_map(refused).min()
}

fn add(case: &mut Case<'_>, subject: Subject, check: CheckKind, since: Option<Moment>) {
    let since = since.unwrap_or(case.observed.snapshot.now.moment);
    let sentence = message::not_measurable(&subject, check);
    case.add(Finding {
        key: FindingKey { check: Some(check), ..FindingKey::new(FindingKind::NotMeasurable, subject) },
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
