//! Keeps the plan: one long poll after the other. Whatever goes wrong, the last plan stays.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::limits::PLAN_WAIT_MAX;
use meshvane_shared::name::{NodeName, Zone};
use meshvane_shared::plan::{Plan, PlanDelta, PlanVersion, Target};
use meshvane_shared::wire::plan::PlanBody;
use runtime::Drain;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::backoff::Backoff;
use crate::client::{CallError, Client, PlanQuery};
use crate::clock::Clock;
use crate::readiness::NotReady;
use crate::schedule::Event;
use crate::server_epoch::{Restarts, ServerEpoch};

/// The shortest time between two answers: a server that answers at once each time does not make us spin. Looks wait for it
/// only when they come faster than this.
pub const POLL_SPACING: Duration = Duration::from_millis(100);
/// The same after "no news" that came before the wait was half over: an honest server says so only when it stops.
pub const EARLY_SPACING: Duration = Duration::from_secs(1);
/// Plans may come as often as this on average: twice as often as an honest server makes them (`GENERATION_PERIOD`). Each costs the reading of up to 12 MB,
/// and new cells are probed at once.
pub const PLAN_PERIOD: Duration = Duration::from_secs(1);
/// Plans that are taken without a wait after a pause: an honest server's never wait, whatever happens to come together.
pub const PLANS_AT_ONCE: u32 = 4;

/// Keeps the plan.
#[derive(Debug)]
pub struct Planner {
    /// The server.
    pub client: Client,
    /// Where plans and looks go.
    pub events: mpsc::Sender<Event>,
    /// Tells of a restart of the server.
    pub epoch: ServerEpoch,
    /// Waits between failures.
    pub backoff: Backoff,
    /// Time since the start.
    pub clock: Clock,
    /// What we ask for.
    pub query: PlanQuery,
    /// The plan that we have.
    pub plan: Option<Arc<Plan>>,
}

/// What one question gave.
enum Asked {
    Answer(Result<Option<PlanBody>, CallError>),
    /// The server that we asked is gone.
    Restarted,
}

impl Planner {
    /// Runs until the drain starts.
    pub async fn run(mut self, drain: Drain, not_ready: NotReady) {
        drop(not_ready);
        tokio::select! {
            () = drain.started() => {}
            () = self.keep() => {}
        }
    }

    async fn keep(&mut self) {
        let mut restarts = self.epoch.restarts();
        let mut told = false;
        let mut pace = Pace::default();
        loop {
            let asked = self.clock.now();
            match self.ask(&mut restarts).await {
                Asked::Restarted => self.query.look = 0,
                Asked::Answer(Ok(body)) => {
                    if std::mem::replace(&mut told, false) {
                        tracing::info!("the plan can be asked for again");
                    }
                    self.backoff.reset();
                    let wait = match body {
                        Some(body) => {
                            let has_plan = body.targets.is_some() || body.delta.is_some();
                            self.take(body).await;
                            if has_plan {
                                pace.took_one(self.clock.now()).max(POLL_SPACING)
                            } else {
                                POLL_SPACING
                            }
                        }
                        None if self.clock.now() < asked + PLAN_WAIT_MAX / 2 => EARLY_SPACING,
                        None => POLL_SPACING,
                    };
                    sleep(wait).await;
                }
                Asked::Answer(Err(error)) => {
                    if !std::mem::replace(&mut told, true) {
                        tracing::warn!(%error, "no news of the plan, the last one stays");
                    }
                    let wait = match error {
                        CallError::Busy(wait) => wait,
                        CallError::Unauthorized(_) | CallError::Refused { .. } | CallError::UnknownPlan => {
                            // Perhaps it is what we have that the server does not like.
                            self.query = PlanQuery::default();
                            self.backoff.longest()
                        }
                        CallError::Unanswered(_) | CallError::Failed(_) => self.backoff.after_failure(),
                    };
                    tokio::select! {
                        () = sleep(wait) => {}
                        () = restarts.news() => {}
                    }
                }
            }
        }
    }

    async fn ask(&self, restarts: &mut Restarts) -> Asked {
        let question = self.client.plan(&self.query);
        tokio::pin!(question);
        loop {
            tokio::select! {
                answer = &mut question => return Asked::Answer(answer),
                () = restarts.news() => {
                    let other = restarts.has_news();
                    if other && self.is_of_another_epoch(restarts) {
                        return Asked::Restarted;
                    }
                }
            }
        }
    }

    fn is_of_another_epoch(&self, restarts: &Restarts) -> bool {
        match (&self.query.have, restarts.known()) {
            (Some(have), Some(known)) => have.epoch != known,
            (None, _) | (_, None) => false,
        }
    }

    async fn take(&mut self, body: PlanBody) {
        let version = PlanVersion { epoch: body.epoch, generation: body.generation };
        if self.query.have.as_ref().is_some_and(|have| have.epoch != body.epoch) {
            self.query.look = 0;
        }
        self.epoch.saw(body.epoch);
        self.query.look = self.query.look.max(body.look_number);
        match next(self.plan.as_deref(), body.targets, body.delta, &version) {
            Next::Plan(plan) => {
                tracing::debug!(%version, targets = plan.targets.len(), "new plan");
                let plan = Arc::new(plan);
                self.query.have = Some(version);
                self.plan = Some(plan.clone());
                self.tell(Event::Plan(plan)).await;
            }
            Next::Same => {}
            Next::AskForAll => self.query.have = None,
        }
        if !body.look.is_empty() {
            self.tell(Event::Look(body.look)).await;
        }
    }

    async fn tell(&self, event: Event) {
        // The prober is gone only when the program ends.
        let _ending = self.events.send(event).await;
    }
}

/// Holds plans to [`PLAN_PERIOD`], but for the first [`PLANS_AT_ONCE`].
#[derive(Debug, Default)]
struct Pace {
    /// When the plans so far would have come if they had kept the period.
    due: Duration,
}

impl Pace {
    /// A plan was taken: how long to wait before the next question.
    fn took_one(&mut self, now: Duration) -> Duration {
        self.due = self.due.max(now) + PLAN_PERIOD;
        self.due.saturating_sub(now).saturating_sub(PLAN_PERIOD * PLANS_AT_ONCE)
    }
}

/// What an answer makes of the plan that we have.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// This one.
    Plan(Plan),
    /// It stays.
    Same,
    /// Neither this nor a way to it: ask for the whole.
    AskForAll,
}

fn next(
    have: Option<&Plan>,
    targets: Option<Vec<Target>>,
    delta: Option<PlanDelta>,
    version: &PlanVersion,
) -> Next {
    let version = version.clone();
    match (targets, delta, have) {
        (Some(mut targets), _, _) => {
            share_names(&mut targets);
            Next::Plan(Plan { version, targets })
        }
        (None, _, Some(have)) if have.version == version => Next::Same,
        (None, Some(delta), Some(have)) if have.version.epoch == version.epoch => {
            match delta.apply(have, version.generation) {
                Ok(plan) => Next::Plan(plan),
                Err(error) => {
                    tracing::warn!(%error, "the change of the plan cannot be used, asking for all of it");
                    Next::AskForAll
                }
            }
        }
        (None, _, _) => Next::AskForAll,
    }
}

/// Lets the targets of one node, which follow each other, and of one zone have one copy of its name.
fn share_names(targets: &mut [Target]) {
    let mut node: Option<NodeName> = None;
    let mut zones: BTreeSet<Zone> = BTreeSet::new();
    for target in targets {
        match &node {
            Some(node) if *node == target.node => target.node = node.clone(),
            Some(_) | None => node = Some(target.node.clone()),
        }
        let Some(zone) = &mut target.zone else { continue };
        match zones.get(zone) {
            Some(known) => *zone = known.clone(),
            None => drop(zones.insert(zone.clone())),
        }
    }
}

#[cfg(test)]
mod tests;
