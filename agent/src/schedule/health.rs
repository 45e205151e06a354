//! Who answers at the pods' addresses: asked once a minute, and whenever somebody looks.
//!
//! An address that was given to another pod answers every probe, and only its agent's own name shows that it is not the
//! planned one. The question goes with the handshake to the same port, so an idle agent is not woken for it. What is
//! heard stands beside the cell of that handshake; silence and errors change nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use meshvane_shared::check::Plane;
use meshvane_shared::name::NodeName;
use meshvane_shared::wire::round::StrangerBody;

use super::cell::{Cell, CellId, Subject};
use super::report::milliseconds;
use super::{Answer, Command, PROBE_HARD_LIMIT, ProbeId, Question, RngExt, Schedule, Timer, TimerKey};

/// How often each address is asked: an address is given away seldom, and a GET costs more than a probe.
pub const HEALTH_PERIOD: Duration = Duration::from_mins(1);
/// Questions in flight. A look at a whole plan asks them in turn; each is answered within a round trip or two.
pub const HEALTH_IN_FLIGHT_MAX: usize = 16;
/// What was heard of a stranger is told for this long without being heard again: three periods, as everything.
pub const STRANGER_KEPT: Duration = Duration::from_mins(3);

/// The questions under way.
#[derive(Debug, Default)]
pub(super) struct Health {
    flights: BTreeMap<ProbeId, (CellId, TimerKey)>,
    waiting: VecDeque<CellId>,
    asked: BTreeSet<CellId>,
}

/// What is known of who answers at a cell's address.
#[derive(Debug, Clone, Default)]
pub(super) struct Resident {
    /// When the next question is due; `None` until the first turn drew it.
    due: Option<Duration>,
    /// Another node than the planned one, and when it was heard.
    stranger: Option<Box<(NodeName, Duration)>>,
}

impl Cell {
    /// The node that the plan names, if this is the cell that carries its question.
    fn planned_resident(&self) -> Option<&NodeName> {
        match (&self.subject, &self.question) {
            (Subject::Target(_, key), Question::Tcp(_)) if key.plane == Plane::Pod => Some(&key.node),
            (Subject::Target(..) | Subject::Name(_) | Subject::Address(..), _) => None,
        }
    }

    pub(super) fn stranger_body(&self, now: Duration) -> Option<StrangerBody> {
        let Subject::Target(target, _) = self.subject else {
            return None;
        };
        let (node, heard) = self.resident.stranger.as_deref()?;
        let age = now.saturating_sub(*heard);
        let body = || StrangerBody { target, node: node.clone(), age_ms: milliseconds(age) };
        (age <= STRANGER_KEPT).then(body)
    }
}

impl Schedule {
    /// It is a cell's turn in a round: asks who answers there, once in a period. Where in the period is drawn by lot, so
    /// that not all addresses are asked in one round.
    pub(super) fn ask_resident_in_turn(&mut self, now: Duration, id: CellId) {
        let share: f64 = self.random.random_range(0.0..1.0);
        let Some(cell) = self.cells.get_mut(&id).filter(|cell| cell.planned_resident().is_some()) else {
            return;
        };
        let due = *cell.resident.due.get_or_insert(now + HEALTH_PERIOD.mul_f64(share));
        // A port that does not answer says no name either; the next look asks whatever the cell shows.
        if due <= now && !cell.is_down() {
            self.ask_resident(now, id);
        }
    }

    /// Asks who answers at a cell's address, now or as soon as there is room.
    pub(super) fn ask_resident(&mut self, now: Duration, id: CellId) {
        let Some(cell) = self.cells.get_mut(&id).filter(|cell| cell.planned_resident().is_some()) else {
            return;
        };
        cell.resident.due = Some(now + HEALTH_PERIOD);
        if self.health.asked.insert(id) {
            self.health.waiting.push_back(id);
        }
        self.start_health(now);
    }

    fn start_health(&mut self, now: Duration) {
        while self.health.flights.len() < HEALTH_IN_FLIGHT_MAX {
            let Some(id) = self.health.waiting.pop_front() else { return };
            let question = self.cells.get(&id).map(|cell| cell.question.clone());
            let address = match question {
                // Without a turn of its address the question is left out: it comes again in its next period.
                Some(Question::Tcp(address)) if self.pace.allows(now, address.ip()) => address,
                Some(
                    Question::Tcp(_) | Question::Icmp(_) | Question::Resolve { .. } | Question::Health(_),
                )
                | None => {
                    self.health.asked.remove(&id);
                    continue;
                }
            };
            self.pace.take(now, address.ip());
            let probe = ProbeId(self.number());
            let limit = self.set_timer(now + PROBE_HARD_LIMIT, Timer::Health(probe));
            self.health.flights.insert(probe, (id, limit));
            self.commands.push(Command::Start(probe, Question::Health(address)));
        }
    }

    /// Nobody said anything in time.
    pub(super) fn health_limit(&mut self, now: Duration, probe: ProbeId) {
        if self.land_health(probe).is_some() {
            self.commands.push(Command::Cancel(probe));
            self.start_health(now);
        }
    }

    /// Takes an answer, if it is one to a question of this kind.
    pub(super) fn take_resident(&mut self, now: Duration, probe: ProbeId, answer: &Answer) -> bool {
        let Some(id) = self.land_health(probe) else {
            return false;
        };
        if let Answer::Agent(Some(node)) = answer
            && let Some(cell) = self.cells.get_mut(&id)
        {
            let is_stranger = cell.planned_resident().is_some_and(|planned| planned != node);
            cell.resident.stranger = is_stranger.then(|| Box::new((node.clone(), now)));
            if is_stranger {
                self.changed.insert(id);
                self.flush_wanted = true;
            }
        }
        self.start_health(now);
        true
    }

    /// A cell goes, and its question with it.
    pub(super) fn cancel_health(&mut self, id: CellId) {
        let probe = self.health.flights.iter().find(|(_, (cell, _))| *cell == id).map(|(probe, _)| *probe);
        if let Some(probe) = probe {
            self.land_health(probe);
            self.commands.push(Command::Cancel(probe));
        }
        // One that waits is passed over at its turn.
    }

    fn land_health(&mut self, probe: ProbeId) -> Option<CellId> {
        let (id, limit) = self.health.flights.remove(&probe)?;
        self.timers.remove(&limit);
        self.health.asked.remove(&id);
        Some(id)
    }
}
