//! What the agent counts, as Prometheus text.
//!
//! Labels come from closed sets only. What was not reached and what was not measured are different metrics.

use std::sync::Arc;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use meshvane_shared::check::CheckKind;
use meshvane_shared::outcome::Outcome;
use runtime::telemetry::{self, Dropped};

use crate::courier::Mailbox;
use crate::identity::VERSION;
use crate::outbox::Ledger;
use crate::schedule::{Place, Tally};

/// The media type of the text: `OpenMetrics` 1.0.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Label = (&'static str, &'static str);
type Labelled<const N: usize> = Family<[Label; N], Counter>;

/// The agent's counters. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    reached: Labelled<2>,
    unreached: Labelled<3>,
    unmeasured: Labelled<3>,
    late: Labelled<2>,
    retransmitted: Labelled<2>,
    lost: Labelled<2>,
    rounds: Counter,
    overruns: Counter,
    lags: Counter,
    heartbeats: Labelled<1>,
    in_flight: Gauge,
    refused_targets: Gauge,
}

fn check_labels(check: CheckKind, place: Place) -> [Label; 2] {
    let aim = match place {
        Place::Plane(aim) => aim.as_str(),
        Place::Service => "service",
    };
    [("check", check.as_str()), ("plane", aim)]
}

impl Metrics {
    /// Counts what the schedule saw.
    pub fn tally(&self, tally: Tally) {
        match tally {
            Tally::Outcome(check, place, outcome) => self.outcome(check, place, outcome),
            Tally::Lost(check, place) => {
                self.lost.get_or_create(&check_labels(check, place)).inc();
            }
            Tally::Round { overrun } => {
                self.rounds.inc();
                self.overruns.inc_by(u64::from(overrun));
            }
            Tally::Lag => {
                self.lags.inc();
            }
        }
    }

    fn outcome(&self, check: CheckKind, place: Place, outcome: Outcome) {
        let labels = check_labels(check, place);
        let [kind, aim] = labels;
        match outcome {
            Outcome::Reached(reached) => {
                self.reached.get_or_create(&labels).inc();
                if reached.late {
                    self.late.get_or_create(&labels).inc();
                }
                if reached.retransmitted {
                    self.retransmitted.get_or_create(&labels).inc();
                }
            }
            Outcome::Unreached(cause) => {
                let labels = [kind, aim, ("cause", cause.as_str())];
                self.unreached.get_or_create(&labels).inc();
            }
            Outcome::Unmeasured(reason) => {
                let labels = [kind, aim, ("reason", reason.as_str())];
                self.unmeasured.get_or_create(&labels).inc();
            }
        }
    }

    /// Counts a heartbeat.
    pub fn heartbeat(&self, heard: bool) {
        let result = if heard { "sent" } else { "failed" };
        self.heartbeats.get_or_create(&[("result", result)]).inc();
    }

    /// Sets how many probes are in flight.
    pub fn in_flight(&self, count: usize) {
        self.in_flight.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Sets how many targets of the plan are not asked.
    pub fn refused_targets(&self, count: usize) {
        self.refused_targets.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    fn register(&self, registry: &mut Registry) {
        registry.register("checks_reached", "Checks that were answered", self.reached.clone());
        registry.register(
            "checks_unreached",
            "Checks that failed, confirmed by a burst",
            self.unreached.clone(),
        );
        registry.register(
            "checks_unmeasured",
            "Checks that could not be made, for a reason of the agent's own",
            self.unmeasured.clone(),
        );
        registry.register("answers_late", "Answers between 1 s and 3.5 s", self.late.clone());
        registry.register(
            "connects_retransmitted",
            "Connects that held a SYN retransmission",
            self.retransmitted.clone(),
        );
        registry.register(
            "probes_lost",
            "Probes without an answer whose target turned out to be up",
            self.lost.clone(),
        );
        registry.register("rounds", "Rounds that ended", self.rounds.clone());
        registry.register(
            "rounds_overrun",
            "Rounds that were cut off at their deadline",
            self.overruns.clone(),
        );
        registry.register("lags", "Times that the agent did not run when it should have", self.lags.clone());
        registry.register(
            "heartbeats",
            "Heartbeats, by whether the server answered",
            self.heartbeats.clone(),
        );
        registry.register("probes_in_flight", "Probes in flight", self.in_flight.clone());
        registry.register(
            "targets_refused",
            "Targets of the plan that are not asked since no member can have their address",
            self.refused_targets.clone(),
        );
        let build = Info::new([("version", VERSION)]);
        registry.register("build", "This version of the agent", build);
    }
}

/// The ledger's counters: what was registered is set at each scrape.
#[derive(Debug, Default)]
struct LedgerMetrics {
    rounds: Labelled<1>,
    pending: Gauge,
}

impl LedgerMetrics {
    fn of(ledger: Ledger) -> Self {
        let metrics = Self::default();
        for (state, count) in [
            ("produced", ledger.produced),
            ("acknowledged", ledger.acknowledged),
            ("duplicate", ledger.duplicate),
            ("refused", ledger.refused),
            ("too_late", ledger.too_late),
            ("dropped", ledger.dropped),
        ] {
            metrics.rounds.get_or_create(&[("state", state)]).inc_by(count);
        }
        metrics.pending.set(i64::try_from(ledger.pending).unwrap_or(i64::MAX));
        metrics
    }

    fn register(self, registry: &mut Registry) {
        registry.register("outbox_rounds", "Rounds and parts, by what became of them", self.rounds);
        registry.register("outbox_pending", "Rounds and parts that wait for the server", self.pending);
    }
}

/// The log's counters: what was registered is set at each scrape.
fn register_log(registry: &mut Registry, dropped: Dropped) {
    let lines: Labelled<1> = Family::default();
    for (reason, count) in [("unread", dropped.unread), ("limited", dropped.limited)] {
        lines.get_or_create(&[("reason", reason)]).inc_by(count);
    }
    registry.register("log_lines_dropped", "Lines that are missing in the log, by reason", lines);
}

/// Makes the text of `/metrics`.
pub fn text(metrics: &Metrics, mailbox: &Arc<Mailbox>) -> String {
    let mut registry = Registry::with_prefix("meshvane_agent");
    metrics.register(&mut registry);
    LedgerMetrics::of(mailbox.ledger()).register(&mut registry);
    register_log(&mut registry, telemetry::dropped());
    let mut text = String::new();
    // A String takes any text.
    let _infallible = encode(&mut text, &registry);
    text
}

#[cfg(test)]
mod tests;
