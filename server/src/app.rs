//! The composition root: the one place that knows every part.
//!
//! ```text
//!   bind (addresses known) ──> run ──> drain ──> (deadline) ──> abort
//!                               └ api, health, metrics, judge, reporter: one JoinSet
//! ```
//! A part that ends early ends the program, with its name in the log: half a server is worse than none.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::plan::Epoch;
use meshvane_shared::setting::SettingError;
use runtime::{DrainStarter, Liveness, Wish, apart, drain, share_files};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::timeout;

use crate::auth::{Gate, WriterAuth};
use crate::clock::Clock;
use crate::collector::{Collector, CollectorSettings};
use crate::config::Config;
use crate::http::inventory::Door;
use crate::http::limits::{
    CONNECTIONS_LEAST, FILES_KEPT, HEALTH_CONNECTIONS_LEAST, HEALTH_CONNECTIONS_MAX, Limits,
    METRICS_CONNECTIONS_LEAST, METRICS_CONNECTIONS_MAX,
};
use crate::http::listener::{self, Bound, Service};
use crate::http::{ApiState, Bodies, LongPolls, PlanAnswers, RefusalNotes, Vouched, router};
use crate::kube::Connection;
use crate::readiness::{Guard, Readiness};
use crate::{judge, reporter, tls};

/// What is still open after this is aborted: below the 30 s that Kubernetes grants, and above any answer but a stuck one.
pub const DRAIN_TIME: Duration = Duration::from_secs(10);

/// Why the program did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting names something that cannot be used.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A port is not to be had.
    #[error("{variable}: {error}")]
    Listen {
        /// The setting of the port.
        variable: &'static str,
        /// Why.
        error: io::Error,
    },
}

/// Why the program stopped by itself.
#[derive(Debug, thiserror::Error)]
#[error("the {part} ended early: {problem}")]
pub struct PartEnded {
    /// Which part.
    pub part: &'static str,
    /// How it ended.
    pub problem: String,
}

/// The addresses on which the program listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The API.
    pub api: SocketAddr,
    /// `/livez` and `/readyz`.
    pub health: SocketAddr,
    /// `/metrics`.
    pub metrics: SocketAddr,
}

/// The program, bound to its ports and not running yet.
pub struct App {
    api: Bound,
    health: Bound,
    metrics: Bound,
    state: Arc<ApiState>,
    tls: Option<tokio_rustls::TlsAcceptor>,
    cluster: Option<Connection>,
    report_interval: Duration,
    starter: DrainStarter,
    starting: Guard,
}

impl App {
    /// Reads the files that the settings name, and listens.
    ///
    /// # Errors
    /// Names the setting that cannot be followed.
    #[expect(
        clippy::unused_async,
        reason = "listening needs the runtime, and callers should not depend on how"
    )]
    pub async fn bind(config: Config) -> Result<Self, StartError> {
        let clock = Arc::new(Clock::start());
        let now = clock.now();
        let cluster = Connection::open(&config.auth)?;
        let namespace = cluster.as_ref().map_or("", |cluster| cluster.namespace.as_str());
        let gate = Gate::open(&config, namespace)?;
        let tls =
            config.tls.as_ref().map(|files| tls::acceptor(files, config.files_checked_every)).transpose()?;
        let open = |door, variable, port| {
            listener::bind(door, config.bind, port).map_err(|error| StartError::Listen { variable, error })
        };
        let api = open(Door::Api, "HTTP_PORT", config.http_port)?;
        let health = open(Door::Health, "MESHVANE_HEALTH_PORT", config.health_port)?;
        let metrics = open(Door::Metrics, "MESHVANE_METRICS_PORT", config.metrics_port)?;
        let settings =
            CollectorSettings { ttl: config.ttl, forget_after: config.forget_after, epoch: new_epoch() };
        let (starter, drain) = drain();
        let readiness = Readiness::new(drain.clone());
        let starting = readiness.guard("start");
        let state = Arc::new(ApiState {
            collector: Arc::new(Collector::new(settings, now)),
            clock,
            gate,
            reviewer: cluster.as_ref().map(Connection::reviewer),
            metrics: Arc::default(),
            readiness,
            drain,
            limits: config.limits,
            bodies: Bodies::default(),
            refusals: RefusalNotes::default(),
            plan_answers: PlanAnswers::default(),
            long_polls: LongPolls::default(),
            vouched: Vouched::default(),
            liveness: Liveness::default(),
        });
        Ok(Self {
            api,
            health,
            metrics,
            state,
            tls,
            cluster,
            report_interval: config.report_interval,
            starter,
            starting,
        })
    }

    /// Where it listens.
    pub fn addresses(&self) -> Addresses {
        Addresses { api: self.api.address, health: self.health.address, metrics: self.metrics.address }
    }

    /// Runs until `shutdown` resolves, then drains.
    ///
    /// # Errors
    /// Names the part that ended by itself.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), PartEnded> {
        let addresses = self.addresses();
        let mut parts = Parts::default();
        let Self { api, health, metrics, state, tls, cluster, report_interval, starter, starting } = self;
        let serve = |bound: Bound, tls, limits| {
            let service = Service {
                router: router(bound.door, &state),
                tls,
                limits,
                metrics: state.metrics.clone(),
                drain: state.drain.clone(),
            };
            listener::serve(bound, service)
        };
        let of = limits_of_listeners(state.limits);
        parts.spawn("api listener", Ending::Drains, serve(api, tls, of.api));
        parts.spawn("health listener", Ending::Drains, health_apart(serve(health, None, of.health), &state)?);
        parts.spawn("metrics listener", Ending::Drains, serve(metrics, None, of.metrics));
        parts.spawn("beat", Ending::Aborted, state.liveness.clone().beats());
        parts.spawn("judge", Ending::Aborted, judge::run(state.collector.clone(), state.clock.clone()));
        parts.spawn(
            "reporter",
            Ending::Aborted,
            reporter::run(state.collector.clone(), state.clock.clone(), report_interval),
        );
        if let Some(cluster) = cluster {
            let watches = cluster.watches(state.collector.clone(), state.clock.clone());
            parts.spawn("watch of pods", Ending::Aborted, watches.clone().pods());
            parts.spawn("watch of Nodes", Ending::Aborted, watches.nodes());
        }
        tracing::info!(
            api = %addresses.api, health = %addresses.health, metrics = %addresses.metrics,
            version = env!("CARGO_PKG_VERSION"), "serving"
        );
        if matches!(state.gate.writers, WriterAuth::Open) {
            tracing::warn!("MESHVANE_AUTH=none: whoever reaches the API may read and write everything");
        }
        drop(starting);
        let ended = tokio::select! {
            ended = parts.first_end() => Err(ended),
            () = pin!(shutdown) => Ok(()),
        };
        starter.start();
        parts.drain().await;
        ended
    }
}

/// How a part ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// By itself, once the drain started and its work is done.
    Drains,
    /// At any of its awaits.
    Aborted,
}

/// Every task of the program.
#[derive(Debug, Default)]
struct Parts {
    tasks: JoinSet<()>,
    names: HashMap<Id, &'static str>,
    /// Those that never end by themselves.
    aborted: Vec<tokio::task::AbortHandle>,
}

impl Parts {
    fn spawn(&mut self, name: &'static str, ending: Ending, part: impl Future<Output = ()> + Send + 'static) {
        let handle = self.tasks.spawn(part);
        self.names.insert(handle.id(), name);
        if ending == Ending::Aborted {
            self.aborted.push(handle);
        }
    }

    /// The first part that ends; before the drain none should. Cancel-safe.
    async fn first_end(&mut self) -> PartEnded {
        match self.tasks.join_next_with_id().await {
            Some(ended) => self.named(ended),
            None => PartEnded { part: "program", problem: "it has no parts".to_owned() },
        }
    }

    fn named(&self, ended: Result<(Id, ()), JoinError>) -> PartEnded {
        let (id, problem) = match ended {
            Ok((id, ())) => (id, "it returned".to_owned()),
            Err(error) => (error.id(), error.to_string()),
        };
        let part = self.names.get(&id).copied().unwrap_or("part without a name");
        tracing::error!(part, problem, "a part ended early");
        PartEnded { part, problem }
    }

    /// Waits for what drains, and aborts the rest at the deadline.
    async fn drain(mut self) {
        self.aborted.iter().for_each(tokio::task::AbortHandle::abort);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(DRAIN_TIME, all).await.is_err() {
            tracing::warn!(after_s = DRAIN_TIME.as_secs(), "some connections were cut off");
            self.tasks.shutdown().await;
        }
        tracing::info!("stopped");
    }
}

/// A number that no other start has had: the standard library's hash keys come from the kernel's random source.
fn new_epoch() -> Epoch {
    Epoch(RandomState::new().hash_one(std::process::id()))
}

/// The limits of each listener.
struct ListenerLimits {
    api: Limits,
    health: Limits,
    metrics: Limits,
}

/// Gives each listener the connections for which there are files; health comes first.
fn limits_of_listeners(limits: Limits) -> ListenerLimits {
    let [health, metrics, api] = share_files(
        FILES_KEPT,
        [
            Wish { wanted: HEALTH_CONNECTIONS_MAX, least: HEALTH_CONNECTIONS_LEAST },
            Wish { wanted: METRICS_CONNECTIONS_MAX, least: METRICS_CONNECTIONS_LEAST },
            Wish { wanted: limits.places.unproven + limits.places.proven, least: CONNECTIONS_LEAST },
        ],
    );
    ListenerLimits {
        api: limits.of_api(api),
        health: limits.of_health(health),
        metrics: limits.of_metrics(metrics),
    }
}

/// Serves health on a thread of its own, where it watches whether the main one gets on.
fn health_apart(
    serving: impl Future<Output = ()> + Send + 'static,
    state: &ApiState,
) -> Result<impl Future<Output = ()> + Send + 'static, PartEnded> {
    let watching = state.liveness.clone().watches();
    let both = async {
        tokio::select! {
            () = serving => {}
            () = watching => {}
        }
    };
    apart("health", || both)
        .map_err(|error| PartEnded { part: "health listener", problem: format!("it has no thread: {error}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_or_panics_is_named() {
        let mut parts = Parts::default();
        parts.spawn("sleeper", Ending::Aborted, std::future::pending());
        parts.spawn("quitter", Ending::Drains, async {});
        assert_eq!(parts.first_end().await.to_string(), "the quitter ended early: it returned");
        parts.spawn("panicker", Ending::Drains, async { panic!("on purpose") });
        let ended = parts.first_end().await;
        assert_eq!(ended.part, "panicker");
        assert!(ended.problem.contains("panicked"), "{}", ended.problem);
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_drain_is_aborted_at_the_deadline() {
        let mut parts = Parts::default();
        parts.spawn("stuck", Ending::Drains, std::future::pending());
        let drained = timeout(DRAIN_TIME + Duration::from_secs(1), parts.drain()).await;
        assert!(drained.is_ok());
    }
}
