//! Holds what was measured against what was promised. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::attacker::Outcomes;
use super::honest::Seen;
use super::mesh::Look;
use crate::figures::{megabytes, milliseconds, table};
use crate::samples::Samples;
use crate::start::Findings;

/// The server's peak above its idle memory, in all.
const PEAK_ABOVE_IDLE: u64 = 64 << 20;
/// What a second wave may add to the peak of the first.
const SECOND_WAVE: u64 = 8 << 20;
/// Times may grow to this many times those of the same load aimed at a server of nothing.
const SLOWER: u32 = 3;
/// Failures that are named; the others are counted.
const NAMED: usize = 5;

/// One wave.
#[derive(Debug)]
pub(super) struct Wave {
    pub(super) seen: Seen,
    pub(super) outcomes: BTreeMap<String, Outcomes>,
    /// The server's greatest memory since the first wave began.
    pub(super) peak: u64,
    pub(super) alive: bool,
}

/// All that was measured.
#[derive(Debug)]
pub(super) struct Measured {
    /// The server's memory before the first wave.
    pub(super) idle: u64,
    pub(super) baseline: Wave,
    pub(super) waves: Vec<Wave>,
    /// What the server says at the end, of so many nodes; `None` when it has ended.
    pub(super) after: Option<(Look, usize)>,
    /// Rounds of honest agents that are lost.
    pub(super) lost: Vec<String>,
}

/// Makes the figures and finds the promises that were not kept.
pub(super) fn judge(mut measured: Measured) -> Findings {
    let mut broken = Vec::new();
    let text = format!(
        "{}\n{}\n{}",
        times(&mut measured, &mut broken),
        memory(&measured, &mut broken),
        outcomes(&measured)
    );
    match &measured.after {
        None => broken.push("the server has ended".to_owned()),
        Some((after, nodes)) => {
            if after.fresh != *nodes {
                broken.push(format!("{} of {nodes} agents are shown whole at the end", after.fresh));
            }
            name(&mut broken, "findings about honest nodes", &after.findings);
        }
    }
    name(&mut broken, "kinds of lost rounds", &measured.lost);
    Findings { text, broken }
}

fn name(broken: &mut Vec<String>, what: &str, sentences: &[String]) {
    if !sentences.is_empty() {
        broken.push(format!("{} {what}", sentences.len()));
        broken.extend(sentences.iter().take(NAMED).cloned());
    }
}

fn times(measured: &mut Measured, broken: &mut Vec<String>) -> String {
    let heading = ["", "/livez p50 ms", "p99", "heartbeat p50 ms", "p99", "failed"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let shown =
        |samples: &mut Samples, percent| samples.percentile(percent).map_or_else(String::new, milliseconds);
    let mut row = |name: String, seen: &mut Seen| {
        rows.push(vec![
            name,
            shown(&mut seen.livez, 50),
            shown(&mut seen.livez, 99),
            shown(&mut seen.heartbeats, 50),
            shown(&mut seen.heartbeats, 99),
            seen.failed.len().to_string(),
        ]);
    };
    row("aimed at nothing".to_owned(), &mut measured.baseline.seen);
    for (number, wave) in measured.waves.iter_mut().enumerate() {
        row(format!("wave {}", number + 1), &mut wave.seen);
    }
    let quiet = &mut measured.baseline.seen;
    let (livez, heartbeats) = (quiet.livez.percentile(99), quiet.heartbeats.percentile(99));
    for (number, wave) in measured.waves.iter_mut().enumerate() {
        for (what, quiet, loud) in [
            ("/livez", livez, wave.seen.livez.percentile(99)),
            ("heartbeats", heartbeats, wave.seen.heartbeats.percentile(99)),
        ] {
            if !is_kept(quiet, loud) {
                broken.push(format!(
                    "wave {}: {what} p99 {loud:?}, {quiet:?} when aimed at nothing",
                    number + 1
                ));
            }
        }
        name(broken, &format!("questions had no answer in wave {}", number + 1), &wave.seen.failed);
    }
    table(&rows)
}

/// Returns true when both were seen and the second is at most [`SLOWER`] times the first.
fn is_kept(quiet: Option<Duration>, loud: Option<Duration>) -> bool {
    quiet.zip(loud).is_some_and(|(quiet, loud)| loud <= quiet * SLOWER)
}

fn memory(measured: &Measured, broken: &mut Vec<String>) -> String {
    let mut text = format!("server's resident MB: idle {}", megabytes(measured.idle));
    let mut before = None;
    for (number, wave) in measured.waves.iter().enumerate() {
        let number = number + 1;
        // Writing to a string cannot fail.
        let _written = write!(text, ", peak to the end of wave {number} {}", megabytes(wave.peak));
        if !wave.alive {
            broken.push(format!("the server died in wave {number}"));
            continue;
        }
        if wave.peak > measured.idle + PEAK_ABOVE_IDLE {
            broken.push(format!("the peak of wave {number} is more than {PEAK_ABOVE_IDLE} bytes above idle"));
        }
        if before.is_some_and(|before| wave.peak >= before + SECOND_WAVE) {
            broken.push(format!("wave {number} added {SECOND_WAVE} bytes or more to the peak"));
        }
        before = Some(wave.peak);
    }
    text.push('\n');
    text
}

/// What became of the attacks, so that one that never took place is seen.
fn outcomes(measured: &Measured) -> String {
    let mut text = String::new();
    for (number, wave) in measured.waves.iter().enumerate() {
        for (name, outcomes) in &wave.outcomes {
            let counts: Vec<String> =
                outcomes.iter().map(|(word, count)| format!("{word}: {count}")).collect();
            let _written = writeln!(text, "wave {}, {name}: {}", number + 1, counts.join(", "));
        }
    }
    text
}

#[cfg(test)]
mod tests;
