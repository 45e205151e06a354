//! How long to wait before the next try. Pure but for its seeded randomness.

use std::time::Duration;

use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};

/// The longest wait: a server that is back is found again within this.
pub const BACKOFF_MAX: Duration = meshvane_shared::limits::RETRY_CAP;
/// The first wait, before jitter.
const BACKOFF_FIRST: Duration = Duration::from_millis(250);
/// Doublings from the first wait to the longest.
const DOUBLINGS_MAX: u32 = 4;

/// Waits that double up to a limit, each shortened by lot: agents that lost their server together do not come back together.
#[derive(Debug)]
pub struct Backoff {
    random: SmallRng,
    failures: u32,
}

impl Backoff {
    /// Makes a backoff with a seed of its own.
    pub fn new(seed: u64) -> Self {
        Self { random: SmallRng::seed_from_u64(seed), failures: 0 }
    }

    /// It worked: the next wait is a short one again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed: how long to wait.
    pub fn after_failure(&mut self) -> Duration {
        let full = BACKOFF_FIRST * 2u32.pow(self.failures.min(DOUBLINGS_MAX));
        self.failures = self.failures.saturating_add(1);
        self.jitter(full.min(BACKOFF_MAX))
    }

    /// The longest wait at once, for what only a person can mend.
    pub fn longest(&mut self) -> Duration {
        self.jitter(BACKOFF_MAX)
    }

    fn jitter(&mut self, full: Duration) -> Duration {
        full.mul_f64(self.random.random_range(0.5..=1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_limit_and_never_above() {
        let mut backoff = Backoff::new(1);
        let waits: Vec<Duration> = (0..50).map(|_| backoff.after_failure()).collect();
        assert!(waits[0] <= BACKOFF_FIRST);
        assert!(waits.iter().all(|wait| *wait <= BACKOFF_MAX));
        assert!(waits[10..].iter().all(|wait| *wait >= BACKOFF_MAX / 2));
        backoff.reset();
        assert!(backoff.after_failure() <= BACKOFF_FIRST);
    }

    #[test]
    fn two_agents_do_not_wait_alike() {
        let waits = |seed| {
            let mut backoff = Backoff::new(seed);
            (0..5).map(|_| backoff.after_failure()).collect::<Vec<_>>()
        };
        assert_ne!(waits(1), waits(2));
    }
}
