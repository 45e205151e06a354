//! Whether every part of the program can do its work: what `/readyz` answers.
//!
//! Each part holds a [`Guard`] until it can; readiness opens when the last one is dropped, and closes for good when the
//! drain starts.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use runtime::Drain;

/// Whether every part is ready.
#[derive(Debug, Clone)]
pub struct Readiness {
    // A std Mutex: held for a few instructions, never across an await.
    waiting: Arc<Mutex<BTreeMap<&'static str, usize>>>,
    drain: Drain,
}

/// Keeps readiness closed while it lives.
#[derive(Debug)]
pub struct Guard {
    part: &'static str,
    readiness: Readiness,
}

/// Why the program is not ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotReady {
    /// These parts have not started yet.
    Waiting(Vec<&'static str>),
    /// The program is stopping.
    Draining,
}

impl Readiness {
    /// Makes a readiness that closes when this drain starts.
    pub fn new(drain: Drain) -> Self {
        Self { waiting: Arc::default(), drain }
    }

    /// Takes a guard for a part.
    pub fn guard(&self, part: &'static str) -> Guard {
        *self.waiting().entry(part).or_default() += 1;
        Guard { part, readiness: self.clone() }
    }

    /// Tells whether every part is ready.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self) -> Result<(), NotReady> {
        if self.drain.is_started() {
            return Err(NotReady::Draining);
        }
        let waiting: Vec<_> = self.waiting().keys().copied().collect();
        if waiting.is_empty() { Ok(()) } else { Err(NotReady::Waiting(waiting)) }
    }

    fn waiting(&self) -> MutexGuard<'_, BTreeMap<&'static str, usize>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut waiting = self.readiness.waiting();
        if let Some(count) = waiting.get_mut(self.part) {
            *count -= 1;
            if *count == 0 {
                waiting.remove(self.part);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runtime::drain;

    #[test]
    fn it_opens_when_the_last_guard_is_dropped_and_closes_with_the_drain() {
        let (starter, drain) = drain();
        let readiness = Readiness::new(drain);
        let (first, second) = (readiness.guard("api"), readiness.guard("judge"));
        assert_eq!(readiness.check(), Err(NotReady::Waiting(vec!["api", "judge"])));
        drop(first);
        assert_eq!(readiness.check(), Err(NotReady::Waiting(vec!["judge"])));
        drop(second);
        assert_eq!(readiness.check(), Ok(()));
        starter.start();
        assert_eq!(readiness.check(), Err(NotReady::Draining));
    }
}
