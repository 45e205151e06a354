//! Which numbered rounds of a boot arrived.
//!
//! An agent numbers its rounds as it makes them, [`ROUNDS_PER_SECOND_MAX`] a second at most. Of two honest
//! rounds, the one with the higher number was therefore made later, and the distance of their numbers is
//! bounded by the distance of their times. A number that breaks this contradicts the highest one: one of the
//! two is forged, and the server cannot tell which. It takes the newcomer and restarts the window there, so
//! no message can shut out the messages after it:
//!
//! ```text
//!             contradicts the highest ──────────────────────> restarted: taken, the window begins there
//!   number ─┤ above the highest ─────────────────────────────> taken, the window moves up
//!             within the window, not taken yet ───────────────> taken
//!             within the window, taken ───────────────────────> repeated
//!             below the window ───────────────────────────────> too late
//! ```
//! A forger who knows the boot id can take numbers that the agent has not used yet. The agent is heard again
//! once its rounds are [`TIME_TOLERANCE`] younger than the newest forged one, so that forger must go on
//! sending.

use std::time::Duration;

use meshvane_shared::limits::ROUNDS_PER_SECOND_MAX;

use crate::mesh::time::Moment;

/// Numbers below the highest one that are still told apart from repetitions: 15 minutes of rounds at one a
/// second, the shortest probe interval, and as many parts again, rounded up. An agent's outbox holds no more.
pub const SEQUENCES_KEPT: u64 = 2048;
const WORDS: usize = (SEQUENCES_KEPT / 64) as usize;

/// Numbers that two rounds may lie apart beyond what the time between them explains: one whole window. The
/// server does not count the time in which its own process was stopped, and agents go on numbering meanwhile.
pub(super) const LEAP_MAX: u64 = SEQUENCES_KEPT;

/// How far the times of two rounds may be off. An agent states the age of a round when it begins to send, and
/// gives a request up after 5 s, so an honest time is late by at most that; this is twice as much.
pub(super) const TIME_TOLERANCE: Duration = Duration::from_secs(10);

/// What became of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbered {
    /// It is new.
    Taken,
    /// It contradicts the highest one, and the window begins again with it.
    Restarted,
    /// It was taken before.
    Repeated,
    /// It is too far below the highest one to tell.
    TooLate,
}

/// A window over the numbers that were taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequences {
    highest: u64,
    /// When the round with the highest number was made.
    made: Moment,
    /// Bit `n % SEQUENCES_KEPT` is set when `n` was taken, for the numbers within the window.
    taken: Box<[u64; WORDS]>,
}

impl Default for Sequences {
    fn default() -> Self {
        Self { highest: 0, made: Moment::default(), taken: Box::new([0; WORDS]) }
    }
}

impl Sequences {
    /// The highest number that was taken, 0 for none.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// Takes the number of a round that was made at a moment, by the server's count of its age. Numbers begin
    /// at 1.
    pub fn take(&mut self, number: u64, made: Moment) -> Numbered {
        if self.highest == 0 {
            self.begin(number, made);
            return Numbered::Taken;
        }
        if self.contradicts(number, made) {
            self.begin(number, made);
            return Numbered::Restarted;
        }
        if number > self.highest {
            let cleared_from = number.saturating_sub(SEQUENCES_KEPT - 1).max(self.highest + 1);
            for passed in cleared_from..number {
                self.set(passed, false);
            }
            (self.highest, self.made) = (number, made);
            self.set(number, true);
            return Numbered::Taken;
        }
        if self.highest - number >= SEQUENCES_KEPT {
            return Numbered::TooLate;
        }
        if self.is_set(number) {
            return Numbered::Repeated;
        }
        self.set(number, true);
        Numbered::Taken
    }

    /// Returns true when no agent makes both this round and the one with the highest number.
    fn contradicts(&self, number: u64, made: Moment) -> bool {
        let (earlier, later) = if number > self.highest { (self.made, made) } else { (made, self.made) };
        let between = later.after(TIME_TOLERANCE);
        let explained = between.since(earlier).as_secs();
        let reach = LEAP_MAX.saturating_add(explained.saturating_mul(ROUNDS_PER_SECOND_MAX));
        between < earlier || number.abs_diff(self.highest) > reach
    }

    fn begin(&mut self, number: u64, made: Moment) {
        *self.taken = [0; WORDS];
        (self.highest, self.made) = (number, made);
        self.set(number, true);
    }

    fn place(number: u64) -> (usize, u64) {
        let bit = number % SEQUENCES_KEPT;
        (usize::try_from(bit / 64).unwrap_or(0), 1 << (bit % 64))
    }

    fn is_set(&self, number: u64) -> bool {
        let (word, mask) = Self::place(number);
        self.taken[word] & mask != 0
    }

    fn set(&mut self, number: u64, taken: bool) {
        let (word, mask) = Self::place(number);
        if taken {
            self.taken[word] |= mask;
        } else {
            self.taken[word] &= !mask;
        }
    }
}

#[cfg(test)]
mod tests;
