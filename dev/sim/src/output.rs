//! The program's way to standard output and to the clock.

use std::io::Write as _;
use std::time::{Duration, Instant};

/// Prints a text.
pub(crate) fn say(text: &str) {
    // A reader that went away reads the exit code.
    let _unread = std::io::stdout().write_all(text.as_bytes());
}

/// Measures real time from its start: how long a survey may go on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "a survey ends after real time")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
