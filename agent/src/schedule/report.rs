//! What is said about the cells: a report as of `now`.

use std::collections::BTreeSet;
use std::time::Duration;

use meshvane_shared::check::CheckKind;
use meshvane_shared::wire::round::{CellBody, TimedOutcome};

use super::cell::{Cell, CellId, Certain, Subject};
use super::{Outcome, Question, Reason, Report, Schedule};

impl Schedule {
    /// Makes a report of all cells, or of some.
    pub(super) fn report(&self, now: Duration, only: Option<&BTreeSet<CellId>>) -> Option<Report> {
        let plan = self.plan.clone()?;
        let wanted = |id: &CellId| only.is_none_or(|only| only.contains(id));
        // As many as there are, and no room beyond: a whole report of a large plan is megabytes.
        let mut cells = Vec::with_capacity(only.map_or(self.order.len(), BTreeSet::len));
        let told = self.order.iter().filter(|id| wanted(id)).filter_map(|id| self.cells.get(id));
        cells.extend(told.filter_map(|cell| cell_body(cell, now)));
        let strangers = self
            .order
            .iter()
            .filter(|id| wanted(id))
            .filter_map(|id| self.cells.get(id)?.stranger_body(now))
            .collect();
        let services = self
            .services
            .iter()
            .filter(|service| only.is_none() || service.cells().any(wanted))
            .map(|service| self.service_body(service, now))
            .collect();
        Some(Report {
            plan,
            partial: only.is_some(),
            took: Duration::ZERO,
            overrun: false,
            cells,
            services,
            strangers,
        })
    }
}

/// While a burst is asking, the last certain outcome stands.
fn shown(cell: &Cell, now: Duration) -> Certain {
    if cell.suspect {
        return cell.certain.unwrap_or(Certain { outcome: Outcome::Unmeasured(Reason::NotYet), at: now });
    }
    cell.shown(now)
}

fn cell_body(cell: &Cell, now: Duration) -> Option<CellBody> {
    let Subject::Target(target, _) = &cell.subject else {
        return None;
    };
    let (check, port) = match &cell.question {
        Question::Icmp(_) => (CheckKind::Icmp, None),
        Question::Tcp(address) => (CheckKind::Tcp, Some(address.port())),
        Question::Resolve { .. } | Question::Health(_) => return None,
    };
    let timed = timed(cell, now);
    Some(CellBody {
        target: *target,
        check: check.into(),
        port,
        outcome: timed.outcome,
        age_ms: timed.age_ms,
        suspect: cell.suspect,
        failing_for_ms: timed.failing_for_ms,
    })
}

pub(super) fn timed(cell: &Cell, now: Duration) -> TimedOutcome {
    let shown = shown(cell, now);
    let failing_for_ms = cell
        .failing_since
        .filter(|_| shown.outcome.is_unreached())
        .map(|since| milliseconds(now.saturating_sub(since)));
    TimedOutcome {
        outcome: shown.outcome.into(),
        age_ms: milliseconds(now.saturating_sub(shown.at)),
        failing_for_ms,
    }
}

pub(super) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
