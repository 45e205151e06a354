//! How often the API server is asked about tokens that nobody knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::mesh::time::Moment;

/// A pace with a burst, by the generic cell rate algorithm: one value says how far ahead of the pace its user is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Time between two steps.
    pub(super) every: Duration,
    /// How far ahead one may be.
    pub(super) ahead: Duration,
}

impl Pace {
    /// Takes a step: the new value, or `None` when that is too early.
    pub(super) fn step(self, value: Option<Moment>, now: Moment) -> Option<Moment> {
        let value = value.unwrap_or(now).max(now);
        (value.since(now) <= self.ahead).then(|| value.after(self.every))
    }
}

/// Places for what is going on at the same time.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: Arc<AtomicUsize>,
}

/// A place that is taken until it is dropped, also when its user was cancelled.
#[derive(Debug)]
pub(super) struct Permit {
    taken: Arc<AtomicUsize>,
}

impl Places {
    /// Takes one of so many places.
    pub(super) fn take(&self, of: usize) -> Option<Permit> {
        let next = |taken: usize| (taken < of).then_some(taken + 1);
        self.taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).ok()?;
        Some(Permit { taken: self.taken.clone() })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_allows_its_burst_and_then_one_step_at_a_time() {
        let pace = Pace { every: Duration::from_millis(100), ahead: Duration::from_millis(200) };
        let mut value = None;
        let mut taken = Vec::new();
        for millis in [0, 0, 0, 0, 50, 100, 101, 200, 10_000, 10_000, 10_000, 10_000] {
            let step = pace.step(value, Moment::from_millis(millis));
            taken.push(step.is_some());
            value = step.or(value);
        }
        assert_eq!(taken, [true, true, true, false, false, true, false, true, true, true, true, false]);
    }

    #[test]
    fn a_place_is_free_again_when_its_user_is_gone() {
        let places = Places::default();
        let held: Vec<Permit> = (0..2).filter_map(|_| places.take(2)).collect();
        assert_eq!((held.len(), places.take(2).is_some()), (2, false));
        drop(held);
        assert!(places.take(2).is_some());
    }
}
