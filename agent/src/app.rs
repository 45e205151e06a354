//! The composition root: the one place that knows every part.
//!
//! ```text
//!   planner ──plans, looks──> prober ──rounds──> mailbox ──> courier ──> server
//!                               │ probes                       ^
//!   heart ──────────────heartbeats─────────────────────────────┘ client
//!   responder: /health; /metrics; on a thread of its own: /livez, /readyz
//! ```

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::address::{Family, is_loopback};
use meshvane_shared::setting::SettingError;
use runtime::{Drain, Liveness, apart, drain};
use tokio::sync::mpsc;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::timeout;

use crate::backoff::Backoff;
use crate::client::{Client, PlanQuery};
use crate::clock::Clock;
use crate::config::Config;
use crate::courier::{Courier, Mailbox, Trouble};
use crate::heartbeat::{Heart, Told};
use crate::identity::Identity;
use crate::metrics::Metrics;
use crate::names::{NAME_SERVER_PORT, SYSTEM_RESOLVERS};
use crate::outbox::{Ledger, Outbox, Sender};
use crate::planner::Planner;
use crate::probe::Engines;
use crate::probe::dns::Resolvers;
use crate::probe::icmp::{Pingers, open_socket};
use crate::prober::{EVENTS_MAX, Prober};
use crate::readiness::Readiness;
use crate::responder::{self, PortPlaces};
use crate::schedule::{Schedule, Settings};
use crate::server_epoch::ServerEpoch;

/// The parts have this long to finish. With the abort after it a stop takes less than 5 s.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(4);

/// Why the agent does not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// A setting is wrong.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// A port cannot be listened on.
    #[error("{variable}: cannot listen on port {port}: {error}")]
    Listen {
        /// The setting that names the port.
        variable: &'static str,
        /// The port.
        port: u16,
        /// What the kernel says.
        error: io::Error,
    },
    /// A part ended though nobody told it to.
    #[error("the {part} ended early{detail}")]
    EndedEarly {
        /// The part.
        part: &'static str,
        /// How it ended, when it failed.
        detail: String,
    },
}

/// An agent that listens and does nothing else yet.
#[derive(Debug)]
pub struct App {
    config: Config,
    client: Client,
    client_listener: TcpListener,
    metrics_listener: TcpListener,
    health_listener: TcpListener,
    client_address: SocketAddr,
    metrics_address: SocketAddr,
    health_address: SocketAddr,
    identity: Arc<Identity>,
    clock: Clock,
    mailbox: Arc<Mailbox>,
}

/// Looks at what an agent counted, also after its end.
#[derive(Debug, Clone)]
pub struct LedgerView(Arc<Mailbox>);

impl LedgerView {
    /// What became of the rounds so far.
    pub fn ledger(&self) -> Ledger {
        self.0.ledger()
    }
}

impl App {
    /// Opens the three ports and reads the files that the settings name.
    ///
    /// Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// Names the setting that cannot be used.
    pub fn bind(config: Config) -> Result<Self, AppError> {
        let clock = Clock::start();
        let client = Client::new(&config, clock)?;
        let listen = |variable, port| {
            let listening = runtime::listen(config.bind, port).and_then(|listener| {
                let address = listener.local_addr()?;
                Ok((listener, address))
            });
            listening.map_err(|error| AppError::Listen { variable, port, error })
        };
        let (client_listener, client_address) = listen("CLIENT_PORT", config.client_port)?;
        let (metrics_listener, metrics_address) = listen("MESHVANE_METRICS_PORT", config.metrics_port)?;
        let (health_listener, health_address) = listen("MESHVANE_HEALTH_PORT", config.health_port)?;
        let identity = Arc::new(Identity::new(&config, client_address.port()));
        let sender = Sender {
            node: config.node.clone(),
            boot_id: identity.boot_id.clone(),
            interval: config.probe_interval,
        };
        let mailbox = Arc::new(Mailbox::new(Outbox::new(sender), clock));
        Ok(Self {
            config,
            client,
            client_listener,
            metrics_listener,
            health_listener,
            client_address,
            metrics_address,
            health_address,
            identity,
            clock,
            mailbox,
        })
    }

    /// Where `/health` answers.
    pub fn client_address(&self) -> SocketAddr {
        self.client_address
    }

    /// Where `/metrics` answers.
    pub fn metrics_address(&self) -> SocketAddr {
        self.metrics_address
    }

    /// Where `/livez` and `/readyz` answer.
    pub fn health_address(&self) -> SocketAddr {
        self.health_address
    }

    /// A view of the ledger that outlives the agent.
    pub fn ledger_view(&self) -> LedgerView {
        LedgerView(Arc::clone(&self.mailbox))
    }

    /// Runs until `shutdown` resolves, then says goodbye and ends within five seconds.
    ///
    /// # Errors
    /// When a part ends though nobody told it to.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), AppError> {
        let (starter, drain) = drain();
        let Parts { mut tasks, names } = self.start(&drain)?;
        tokio::select! {
            () = shutdown => {}
            Some(ended) = tasks.join_next_with_id() => {
                let error = ended_early(ended, &names);
                tracing::error!(%error, "stopping");
                return Err(error);
            }
        }
        starter.start();
        let drained = timeout(DRAIN_LIMIT, async {
            while let Some(ended) = tasks.join_next().await {
                if let Err(error) = ended {
                    tracing::error!(%error, "a part failed while it ended");
                }
            }
        });
        if drained.await.is_err() {
            tracing::warn!("a part did not end in time and is aborted");
            tasks.shutdown().await;
        }
        tracing::info!("stopped");
        Ok(())
    }

    fn start(self, drain: &Drain) -> Result<Parts, AppError> {
        let Self { config, client, identity, clock, mailbox, .. } = self;
        let (metrics, epoch, readiness) = (Metrics::default(), ServerEpoch::default(), Readiness::default());
        let (events_sender, events) = mpsc::channel(EVENTS_MAX);
        let heart = Heart {
            client: client.clone(),
            identity: Arc::clone(&identity),
            clock,
            interval: config.heartbeat_interval,
            backoff: Backoff::new(identity.seed ^ 3),
            epoch: epoch.clone(),
            metrics: metrics.clone(),
            told: Told::default(),
        };
        let planner = Planner {
            client: client.clone(),
            events: events_sender,
            epoch: epoch.clone(),
            backoff: Backoff::new(identity.seed ^ 1),
            clock,
            query: PlanQuery::default(),
            plan: None,
        };
        let courier = Courier {
            client,
            mailbox: Arc::clone(&mailbox),
            epoch,
            backoff: Backoff::new(identity.seed ^ 2),
            told: Trouble::None,
        };
        let prober = Prober {
            engines: engines(&config, &identity),
            schedule: schedule(&config, &identity),
            clock,
            events,
            mailbox: Arc::clone(&mailbox),
            metrics: metrics.clone(),
        };
        tracing::info!(
            node = %config.node,
            boot_id = %identity.boot_id,
            server = %config.server_url,
            address = %self.client_address,
            "agent started"
        );
        let mut parts = Parts::default();
        let liveness = Liveness::default();
        let places = PortPlaces::within_files();
        let serve = |listener, places, router| {
            responder::serve(listener, places, router, drain.clone(), readiness.guard())
        };
        let router = responder::client_router(&identity, &liveness, &readiness);
        parts.spawn("responder", serve(self.client_listener, places.client, router));
        let router = responder::metrics_router(metrics, mailbox);
        parts.spawn("metrics responder", serve(self.metrics_listener, places.metrics, router));
        let router = responder::health_router(&liveness, &readiness);
        let health = serve(self.health_listener, places.health, router);
        parts.spawn("health responder", health_apart(health, liveness.clone())?);
        parts.spawn("beat", beat(liveness, drain.clone()));
        parts.spawn("heart", heart.run(drain.clone(), readiness.guard()));
        parts.spawn("planner", planner.run(drain.clone(), readiness.guard()));
        parts.spawn("courier", courier.run(drain.clone(), readiness.guard()));
        parts.spawn("prober", prober.run(drain.clone(), readiness.guard()));
        Ok(parts)
    }
}

/// Shows that the main thread gets on, until the drain starts.
async fn beat(liveness: Liveness, drain: Drain) {
    tokio::select! {
        () = liveness.beats() => {}
        () = drain.started() => {}
    }
}

/// Serves health on a thread of its own, where it watches whether the main one gets on.
fn health_apart(
    serving: impl Future<Output = ()> + Send + 'static,
    liveness: Liveness,
) -> Result<impl Future<Output = ()> + Send + 'static, AppError> {
    let both = async {
        tokio::select! {
            () = serving => {}
            () = liveness.watches() => {}
        }
    };
    apart("health", || both)
        .map_err(|error| AppError::EndedEarly { part: "health responder", detail: format!(": {error}") })
}

fn engines(config: &Config, identity: &Identity) -> Arc<Engines> {
    let [low, high, ..] = identity.seed.to_le_bytes();
    let icmp = Pingers::new(open_socket, u16::from_le_bytes([low, high]));
    for family in [Family::Ipv4, Family::Ipv6] {
        let mut ours = config.host_addresses.iter().chain(&config.pod_addresses);
        if ours.any(|address| Family::of(*address) == family) {
            icmp.open(family);
        }
    }
    Arc::new(Engines { icmp, dns: Resolvers::new(SYSTEM_RESOLVERS, NAME_SERVER_PORT) })
}

fn schedule(config: &Config, identity: &Identity) -> Schedule {
    Schedule::new(Settings {
        node: config.node.clone(),
        interval: config.probe_interval,
        test_port: config.test_port,
        services: config.services.clone(),
        is_loopback: config.host_addresses.iter().chain(&config.pod_addresses).any(|own| is_loopback(*own)),
        seed: identity.seed,
    })
}

/// The tasks of the program, and which part each is.
#[derive(Default)]
struct Parts {
    tasks: JoinSet<()>,
    names: HashMap<task::Id, &'static str>,
}

impl Parts {
    fn spawn(&mut self, name: &'static str, part: impl Future<Output = ()> + Send + 'static) {
        let handle = self.tasks.spawn(part);
        self.names.insert(handle.id(), name);
    }
}

fn ended_early(
    ended: Result<(task::Id, ()), JoinError>,
    names: &HashMap<task::Id, &'static str>,
) -> AppError {
    let (id, detail) = match ended {
        Ok((id, ())) => (id, String::new()),
        Err(error) => (error.id(), format!(": {error}")),
    };
    let part = names.get(&id).copied().unwrap_or("part without a name");
    AppError::EndedEarly { part, detail }
}
