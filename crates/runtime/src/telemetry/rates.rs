//! How many lines each place in the code may log.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::OURS;
use crate::log_limit::{LogLimit, LogRate};

/// The time that the rates are about: short enough that a log shows again soon what goes on.
const PERIOD: Duration = Duration::from_secs(10);
/// Lines of one place of ours: above what a rollout or a wide outage of some hundred nodes logs, and 10 kB a second at most.
pub(super) const OURS_MAX: u32 = 500;
/// Lines of one place of a library: the first ones say what there is to say.
pub(super) const FOREIGN_MAX: u32 = 10;

/// The target of the line about what was left out.
const TARGET: &str = "runtime::log";

/// Lets each place in the code log so many lines in a period. Debug and trace are not limited: they are for who looks.
pub(super) struct Rates {
    began: Instant,
    left_out: &'static AtomicU64,
    // A std mutex: held for a search among the places that log, of which there are a few dozen.
    places: Mutex<BTreeMap<&'static str, LogLimit<()>>>,
}

impl Rates {
    #[expect(clippy::disallowed_methods, reason = "the driver of the log's rates reads the monotonic clock")]
    pub(super) fn new(left_out: &'static AtomicU64) -> Self {
        Self { began: Instant::now(), left_out, places: Mutex::default() }
    }

    /// How many lines of a place were left out before this one, when it should be logged.
    pub(super) fn note(&self, place: &'static str, target: &str, now: Duration) -> Option<u64> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = places.entry(place).or_insert_with(|| {
            let most = if is_ours(target) { OURS_MAX } else { FOREIGN_MAX };
            LogLimit::new(LogRate { period: PERIOD, of_one: most, in_all: most })
        });
        let noted = limit.note((), now);
        if noted.is_none() {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
        noted
    }
}

fn is_ours(target: &str) -> bool {
    OURS.iter().any(|ours| target.starts_with(ours))
}

impl<S: Subscriber> Layer<S> for Rates {
    #[expect(clippy::disallowed_methods, reason = "the driver of the log's rates reads the monotonic clock")]
    fn event_enabled(&self, event: &Event<'_>, _context: Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO || metadata.target() == TARGET {
            return true;
        }
        let now = Instant::now().saturating_duration_since(self.began);
        // An event is named for the file and line where it stands.
        let Some(left_out) = self.note(metadata.name(), metadata.target(), now) else { return false };
        if left_out > 0 {
            tracing::warn!(target: TARGET, left_out, of = metadata.target(), "lines like the next one were left out");
        }
        true
    }
}

#[cfg(test)]
mod tests;
