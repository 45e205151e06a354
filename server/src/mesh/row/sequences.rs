//! Which numbered rounds of a boot arrived.

/// How far behind the highest number a late one is still told apart from a repetition: 15 minutes of rounds at one a second,
/// the shortest probe interval, and as many parts again, rounded up. An agent's outbox holds no more.
pub const SEQUENCES_KEPT: u64 = 2048;
const WORDS: usize = (SEQUENCES_KEPT / 64) as usize;

/// A window over the numbers that were taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequences {
    highest: u64,
    /// Bit `n % SEQUENCES_KEPT` tells whether `n` was taken, for the numbers within the window.
    taken: Box<[u64; WORDS]>,
}

impl Default for Sequences {
    fn default() -> Self {
        Self { highest: 0, taken: Box::new([0; WORDS]) }
    }
}

impl Sequences {
    /// The highest number that was taken, 0 for none.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// Takes a number. Returns `false` when it was taken before, or is too far behind to tell.
    pub fn take(&mut self, number: u64) -> bool {
        if number > self.highest {
            let cleared_from = number.saturating_sub(SEQUENCES_KEPT - 1).max(self.highest + 1);
            for passed in cleared_from..number {
                self.set(passed, false);
            }
            self.highest = number;
            self.set(number, true);
            return true;
        }
        if number == 0 || self.highest - number >= SEQUENCES_KEPT || self.is_set(number) {
            return false;
        }
        self.set(number, true);
        true
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
