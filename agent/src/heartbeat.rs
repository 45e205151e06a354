//! Tells the server that we live: at once, then every interval, whatever the probes do.

use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::wire::heartbeat::HeartbeatBody;
use runtime::Drain;
use tokio::time::sleep;

use crate::backoff::Backoff;
use crate::client::{CallError, Client};
use crate::clock::{Clock, wall_clock};
use crate::identity::Identity;
use crate::metrics::Metrics;
use crate::readiness::NotReady;
use crate::server_epoch::ServerEpoch;

/// The goodbye has this long for each try.
pub const GOODBYE_LIMIT: Duration = Duration::from_secs(1);
/// Tries of the goodbye. Together with the other parts' last words it stays below the five seconds of a stop.
pub const GOODBYE_TRIES: u32 = 2;
/// No heartbeat waits longer than this for its answer, however long the interval is.
pub const ANSWER_LIMIT_MAX: Duration = Duration::from_secs(10);

/// Sends heartbeats.
#[derive(Debug)]
pub struct Heart {
    /// The server.
    pub client: Client,
    /// Who we are.
    pub identity: Arc<Identity>,
    /// Time since the start.
    pub clock: Clock,
    /// Time between two heartbeats.
    pub interval: Duration,
    /// Waits after one that was not heard, where they are shorter than the interval: who is back is missed no longer than
    /// needed.
    pub backoff: Backoff,
    /// Learns of restarts.
    pub epoch: ServerEpoch,
    /// Counts.
    pub metrics: Metrics,
    /// What the log says of us now.
    pub told: Told,
}

/// What was logged last: only a change is logged.
#[derive(Debug, Default)]
pub struct Told {
    /// How the last heartbeat failed, if it did.
    trouble: Option<std::mem::Discriminant<CallError>>,
    /// Another agent speaks for our node, as the last answer said.
    superseded: bool,
}

impl Heart {
    /// Beats until the drain starts, then says goodbye.
    pub async fn run(mut self, drain: Drain, not_ready: NotReady) {
        drop(not_ready);
        tokio::select! {
            () = drain.started() => {}
            () = self.beat() => {}
        }
        for _ in 0..GOODBYE_TRIES {
            if self.send(GOODBYE_LIMIT, true).await.is_ok() {
                return;
            }
        }
        tracing::warn!("the server did not hear our goodbye");
    }

    async fn beat(&mut self) {
        // Below the interval, so that a slow server does not pile them up.
        let limit = (self.interval * 4 / 5).min(ANSWER_LIMIT_MAX);
        let mut restarts = self.epoch.restarts();
        loop {
            let began = self.clock.now();
            let sent = self.send(limit, false).await;
            let heard = sent.is_ok();
            self.metrics.heartbeat(heard);
            self.tell(sent.err());
            if heard {
                self.backoff.reset();
                // A restart that this beat found out is no reason to hurry later.
                let _known = restarts.has_news();
                // From one beginning to the next: a slow answer does not stretch the interval.
                sleep(self.interval.saturating_sub(self.clock.now().saturating_sub(began))).await;
            } else {
                // The planner or the courier may find the way back first.
                restarts.within(self.backoff.after_failure().min(self.interval)).await;
            }
        }
    }

    /// Logs what is new: an answer after a failure, or another kind of failure than before.
    fn tell(&mut self, error: Option<CallError>) {
        let kind = error.as_ref().map(std::mem::discriminant);
        let before = std::mem::replace(&mut self.told.trouble, kind);
        match error {
            Some(error) if kind != before => tracing::warn!(%error, "the server does not hear us"),
            Some(error) => tracing::debug!(%error, "the server still does not hear us"),
            None if before.is_some() => tracing::info!("the server hears us"),
            None => {}
        }
    }

    /// Logs when another agent begins to speak for our node, and when we do again.
    fn tell_superseded(&mut self, superseded: bool) {
        match (std::mem::replace(&mut self.told.superseded, superseded), superseded) {
            (false, true) => tracing::warn!(
                "another agent that started later speaks for this node: the server sets our heartbeats and rounds aside while it goes on"
            ),
            (true, false) => tracing::info!("we speak for this node again"),
            (false, false) | (true, true) => {}
        }
    }

    async fn send(&mut self, limit: Duration, leaving: bool) -> Result<(), CallError> {
        let epochs_in_turn = self.epoch.in_turn();
        let body = self.identity.heartbeat(self.clock.now(), wall_clock(), leaving);
        let body = HeartbeatBody { epochs_in_turn, ..body };
        let answer = self.client.heartbeat(&body, limit).await?;
        if let Some(epoch) = answer.server_epoch {
            self.epoch.saw(epoch);
        }
        self.tell_superseded(answer.superseded);
        Ok(())
    }
}
