//! Plays many seeds on all cores and counts what came of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use crate::incident::{Circumstance, Incident, Wish};
use crate::output::Stopwatch;
use crate::seeds::each_seed;
use crate::trial::{Outcome, try_story};
use crate::world::play;

/// Seeds that are described of each kind of fault, unless all are asked for.
const DESCRIBED_MAX: usize = 3;

/// What came of one seed.
#[derive(Debug)]
struct Played {
    seed: u64,
    circumstance: Circumstance,
    outcome: Outcome,
    judgements: u64,
    time: Duration,
}

/// What came of all.
#[derive(Debug, Default)]
pub(crate) struct Survey {
    seeds: Vec<Played>,
    elapsed: Duration,
}

/// Plays seeds from the first one on: so many, or until the time is over.
pub(crate) fn survey(first: u64, count: Option<u64>, limit: Option<Duration>, wish: Wish) -> Survey {
    let clock = Stopwatch::start();
    let in_time = || limit.is_none_or(|limit| clock.elapsed() < limit);
    let last = count.map_or(u64::MAX, |count| first.saturating_add(count));
    let played = each_seed(first..last, in_time, |seed| {
        let incident = Incident::draw(seed, wish);
        let story = play(&incident);
        Played {
            seed,
            circumstance: incident.circumstance,
            outcome: try_story(&incident, &story),
            judgements: story.judgements,
            time: incident.end,
        }
    });
    Survey { seeds: played.into_values().collect(), elapsed: clock.elapsed() }
}

impl Survey {
    fn failed(&self) -> impl Iterator<Item = &Played> {
        self.seeds.iter().filter(|seed| !seed.outcome.wrong.is_empty())
    }

    /// Exit code 1 when a seed failed.
    pub(crate) fn exit(&self) -> ExitCode {
        if self.failed().next().is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }

    /// The figures, and the seeds that failed.
    pub(crate) fn text(&self, all: bool) -> String {
        let mut text = String::new();
        let mut told: BTreeMap<&str, usize> = BTreeMap::new();
        for seed in self.failed() {
            for wrong in &seed.outcome.wrong {
                let count = told.entry(wrong.word()).or_default();
                *count += 1;
                if all || *count <= DESCRIBED_MAX {
                    let _written =
                        writeln!(text, "seed {} ({}): {wrong}", seed.seed, seed.circumstance.as_str());
                }
            }
        }
        if all {
            for seed in &self.seeds {
                for (at, key) in &seed.outcome.tolerated {
                    let at = at.as_secs_f64();
                    let _written = writeln!(text, "seed {}: tolerated at {at:.1} s: {key}", seed.seed);
                }
            }
        }
        let mut rows: BTreeMap<Circumstance, [usize; 4]> = BTreeMap::new();
        for seed in &self.seeds {
            let row = rows.entry(seed.circumstance).or_default();
            row[0] += 1;
            row[1] += seed.outcome.musts;
            row[2] += usize::from(!seed.outcome.tolerated.is_empty());
            row[3] += usize::from(!seed.outcome.wrong.is_empty());
        }
        let _written = writeln!(
            text,
            "{:18} {:>8} {:>8} {:>10} {:>8}",
            "incidents", "played", "musts", "tolerated", "failed"
        );
        let mut sum = [0; 4];
        for (circumstance, row) in &rows {
            let [played, musts, tolerated, failed] = row;
            sum.iter_mut().zip(row).for_each(|(sum, count)| *sum += count);
            let _written = writeln!(
                text,
                "{:18} {played:>8} {musts:>8} {tolerated:>10} {failed:>8}",
                circumstance.as_str()
            );
        }
        let [played, musts, tolerated, failed] = sum;
        let _written = writeln!(text, "{:18} {played:>8} {musts:>8} {tolerated:>10} {failed:>8}", "all");
        let words: Vec<String> = told.iter().map(|(word, count)| format!("{count} {word}")).collect();
        if !words.is_empty() {
            let _written = writeln!(text, "wrong: {}", words.join(", "));
        }
        let judgements: u64 = self.seeds.iter().map(|seed| seed.judgements).sum();
        let time: Duration = self.seeds.iter().map(|seed| seed.time).sum();
        let _written = writeln!(
            text,
            "{judgements} judgements, {:.1} h of virtual time in {:.1} s",
            time.as_secs_f64() / 3_600.0,
            self.elapsed.as_secs_f64()
        );
        if let Some(seed) = self.failed().next() {
            let _written = writeln!(text, "first seed that failed: {}", seed.seed);
        }
        text
    }
}
