//! Holds what was measured against what was promised. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use crate::figures::{megabytes, milliseconds, table};
use crate::start::Findings;

use super::memory::Curve;
use super::tally::Tally;

/// Lost rows that are named; the others are counted.
const LOST_NAMED: usize = 5;

/// What the clients did in one time.
#[derive(Debug)]
pub(super) struct Phase {
    pub(super) tally: Tally,
    pub(super) elapsed: Duration,
    /// Processor time of the server, in steps of 10 ms.
    pub(super) cpu: Duration,
}

impl Phase {
    fn per_second(&self) -> f64 {
        self.tally.answers() as f64 / self.elapsed.as_secs_f64()
    }

    fn cpu_micros_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.tally.answers().max(1) as f64
    }
}

/// All that was measured.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) load: Phase,
    pub(super) baseline: Phase,
    pub(super) curve: Curve,
    pub(super) lost: Vec<String>,
    /// Clients whose rows were looked for.
    pub(super) rows: usize,
}

/// Makes the figures and finds the promises that were not kept.
pub(super) fn judge(mut measured: Measured) -> Findings {
    let mut broken = failures("under load", &measured.load.tally);
    broken.extend(failures("in the baseline", &measured.baseline.tally));
    let lost = measured.lost.len();
    if lost > 0 {
        broken.push(format!("{lost} rows are not shown as they were posted"));
        broken.extend(measured.lost.drain(..lost.min(LOST_NAMED)));
    }
    let mut text = routes(&mut measured.load.tally);
    text.push('\n');
    text.push_str(&phases(&measured));
    let shown = if lost == 0 { "all are there".to_owned() } else { format!("{lost} are not") };
    // Writing to a string cannot fail.
    let _written = writeln!(text, "rows of {} clients looked for at the end: {shown}", measured.rows);
    text.push_str(&memory(&measured.curve, &mut broken));
    Findings { text, broken }
}

fn failures(when: &str, tally: &Tally) -> Vec<String> {
    let mut broken = Vec::new();
    for (count, what) in [
        (tally.not_ok(), "answers had another status than 200"),
        (tally.unanswered, "requests had no answer"),
        (tally.not_accepted, "rounds were not accepted"),
    ] {
        if count > 0 {
            broken.push(format!("{count} {what} {when}"));
        }
    }
    if tally.answers() == 0 {
        broken.push(format!("nothing was answered {when}"));
    }
    broken.extend(tally.texts.iter().cloned());
    broken
}

fn routes(tally: &mut Tally) -> String {
    let mut rows = vec![["under load", "requests", "p50 ms", "p99 ms"].map(str::to_owned).to_vec()];
    for (route, samples) in &mut tally.times {
        let time = |time: Option<Duration>| time.map_or_else(String::new, milliseconds);
        let (median, high) = (samples.percentile(50), samples.percentile(99));
        rows.push(vec![route.line().to_owned(), samples.count().to_string(), time(median), time(high)]);
    }
    table(&rows)
}

fn phases(measured: &Measured) -> String {
    let heading = ["", "requests", "seconds", "requests/s", "server CPU us each", "statuses", "unanswered"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for (name, phase) in [("load", &measured.load), ("baseline GET /api/v1/health", &measured.baseline)] {
        let statuses: Vec<String> =
            phase.tally.statuses.iter().map(|(status, count)| format!("{status}: {count}")).collect();
        rows.push(vec![
            name.to_owned(),
            phase.tally.answers().to_string(),
            format!("{:.1}", phase.elapsed.as_secs_f64()),
            format!("{:.0}", phase.per_second()),
            format!("{:.0}", phase.cpu_micros_each()),
            statuses.join(", "),
            phase.tally.unanswered.to_string(),
        ]);
    }
    let ratio = measured.load.per_second() / measured.baseline.per_second();
    format!("{}load / baseline: {ratio:.2} of the requests a second\n", table(&rows))
}

fn memory(curve: &Curve, broken: &mut Vec<String>) -> String {
    let outline: Vec<String> =
        curve.outline().iter().map(|(second, bytes)| format!("{second}s {}", megabytes(*bytes))).collect();
    let mut text = format!("server's resident MB: {}\n", outline.join(", "));
    let Some(growth) = curve.growth() else {
        broken.push("too few samples of the memory".to_owned());
        return text;
    };
    let (early, late) = (megabytes(growth.early), megabytes(growth.late));
    let allowed = megabytes(growth.allowed);
    if !growth.is_flat() {
        broken.push(format!("the memory grew from {early} to {late} MB; {allowed} are promised"));
    }
    // Writing to a string cannot fail.
    let _written =
        writeln!(text, "seconds 10 to 20: {early} MB; last 10 s: {late} MB; promised: {allowed} MB");
    text
}

#[cfg(test)]
mod tests;
