//! How often one address is asked, whatever for and whoever names it.
//!
//! ```text
//!   start ── has a turn ─────────────────────────────> in flight
//!     │ has none
//!     └─> queue of the address ── a turn is due ──> start
//!           │ full
//!           └─> Unmeasured(not_yet): its next try is that of the next round or look
//! ```
//! A plan is what a server says, and a server believes its members: whoever names one address many times would have every
//! agent flood it. So turns belong to the address. Probes of rounds, bursts and looks and the questions to `/health` take
//! them; a probe without a turn waits and is no failure. Services are the administrator's own and take none.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

use meshvane_shared::limits::TARGETS_MAX;
use meshvane_shared::outcome::Reason;

use super::cell::{Cell, CellId};
use super::flight::{Flight, Part};
use super::{ProbeId, Question, Schedule, Timer};

/// One address has a turn this often, on average: 20 a second. A member whose host and pod address are the same has four
/// cells there, and a burst asks each every 200 ms: so many are needed while one burst follows the other.
pub(super) const TURN_SPACING: Duration = Duration::from_millis(50);
/// Turns that an address has at once after a rest: four members may stand at one address (the server plans no more), each
/// with four cells there, and the longest burst has seven probes. A look at all of them is delayed by nothing.
pub(super) const TURNS_SAVED: u32 = 112;
/// Probes that wait for turns of one address. The last of them starts after 5.6 s, about one round.
pub(super) const WAITING_PER_ADDRESS_MAX: usize = 112;
/// Probes that wait for turns in all: at 24 bytes each, 400 KiB. Only a plan that names many addresses many times needs more.
pub(super) const WAITING_MAX: usize = 16_384;
/// Addresses whose turns are counted. An address is forgotten when it has all its turns again, 50 ms after a single probe,
/// so that only a plan that changes all the time comes near.
pub(super) const ADDRESSES_MAX: usize = TARGETS_MAX;
/// Addresses that have all their turns again are looked for this often, when some were asked since.
const TIDY_PERIOD: Duration = Duration::from_millis(250);

/// The turns of the addresses, and what waits for them.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Until when the turns that were taken are paid for, one each [`TURN_SPACING`].
    owed: BTreeMap<IpAddr, Duration>,
    waiting: BTreeMap<IpAddr, VecDeque<(CellId, Part)>>,
    waiting_count: usize,
    /// When addresses that have all their turns were looked for.
    tidied: Duration,
    timer_set: bool,
}

impl Pace {
    /// Returns how many turns an address has now.
    fn turns(&self, now: Duration, address: IpAddr) -> u32 {
        let Some(owed) = self.owed.get(&address) else {
            return if self.owed.len() < ADDRESSES_MAX { TURNS_SAVED } else { 0 };
        };
        let taken = owed.saturating_sub(now).as_nanos().div_ceil(TURN_SPACING.as_nanos());
        TURNS_SAVED.saturating_sub(u32::try_from(taken).unwrap_or(u32::MAX))
    }

    /// Returns true when an address may be asked now.
    pub(super) fn allows(&self, now: Duration, address: IpAddr) -> bool {
        self.turns(now, address) > 0
    }

    /// Takes a turn of an address.
    pub(super) fn take(&mut self, now: Duration, address: IpAddr) {
        let owed = self.owed.entry(address).or_insert(now);
        *owed = (*owed).max(now) + TURN_SPACING;
        if now >= self.tidied + TIDY_PERIOD {
            self.tidied = now;
            self.owed.retain(|_, owed| *owed > now);
        }
    }

    /// Puts a probe into the queue of its address; returns false when there is no room.
    fn put(&mut self, address: IpAddr, cell: CellId, part: Part) -> bool {
        let length = self.waiting.get(&address).map_or(0, VecDeque::len);
        if length >= WAITING_PER_ADDRESS_MAX || self.waiting_count >= WAITING_MAX {
            return false;
        }
        self.waiting.entry(address).or_default().push_back((cell, part));
        self.waiting_count += 1;
        true
    }

    /// Takes those probes out of the queues that have a turn now, in the order of waiting.
    fn due(&mut self, now: Duration) -> Vec<(CellId, Part)> {
        let mut due = Vec::new();
        let addresses: Vec<IpAddr> = self.waiting.keys().copied().collect();
        for address in addresses {
            let turns = usize::try_from(self.turns(now, address)).unwrap_or(usize::MAX);
            let Some(queue) = self.waiting.get_mut(&address) else { continue };
            due.extend(queue.drain(..turns.min(queue.len())));
            if queue.is_empty() {
                self.waiting.remove(&address);
            }
        }
        self.waiting_count -= due.len();
        due
    }
}

/// The address whose turns a cell's probes take; none for a service's.
pub(super) fn paced_address(cell: &Cell) -> Option<IpAddr> {
    cell.target()?;
    match &cell.question {
        Question::Icmp(address) => Some(*address),
        Question::Tcp(address) | Question::Health(address) => Some(address.ip()),
        Question::Resolve { .. } => None,
    }
}

impl Schedule {
    /// Lets a probe wait until its address has a turn. The round does not wait for it.
    pub(super) fn wait_for_turn(&mut self, now: Duration, address: IpAddr, id: CellId, part: Part) {
        if !self.pace.put(address, id, part) {
            return self.miss_turn(now, id, part);
        }
        if let Some(cell) = self.cells.get_mut(&id).filter(|_| part == Part::Regular) {
            cell.waits_for_turn = true;
        }
        self.cell_done(id);
        if !std::mem::replace(&mut self.pace.timer_set, true) {
            self.set_timer(now + TURN_SPACING, Timer::Turn);
        }
    }

    /// A probe that can neither start nor wait: what it would have shown is not known.
    fn miss_turn(&mut self, now: Duration, id: CellId, part: Part) {
        if let Some(cell) = self.cells.get_mut(&id).filter(|_| part == Part::Regular) {
            cell.waiting = false;
        }
        let limit = (now, 0);
        let probe = ProbeId(0);
        let never = Flight { probe, cell: id, part, sent: now, judged: false, is_icmp: false, limit };
        self.probe_unmeasured(now, &never, Reason::NotYet);
    }

    /// Addresses have turns again.
    pub(super) fn turn_due(&mut self, now: Duration) {
        self.pace.timer_set = false;
        for (id, part) in self.pace.due(now) {
            let Some(cell) = self.cells.get_mut(&id) else {
                continue;
            };
            let is_icmp = cell.is_icmp();
            match part {
                Part::Regular => {
                    cell.waits_for_turn = false;
                    self.waiting.push(is_icmp, id, part);
                }
                Part::Burst(_) => self.urgent.push(is_icmp, id, part),
            }
        }
        if self.pace.waiting_count > 0 {
            self.pace.timer_set = true;
            self.set_timer(now + TURN_SPACING, Timer::Turn);
        }
    }
}

#[cfg(test)]
mod tests;
