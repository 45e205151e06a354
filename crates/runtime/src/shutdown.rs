//! How a program is told to stop, and how its parts learn of it.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// SIGTERM and SIGINT of this process.
#[derive(Debug)]
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Takes over both signals. From here on neither ends the process by itself.
    ///
    /// # Errors
    /// When the kernel does not let us.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Resolves at the first of them.
    pub async fn received(mut self) {
        let name = tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        };
        tracing::info!(signal = name, "stopping");
    }
}

/// Starts the drain of every [`Drain`] made with it.
#[derive(Debug)]
pub struct DrainStarter(watch::Sender<bool>);

/// Tells a part that it should finish what it is doing and take nothing new.
#[derive(Debug, Clone)]
pub struct Drain(watch::Receiver<bool>);

/// Makes a pair.
pub fn drain() -> (DrainStarter, Drain) {
    let (sender, receiver) = watch::channel(false);
    (DrainStarter(sender), Drain(receiver))
}

impl DrainStarter {
    /// Starts the drain.
    pub fn start(&self) {
        self.0.send_replace(true);
    }
}

impl Drain {
    /// Tells whether the drain has started.
    pub fn is_started(&self) -> bool {
        *self.0.borrow()
    }

    /// Resolves when the drain starts, also when it has started before, or when nobody is left to start it. Cancel-safe.
    pub async fn started(&self) {
        let mut receiver = self.0.clone();
        // An error means that the starter is gone: the program is ending.
        let _gone = receiver.wait_for(|started| *started).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_drain_reaches_those_that_come_late_too() {
        let (starter, drain) = drain();
        assert!(!drain.is_started());
        starter.start();
        drain.started().await;
        assert!(drain.is_started());
    }
}
