//! Which start of the server answers. Heartbeats, rounds and plans all say it; whoever must act on a restart waits here.

use meshvane_shared::plan::Epoch;
use tokio::sync::watch;

/// The server's epoch as last seen. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ServerEpoch(watch::Sender<Option<Epoch>>);

/// Waits for restarts of the server.
#[derive(Debug)]
pub struct Restarts {
    receiver: watch::Receiver<Option<Epoch>>,
    known: Option<Epoch>,
}

impl Default for ServerEpoch {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl ServerEpoch {
    /// An answer came from this start of the server.
    pub fn saw(&self, epoch: Epoch) {
        self.0.send_if_modified(|known| {
            let before = known.replace(epoch);
            if let Some(before) = before.filter(|before| *before != epoch) {
                tracing::info!(%before, now = %epoch, "the server restarted");
            }
            before != Some(epoch)
        });
    }

    /// Waits for restarts from here on. The first epoch that is ever seen is none.
    pub fn restarts(&self) -> Restarts {
        let receiver = self.0.subscribe();
        let known = *self.0.borrow();
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
}

#[cfg(test)]
mod tests {
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
}
