//! The text of what is there, counted on a thread of its own: `/metrics` is open, and in a large mesh counting takes longer
//! than the heartbeats on the serving thread can wait.
//!
//! ```text
//!   a text is fresh ──────────────────────────────> it is the answer
//!   none is, and no count is under way ──> a thread counts ──┐
//!   none is, and a count is under way ───────────────────────┴> its text is the answer
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::encoding::text::encode_registry;
use tokio::sync::watch;

use super::census;
use crate::clock::Clock;
use crate::collector::Collector;
use crate::mesh::time::Moment;

/// A text is answered again for this long. Prometheus asks every 15 s to a minute, and people look no sooner again.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// A text is answered again for at least this many times as long as it took to make: however large the mesh and however
/// many ask, counting takes a tenth of a processor at most.
const REST_FACTOR: u32 = 10;

/// What is there, as text, counted when it is asked for.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct State {
    counting: bool,
    newest: Option<Newest>,
}

#[derive(Debug, Clone)]
struct Newest {
    text: Arc<str>,
    fresh_until: Moment,
}

/// The count failed; the log says why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountFailed;

impl Default for Counted {
    fn default() -> Self {
        Self { state: watch::Sender::new(State::default()) }
    }
}

impl Counted {
    /// The newest text; a new count is begun when it is not fresh any more and no other count is under way. A count goes on
    /// when its caller is gone, so that callers who come and go do not begin several. Cancel-safe.
    ///
    /// # Errors
    /// When the count failed.
    pub(super) async fn text(
        &self,
        collector: &Arc<Collector>,
        clock: &Arc<Clock>,
    ) -> Result<Arc<str>, CountFailed> {
        let (collector, clock) = (collector.clone(), clock.clone());
        let asked = clock.now().moment;
        self.newest(asked, move || {
            let began = clock.now();
            let text = write(&collector.census(began)).map_err(|_| CountFailed)?;
            Ok((text, began.moment, clock.now().moment))
        })
        .await
    }

    /// `count` returns a text, and when its making began and ended. It is called on a thread where it may block.
    async fn newest(
        &self,
        now: Moment,
        count: impl FnOnce() -> Result<(String, Moment, Moment), CountFailed> + Send + 'static,
    ) -> Result<Arc<str>, CountFailed> {
        let mut watching = self.state.subscribe();
        let mut fresh = None;
        let begins = self.state.send_if_modified(|state| {
            fresh = state.newest.as_ref().filter(|newest| now < newest.fresh_until).cloned();
            let begins = fresh.is_none() && !state.counting;
            state.counting |= begins;
            begins
        });
        if let Some(newest) = fresh {
            return Ok(newest.text);
        }
        if begins {
            let ending = Ending { state: self.state.clone(), newest: None };
            drop(tokio::task::spawn_blocking(move || ending.with(count())));
        }
        // An error means that the sender is gone; it is held by this value.
        let ended = watching.wait_for(|state| !state.counting).await.map_err(|_| CountFailed)?;
        ended.newest.as_ref().map(|newest| newest.text.clone()).ok_or(CountFailed)
    }
}

/// Ends a count, also one that panicked, or that was never begun because the program ends. What was counted before is no
/// answer then.
struct Ending {
    state: watch::Sender<State>,
    newest: Option<Newest>,
}

impl Ending {
    fn with(mut self, counted: Result<(String, Moment, Moment), CountFailed>) {
        self.newest = counted.ok().map(|(text, began, ended)| {
            let fresh_for = FRESH_FOR.max(ended.since(began) * REST_FACTOR);
            Newest { text: text.into(), fresh_until: began.after(fresh_for) }
        });
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let newest = self.newest.take();
        self.state.send_modify(|state| *state = State { counting: false, newest });
    }
}

fn write(census: &crate::collector::Census) -> Result<String, fmt::Error> {
    let mut text = String::new();
    encode_registry(&mut text, &census::registry(census))?;
    Ok(text)
}

#[cfg(test)]
mod tests;
