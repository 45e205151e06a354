//! What is counted, for Prometheus. Labels come from closed sets only.
//!
//! What happens is counted as it happens; what is there (members, findings, cells) is counted when it is asked for, at most
//! once a second, and on a thread of its own.

use std::fmt;
use std::sync::Arc;

use meshvane_shared::wire::round::RoundStatus;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use runtime::telemetry::{self, Dropped};

use crate::auth::Refused;
use crate::clock::Clock;
use crate::collector::Collector;

mod census;
mod counted;

use counted::{CountFailed, Counted};

/// Begins every name.
const PREFIX: &str = "meshvane";

type Word = &'static str;
type Labels<const N: usize> = [(Word, Word); N];
type Counters<const N: usize> = Family<Labels<N>, Counter>;
type Gauges<const N: usize> = Family<Labels<N>, Gauge>;

/// Why a connection was closed by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionRefusal {
    /// Its source holds as many unproven ones as it may, and all of them arrived only just now.
    SourceLimit,
    /// It yielded its place to another connection: it was silent for longest, or idle.
    Yielded,
    /// The TLS handshake failed, or took too long.
    Handshake,
}

impl ConnectionRefusal {
    const ALL: [Self; 3] = [Self::SourceLimit, Self::Yielded, Self::Handshake];

    /// The name as it stands in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SourceLimit => "source_limit",
            Self::Yielded => "yielded",
            Self::Handshake => "handshake",
        }
    }
}

/// What is counted as it happens.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Counters<3>,
    heartbeats: Counters<1>,
    rounds: Counters<1>,
    original_results: Counters<1>,
    auth_refusals: Counters<1>,
    token_reviews: Counters<1>,
    connections: Gauges<1>,
    connections_refused: Counters<1>,
    counted: Counted,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program's version", build);
        let requests =
            counters(&mut registry, "http_requests", "Requests answered, by route and class of status", &[]);
        let taken = [[("result", "accepted")], [("result", "refused")]];
        let rounds = [
            [("result", "accepted")],
            [("result", "duplicate")],
            [("result", "superseded")],
            [("result", "too_late")],
            [("result", "refused")],
        ];
        let refusals = Refused::ALL.map(|refused| [("reason", refused.as_str())]);
        let closed = ConnectionRefusal::ALL.map(|refusal| [("reason", refusal.as_str())]);
        Self {
            requests,
            heartbeats: counters(&mut registry, "heartbeats", "Heartbeats that arrived", &taken),
            rounds: counters(&mut registry, "rounds", "Rounds and parts of rounds that arrived", &rounds),
            original_results: counters(
                &mut registry,
                "original_results",
                "Posts of results by original agents",
                &taken,
            ),
            auth_refusals: counters(
                &mut registry,
                "auth_refusals",
                "Requests refused because of who made them",
                &refusals,
            ),
            token_reviews: counters(
                &mut registry,
                "token_reviews",
                "Tokens about which the API server was asked",
                &[[("result", "answered")], [("result", "failed")]],
            ),
            connections: gauges(&mut registry, "connections", "Connections that are open"),
            connections_refused: counters(
                &mut registry,
                "connections_refused",
                "Connections closed before their first request, or to make place for others",
                &closed,
            ),
            counted: Counted::default(),
            registry,
        }
    }
}

impl Metrics {
    /// Counts an answer. `route` is a path of the inventory, or a word for none.
    pub fn request(&self, route: Word, method: Word, status: u16) {
        let class = match status {
            100..=199 => "1xx",
            200..=299 => "2xx",
            300..=399 => "3xx",
            400..=499 => "4xx",
            _ => "5xx",
        };
        self.requests.get_or_create(&[("route", route), ("method", method), ("class", class)]).inc();
    }

    /// Counts a heartbeat.
    pub fn heartbeat(&self, accepted: bool) {
        self.heartbeats.get_or_create(&[("result", taken(accepted))]).inc();
    }

    /// Counts a post of an original agent.
    pub fn original_results(&self, accepted: bool) {
        self.original_results.get_or_create(&[("result", taken(accepted))]).inc();
    }

    /// Counts a round; `None` is one that was refused.
    pub fn round(&self, status: Option<RoundStatus>) {
        let result = match status {
            // We never answer `Other`; it is accepted if we ever do.
            Some(RoundStatus::Accepted | RoundStatus::Other) => "accepted",
            Some(RoundStatus::Duplicate) => "duplicate",
            Some(RoundStatus::Superseded) => "superseded",
            Some(RoundStatus::TooLate) => "too_late",
            None => "refused",
        };
        self.rounds.get_or_create(&[("result", result)]).inc();
    }

    /// Counts a request that was refused because of who made it.
    pub fn refused(&self, refused: Refused) {
        self.auth_refusals.get_or_create(&[("reason", refused.as_str())]).inc();
    }

    /// Counts a question to the API server.
    pub fn token_review(&self, answered: bool) {
        let result = if answered { "answered" } else { "failed" };
        self.token_reviews.get_or_create(&[("result", result)]).inc();
    }

    /// Counts a connection that was closed before its first request, or to make place for another one.
    pub fn connection_refused(&self, refusal: ConnectionRefusal) {
        self.connections_refused.get_or_create(&[("reason", refusal.as_str())]).inc();
    }

    /// Counts a connection as open while the returned value lives.
    pub fn connection(&self, listener: Word) -> OpenConnection {
        let gauge = self.connections.get_or_create_owned(&[("listener", listener)]);
        gauge.inc();
        OpenConnection(gauge)
    }

    /// Everything as `OpenMetrics` text: what happened until now, and what was there when it was counted last. Cancel-safe.
    ///
    /// # Errors
    /// When what is there could not be counted.
    pub async fn text(&self, collector: &Arc<Collector>, clock: &Arc<Clock>) -> Result<String, CountFailed> {
        let counted = self.counted.text(collector, clock).await?;
        let mut text = String::new();
        // Writing into a String cannot fail.
        self.write(&mut text, &counted).map_err(|_: fmt::Error| CountFailed)?;
        Ok(text)
    }

    fn write(&self, text: &mut String, counted: &str) -> fmt::Result {
        encode_registry(text, &self.registry)?;
        encode_registry(text, &log_registry(telemetry::dropped()))?;
        text.push_str(counted);
        encode_eof(text)
    }
}

/// The log counts for itself.
fn log_registry(dropped: Dropped) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    let lines: Counters<1> = counters(
        &mut registry,
        "log_lines_dropped",
        "Lines that are missing in the log, by reason",
        &[[("reason", "unread")], [("reason", "limited")]],
    );
    lines.get_or_create(&[("reason", "unread")]).inc_by(dropped.unread);
    lines.get_or_create(&[("reason", "limited")]).inc_by(dropped.limited);
    registry
}

/// An open connection.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn taken(accepted: bool) -> Word {
    if accepted { "accepted" } else { "refused" }
}

/// Registers a family of counters. Those that are known beforehand begin at zero, so that their first step is a step.
fn counters<const N: usize>(
    registry: &mut Registry,
    name: &str,
    help: &str,
    known: &[Labels<N>],
) -> Counters<N> {
    let family = Counters::default();
    for labels in known {
        drop(family.get_or_create(labels));
    }
    registry.register(name, help, family.clone());
    family
}

fn gauges<const N: usize>(registry: &mut Registry, name: &str, help: &str) -> Gauges<N> {
    let family = Gauges::default();
    registry.register(name, help, family.clone());
    family
}
