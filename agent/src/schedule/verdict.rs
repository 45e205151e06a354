//! What answers and silences mean: suspicion, the confirm burst, down and up again.
//!
//! A verdict needs more than four silences of one moment. The probe of a round that fails is one more. A burst at a cell that
//! no round of ours suspected is longer; and so is one at a check that fails while the address answers the other, for there no
//! node is in danger and haste is of no use. At 3 % loss each way four silences come once in 80,000 bursts.

use std::net::IpAddr;
use std::time::Duration;

use super::cell::{Burst, Cell, CellId, Subject};
use super::flight::{Flight, Part};
use super::{
    BURST_PROBES, BURST_SPACING, CAREFUL_PROBES, Cause, LOOKS_MAX, NodeName, Outcome, Question, Reason,
    Schedule, Tally, Timer, UP_AFTER_ANSWERS,
};

impl Schedule {
    pub(super) fn probe_answered(&mut self, now: Duration, flight: &Flight, rtt: Duration) {
        self.regular_over(flight);
        let id = flight.cell;
        let Some(cell) = self.cells.get_mut(&id) else {
            return;
        };
        let outcome = Outcome::Reached(cell.reached(rtt));
        if !cell.is_down() {
            let lost = cell.burst.as_ref().map_or(0, |burst| burst.failed);
            let looked = cell.burst.as_ref().is_some_and(|burst| burst.looked);
            cell.set_certain(outcome, now);
            self.end_burst(id, looked);
            self.count_outcome(id, outcome);
            // The suspicious probe itself is counted at its hard limit; it may still be answered.
            for _ in 0..lost {
                self.count(id, Tally::Lost);
            }
            return;
        }
        let Some(burst) = cell.burst.as_mut() else {
            self.begin_burst(now, id, |burst| burst.in_a_row = 1);
            return self.ask_kin(id);
        };
        burst.answered += u32::from(!flight.judged);
        burst.in_a_row += 1;
        if burst.in_a_row < UP_AFTER_ANSWERS {
            return self.conclude_if_over(now, id);
        }
        cell.failing_since = None;
        cell.set_certain(outcome, now);
        self.end_burst(id, true);
        self.count_outcome(id, outcome);
    }

    pub(super) fn probe_failed(&mut self, now: Duration, flight: &Flight, cause: Cause) {
        self.regular_over(flight);
        let id = flight.cell;
        let Some(cell) = self.cells.get_mut(&id) else {
            return;
        };
        let is_silence = cause == cell.silence();
        match flight.part {
            Part::Regular if cell.is_down() => {
                if cell.burst.is_none() {
                    let outcome = Outcome::Unreached(cause);
                    let answered =
                        cell.certain.is_some_and(|certain| certain.outcome.shows_address_answers());
                    cell.set_certain(outcome, now);
                    self.count_outcome(id, outcome);
                    if !answered && outcome.shows_address_answers() {
                        // The node is back before what it runs is: that is news, and the others look at once.
                        self.changed.insert(id);
                        self.flush_wanted = true;
                    }
                }
            }
            Part::Regular if cell.burst.is_some() => {
                // Somebody else suspected it first. This makes the suspicion our own.
                let Some(burst) = cell.burst.as_mut().filter(|burst| burst.first_cause.is_none()) else {
                    return;
                };
                burst.first_cause = Some(cause);
                burst.since = Some(burst.since.map_or(flight.sent, |since| since.min(flight.sent)));
                if !std::mem::replace(&mut cell.suspect, true) {
                    self.changed.insert(id);
                    self.flush_wanted = true;
                }
            }
            Part::Regular => {
                cell.suspect = true;
                self.begin_burst(now, id, |burst| {
                    burst.since = Some(flight.sent);
                    burst.first_cause = Some(cause);
                });
                self.changed.insert(id);
                self.flush_wanted = true;
                self.ask_kin(id);
                if is_silence {
                    self.ask_beside(now, id);
                }
            }
            Part::Burst(_) => {
                let Some(burst) = cell.burst.as_mut() else { return };
                burst.failed += 1;
                burst.in_a_row = 0;
                burst.causes.push(cause);
                burst.since = burst.since.or(Some(flight.sent));
                if !cell.is_down() && !cell.suspect {
                    cell.suspect = true;
                    self.changed.insert(id);
                    self.flush_wanted = true;
                }
                self.conclude_if_over(now, id);
            }
        }
    }

    pub(super) fn probe_unmeasured(&mut self, now: Duration, flight: &Flight, reason: Reason) {
        self.regular_over(flight);
        let id = flight.cell;
        let Some(cell) = self.cells.get_mut(&id) else {
            return;
        };
        match (flight.part, cell.burst.as_mut()) {
            (Part::Regular, Some(_)) | (Part::Burst(_), None) => {}
            (Part::Regular, None) => {
                cell.set_unmeasured(reason, now);
                self.count_outcome(id, Outcome::Unmeasured(reason));
            }
            (Part::Burst(_), Some(burst)) => {
                burst.unmeasured = Some(reason);
                burst.unmeasured_count += 1;
                self.conclude_if_over(now, id);
            }
        }
    }

    /// A probe of a round ended: the round does not wait for it any more.
    fn regular_over(&mut self, flight: &Flight) {
        if flight.part != Part::Regular {
            return;
        }
        if let Some(cell) = self.cells.get_mut(&flight.cell)
            && cell.regular == Some(flight.probe)
        {
            cell.regular = None;
        }
        self.cell_done(flight.cell);
    }

    fn begin_burst(&mut self, now: Duration, id: CellId, prepare: impl FnOnce(&mut Burst)) {
        let number = self.number();
        let Some(cell) = self.cells.get_mut(&id) else {
            return;
        };
        let mut burst = Burst::new(number);
        prepare(&mut burst);
        cell.burst = Some(Box::new(burst));
        self.set_timer(now, Timer::Burst(id, number));
    }

    /// The probes of a burst that we could not watch count for nothing; what raised the suspicion stands.
    pub(super) fn restart_burst(&mut self, now: Duration, id: CellId) {
        let Some(old) = self.cells.get_mut(&id).and_then(|cell| cell.burst.take()) else {
            return;
        };
        self.begin_burst(now, id, |burst| {
            burst.since = old.first_cause.and(old.since);
            burst.first_cause = old.first_cause;
            burst.looked = old.looked;
        });
    }

    pub(super) fn burst_due(&mut self, now: Duration, id: CellId, number: u64) {
        let needed = self.probes_needed(id);
        let burst = self.cells.get_mut(&id).and_then(|cell| cell.burst.as_mut());
        let Some(burst) = burst.filter(|burst| burst.number == number) else {
            return;
        };
        if burst.started < needed {
            burst.started += 1;
            self.enqueue(id, Part::Burst(number));
        }
        // As long as it lasts more may turn out to be needed.
        self.set_timer(now + BURST_SPACING, Timer::Burst(id, number));
    }

    /// How many probes the burst of a cell takes, by what is known now.
    fn probes_needed(&self, id: CellId) -> u32 {
        let Some((cell, burst)) = self.cells.get(&id).and_then(|cell| Some((cell, cell.burst.as_ref()?)))
        else {
            return 0;
        };
        let only_silence = !cell.is_down() && burst.is_all(cell.silence());
        let suspected = burst.first_cause.is_some();
        if only_silence && (!suspected || self.answers_beside(id, burst.since)) {
            CAREFUL_PROBES
        } else {
            BURST_PROBES
        }
    }

    fn conclude_if_over(&mut self, now: Duration, id: CellId) {
        let needed = self.probes_needed(id);
        let Some(cell) = self.cells.get_mut(&id) else {
            return;
        };
        let Some(burst) = cell.burst.as_ref().filter(|burst| burst.judged() >= needed) else {
            return;
        };
        let (was_down, looked, again, since) = (cell.is_down(), burst.looked, burst.again, burst.since);
        let outcome = conclusion(cell, burst, needed);
        match outcome {
            Outcome::Unreached(_) => {
                cell.failing_since = cell.failing_since.or(since).or(Some(now));
                cell.set_certain(outcome, now);
            }
            Outcome::Unmeasured(reason) => cell.set_unmeasured(reason, now),
            Outcome::Reached(_) => {}
        }
        self.end_burst(id, looked || !was_down);
        self.count_outcome(id, outcome);
        if again && matches!(outcome, Outcome::Unreached(_)) {
            self.begin_burst(now, id, |burst| burst.looked = true);
        }
    }

    /// The other check of the same address, if there is one: the cells of a target are made together.
    fn beside(&self, id: CellId) -> Option<CellId> {
        let (before, after) = (self.cells.range(..id).next_back(), self.cells.range(id..).nth(1));
        let target = self.cells.get(&id).and_then(Cell::target)?;
        let same = |(_, cell): &(&CellId, &Cell)| cell.target() == Some(target);
        before.into_iter().chain(after).find(same).map(|(id, _)| *id)
    }

    /// Whether an address is silent or one check of it shows only when the other one is asked too.
    fn ask_beside(&mut self, now: Duration, id: CellId) {
        let Some(other) = self.beside(id) else { return };
        if self.cells.get(&other).is_some_and(|cell| cell.burst.is_none() && !cell.is_down()) {
            self.begin_burst(now, other, |burst| burst.looked = true);
        }
    }

    /// The address answered the other check since this one began to fail.
    fn answers_beside(&self, id: CellId, since: Option<Duration>) -> bool {
        let other = self.beside(id).and_then(|other| self.cells.get(&other));
        let certain = other.and_then(|cell| cell.certain);
        let answered = certain.filter(|certain| certain.outcome.shows_address_answers());
        answered.zip(since).is_some_and(|(certain, since)| certain.at > since)
    }

    /// The address of an echo request that goes by a fresh socket: echo alone fails there, and the address answers the other check since.
    /// A device on the way may hold a dead session of our identifier. In a burst these are the probes beyond the first
    /// [`BURST_PROBES`], so that the socket in use has failed by then; of a cell that is down, all.
    pub(super) fn asks_afresh(&self, id: CellId) -> Option<IpAddr> {
        let cell = self.cells.get(&id)?;
        let Question::Icmp(address) = cell.question else {
            return None;
        };
        let burst = cell.burst.as_ref();
        if burst.is_some_and(|burst| burst.in_a_row > 0) {
            return None;
        }
        let in_burst = || burst.filter(|burst| burst.started > BURST_PROBES)?.since;
        self.answers_beside(id, cell.failing_since.or_else(in_burst)).then_some(address)
    }

    /// Ends a burst, if there is one, and tells the server when that is news.
    fn end_burst(&mut self, id: CellId, tell: bool) {
        let Some(cell) = self.cells.get_mut(&id) else {
            return;
        };
        let was_suspect = std::mem::take(&mut cell.suspect);
        let burst = cell.burst.take();
        if tell || was_suspect {
            self.changed.insert(id);
            self.flush_wanted = true;
        }
        if let Some(burst) = burst {
            self.cancel_flights(id, |flight| flight.part == Part::Burst(burst.number) && !flight.judged);
        }
        self.cell_done(id);
    }

    pub(super) fn look(&mut self, now: Duration, nodes: &[NodeName]) {
        let nodes = nodes.get(..nodes.len().min(LOOKS_MAX)).unwrap_or_default();
        let seen: Vec<CellId> = self
            .cells
            .iter()
            .filter(|(_, cell)| matches!(&cell.subject, Subject::Target(_, key) if nodes.contains(&key.node)))
            .map(|(id, _)| *id)
            .collect();
        for id in seen {
            let running = self.cells.get_mut(&id).and_then(|cell| cell.burst.as_mut());
            match running {
                Some(burst) => burst.look(),
                None => self.begin_burst(now, id, |burst| burst.looked = true),
            }
            self.ask_resident(now, id);
        }
    }

    fn count_outcome(&mut self, id: CellId, outcome: Outcome) {
        self.count(id, |check, place| Tally::Outcome(check, place, outcome));
    }

    fn count(&mut self, id: CellId, tally: impl FnOnce(super::CheckKind, super::Place) -> Tally) {
        if let Some(cell) = self.cells.get(&id) {
            let tally = tally(cell.question.check(), cell.place());
            self.tally(tally);
        }
    }
}

/// What a burst that is over shows. It saw no answer, or too few in a row to end a failure.
///
/// Only probes that were sent show anything. A new failure takes as many failed probes as the burst needs. A cell that is down stays
/// down by one failed probe where none was answered, as by the probe of a round. Everything less is unmeasured.
fn conclusion(cell: &Cell, burst: &Burst, needed: u32) -> Outcome {
    let is_shown =
        if cell.is_down() { burst.failed >= 1 && burst.answered == 0 } else { burst.failed >= needed };
    match burst.unmeasured {
        Some(reason) if !is_shown => Outcome::Unmeasured(reason),
        Some(_) | None => Outcome::Unreached(burst.cause()),
    }
}
