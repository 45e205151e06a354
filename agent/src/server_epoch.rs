//! Which start of the server answers. Heartbeats, rounds and plans all say it; whoever must act on a restart waits here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use meshvane_shared::plan::Epoch;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::clock::Clock;
use alternation::Alternation;

mod alternation;

/// The least time between two restarts that are acted on. Each costs a round with its target list and ends waits, and a
/// server that names another epoch in every answer made an agent post 4,600 rounds a second. A server needs longer to
/// start; one that really is another one says so again in its next answer.
pub const RESTART_SPACING: Duration = Duration::from_secs(1);

/// The server's epoch as last seen. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ServerEpoch {
    newest: watch::Sender<Seen>,
    clock: Clock,
    // A std mutex: held for a few instructions, never across an await.
    alternation: Arc<Mutex<Alternation>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    epoch: Option<Epoch>,
    /// When the newest restart was seen.
    restarted: Option<Duration>,
}

/// Waits for restarts of the server.
#[derive(Debug)]
pub struct Restarts {
    receiver: watch::Receiver<Seen>,
    known: Option<Epoch>,
}

impl Default for ServerEpoch {
    fn default() -> Self {
        Self {
            newest: watch::Sender::new(Seen::default()),
            clock: Clock::start(),
            alternation: Arc::default(),
        }
    }
}

impl ServerEpoch {
    /// An answer came from this start of the server. Within [`RESTART_SPACING`] of a restart another epoch is ignored.
    pub fn saw(&self, epoch: Epoch) {
        let several = self.note(epoch);
        let now = self.clock.now();
        self.newest.send_if_modified(|seen| {
            let Some(before) = seen.epoch else {
                seen.epoch = Some(epoch);
                return true;
            };
            let is_soon = seen.restarted.is_some_and(|at| now.saturating_sub(at) < RESTART_SPACING);
            if before == epoch || is_soon {
                return false;
            }
            if !several {
                tracing::info!(%before, now = %epoch, "the server restarted");
            }
            *seen = Seen { epoch: Some(epoch), restarted: Some(now) };
            true
        });
    }

    /// Returns true when several servers answer in turn.
    fn note(&self, epoch: Epoch) -> bool {
        let now = self.clock.now();
        let mut alternation = self.alternation();
        let before = !alternation.in_turn(now).is_empty();
        alternation.saw(now, epoch);
        let several = !alternation.in_turn(now).is_empty();
        if several && !before {
            tracing::error!(
                "two servers answer in turn, so that each hears a part of what we say: one replica is meant to run"
            );
        }
        several
    }

    /// The starts of servers that answer in turn; empty while there is one server.
    pub fn in_turn(&self) -> Vec<Epoch> {
        self.alternation().in_turn(self.clock.now())
    }

    fn alternation(&self) -> MutexGuard<'_, Alternation> {
        self.alternation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for restarts from here on. The first epoch that is ever seen is none.
    pub fn restarts(&self) -> Restarts {
        let receiver = self.newest.subscribe();
        let known = self.newest.borrow().epoch;
        Restarts { receiver, known }
    }
}

impl Restarts {
    /// Tells whether the server restarted since the last time this was told.
    pub fn has_news(&mut self) -> bool {
        let now = self.receiver.borrow_and_update().epoch;
        let restarted = self.known.is_some() && now != self.known;
        self.known = now;
        restarted
    }

    /// The epoch as last told.
    pub fn known(&self) -> Option<Epoch> {
        self.known
    }

    /// Resolves when the epoch changed. Ask [`Restarts::has_news`] afterwards. Cancel-safe.
    pub async fn news(&mut self) {
        if self.receiver.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Waits for this long between two tries, or until somebody else of us heard a server that restarted: then there is
    /// nothing to wait for any more, and `true` is returned. Such a restart has been told with that.
    pub async fn within(&mut self, wait: Duration) -> bool {
        let over = sleep(wait);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => return false,
                () = self.news() => if self.has_news() {
                    return true;
                },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_restart_is_told_once_and_the_first_epoch_is_none() {
        let epoch = ServerEpoch::default();
        let mut restarts = epoch.restarts();
        epoch.saw(Epoch(1));
        restarts.news().await;
        assert!(!restarts.has_news());
        epoch.saw(Epoch(1));
        assert!(!restarts.has_news());
        epoch.saw(Epoch(2));
        restarts.news().await;
        assert!(restarts.has_news());
        assert!(!restarts.has_news());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_another_one_in_every_answer_restarts_once_in_a_second() {
        let epoch = ServerEpoch::default();
        let mut restarts = epoch.restarts();
        let mut told = 0;
        for number in 0..10_000 {
            epoch.saw(Epoch(number));
            told += u32::from(restarts.has_news());
            sleep(Duration::from_millis(1)).await;
        }
        assert!((9..=10).contains(&told), "{told} restarts in ten seconds");
        // The newest one is not lost: it says so again.
        sleep(RESTART_SPACING).await;
        epoch.saw(Epoch(9_999));
        restarts.has_news();
        assert_eq!(restarts.known(), Some(Epoch(9_999)));
    }

    #[tokio::test(start_paused = true)]
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of the test is stopped, and moves by itself when all wait"
    )]
    async fn a_wait_between_two_tries_ends_when_the_server_restarted_and_not_with_the_first_epoch() {
        let wait = Duration::from_secs(4);
        let epoch = ServerEpoch::default();
        let mut restarts = epoch.restarts();
        epoch.saw(Epoch(1));
        let began = Instant::now();
        assert!(!restarts.within(wait).await);
        assert_eq!(began.elapsed(), wait);
        let heard = async {
            sleep(Duration::from_secs(1)).await;
            epoch.saw(Epoch(2));
        };
        let (restarted, ()) = tokio::join!(restarts.within(wait), heard);
        assert!(restarted);
        assert_eq!(began.elapsed(), Duration::from_secs(5));
        assert!(!restarts.has_news(), "it was told");
    }
}
