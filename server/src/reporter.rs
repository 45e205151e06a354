//! Writes the report to the log every `REPORT_INTERVAL`.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Clock;
use crate::collector::Collector;
use crate::render::text;

/// Runs until it is dropped. Cancel-safe: a report is drawn and written between two awaits.
pub async fn run(collector: Arc<Collector>, clock: Arc<Clock>, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    // The first tick is immediate, and there is nothing to say yet.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        let report = collector.report(clock.now());
        tracing::info!("report\n{}", text::report(&report));
    }
}
