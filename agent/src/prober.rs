//! Drives the schedule: gives it the time, runs the probes that it starts, hands on what it reports.
//!
//! One task, and one for each probe in flight; the schedule bounds those. Aborting the task drops the probes with it.

use std::collections::HashMap;
use std::sync::Arc;

use meshvane_shared::outcome::Reason;
use runtime::Drain;
use tokio::sync::mpsc;
use tokio::task::{AbortHandle, JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::clock::Clock;
use crate::courier::Mailbox;
use crate::metrics::Metrics;
use crate::probe::{Answer, Engines};
use crate::readiness::NotReady;
use crate::schedule::{Command, Event, ProbeId, Schedule};

/// Plans and looks that may wait for the schedule, which takes them at once.
pub const EVENTS_MAX: usize = 8;

/// Drives the schedule.
#[derive(Debug)]
pub struct Prober {
    /// Decides.
    pub schedule: Schedule,
    /// Ask.
    pub engines: Arc<Engines>,
    /// Time since the start.
    pub clock: Clock,
    /// Plans and looks.
    pub events: mpsc::Receiver<Event>,
    /// Where reports go.
    pub mailbox: Arc<Mailbox>,
    /// Counts.
    pub metrics: Metrics,
}

/// The probes in flight.
#[derive(Default)]
struct Running {
    tasks: JoinSet<(ProbeId, Answer)>,
    handles: HashMap<ProbeId, AbortHandle>,
    /// Targets of the plan that are not asked, as last logged.
    refused: usize,
}

impl Prober {
    /// Runs until the drain starts; what is in flight then is given up.
    pub async fn run(mut self, drain: Drain, not_ready: NotReady) {
        drop(not_ready);
        let mut running = Running::default();
        let drained = drain.started();
        tokio::pin!(drained);
        loop {
            let wake = self.schedule.next_wake().map(|at| self.clock.instant(at));
            let event = tokio::select! {
                () = &mut drained => return,
                event = self.events.recv() => match event {
                    Some(event) => event,
                    None => return,
                },
                Some(ended) = running.tasks.join_next() => match running.ended(ended) {
                    Some(event) => event,
                    None => continue,
                },
                () = sleep_until_or_forever(wake) => Event::Tick,
            };
            self.handle(&mut running, event);
        }
    }

    fn handle(&mut self, running: &mut Running, event: Event) {
        let mut event = Some(event);
        while let Some(next) = event.take() {
            for command in self.schedule.handle(self.clock.now(), next) {
                event = self.obey(running, command).or(event);
            }
        }
        self.metrics.in_flight(self.schedule.in_flight());
        let refused = self.schedule.refused_targets();
        if std::mem::replace(&mut running.refused, refused) != refused {
            self.metrics.refused_targets(refused);
            if refused > 0 {
                tracing::warn!(
                    refused,
                    "the plan has targets at addresses that no member can have: they are not asked"
                );
            }
        }
    }

    /// Does what the schedule wants; returns what it is to be told at once.
    fn obey(&self, running: &mut Running, command: Command) -> Option<Event> {
        match command {
            Command::Start(probe, question) => {
                let engines = Arc::clone(&self.engines);
                let handle = running.tasks.spawn(async move { (probe, engines.ask(&question).await) });
                running.handles.insert(probe, handle);
            }
            Command::StartAfresh(probe, address) => {
                let engines = Arc::clone(&self.engines);
                let handle =
                    running.tasks.spawn(async move { (probe, engines.icmp.ask_afresh(address).await) });
                running.handles.insert(probe, handle);
            }
            Command::ListResolvers => return Some(Event::Resolvers(self.engines.dns.servers())),
            Command::Cancel(probe) => {
                if let Some(handle) = running.handles.remove(&probe) {
                    handle.abort();
                }
            }
            Command::Post(report) => self.mailbox.post(report),
            Command::Tally(tally) => self.metrics.tally(tally),
        }
        None
    }
}

impl Running {
    fn ended(&mut self, ended: Result<(ProbeId, Answer), JoinError>) -> Option<Event> {
        match ended {
            Ok((probe, answer)) => {
                self.handles.remove(&probe)?;
                Some(Event::Answer(probe, answer))
            }
            Err(error) if error.is_cancelled() => None,
            Err(error) => {
                tracing::error!(%error, "a probe failed");
                // A fault of ours says nothing about the network.
                let task = error.id();
                let (probe, _) = self.handles.iter().find(|(_, handle)| handle.id() == task)?;
                let probe = *probe;
                self.handles.remove(&probe);
                Some(Event::Answer(probe, Answer::Unmeasured(Reason::NoResource)))
            }
        }
    }
}

async fn sleep_until_or_forever(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}
