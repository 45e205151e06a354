//! Whether the main thread still gets on: what `/livez` answers from a thread of its own.
//!
//! The main thread says so every [`BEAT`]; the thread of health counts its own beats since then. Both count,
//! and neither reads a clock, so time in which the whole process was stopped does not make the main thread
//! look stuck.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// Time between two beats. A timer of seconds wakes its thread three times (tokio sorts timers by distance),
/// on two threads; every 5 s that was a thirtieth of what an idle agent costs.
pub const BEAT: Duration = Duration::from_secs(15);
/// Beats without a sign of the main thread after which the program does not live: a minute at least. A server
/// that draws a very large mesh is busy for tens of seconds and must not be killed for it; a thread that is
/// stuck never comes back.
pub const BEATS_MISSED_MAX: u32 = 5;

/// What both threads know.
#[derive(Debug, Clone, Default)]
pub struct Liveness(Arc<AtomicU32>);

impl Liveness {
    /// The main thread gets on.
    pub fn beat(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// A beat of the thread of health passed.
    pub fn miss(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns false once the main thread has not been heard for [`BEATS_MISSED_MAX`] beats.
    pub fn is_alive(&self) -> bool {
        self.0.load(Ordering::Relaxed) < BEATS_MISSED_MAX
    }

    /// Beats for as long as it is polled: for the main thread.
    pub async fn beats(self) {
        every_beat(|| self.beat()).await;
    }

    /// Counts beats for as long as it is polled: for the thread of health.
    pub async fn watches(self) {
        every_beat(|| self.miss()).await;
    }
}

async fn every_beat(act: impl Fn()) {
    let mut beats = interval(BEAT);
    // A thread that was away makes up for nothing: each beat that it counts is one that it lived through.
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        act();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_main_thread_that_is_silent_for_a_minute_is_dead_and_one_that_was_busy_lives() {
        let liveness = Liveness::default();
        let watching = tokio::spawn(liveness.clone().watches());
        tokio::time::sleep(BEAT * (BEATS_MISSED_MAX - 2) + Duration::from_secs(1)).await;
        assert!(liveness.is_alive());
        liveness.beat();
        tokio::time::sleep(BEAT * (BEATS_MISSED_MAX - 1)).await;
        assert!(liveness.is_alive());
        tokio::time::sleep(BEAT).await;
        assert!(!liveness.is_alive());
        let beating = tokio::spawn(liveness.clone().beats());
        tokio::time::sleep(BEAT * BEATS_MISSED_MAX * 2).await;
        assert!(liveness.is_alive());
        beating.abort();
        watching.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn beats_in_which_the_whole_process_was_stopped_are_not_made_up_for() {
        let liveness = Liveness::default();
        let watching = tokio::spawn(liveness.clone().watches());
        tokio::task::yield_now().await;
        tokio::time::advance(BEAT * BEATS_MISSED_MAX * 2).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(liveness.is_alive());
        watching.abort();
    }
}
