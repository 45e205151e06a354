//! Rounds whose numbers contradict each other (`mesh/row/sequences.rs`): counted, and logged at a bounded
//! rate.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Collector;

/// The contradictions so far.
#[derive(Debug, Default)]
pub(super) struct Contradictions {
    count: AtomicU64,
}

impl Contradictions {
    /// Takes note of one more.
    pub(super) fn note(&self) {
        self.count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Collector {
    /// Rounds since the start whose number contradicted the earlier ones of the same boot.
    pub fn contradictions(&self) -> u64 {
        self.contradictions.count.load(Ordering::Relaxed)
    }
}
