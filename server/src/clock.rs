//! The only place that reads the clocks.
//!
//! The clock notices when the whole process was stopped (SIGSTOP, a frozen VM, a starved container): somebody asks it at
//! least every [`PULSE`], so a longer silence means that we did not run. That time is taken out of [`Moment`], because
//! agents that could not be heard were not silent.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;

use crate::mesh::time::{Moment, Now};

/// The judge asks the clock at least this often.
pub const PULSE: Duration = Duration::from_millis(500);
/// A gap above this means that the process did not run: four missed pulses, well above any scheduling delay of a live one.
pub const PAUSE: Duration = Duration::from_secs(2);

/// The server's clock.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    // A std Mutex: held for a few instructions, never across an await.
    reading: Mutex<Reading>,
}

#[derive(Debug)]
struct Reading {
    last: Instant,
    paused: Duration,
}

impl Clock {
    /// Starts the clock.
    #[expect(clippy::disallowed_methods, reason = "the one driver that reads the monotonic clock")]
    pub fn start() -> Self {
        let started = Instant::now();
        Self { started, reading: Mutex::new(Reading { last: started, paused: Duration::ZERO }) }
    }

    /// Reads both clocks.
    #[expect(clippy::disallowed_methods, reason = "the one driver that reads the clocks")]
    pub fn now(&self) -> Now {
        let instant = Instant::now();
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let paused = reading.advance(instant);
        let awake = instant.duration_since(self.started).saturating_sub(paused);
        Now { moment: Moment::default().after(awake), wall: Utc::now() }
    }
}

impl Reading {
    /// Takes a reading, and returns how long the process was stopped in all.
    fn advance(&mut self, instant: Instant) -> Duration {
        let gap = instant.saturating_duration_since(self.last);
        if gap > PAUSE {
            self.paused += gap.saturating_sub(PULSE);
            tracing::warn!(
                gap_ms = gap.as_millis(),
                "the server was stopped; this time counts for nobody's silence"
            );
        }
        self.last = self.last.max(instant);
        self.paused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_of_the_process_is_taken_out_and_ordinary_gaps_are_not() {
        let start = Clock::start().started;
        let mut reading = Reading { last: start, paused: Duration::ZERO };
        let at = |millis| start + Duration::from_millis(millis);
        assert_eq!(reading.advance(at(500)), Duration::ZERO);
        assert_eq!(reading.advance(at(2_400)), Duration::ZERO);
        assert_eq!(reading.advance(at(32_400)), Duration::from_millis(29_500));
        assert_eq!(reading.advance(at(32_900)), Duration::from_millis(29_500));
    }
}
