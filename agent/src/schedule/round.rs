//! Rounds: one pass over all cells, paced, and always ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use meshvane_shared::check::Plane;
use meshvane_shared::name::NodeName;

use super::cell::{CellId, Subject};
use super::{
    Command, FRESH_SPREAD, OUT_OF_TURN_AFTER, PARTIAL_SPACING, PROBE_SOFT_LIMIT, Part, RngExt, Schedule,
    Tally, Timer,
};

/// Cells that are down are probed in every one of this many rounds: below the three periods after which a cell is stale.
pub(super) const DOWN_EVERY_ROUNDS: u64 = 2;

/// The round that runs.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) number: u64,
    pub(super) started: Duration,
    /// Cells whose probe of this round is not judged yet.
    pub(super) pending: BTreeSet<CellId>,
}

/// When a round is cut off: a twentieth of the interval is left for sending it.
pub(super) fn deadline(interval: Duration) -> Duration {
    interval * 19 / 20
}

/// Over how long the probes of a round are spread: so that the last of them is judged before the deadline, if the
/// interval is long enough for that.
pub(super) fn span(interval: Duration) -> Duration {
    let deadline = deadline(interval);
    deadline.saturating_sub(PROBE_SOFT_LIMIT).max(deadline / 2)
}

/// How many were met before of this service.
fn turn_of(met: &mut BTreeMap<usize, u32>, service: usize) -> u32 {
    let next = met.entry(service).or_default();
    *next += 1;
    *next - 1
}

impl Schedule {
    /// The first round is the first look at everything, so it is a short one; the next one begins when its last probe is
    /// judged, or nobody would look for most of an interval. Where exactly is drawn by lot: agents that start together
    /// must not send together for ever.
    pub(super) fn start_first_round(&mut self, now: Duration) {
        let share: f64 = self.random.random_range(0.0..0.2);
        self.next_round = now + FRESH_SPREAD + PROBE_SOFT_LIMIT + self.settings.interval.mul_f64(share);
        self.begin_round(now, FRESH_SPREAD);
    }

    pub(super) fn start_round(&mut self, now: Duration) {
        let interval = self.settings.interval;
        if now.saturating_sub(self.next_round) > interval / 4 || now < self.next_round {
            self.next_round = now;
        }
        self.next_round += interval;
        self.begin_round(now, span(interval));
    }

    fn begin_round(&mut self, now: Duration, span: Duration) {
        if self.round.take().is_some() {
            self.tally(Tally::Round { overrun: true });
        }
        self.rounds += 1;
        let number = self.rounds;
        let mut turn: Vec<CellId> = Vec::with_capacity(self.cells.len());
        for (id, cell) in self.cells.iter() {
            let skipped = cell.is_down() && number > 1 && !(number + id.0).is_multiple_of(DOWN_EVERY_ROUNDS);
            if !skipped && cell.burst.is_none() && !self.fresh.contains(id) {
                turn.push(*id);
            }
        }
        let visits = self.visits(&turn);
        let count = u32::try_from(visits.len()).unwrap_or(u32::MAX).max(1);
        for (position, visit) in (0u32..).zip(&visits) {
            let due = now + span * position / count;
            for id in visit {
                self.bridge(now, *id, due);
                self.set_timer(due, Timer::Due(*id, number));
            }
        }
        self.set_timer(now + deadline(self.settings.interval), Timer::RoundDeadline(number));
        self.set_timer(self.next_round, Timer::RoundStart(number));
        self.list_resolvers();
        self.round = Some(Round { number, started: now, pending: turn.into_iter().collect() });
    }

    /// A cell that came between two rounds, or whose place in the round moved, may have its turn much later than an interval
    /// after its last probe: it is asked once before. What is overdue already waits for its turn, since a burst invents loss.
    fn bridge(&mut self, now: Duration, id: CellId, turn: Duration) {
        let asked = self.cells.get(&id).filter(|cell| !cell.is_down()).and_then(|cell| cell.asked);
        let Some(due) = asked.map(|asked| asked + self.settings.interval) else {
            return;
        };
        if due > now && turn > due + OUT_OF_TURN_AFTER {
            self.set_timer(due, Timer::Due(id, 0));
        }
    }

    /// Groups the cells into visits: the checks of one plane of a node leave together, in all families, since each waking
    /// of an idle agent costs more than a probe. Visits to one node lie far apart, first one to each node and then the next
    /// to each: a node that dies is met by the next of them after a fraction of the interval. So do the name servers that are
    /// asked for one name, and the addresses of one service.
    fn visits(&self, turn: &[CellId]) -> Vec<Vec<CellId>> {
        let mut met: BTreeMap<&NodeName, BTreeMap<Plane, u32>> = BTreeMap::new();
        let mut firsts: BTreeMap<(&NodeName, Plane), CellId> = BTreeMap::new();
        let (mut names, mut addresses) = (BTreeMap::new(), BTreeMap::new());
        let mut visits: BTreeMap<(u32, CellId), Vec<CellId>> = BTreeMap::new();
        for id in turn {
            let visit = match self.cells.get(id).map(|cell| &cell.subject) {
                Some(Subject::Target(_, key)) => {
                    let planes = met.entry(&key.node).or_default();
                    let next = u32::try_from(planes.len()).unwrap_or(u32::MAX);
                    let rank = *planes.entry(key.plane).or_insert(next);
                    (rank, *firsts.entry((&key.node, key.plane)).or_insert(*id))
                }
                Some(Subject::Name(service)) => (turn_of(&mut names, *service), *id),
                Some(Subject::Address(service, _)) => (turn_of(&mut addresses, *service), *id),
                None => (0, *id),
            };
            visits.entry(visit).or_default().push(*id);
        }
        visits.into_values().collect()
    }

    /// It is a cell's turn, out of turn (round 0) or in the round with this number, which may be over if its cells were
    /// all asked out of turn.
    pub(super) fn cell_due(&mut self, now: Duration, id: CellId, number: u64) {
        if number != 0 && number != self.rounds {
            return;
        }
        let Some(cell) = self.cells.get(&id) else { return };
        if cell.burst.is_some() || cell.waits_for_turn {
            self.cell_done(id);
        } else {
            self.enqueue(id, Part::Regular);
        }
        self.ask_resident_in_turn(now, id);
    }

    /// Nobody waits for this cell's probe any more.
    pub(super) fn cell_done(&mut self, id: CellId) {
        if let Some(round) = &mut self.round {
            round.pending.remove(&id);
        }
        if self.fresh.remove(&id) {
            self.changed.insert(id);
            self.flush_wanted |= self.fresh.is_empty();
        }
    }

    pub(super) fn round_deadline(&mut self, now: Duration, number: u64) {
        if self.round.as_ref().is_some_and(|round| round.number == number) {
            self.end_round(now);
        }
    }

    pub(super) fn end_round_when_done(&mut self, now: Duration) {
        if self.round.as_ref().is_some_and(|round| round.pending.is_empty()) {
            self.end_round(now);
        }
    }

    fn end_round(&mut self, now: Duration) {
        let Some(round) = self.round.take() else { return };
        let overrun = !round.pending.is_empty();
        self.tally(Tally::Round { overrun });
        if let Some(mut report) = self.report(now, None) {
            report.took = now.saturating_sub(round.started);
            report.overrun = overrun;
            self.commands.push(Command::Post(report));
        }
        self.changed.clear();
        self.flush_wanted = false;
    }

    /// Posts what changed, when somebody should know at once and the last part is long enough ago.
    pub(super) fn flush(&mut self, now: Duration) {
        if !self.flush_wanted || self.changed.is_empty() {
            return;
        }
        let allowed = self.last_partial.map_or(now, |last| last + PARTIAL_SPACING);
        if now < allowed {
            if !std::mem::replace(&mut self.flush_armed, true) {
                self.set_timer(allowed, Timer::Flush);
            }
            return;
        }
        self.flush_wanted = false;
        self.last_partial = Some(now);
        let changed = std::mem::take(&mut self.changed);
        if let Some(report) = self.report(now, Some(&changed)) {
            self.commands.push(Command::Post(report));
        }
    }
}
