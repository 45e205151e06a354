//! Probes in flight: starting within the limits, and the two limits of time.

use std::collections::VecDeque;
use std::time::Duration;

use super::cell::CellId;
use super::pace::paced_address;
use super::service::Found;
use super::{
    Answer, CheckKind, Command, IN_FLIGHT_MAX, NAME_BURST_LIMIT, NAME_RETURN_LIMIT, PROBE_HARD_LIMIT,
    PROBE_SOFT_LIMIT, ProbeId, Schedule, Tally, Timer, TimerKey,
};

/// Of those in flight, probes of bursts: a quarter is kept for the round, which must end however many targets fall silent
/// together. Sixteen that are each judged after 1 s are as many as a round of 60 silent targets needs.
const BURSTS_IN_FLIGHT_MAX: usize = IN_FLIGHT_MAX * 3 / 4;

/// Which turn of its cell a probe is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// The one probe of a round.
    Regular,
    /// One of the burst with this number.
    Burst(u64),
}

/// Probes that wait to start, in the order of waiting, those of each engine apart. Behind one that cannot start no other
/// one of its engine can, so a wake looks at one probe beyond those that it starts, however many wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    icmp: VecDeque<(CellId, Part)>,
    others: VecDeque<(CellId, Part)>,
}

impl Queue {
    fn of(&mut self, is_icmp: bool) -> &mut VecDeque<(CellId, Part)> {
        if is_icmp { &mut self.icmp } else { &mut self.others }
    }

    /// Puts a probe at the end.
    pub(super) fn push(&mut self, is_icmp: bool, cell: CellId, part: Part) {
        self.of(is_icmp).push_back((cell, part));
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Flight {
    pub(super) probe: ProbeId,
    pub(super) cell: CellId,
    pub(super) part: Part,
    pub(super) sent: Duration,
    /// The soft limit is over: only a late answer is of interest now.
    pub(super) judged: bool,
    /// It counts against the limit of this engine.
    pub(super) is_icmp: bool,
    /// The timer of its next limit, taken back when it lands: an idle agent is not woken for nothing.
    pub(super) limit: TimerKey,
}

impl Schedule {
    pub(super) fn enqueue(&mut self, id: CellId, part: Part) {
        let Some(cell) = self.cells.get_mut(&id) else {
            return;
        };
        let is_icmp = cell.is_icmp();
        match part {
            Part::Regular => {
                if !std::mem::replace(&mut cell.waiting, true) {
                    self.waiting.push(is_icmp, id, part);
                }
            }
            Part::Burst(_) => self.urgent.push(is_icmp, id, part),
        }
    }

    /// Starts what waits, bursts first, as far as the limit of each engine allows. The engines take turns, as the checks of
    /// one address share the turns of that address.
    pub(super) fn start_waiting(&mut self, now: Duration) {
        for urgent in [true, false] {
            let (mut icmp, mut others) = (true, true);
            while icmp || others {
                icmp = icmp && self.start_next(now, urgent, true);
                others = others && self.start_next(now, urgent, false);
            }
        }
    }

    /// Starts the first probe of a queue; returns `false` when none waits or the engine is full.
    fn start_next(&mut self, now: Duration, urgent: bool, is_icmp: bool) -> bool {
        let queue = if urgent { &mut self.urgent } else { &mut self.waiting };
        let Some((id, part)) = queue.of(is_icmp).pop_front() else {
            return false;
        };
        let started = self.start(now, id, part);
        if !started {
            let queue = if urgent { &mut self.urgent } else { &mut self.waiting };
            queue.of(is_icmp).push_front((id, part));
        }
        started
    }

    /// Returns `false` when the engine is full. What has to wait for a turn of its address waits elsewhere.
    fn start(&mut self, now: Duration, id: CellId, part: Part) -> bool {
        let Some(cell) = self.cells.get(&id) else {
            return true;
        };
        let outdated = match part {
            Part::Regular => cell.burst.is_some() || cell.regular.is_some(),
            Part::Burst(number) => cell.burst.as_ref().is_none_or(|burst| burst.number != number),
        };
        if outdated {
            if part == Part::Regular
                && let Some(cell) = self.cells.get_mut(&id)
            {
                cell.waiting = false;
            }
            return true;
        }
        let paced = paced_address(cell);
        if let Some(address) = paced.filter(|address| !self.pace.allows(now, *address)) {
            self.wait_for_turn(now, address, id, part);
            return true;
        }
        let is_icmp = cell.is_icmp();
        if part != Part::Regular && self.bursting(is_icmp) >= BURSTS_IN_FLIGHT_MAX {
            return false;
        }
        if !self.make_room(is_icmp) {
            return false;
        }
        if let Some(address) = paced {
            self.pace.take(now, address);
        }
        let probe = ProbeId(self.number());
        let afresh = self.asks_afresh(id);
        let Some(cell) = self.cells.get_mut(&id) else {
            return true;
        };
        if part == Part::Regular {
            cell.regular = Some(probe);
            cell.waiting = false;
        }
        cell.asked = Some(now);
        let question = cell.question.clone();
        let limit = match part {
            Part::Burst(_) if question.check() == CheckKind::Dns && cell.is_down() => NAME_RETURN_LIMIT,
            Part::Burst(_) if question.check() == CheckKind::Dns => NAME_BURST_LIMIT,
            Part::Burst(_) | Part::Regular => PROBE_SOFT_LIMIT,
        };
        let limit = self.set_timer(now + limit, Timer::Soft(probe));
        self.flights
            .insert(probe, Flight { probe, cell: id, part, sent: now, judged: false, is_icmp, limit });
        self.commands.push(match afresh {
            Some(address) => Command::StartAfresh(probe, address),
            None => Command::Start(probe, question),
        });
        true
    }

    /// Probes of bursts that are in flight and not judged yet.
    fn bursting(&self, is_icmp: bool) -> usize {
        let bursts =
            |flight: &&Flight| flight.is_icmp == is_icmp && !flight.judged && flight.part != Part::Regular;
        self.flights.values().filter(bursts).count()
    }

    /// Sees that the engine has a free place; probes that only wait for a late answer make room for new ones.
    fn make_room(&mut self, is_icmp: bool) -> bool {
        let of_engine = |flight: &&Flight| flight.is_icmp == is_icmp;
        if self.flights.values().filter(of_engine).count() < IN_FLIGHT_MAX {
            return true;
        }
        let oldest = self
            .flights
            .iter()
            .find(|(_, flight)| flight.is_icmp == is_icmp && flight.judged)
            .map(|(probe, _)| *probe);
        let Some(oldest) = oldest else { return false };
        self.hard_limit(oldest);
        true
    }

    pub(super) fn soft_limit(&mut self, now: Duration, probe: ProbeId) {
        let Some(flight) = self.flights.get_mut(&probe).filter(|flight| !flight.judged) else {
            return;
        };
        flight.judged = true;
        let flight = *flight;
        let limit = self.set_timer(flight.sent + PROBE_HARD_LIMIT, Timer::Hard(probe));
        if let Some(waiting) = self.flights.get_mut(&probe) {
            waiting.limit = limit;
        }
        if let Some(cell) = self.cells.get(&flight.cell) {
            let cause = cell.silence();
            self.probe_failed(now, &flight, cause);
        }
    }

    pub(super) fn hard_limit(&mut self, probe: ProbeId) {
        let Some(flight) = self.land(probe) else {
            return;
        };
        self.commands.push(Command::Cancel(probe));
        self.count_lost(&flight);
    }

    fn count_lost(&mut self, flight: &Flight) {
        let Some(cell) = self.cells.get(&flight.cell) else {
            return;
        };
        if !cell.is_down() && !cell.suspect && cell.certain.is_some() {
            let tally = Tally::Lost(cell.question.check(), cell.place());
            self.tally(tally);
        }
    }

    /// Forgets the probes of a cell.
    pub(super) fn cancel_flights(&mut self, id: CellId, which: impl Fn(&Flight) -> bool) {
        let gone: Vec<ProbeId> = self
            .flights
            .iter()
            .filter(|(_, flight)| flight.cell == id && which(flight))
            .map(|(probe, _)| *probe)
            .collect();
        for probe in gone {
            self.land(probe);
            self.commands.push(Command::Cancel(probe));
        }
    }

    /// Takes a probe out of the air, and its timer with it.
    fn land(&mut self, probe: ProbeId) -> Option<Flight> {
        let flight = self.flights.remove(&probe)?;
        self.timers.remove(&flight.limit);
        Some(flight)
    }

    pub(super) fn take_answer(&mut self, now: Duration, probe: ProbeId, answer: Answer) {
        if self.take_resident(now, probe, &answer) {
            return;
        }
        let Some(flight) = self.land(probe) else {
            return;
        };
        self.take_detail(flight.cell, &answer);
        match answer {
            Answer::Reached { rtt } => self.probe_answered(now, &flight, rtt),
            Answer::Resolved { took, searched, addresses, resolved_as } => {
                self.take_found(now, flight.cell, Found { searched, addresses, resolved_as });
                self.probe_answered(now, &flight, took);
            }
            // Those who were asked this were asked elsewhere.
            Answer::Agent(_) => {}
            // A failure after the soft limit tells nothing new: the silence was judged.
            Answer::Failed(_) | Answer::Unresolved { .. } | Answer::Unmeasured(_) if flight.judged => {
                self.count_lost(&flight);
            }
            Answer::Failed(cause) | Answer::Unresolved { cause, .. } => {
                self.probe_failed(now, &flight, cause);
            }
            Answer::Unmeasured(reason) => self.probe_unmeasured(now, &flight, reason),
        }
    }
}

#[cfg(test)]
mod tests;
