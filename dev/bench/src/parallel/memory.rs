//! Whether the server's memory is flat. Pure.

use crate::figures::median;

/// Seconds in which the early memory is taken: caches and connections are there by then.
const EARLY: std::ops::Range<usize> = 10..20;
/// How many seconds at the end the late memory is taken in.
const LATE: usize = 10;
/// Growth that is no leak, in percent of the early memory.
const GROWTH_PERCENT: u64 = 10;
/// Growth that is no leak beside that: what the allocator keeps at hand.
const GROWTH_BYTES: u64 = 2 << 20;

/// The server's resident bytes, one sample each second.
#[derive(Debug, Default)]
pub(super) struct Curve(Vec<u64>);

/// The two memories that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Growth {
    /// The median of the seconds 10 to 20.
    pub(super) early: u64,
    /// The median of the last 10 seconds.
    pub(super) late: u64,
    /// What the late one may be.
    pub(super) allowed: u64,
}

impl Growth {
    /// Tells whether the promise is kept.
    pub(super) fn is_flat(&self) -> bool {
        self.late <= self.allowed
    }
}

impl Curve {
    /// Adds the next second's sample.
    pub(super) fn push(&mut self, bytes: u64) {
        self.0.push(bytes);
    }

    /// Compares; `None` when there are too few samples.
    pub(super) fn growth(&self) -> Option<Growth> {
        let late = self.0.len().checked_sub(LATE).filter(|late| *late >= EARLY.end)?;
        let early = median(self.0.get(EARLY)?)?;
        let allowed = early + early * GROWTH_PERCENT / 100 + GROWTH_BYTES;
        Some(Growth { early, late: median(&self.0[late..])?, allowed })
    }

    /// Every fifth sample, and the last.
    pub(super) fn outline(&self) -> Vec<(usize, u64)> {
        let last = self.0.len().saturating_sub(1);
        let samples = self.0.iter().copied().enumerate();
        samples.filter(|(second, _)| second % 5 == 0 || *second == last).collect()
    }
}

#[cfg(test)]
mod tests;
