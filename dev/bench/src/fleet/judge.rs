//! What the figures come to. Pure.

use std::time::Duration;

use super::agent::Answers;
use super::traffic::Seconds;
use crate::figures::{megabytes, table};
use crate::start::Findings;

/// What the server may send in its worst second while a tenth of 2,000 agents restarts: a sixth of a gigabit link.
const WORST_SECOND_MAX: u64 = 20_000_000;

/// A time, and what was sent in it.
#[derive(Debug)]
pub(super) struct Phase {
    pub(super) seconds: Seconds,
    /// What the server computed meanwhile.
    pub(super) cpu: Duration,
}

/// Everything.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) agents: u16,
    pub(super) restarted: u32,
    pub(super) quiet: Phase,
    pub(super) rollout: Phase,
    /// From the order until everybody had the last plan.
    pub(super) took: Duration,
    pub(super) whole_plan_bytes: usize,
    pub(super) answers: Answers,
    pub(super) resident_bytes: u64,
}

/// The figures, and the promises that were not kept.
pub(super) fn judge(measured: &Measured) -> Findings {
    let row = |name: &str, phase: &Phase| {
        let seconds = &phase.seconds;
        let bytes = [seconds.total(), seconds.mean(), seconds.worst()].map(megabytes);
        let cpu = format!("{:.2}", phase.cpu.as_secs_f64());
        std::iter::once(name.to_owned()).chain(bytes).chain([cpu]).collect::<Vec<String>>()
    };
    let heading = ["sent by the server", "MB", "MB/s", "worst second MB", "its CPU s"].map(str::to_owned);
    let rows =
        [heading.to_vec(), row("nothing happens", &measured.quiet), row("restarts", &measured.rollout)];
    let Answers { whole, delta } = measured.answers;
    let as_whole = (whole + delta) * u64::try_from(measured.whole_plan_bytes).unwrap_or(u64::MAX);
    let sent = measured.rollout.seconds.total();
    let text = format!(
        "{} agents, {} restarted; everybody had the last plan {:.1} s after the first goodbye\n\n{}\n\
         answers: {whole} whole plans, {delta} deltas\n\
         baseline, the same news as whole plans of {} KB: {} MB, {:.0} times as much\n\
         resident memory of the server: {} MB\n",
        measured.agents,
        measured.restarted,
        measured.took.as_secs_f64(),
        table(&rows),
        measured.whole_plan_bytes / 1000,
        megabytes(as_whole),
        as_whole as f64 / sent.max(1) as f64,
        megabytes(measured.resident_bytes),
    );
    let worst = measured.rollout.seconds.worst();
    let mut broken = Vec::new();
    if worst > WORST_SECOND_MAX {
        let (sent, most) = (megabytes(worst), megabytes(WORST_SECOND_MAX));
        broken.push(format!("the server sent {sent} MB in one second; at most {most} is promised"));
    }
    Findings { text, broken }
}
