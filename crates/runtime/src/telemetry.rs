//! Where the log goes: the only place that knows the subscriber.
//!
//! ```text
//!   event ──> level ──> rate of its place ──> text ──> queue ──> thread ──> standard error
//!               │              │                         │
//!               x              └─ left out: counted      └─ full: lost, counted
//! ```
//! Nothing that serves waits for the reader of the log: a pipe that is not being read fills the queue, and what does not fit
//! is lost, counted, and told once the log goes on. A line that outside parties can cause again and again is limited where it
//! stands ([`crate::LogLimit`]); that no place in the code, of ours or of a library, floods the log is seen to here.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use meshvane_shared::setting::LogLevel;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

mod queue;
mod rates;

use queue::{LineWriter, Lines};
use rates::Rates;

/// How long the end of the program waits for what is still to be written: a reader that reads takes milliseconds, and one
/// that does not must not hold up the end.
const FLUSH_LIMIT: Duration = Duration::from_secs(1);

/// The targets that are ours, by the beginning of the crate's name.
const OURS: [&str; 2] = ["meshvane", "runtime"];

/// Lines that did not reach the log since the program began.
static LOST: AtomicU64 = AtomicU64::new(0);
/// Lines that were left out because their place had logged too many.
static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

/// Lines that were not logged since the program began, by why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dropped {
    /// They found the queue full because the log was not read fast enough, or they could not be written.
    pub unread: u64,
    /// The place that logs them had logged too many.
    pub limited: u64,
}

/// How many lines were not logged.
pub fn dropped() -> Dropped {
    Dropped { unread: LOST.load(Ordering::Relaxed), limited: LEFT_OUT.load(Ordering::Relaxed) }
}

/// The log of this process. When it is dropped, what is still to be written has `FLUSH_LIMIT` to be.
#[derive(Debug)]
#[must_use = "the last lines are written when it is dropped"]
pub struct Log {
    lines: Option<Lines>,
}

/// Sends the log of this process to standard error, in colour when that is a terminal.
///
/// A second call changes nothing: a program that links this library may have its own subscriber.
pub fn start(level: LogLevel) -> Log {
    // Where no thread is to be had, lines are written by who logs them.
    let lines = Lines::start(io::stderr(), &LOST, tell_lost).ok();
    let (writer, ansi) = (lines.clone(), io::stderr().is_terminal());
    let text = tracing_subscriber::fmt::layer()
        .with_ansi(ansi)
        // The library would tell standard error that it cannot write to standard error, and panic when that fails.
        .log_internal_errors(false)
        .with_writer(move || LineWriter::new(writer.clone()));
    let started =
        tracing_subscriber::registry().with(targets(level)).with(Rates::new(&LEFT_OUT)).with(text).try_init();
    if started.is_err() {
        tracing::debug!("the log has a subscriber already");
        return Log { lines: None };
    }
    // The library's own hook writes to standard error and waits for its reader.
    std::panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    Log { lines }
}

impl Log {
    /// Writes a line as it is, after all that was logged before it.
    pub fn say(&self, line: &str) {
        let line = format!("{line}\n");
        match &self.lines {
            Some(lines) => lines.push(line.into_bytes()),
            // When even standard error is closed, the exit code is all that is left to say.
            None => drop(io::stderr().write_all(line.as_bytes())),
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if let Some(lines) = &self.lines {
            lines.flush(FLUSH_LIMIT);
        }
    }
}

fn tell_lost(lines: u64) {
    tracing::warn!(lines, "the log was not read, and these lines are lost");
}

/// Libraries warn of what outside parties send them, and we say ourselves what it means. Their lines come with those of ours
/// that are for finding faults.
fn targets(level: LogLevel) -> Targets {
    let (ours, others) = match level {
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::ERROR),
        LogLevel::Warn => (LevelFilter::WARN, LevelFilter::ERROR),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::ERROR),
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::DEBUG),
        LogLevel::Trace => (LevelFilter::TRACE, LevelFilter::TRACE),
    };
    Targets::new().with_default(others).with_targets(OURS.map(|target| (target, ours)))
}

#[cfg(test)]
mod tests;
