//! What an original agent reports, and the row that it makes.
//!
//! Its words are kept as they came for the compatible endpoints. In the matrix they are cells without a time (the original's
//! latency is none) and without a cause (it does not tell them apart).

use std::collections::BTreeMap;
use std::sync::Arc;

use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::limits::{ORIGINAL_STALE_AFTER, STALE_AFTER_PERIODS};
use meshvane_shared::name::{BootId, NodeName};
use meshvane_shared::outcome::{Cause, Outcome, Reached, Reason};
use meshvane_shared::plan::Plan;
use meshvane_shared::wire::compat::{self, ConnectivityResult, TestStatus};
use meshvane_shared::wire::outcome::OutcomeBody;
use meshvane_shared::wire::round::{CellBody, RoundBody};

use super::row::Row;
use super::time::Moment;

/// What one source address reported.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct OriginalReport {
    /// On hosts, by target address.
    pub hosts: Option<Reported<BTreeMap<String, TestStatus>>>,
    /// On pods, by target address.
    pub pods: Option<Reported<BTreeMap<String, TestStatus>>>,
    /// On its service.
    pub service: Option<Reported<ConnectivityResult>>,
}

/// Something with the time of its arrival.
#[derive(Debug, Clone, PartialEq)]
pub struct Reported<T> {
    /// When it arrived.
    pub received: Moment,
    /// What it is.
    pub value: T,
}

impl OriginalReport {
    /// What was reported on a plane.
    pub fn plane(&self, plane: Plane) -> Option<&Reported<BTreeMap<String, TestStatus>>> {
        match plane {
            Plane::Host => self.hosts.as_ref(),
            Plane::Pod => self.pods.as_ref(),
        }
    }

    /// When anything arrived last.
    pub fn newest(&self) -> Option<Moment> {
        let service = self.service.as_ref().map(|reported| reported.received);
        let planes = [&self.hosts, &self.pods].into_iter().flatten().map(|reported| reported.received);
        planes.chain(service).max()
    }

    /// The row of the matrix that these words make.
    pub fn row(&self, node: &NodeName, plan: &Arc<Plan>, now: Moment) -> Option<Row> {
        let mut cells = Vec::new();
        for (place, target) in plan.targets.iter().enumerate() {
            let Some(reported) = self.plane(target.plane) else {
                continue;
            };
            let Some(status) = reported.value.get(&target.address.to_string()) else {
                continue;
            };
            let age_ms = u64::try_from(now.since(reported.received).as_millis()).unwrap_or(u64::MAX);
            let target = u32::try_from(place).ok()?;
            let ping = word(&status.ping, compat::REACHABLE, compat::UNREACHABLE);
            let port = word(&status.port_status, compat::OPEN, compat::CLOSED);
            cells.push(cell(target, CheckKind::Icmp, ping, age_ms));
            cells.push(cell(target, CheckKind::Tcp, port, age_ms));
        }
        let interval_ms = (ORIGINAL_STALE_AFTER / STALE_AFTER_PERIODS).as_millis();
        let body = RoundBody {
            interval_ms: u64::try_from(interval_ms).ok()?,
            cells,
            ..RoundBody::empty(node.clone(), BootId::parse("original").ok()?, plan.version.clone())
        };
        Row::take(None, plan, &body, now).ok().map(|applied| applied.row)
    }
}

fn word(text: &str, good: &str, bad: &str) -> Outcome {
    if text == good {
        Outcome::Reached(Reached { rtt_us: None, late: false, retransmitted: false })
    } else if text == bad {
        Outcome::Unreached(Cause::Unspecified)
    } else {
        Outcome::Unmeasured(Reason::Unspecified)
    }
}

fn cell(target: u32, check: CheckKind, outcome: Outcome, age_ms: u64) -> CellBody {
    let outcome = OutcomeBody::from(outcome);
    CellBody {
        target,
        check: check.into(),
        port: None,
        outcome,
        age_ms,
        suspect: false,
        failing_for_ms: None,
    }
}
