//! Brings rounds to the server.
//!
//! ```text
//!   prober ──> Mailbox (outbox, bell) ──> one request at a time ──> acknowledged, refused, or later
//! ```
//! One task, one request in flight. A round stays in the outbox until something final is said about it, so dropping the
//! task at any point loses nothing but the answer.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use meshvane_shared::wire::round::{RoundAnswer, RoundStatus};
use runtime::Drain;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::backoff::Backoff;
use crate::client::{CallError, Client, ROUND_LIMIT};
use crate::clock::Clock;
use crate::outbox::{Ledger, Next, Outbox};
use crate::readiness::NotReady;
use crate::schedule::Report;
use crate::server_epoch::ServerEpoch;

/// At the end the fresh rounds have this long together to get through.
pub const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// The outbox that prober, courier and metrics share.
#[derive(Debug)]
pub struct Mailbox {
    clock: Clock,
    // A std mutex: held while an entry is moved or copied, never across an await.
    outbox: Mutex<Outbox>,
    bell: Notify,
}

impl Mailbox {
    /// Makes a mailbox.
    pub fn new(outbox: Outbox, clock: Clock) -> Self {
        Self { clock, outbox: Mutex::new(outbox), bell: Notify::new() }
    }

    /// Takes a report and rings.
    pub fn post(&self, report: Report) {
        let now = self.clock.now();
        self.outbox().produce(now, report);
        self.bell.notify_one();
    }

    /// What became of the rounds so far.
    pub fn ledger(&self) -> Ledger {
        self.outbox().ledger()
    }

    fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Brings rounds until the drain starts, then those that are fresh.
#[derive(Debug)]
pub struct Courier {
    /// The server.
    pub client: Client,
    /// The rounds.
    pub mailbox: Arc<Mailbox>,
    /// Tells of a restart of the server.
    pub epoch: ServerEpoch,
    /// Waits between failures.
    pub backoff: Backoff,
    /// Which trouble was logged last.
    pub told: Trouble,
}

/// A kind of trouble with the server: each is logged when it begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trouble {
    /// None: rounds go through.
    #[default]
    None,
    /// No answer, or an error of the server's own.
    Away,
    /// It does not know us.
    Unauthorized,
    /// It refuses what we send.
    Refused,
}

impl Courier {
    /// Runs until the drain starts.
    pub async fn run(mut self, drain: Drain, not_ready: NotReady) {
        drop(not_ready);
        tokio::select! {
            () = drain.started() => {}
            () = self.carry() => {}
        }
        self.flush().await;
    }

    async fn carry(&mut self) {
        let mut restarts = self.epoch.restarts();
        let mut restarted = false;
        loop {
            let next = {
                let now = self.mailbox.clock.now();
                let mut outbox = self.mailbox.outbox();
                if std::mem::take(&mut restarted) || restarts.has_news() {
                    outbox.resend_newest();
                }
                outbox.next(now)
            };
            match next {
                Next::Send(body) => {
                    let answer = self.client.round(&body, ROUND_LIMIT).await;
                    if let Some(wait) = self.settle(body.sequence, body.targets.is_some(), answer) {
                        // The heart or the planner may find the way back first.
                        restarted = restarts.within(wait).await;
                    }
                }
                Next::At(at) => {
                    let wait = at.saturating_sub(self.mailbox.clock.now());
                    tokio::select! {
                        () = sleep(wait) => {}
                        () = self.mailbox.bell.notified() => {}
                        () = restarts.news() => {}
                    }
                }
                Next::Nothing => {
                    tokio::select! {
                        () = self.mailbox.bell.notified() => {}
                        () = restarts.news() => {}
                    }
                }
            }
        }
    }

    /// Books an answer; returns how long to wait before the next request.
    fn settle(
        &mut self,
        sequence: u64,
        had_targets: bool,
        answer: Result<RoundAnswer, CallError>,
    ) -> Option<Duration> {
        let now = self.mailbox.clock.now();
        let error = match answer {
            Ok(answer) => {
                if answer.status == RoundStatus::TooLate {
                    tracing::debug!(sequence, "a round came too late for the server to take it");
                }
                self.mailbox.outbox().acknowledged(now, sequence, answer.status);
                self.epoch.saw(answer.server_epoch);
                self.backoff.reset();
                self.tell(Trouble::None, &"");
                return None;
            }
            Err(error) => error,
        };
        match error {
            CallError::UnknownPlan => {
                self.mailbox.outbox().plan_unknown(sequence, had_targets);
                None
            }
            CallError::Busy(wait) => Some(wait),
            CallError::Refused { .. } => {
                self.mailbox.outbox().refused(sequence);
                self.tell(Trouble::Refused, &error);
                None
            }
            CallError::Unauthorized(_) => {
                self.tell(Trouble::Unauthorized, &error);
                Some(self.backoff.longest())
            }
            CallError::Unanswered(_) | CallError::Failed(_) => {
                self.tell(Trouble::Away, &error);
                Some(self.backoff.after_failure())
            }
        }
    }

    fn tell(&mut self, trouble: Trouble, error: &dyn std::fmt::Display) {
        if std::mem::replace(&mut self.told, trouble) == trouble {
            return;
        }
        match trouble {
            Trouble::None => tracing::info!("rounds go through"),
            Trouble::Away => tracing::warn!(%error, "rounds are kept until the server is back"),
            Trouble::Unauthorized => {
                tracing::error!(%error, "rounds are kept until the server knows us: check MESHVANE_TOKEN_FILE");
            }
            Trouble::Refused => tracing::error!(%error, "the server refused a round"),
        }
    }

    /// Brings what is fresh, the newest first, for as long as a stop allows.
    async fn flush(&mut self) {
        let bring = async {
            loop {
                let now = self.mailbox.clock.now();
                let next = self.mailbox.outbox().next(now);
                let Next::Send(body) = next else { return };
                let answer = self.client.round(&body, FLUSH_LIMIT).await;
                // Whatever it waits for: there is no later.
                if self.settle(body.sequence, body.targets.is_some(), answer).is_some() {
                    return;
                }
            }
        };
        if timeout(FLUSH_LIMIT, bring).await.is_err() {
            tracing::debug!("the stop left no time for the last rounds");
        }
    }
}
