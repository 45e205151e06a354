//! Which start of the server answers. Heartbeats, rounds and plans all say it; whoever must act on a restart waits here.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use meshvane_shared::plan::Epoch;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::clock::Clock;
use alternation::Alternation;

mod alternation;

/// The server's epoch as last seen. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ServerEpoch {
    newest: watch::Sender<Option<Epoch>>,
    clock: Clock,
    // A std mutex: held for a few instructions, never across an await.
    alternation: Arc<Mutex<Alternation>>,
}

/// Waits for restarts of the server.
#[derive(Debug)]
pub struct Restarts {
    receiver: watch::Receiver<Option<Epoch>>,
    known: Option<Epoch>,
}

impl Default for ServerEpoch {
    fn default() -> Self {
        Self { newest: watch::Sender::new(None), clock: Clock::start(), alternation: Arc::default() }
    }
}

impl ServerEpoch {
    /// An answer came from this start of the server.
    pub fn saw(&self, epoch: Epoch) {
        let several = self.note(epoch);
        self.newest.send_if_modified(|known| {
            let before = known.replace(epoch);
            if let Some(before) = before.filter(|before| *before != epoch && !several) {
                tracing::info!(%before, now = %epoch, "the server restarted");
            }
            before != Some(epoch)
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
        let known = *self.newest.borrow();
        Restarts { receiver, known }
    }
}

impl Restarts {
    /// Tells whether the server restarted since the last time this was told.
    pub fn has_news(&mut self) -> bool {
        let now = *self.receiver.borrow_and_update();
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
