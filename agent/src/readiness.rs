//! Whether every part of the program can do its work: what `/readyz` answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the parts that are not up yet: `/readyz` opens when the last guard is dropped.
#[derive(Debug, Clone, Default)]
pub struct Readiness(Arc<AtomicUsize>);

/// Keeps readiness closed while it lives.
#[derive(Debug)]
pub struct NotReady(Readiness);

impl Readiness {
    /// Takes a guard for one part.
    pub fn guard(&self) -> NotReady {
        self.0.fetch_add(1, Ordering::Relaxed);
        NotReady(self.clone())
    }

    /// Tells whether every part is up.
    pub fn is_ready(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

impl Drop for NotReady {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_when_the_last_part_is_up() {
        let readiness = Readiness::default();
        let (first, second) = (readiness.guard(), readiness.guard());
        drop(first);
        assert!(!readiness.is_ready());
        drop(second);
        assert!(readiness.is_ready());
    }
}
