//! Rounds whose numbers contradict each other (`mesh/row/sequences.rs`): counted, and logged at a bounded
//! rate.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use meshvane_shared::wire::round::RoundBody;

use super::{Collector, lock};
use crate::auth::RefusalLog;
use crate::mesh::time::Moment;

/// The contradictions so far.
#[derive(Debug, Default)]
pub(super) struct Contradictions {
    count: AtomicU64,
    // A std Mutex: held for a few instructions, never across an await.
    log: Mutex<RefusalLog>,
}

impl Contradictions {
    /// Takes note of one more.
    pub(super) fn note(&self, body: &RoundBody, now: Moment) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if let Some(unlogged) = lock(&self.log).note(now) {
            tracing::warn!(
                node = %body.node, sequence = body.sequence, unlogged,
                "a round's number contradicts the earlier ones of the same agent: another program may report as this node's agent"
            );
        }
    }
}

impl Collector {
    /// Rounds since the start whose number contradicted the earlier ones of the same boot.
    pub fn contradictions(&self) -> u64 {
        self.contradictions.count.load(Ordering::Relaxed)
    }
}
