//! One start of an agent: the real schedule and outbox, and drivers that keep the times of the real heart, planner and
//! courier. An input goes in, outputs come out; the world carries them.

use std::sync::Arc;
use std::time::Duration;

use meshvane_agent::backoff::Backoff;
use meshvane_agent::client::{CallError, ROUND_LIMIT};
use meshvane_agent::outbox::{Next, Outbox, Sender};
use meshvane_agent::planner::{EARLY_SPACING, PLAN_PERIOD, PLANS_AT_ONCE, POLL_SPACING};
use meshvane_agent::probe::Question;
use meshvane_agent::schedule::{Command, Event, Schedule, Settings};
use meshvane_agent::server_epoch::RESTART_SPACING;
use meshvane_server::collector::{PlanAsk, PlanNews, PlanPart};
use meshvane_shared::check::Plane;
use meshvane_shared::limits::PLAN_WAIT_MAX;
use meshvane_shared::name::BootId;
use meshvane_shared::plan::{Epoch, PlanVersion};
use meshvane_shared::wire::heartbeat::HeartbeatBody;

use crate::mesh::{self, Mesh};

mod words;

pub(crate) use words::{Called, Identity, Input, Output, Part, Request, Response};

/// The default interval of heartbeats and rounds.
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);
/// What the plan may take beyond the wait that was asked for, as the agent's client allows.
const PLAN_LIMIT: Duration = PLAN_WAIT_MAX.saturating_add(meshvane_agent::client::PLAN_GRACE);

/// Waiting of a part: for an answer, for a time, or for something to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Calling(u64),
    /// `failed` waits end early when the server is found to have restarted.
    Waiting {
        until: Duration,
        failed: bool,
    },
    Idle,
}

/// One start of an agent.
#[derive(Debug)]
pub(crate) struct Agent {
    body: HeartbeatBody,
    started: Duration,
    schedule: Schedule,
    outbox: Outbox,
    heart: State,
    heart_began: Duration,
    heart_backoff: Backoff,
    planner: State,
    planner_backoff: Backoff,
    plan_asked: Duration,
    plans_due: Duration,
    have: Option<PlanVersion>,
    look: u64,
    courier: State,
    courier_backoff: Backoff,
    carried: Option<(u64, bool)>,
    epoch: Option<Epoch>,
    restarted: Option<Duration>,
    next_call: u64,
    outputs: Vec<Output>,
}

impl Agent {
    /// An agent that starts now; the first input is [`Input::Wake`].
    pub(crate) fn new(identity: &Identity, mesh: &Mesh, now: Duration) -> Self {
        let Identity { node, pod, start, seed } = *identity;
        let boot = BootId::parse(&format!("boot-{start}")).expect("the word and digits are a boot's id");
        let addresses =
            |plane| mesh.families.iter().map(|family| mesh::address(node, plane, *family, pod)).collect();
        let body = HeartbeatBody {
            namespace: "meshvane".to_owned(),
            node_ip: mesh::address(node, Plane::Host, mesh.families[0], pod).to_string(),
            pod_ip: mesh::address(node, Plane::Pod, mesh.families[0], pod).to_string(),
            pod_name: format!("agent-{node}-{pod}"),
            node: Some(mesh::name(node)),
            zone: mesh.zones[node].map(mesh::zone_name),
            client_port: Some(mesh::CLIENT_PORT),
            interval_ms: Some(milliseconds(INTERVAL)),
            probe_interval_ms: Some(milliseconds(INTERVAL)),
            boot_id: Some(boot.clone()),
            host_addresses: addresses(Plane::Host),
            pod_addresses: addresses(Plane::Pod),
            ..HeartbeatBody::default()
        };
        let settings = Settings {
            node: mesh::name(node),
            interval: INTERVAL,
            test_port: Some(mesh::HOST_PORT),
            services: mesh.services(),
            is_loopback: false,
            seed,
        };
        Self {
            body,
            started: now,
            schedule: Schedule::new(settings),
            outbox: Outbox::new(Sender { node: mesh::name(node), boot_id: boot, interval: INTERVAL }),
            heart: State::Waiting { until: now, failed: false },
            heart_began: now,
            heart_backoff: Backoff::new(seed ^ 3),
            planner: State::Waiting { until: now, failed: false },
            planner_backoff: Backoff::new(seed ^ 1),
            plan_asked: now,
            plans_due: Duration::ZERO,
            have: None,
            look: 0,
            courier: State::Idle,
            courier_backoff: Backoff::new(seed ^ 2),
            carried: None,
            epoch: None,
            restarted: None,
            next_call: 0,
            outputs: Vec::new(),
        }
    }

    /// Takes what happened and returns what is to be done.
    pub(crate) fn handle(&mut self, now: Duration, input: Input) -> Vec<Output> {
        match input {
            Input::Wake => {
                if self.schedule.next_wake().is_some_and(|at| at <= now) {
                    self.probe(now, Event::Tick);
                }
            }
            Input::Answer(probe, answer) => self.probe(now, Event::Answer(probe, answer)),
            Input::Called(Part::Heart, number, called) if self.heart == State::Calling(number) => {
                self.heart_called(now, called);
            }
            Input::Called(Part::Planner, number, called) if self.planner == State::Calling(number) => {
                self.planner_called(now, called);
            }
            Input::Called(Part::Courier, number, called) if self.courier == State::Calling(number) => {
                self.courier_called(now, called);
            }
            Input::Called(..) => {}
        }
        if is_due(self.heart, now) {
            self.beat(now);
        }
        if is_due(self.planner, now) {
            self.ask_for_plan(now);
        }
        if is_due(self.courier, now) {
            self.carry(now);
        }
        std::mem::take(&mut self.outputs)
    }

    /// When [`Agent::handle`] wants to be called next.
    pub(crate) fn next_wake(&self) -> Option<Duration> {
        let waits = [self.heart, self.planner, self.courier].into_iter().filter_map(|state| match state {
            State::Waiting { until, .. } => Some(until),
            State::Calling(_) | State::Idle => None,
        });
        waits.chain(self.schedule.next_wake()).min()
    }

    /// The body of its next heartbeat.
    pub(crate) fn heartbeat(&self, now: Duration, leaving: bool) -> HeartbeatBody {
        let uptime_ms = Some(milliseconds(now.saturating_sub(self.started)));
        HeartbeatBody { uptime_ms, leaving, ..self.body.clone() }
    }

    fn call(&mut self, part: Part, request: Request, limit: Duration) -> State {
        self.next_call += 1;
        let number = self.next_call;
        self.outputs.push(Output::Call { part, number, request, limit });
        State::Calling(number)
    }

    fn probe(&mut self, now: Duration, event: Event) {
        let mut events = vec![event];
        while let Some(event) = events.pop() {
            for command in self.schedule.handle(now, event) {
                match command {
                    Command::Start(probe, question) => self.outputs.push(Output::Ask(probe, question)),
                    // This network does not know one socket from another.
                    Command::StartAfresh(probe, address) => {
                        self.outputs.push(Output::Ask(probe, Question::Icmp(address)));
                    }
                    Command::ListResolvers => events.push(Event::Resolvers(mesh::NAME_SERVERS.to_vec())),
                    Command::Post(report) => {
                        self.outbox.produce(now, report);
                        if !matches!(self.courier, State::Calling(_) | State::Waiting { failed: true, .. }) {
                            self.carry(now);
                        }
                    }
                    // An answer to a probe that was cancelled is nothing to the schedule.
                    Command::Cancel(_) | Command::Tally(_) => {}
                }
            }
        }
    }

    fn beat(&mut self, now: Duration) {
        self.heart_began = now;
        let body = Box::new(self.heartbeat(now, false));
        self.heart = self.call(Part::Heart, Request::Heartbeat(body), INTERVAL * 4 / 5);
    }

    fn heart_called(&mut self, now: Duration, called: Called) {
        if let Ok(Response::Heartbeat(answer)) = called {
            self.heart_backoff.reset();
            let until = (self.heart_began + INTERVAL).max(now);
            self.heart = State::Waiting { until, failed: false };
            if let Some(epoch) = answer.server_epoch {
                self.saw(now, epoch);
            }
        } else {
            let wait = self.heart_backoff.after_failure().min(INTERVAL);
            self.heart = State::Waiting { until: now + wait, failed: true };
        }
    }

    fn ask_for_plan(&mut self, now: Duration) {
        self.plan_asked = now;
        let ask = PlanAsk {
            node: self.body.node.clone(),
            have: self.have.as_ref().map(|have| (have.epoch, have.generation)),
            look: Some(self.look),
            delta: true,
        };
        self.planner = self.call(Part::Planner, Request::Plan(ask), PLAN_LIMIT);
    }

    fn planner_called(&mut self, now: Duration, called: Called) {
        let (wait, failed) = match called {
            Ok(Response::Plan(Some(news))) => (self.take_plan(now, *news), false),
            Ok(Response::Plan(None)) if now < self.plan_asked + PLAN_WAIT_MAX / 2 => (EARLY_SPACING, false),
            Ok(_) => (POLL_SPACING, false),
            Err(CallError::Busy(wait)) => (wait, true),
            Err(CallError::Unauthorized(_) | CallError::Refused { .. } | CallError::UnknownPlan) => {
                (self.have, self.look) = (None, 0);
                (self.planner_backoff.longest(), true)
            }
            Err(CallError::Unanswered(_) | CallError::Failed(_)) => {
                (self.planner_backoff.after_failure(), true)
            }
        };
        if !failed {
            self.planner_backoff.reset();
        }
        self.planner = State::Waiting { until: now + wait, failed };
    }

    fn take_plan(&mut self, now: Duration, news: PlanNews) -> Duration {
        let version = news.plan.version.clone();
        if self.have.as_ref().is_some_and(|have| have.epoch != version.epoch) {
            self.look = 0;
        }
        self.saw(now, version.epoch);
        self.look = self.look.max(news.look_number);
        let mut wait = POLL_SPACING;
        if !matches!(news.part, PlanPart::Nothing) {
            self.have = Some(version);
            self.plans_due = self.plans_due.max(now) + PLAN_PERIOD;
            let ahead = self.plans_due.saturating_sub(now).saturating_sub(PLAN_PERIOD * PLANS_AT_ONCE);
            wait = wait.max(ahead);
            self.probe(now, Event::Plan(Arc::clone(&news.plan)));
        }
        if !news.look.is_empty() {
            self.probe(now, Event::Look(news.look));
        }
        wait
    }

    fn carry(&mut self, now: Duration) {
        self.courier = match self.outbox.next(now) {
            Next::Send(body) => {
                self.carried = Some((body.sequence, body.targets.is_some()));
                self.call(Part::Courier, Request::Round(body), ROUND_LIMIT)
            }
            Next::At(until) => State::Waiting { until, failed: false },
            Next::Nothing => State::Idle,
        };
    }

    fn courier_called(&mut self, now: Duration, called: Called) {
        let Some((sequence, had_targets)) = self.carried.take() else { return };
        let mut wait = None;
        match called {
            Ok(Response::Round(answer)) => {
                self.outbox.acknowledged(now, sequence, answer.status);
                self.courier_backoff.reset();
                self.courier = State::Idle;
                self.saw(now, answer.server_epoch);
            }
            Ok(_) | Err(CallError::Unanswered(_) | CallError::Failed(_)) => {
                wait = Some(self.courier_backoff.after_failure());
            }
            Err(CallError::UnknownPlan) => self.outbox.plan_unknown(sequence, had_targets),
            Err(CallError::Busy(busy)) => wait = Some(busy),
            Err(CallError::Refused { .. }) => self.outbox.refused(sequence),
            Err(CallError::Unauthorized(_)) => wait = Some(self.courier_backoff.longest()),
        }
        match wait {
            Some(wait) => self.courier = State::Waiting { until: now + wait, failed: true },
            None => self.carry(now),
        }
    }

    /// An answer came from this start of the server.
    fn saw(&mut self, now: Duration, epoch: Epoch) {
        let Some(before) = self.epoch else {
            self.epoch = Some(epoch);
            return;
        };
        let is_soon = self.restarted.is_some_and(|at| now.saturating_sub(at) < RESTART_SPACING);
        if before == epoch || is_soon {
            return;
        }
        (self.epoch, self.restarted) = (Some(epoch), Some(now));
        self.outbox.resend_newest();
        let retry = |state: &mut State| {
            if matches!(state, State::Waiting { failed: true, .. } | State::Idle) {
                *state = State::Waiting { until: now, failed: false };
            }
        };
        retry(&mut self.courier);
        if matches!(self.heart, State::Waiting { failed: true, .. }) {
            retry(&mut self.heart);
        }
        match self.planner {
            State::Calling(number) if self.have.as_ref().is_some_and(|have| have.epoch != epoch) => {
                self.outputs.push(Output::Abandon(number));
                self.look = 0;
                self.planner = State::Waiting { until: now, failed: false };
            }
            State::Waiting { failed: true, .. } => retry(&mut self.planner),
            State::Calling(_) | State::Waiting { .. } | State::Idle => {}
        }
    }
}

fn is_due(state: State, now: Duration) -> bool {
    matches!(state, State::Waiting { until, .. } if until <= now)
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
