//! The only place that reads the clocks.
//!
//! The clock notices when the whole process was stopped (SIGSTOP, a frozen VM, a starved container): the judge asks it at
//! least every [`PULSE`](crate::mesh::time::PULSE), so a longer silence means that the process did not run. [`Moment`]
//! leaves that time out, because agents that could not be heard were not silent.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use chrono::Utc;

use crate::mesh::time::{Awake, Moment, Now};

/// The server's clock.
#[derive(Debug)]
pub struct Clock {
    started: Instant,
    // A std Mutex: held for a few instructions, never across an await.
    awake: Mutex<Awake>,
}

impl Clock {
    /// Starts the clock.
    #[expect(clippy::disallowed_methods, reason = "the one driver that reads the monotonic clock")]
    pub fn start() -> Self {
        let started = Instant::now();
        Self { started, awake: Mutex::default() }
    }

    /// Reads both clocks.
    #[expect(clippy::disallowed_methods, reason = "the one driver that reads the clocks")]
    pub fn now(&self) -> Now {
        let elapsed = Instant::now().saturating_duration_since(self.started);
        let (awake, gap) = self.awake.lock().unwrap_or_else(PoisonError::into_inner).advance(elapsed);
        if let Some(gap) = gap {
            tracing::warn!(
                gap_ms = gap.as_millis(),
                "the process was paused; excluding the gap from all timeouts"
            );
        }
        Now { moment: Moment::default().after(awake), wall: Utc::now() }
    }
}
