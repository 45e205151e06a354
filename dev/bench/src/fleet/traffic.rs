//! What the server sent, by second.

use std::cell::RefCell;
use std::time::Duration;

use crate::clock::Stopwatch;

/// Counts bytes in slots of a tenth of a second.
#[derive(Debug)]
pub(super) struct Traffic {
    clock: Stopwatch,
    slots: RefCell<Vec<u64>>,
}

/// Slots in a second.
const SLOTS: usize = 10;

impl Traffic {
    pub(super) fn new() -> Self {
        Self { clock: Stopwatch::start(), slots: RefCell::default() }
    }

    /// The present slot.
    pub(super) fn now(&self) -> usize {
        let slot = Duration::from_secs(1) / u32::try_from(SLOTS).unwrap_or(1);
        usize::try_from(self.clock.elapsed().as_millis() / slot.as_millis()).unwrap_or(usize::MAX)
    }

    /// Takes note of bytes that were received.
    pub(super) fn add(&self, bytes: usize) {
        let now = self.now();
        let mut slots = self.slots.borrow_mut();
        if slots.len() <= now {
            slots.resize(now + 1, 0);
        }
        slots[now] += u64::try_from(bytes).unwrap_or(0);
    }

    /// Everything since a slot.
    pub(super) fn seconds_since(&self, begin: usize) -> Seconds {
        let slots = self.slots.borrow();
        Seconds(slots.get(begin..).unwrap_or_default().to_vec())
    }
}

/// What was sent over a time.
#[derive(Debug)]
pub(super) struct Seconds(Vec<u64>);

impl Seconds {
    /// Bytes in all.
    pub(super) fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Bytes of the worst second, wherever it begins.
    pub(super) fn worst(&self) -> u64 {
        self.0.windows(SLOTS.min(self.0.len().max(1))).map(|second| second.iter().sum()).max().unwrap_or(0)
    }

    /// Bytes in a second, on average.
    pub(super) fn mean(&self) -> u64 {
        self.total() * u64::try_from(SLOTS).unwrap_or(1) / u64::try_from(self.0.len().max(1)).unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_second_begins_anywhere() {
        let mut slots = vec![0; 30];
        slots[8] = 5;
        slots[12] = 7;
        slots[25] = 6;
        let seconds = Seconds(slots);
        assert_eq!((seconds.total(), seconds.worst(), seconds.mean()), (18, 12, 6));
        assert_eq!(Seconds(vec![3, 4]).worst(), 7);
        assert_eq!(Seconds(Vec::new()).worst(), 0);
    }
}
