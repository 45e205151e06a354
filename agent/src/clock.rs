//! The clock of the drivers: time since the start of the process.

use std::time::Duration;

use tokio::time::Instant;

/// Monotonic time since the start.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// Starts a clock at zero.
    #[expect(clippy::disallowed_methods, reason = "this is the clock that the drivers read")]
    pub fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Time since the start.
    pub fn now(&self) -> Duration {
        self.start.elapsed()
    }

    /// The instant at a time of this clock, to sleep until.
    pub fn instant(&self, at: Duration) -> Instant {
        self.start + at
    }
}

/// The wall clock as RFC 3339: it is shown, never trusted.
#[expect(clippy::disallowed_methods, reason = "the one place that reads the wall clock")]
pub fn wall_clock() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
