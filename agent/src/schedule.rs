//! Decides what is probed when, and what the answers mean. Pure: takes `now`, returns commands.
//!
//! ```text
//!   Event  ──> handle(now, event) ──> Command
//!   Plan          cells               Start(probe)    to the prober
//!   Look          flights             Cancel(probe)
//!   Answer        round               Post(report)    to the outbox
//!   Tick          timers              Tally           to the metrics
//!
//!   a cell:   new ──answer──> up ──1 s of silence or a failure──> suspect ──four of four fail──> down
//!              └───────────────────────────^    ^──any answer────────┘        two answers ──> up
//! ```
//!
//! **Truth about ourselves.** Every call ends with a promise: "call me again by [`Schedule::next_wake`]". A call that comes
//! later than that by more than [`LAG_LIMIT`] shows that this process did not run (stopped, starved). Whatever was in
//! flight then proves nothing: it is forgotten, its cells are `Unmeasured(overloaded)`, and it is asked again at once.
//! While something is in flight the promise is at most [`WATCH`] away, so no pause that matters goes unseen.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::limits::{
    BURST_PROBES, BURST_SPACING, CAREFUL_PROBES, LOOKS_MAX, PROBE_HARD_LIMIT, PROBE_SOFT_LIMIT,
    UP_AFTER_ANSWERS,
};
use meshvane_shared::name::{NodeName, ServiceAddress};
use meshvane_shared::outcome::{Cause, Outcome, Reached, Reason};
use meshvane_shared::plan::Plan;
use meshvane_shared::wire::round::{CellBody, ServiceBody, StrangerBody};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

use crate::probe::{Answer, Question};
use cell::{CellId, Cells, Key};
use flight::{Flight, Part, Queue};
use health::Health;
pub use health::{HEALTH_IN_FLIGHT_MAX, HEALTH_PERIOD, STRANGER_KEPT};
use pace::Pace;
use round::Round;

mod cell;
mod flight;
mod health;
mod pace;
mod plan;
mod report;
mod round;
mod service;
mod verdict;

/// A call later than promised by more than this shows that we did not run. A loaded machine delays a timer by tens of
/// milliseconds; a quarter of the soft limit leaves the judgement after 1 s sound.
pub const LAG_LIMIT: Duration = Duration::from_millis(250);
/// While something is in flight we want to be called this often, so that a pause is seen. It costs nothing in a healthy
/// mesh, where an answer takes less.
pub const WATCH: Duration = Duration::from_millis(100);
/// A pause longer than this begins the round anew: its probes would all be due together, and a burst invents loss.
pub const REPACE_AFTER: Duration = PROBE_SOFT_LIMIT;
/// Probes of one engine that are in flight together. A default socket buffer holds 128 to 256 echo replies.
pub const IN_FLIGHT_MAX: usize = 64;
/// A probe of a name's burst is judged after this, not after the soft limit: a slow name server is late, not down. With the
/// [`PROBE_SOFT_LIMIT`] that raised the suspicion and the 600 ms of the burst, every answer within the hard limit arrives
/// before the burst is over, and a silent name server is told after 3.6 s.
pub const NAME_BURST_LIMIT: Duration = Duration::from_secs(2);
/// The same where the name server is down and the burst asks whether it is up again: no earlier suspicion has waited then,
/// so with the 600 ms of the burst this alone makes up the hard limit.
pub const NAME_RETURN_LIMIT: Duration = Duration::from_millis(2900);
/// The shortest time between two partial reports, so that a wide outage is told in tens of bodies and not in thousands.
pub const PARTIAL_SPACING: Duration = Duration::from_millis(100);
/// New cells are spread over this; with the time to start them it stays below the promised second.
pub const FRESH_SPREAD: Duration = Duration::from_millis(800);
/// A turn that comes later than an interval after the last probe by more than this has a probe out of turn before it. Places
/// in a round move a little whenever the plan changes, which is worth no waking; and a failure that begins right after a
/// probe is still told within 10 s: this, the interval, 1 s of silence and the 2.2 s of a careful burst are 8.7 s.
pub const OUT_OF_TURN_AFTER: Duration = Duration::from_millis(500);
/// A failing cell that leaves the plan and comes back within this keeps its "since": a server that restarts plans only
/// those that it has heard again.
pub const REMEMBER_REMOVED: Duration = Duration::from_mins(2);

/// Names a probe in flight. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProbeId(pub u64);

/// What the schedule is told once.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Our node: its own targets are never probed.
    pub node: NodeName,
    /// One round in this time.
    pub interval: Duration,
    /// The TCP port on host addresses.
    pub test_port: Option<u16>,
    /// The services to check.
    pub services: Vec<ServiceAddress>,
    /// Our own addresses are loopback ones, so that those of others mean something here.
    pub is_loopback: bool,
    /// Seeds the jitter.
    pub seed: u64,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// The server has a plan for us.
    Plan(Arc<Plan>),
    /// Another agent suspects these nodes: look at them now.
    Look(Vec<NodeName>),
    /// The system's name servers, in its order, as [`Command::ListResolvers`] wanted; none when they cannot be read.
    Resolvers(Vec<IpAddr>),
    /// A probe ended.
    Answer(ProbeId, Answer),
    /// It is time.
    Tick,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Ask this; answer with the id.
    Start(ProbeId, Question),
    /// Send this an echo request from a fresh socket, if there may be one; answer with the id.
    StartAfresh(ProbeId, IpAddr),
    /// List the system's name servers and tell them by [`Event::Resolvers`].
    ListResolvers,
    /// Nobody waits for this any more.
    Cancel(ProbeId),
    /// Tell the server.
    Post(Report),
    /// Count this.
    Tally(Tally),
}

/// What one call of [`Schedule::handle`] saw, for the metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tally {
    /// A cell has an outcome.
    Outcome(CheckKind, Place, Outcome),
    /// A probe stayed without an answer, and its target turned out to be up.
    Lost(CheckKind, Place),
    /// A round ended; `true` when its deadline cut it off.
    Round {
        /// The deadline cut it off.
        overrun: bool,
    },
    /// We did not run for a while.
    Lag,
}

/// Where a check is aimed, as a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A member's plane.
    Plane(Plane),
    /// A configured service.
    Service,
}

/// A round, or a part of one, as of its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The plan that the cells refer to.
    pub plan: Arc<Plan>,
    /// The cells are those that changed.
    pub partial: bool,
    /// How long the round took.
    pub took: Duration,
    /// The deadline cut the round off.
    pub overrun: bool,
    /// The cells, in the order of the plan.
    pub cells: Vec<CellBody>,
    /// The services.
    pub services: Vec<ServiceBody>,
    /// Targets at whose address another node's agent answers.
    pub strangers: Vec<StrangerBody>,
}

/// When a timer fires, and a number that tells it from others of that moment.
type TimerKey = (Duration, u64);

#[derive(Debug, Clone, Copy)]
enum Timer {
    /// A cell's turn. The number is that of its round, 0 for a probe out of turn.
    Due(CellId, u64),
    /// The next probe of the burst with this number.
    Burst(CellId, u64),
    Soft(ProbeId),
    Hard(ProbeId),
    /// The limit of a question who answers.
    Health(ProbeId),
    /// The start of the round after the one with this number.
    RoundStart(u64),
    /// The deadline of the round with this number.
    RoundDeadline(u64),
    /// A partial report was held back by its spacing.
    Flush,
    /// An address has a turn for what waits for it.
    Turn,
}

/// The state machine.
#[derive(Debug)]
pub struct Schedule {
    settings: Settings,
    random: SmallRng,
    plan: Option<Arc<Plan>>,
    cells: Cells,
    /// The plan's cells in its order.
    order: Vec<CellId>,
    /// Targets of the plan that are not asked, for their addresses.
    refused: usize,
    services: Vec<service::Service>,
    /// The name servers were listed at least once.
    resolvers_listed: bool,
    removed: BTreeMap<Key, plan::Remembered>,
    flights: BTreeMap<ProbeId, Flight>,
    health: Health,
    pace: Pace,
    urgent: Queue,
    waiting: Queue,
    timers: BTreeMap<TimerKey, Timer>,
    round: Option<Round>,
    /// Rounds begun so far: the number of the newest.
    rounds: u64,
    /// When the next round is planned to begin.
    next_round: Duration,
    fresh: BTreeSet<CellId>,
    changed: BTreeSet<CellId>,
    last_partial: Option<Duration>,
    flush_armed: bool,
    flush_wanted: bool,
    next_number: u64,
    promised: Option<Duration>,
    commands: Vec<Command>,
}

impl Schedule {
    /// Makes a schedule without a plan: it does nothing until one comes.
    pub fn new(settings: Settings) -> Self {
        let random = SmallRng::seed_from_u64(settings.seed);
        Self {
            settings,
            random,
            plan: None,
            cells: Cells::default(),
            order: Vec::new(),
            refused: 0,
            services: Vec::new(),
            resolvers_listed: false,
            removed: BTreeMap::new(),
            flights: BTreeMap::new(),
            health: Health::default(),
            pace: Pace::default(),
            urgent: Queue::default(),
            waiting: Queue::default(),
            timers: BTreeMap::new(),
            round: None,
            rounds: 0,
            next_round: Duration::ZERO,
            fresh: BTreeSet::new(),
            changed: BTreeSet::new(),
            last_partial: None,
            flush_armed: false,
            flush_wanted: false,
            next_number: 0,
            promised: None,
            commands: Vec::new(),
        }
    }

    /// Takes in what happened at `now` (time since some fixed start, never running backwards) and says what is to be done.
    pub fn handle(&mut self, now: Duration, event: Event) -> Vec<Command> {
        if let Some(promised) = self.promised.filter(|promised| now > *promised + LAG_LIMIT) {
            self.lagged(now, now.saturating_sub(promised));
        }
        match event {
            Event::Plan(plan) => self.take_plan(now, plan),
            Event::Look(nodes) => self.look(now, &nodes),
            Event::Resolvers(servers) => self.take_resolvers(now, &servers),
            Event::Answer(probe, answer) => self.take_answer(now, probe, answer),
            Event::Tick => {}
        }
        while let Some(timer) = self.pop_timer(now) {
            self.fire(now, timer);
        }
        self.start_waiting(now);
        self.end_round_when_done(now);
        self.flush(now);
        let first = self.timers.keys().next().map(|(at, _)| *at);
        let watch = (!self.flights.is_empty()).then_some(now + WATCH);
        self.promised = [first, watch].into_iter().flatten().min();
        std::mem::take(&mut self.commands)
    }

    /// When [`Schedule::handle`] wants to be called next, if nothing happens before. `None`: not until something does.
    pub fn next_wake(&self) -> Option<Duration> {
        self.promised
    }

    /// How many probes are in flight.
    pub fn in_flight(&self) -> usize {
        self.flights.len()
    }

    /// How many targets of the plan are not asked because no member can have their address.
    pub fn refused_targets(&self) -> usize {
        self.refused
    }

    fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Sets a timer; its key takes it back.
    fn set_timer(&mut self, at: Duration, timer: Timer) -> TimerKey {
        let key = (at, self.number());
        self.timers.insert(key, timer);
        key
    }

    fn pop_timer(&mut self, now: Duration) -> Option<Timer> {
        let entry = self.timers.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }

    fn fire(&mut self, now: Duration, timer: Timer) {
        match timer {
            Timer::Due(cell, round) => self.cell_due(now, cell, round),
            Timer::Burst(cell, number) => self.burst_due(now, cell, number),
            Timer::Soft(probe) => self.soft_limit(now, probe),
            Timer::Hard(probe) => self.hard_limit(probe),
            Timer::Health(probe) => self.health_limit(now, probe),
            Timer::RoundStart(after) if after == self.rounds => self.start_round(now),
            Timer::RoundStart(_) => {}
            Timer::RoundDeadline(round) => self.round_deadline(now, round),
            Timer::Flush => {
                self.flush_armed = false;
                self.flush_wanted = true;
            }
            Timer::Turn => self.turn_due(now),
        }
    }

    fn tally(&mut self, tally: Tally) {
        self.commands.push(Command::Tally(tally));
    }

    /// We did not run: nothing that was in flight proves anything.
    fn lagged(&mut self, now: Duration, lag: Duration) {
        self.tally(Tally::Lag);
        let flights = std::mem::take(&mut self.flights);
        for (probe, flight) in flights {
            self.timers.remove(&flight.limit);
            self.commands.push(Command::Cancel(probe));
            let Some(cell) = self.cells.get_mut(&flight.cell) else {
                continue;
            };
            if cell.burst.is_some() {
                // Restarted below, once for each cell.
                continue;
            }
            if flight.part == Part::Regular && !flight.judged {
                cell.regular = None;
                cell.set_unmeasured(Reason::Overloaded, now);
                let place = (cell.question.check(), cell.place());
                self.tally(Tally::Outcome(place.0, place.1, Outcome::Unmeasured(Reason::Overloaded)));
                self.enqueue(flight.cell, Part::Regular);
            }
        }
        let bursting: Vec<CellId> =
            self.cells.iter().filter(|(_, cell)| cell.burst.is_some()).map(|(id, _)| *id).collect();
        for id in bursting {
            self.restart_burst(now, id);
        }
        if lag > REPACE_AFTER && self.round.is_some() {
            self.start_round(now);
        }
    }
}

#[cfg(test)]
mod tests;
