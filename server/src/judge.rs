//! Drives the judging: after every change, and at every pulse of the clock, since silence is no event.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::collector::Collector;
use crate::mesh::time::PULSE;

/// Two judgements are at least this far apart, so that a storm of rounds costs no more than ten a second.
pub const JUDGE_SPACING: Duration = Duration::from_millis(100);

/// Runs until it is dropped. Cancel-safe: a judgement has no await in it.
pub async fn run(collector: Arc<Collector>, clock: Arc<Clock>) {
    loop {
        // Registered before judging, so that what arrives meanwhile is judged next.
        let changed = collector.changed();
        collector.judge(clock.now());
        // It runs from here and is waited for last, when it is usually over: while nothing changes, one timer wakes the
        // thread at each pulse, and not two.
        let spacing = tokio::time::sleep(JUDGE_SPACING);
        // Which of the two it was does not matter.
        let _ = tokio::time::timeout(PULSE, changed).await;
        spacing.await;
    }
}
