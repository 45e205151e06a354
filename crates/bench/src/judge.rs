//! What judging a large mesh takes: the server's judge on a mesh of values with fifty faults, beside one plain pass over the
//! marks of the same matrix.
//!
//! Memory is the growth of the process's resident high-water mark (`VmHWM` of proc(5)) over what was resident before, with the
//! mark set back by `clear_refs`. A counting allocator would be exact, but is written with `unsafe`, which this workspace
//! denies. Memory that the allocator kept from the filling would hide some of it; so the filling's large buffers, which the
//! allocator gives back, are the only ones, and the first judgement is the one that is measured.

mod fill;
mod memory;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use meshvane_server::mesh::diagnose::{Diagnosis, FindingKey, diagnose};
use meshvane_server::mesh::observe::{Mark, Observed, observe};

use crate::clock::Stopwatch;
use crate::faults::compare::{Verdict, compare, describe};
use crate::faults::expect::expect;
use crate::faults::fault::{Fault, Mesh};
use crate::figures::{median, megabytes, milliseconds, table};
use crate::problem::Problem;
use crate::start::{self, Findings, say};
use fill::Sharing;

/// The judge's time.
const TIME_MAX: Duration = Duration::from_millis(300);
/// The judge's memory beyond the matrix.
const MEMORY_MAX_BYTES: u64 = 100_000_000;
/// Runs of which the median counts.
const RUNS: usize = 5;
/// Below it the faults have no room.
const NODES_MIN: u16 = 200;
/// The largest mesh that is promised.
const NODES_MAX: u16 = 5_000;

/// Measures what judging a large mesh takes, beside a plain pass over it.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "judge")]
struct Cli {
    /// How many nodes.
    #[arg(long, value_name = "N", default_value_t = NODES_MAX, value_parser = clap::value_parser!(u16).range(i64::from(NODES_MIN)..=i64::from(NODES_MAX)))]
    nodes: u16,
    /// Nodes that see the same share one row: 5,000 of their own take 1.2 GB.
    #[arg(long)]
    shared_rows: bool,
}

/// Runs the program.
pub fn main() -> ExitCode {
    start::alone(measure)
}

fn measure(cli: &Cli) -> Result<Findings, Problem> {
    let nodes = usize::from(cli.nodes);
    let mesh = Mesh { nodes, zones: (0..nodes).map(|node| Some(crate::model::zone(node % 3))).collect() };
    let faults = fill::faults(nodes);
    let sharing = if cli.shared_rows { Sharing::Shared } else { Sharing::Own };
    let snapshot = fill::fill(&mesh, &faults, sharing);
    say(&format!("{nodes} nodes, {} targets, {} faults", snapshot.plan.targets.len(), faults.len()));
    let clock = Stopwatch::start();
    let observed = observe(&snapshot);
    say(&format!("observed in {} ms", milliseconds(clock.elapsed())));

    let before = memory::reset()?;
    let mut judged = vec![timed(|| diagnose(&observed))];
    let grown = memory::peak()?.saturating_sub(before);
    judged.extend((1..RUNS).map(|_| timed(|| diagnose(&observed))));
    let passes: Vec<(u64, Duration)> = (0..RUNS).map(|_| timed(|| pass(&observed))).collect();

    let judging = middle(&judged);
    let passing = middle(&passes);
    let marks = passes.first().map_or(0, |(silent, _)| *silent);
    let mut broken = right(&mesh, &faults, judged.first().map(|(diagnosis, _)| diagnosis));
    if judging > TIME_MAX {
        let (is, may) = (milliseconds(judging), milliseconds(TIME_MAX));
        broken.push(format!("judging takes {is} ms, {may} are promised"));
    }
    if grown > MEMORY_MAX_BYTES {
        let (is, may) = (megabytes(grown), megabytes(MEMORY_MAX_BYTES));
        broken.push(format!("judging takes {is} MB beyond the matrix, {may} are promised"));
    }
    let all = |times: Vec<Duration>| times.into_iter().map(milliseconds).collect::<Vec<_>>().join(" ");
    let rows = [
        ["", "median ms", "promise", "MB", "promise", "runs, ms"].map(str::to_owned).to_vec(),
        vec![
            "judge".to_owned(),
            milliseconds(judging),
            milliseconds(TIME_MAX),
            megabytes(grown),
            megabytes(MEMORY_MAX_BYTES),
            all(judged.iter().map(|(_, time)| *time).collect()),
        ],
        vec![
            "plain pass".to_owned(),
            milliseconds(passing),
            String::new(),
            String::new(),
            String::new(),
            all(passes.iter().map(|(_, time)| *time).collect()),
        ],
    ];
    let ratio = judging.as_secs_f64() / passing.as_secs_f64().max(f64::MIN_POSITIVE);
    let matrix = 2 * observed.icmp.rows() * observed.icmp.columns();
    let text = format!(
        "{}judge / plain pass: {ratio:.1}; the matrix has {} MB and {marks} silent marks\n",
        table(&rows),
        megabytes(u64::try_from(matrix).unwrap_or(u64::MAX)),
    );
    Ok(Findings { text, broken })
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let clock = Stopwatch::start();
    let made = work();
    (made, clock.elapsed())
}

fn middle<T>(runs: &[(T, Duration)]) -> Duration {
    let nanos: Vec<u64> =
        runs.iter().map(|(_, time)| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)).collect();
    Duration::from_nanos(median(&nanos).unwrap_or(0))
}

/// The baseline: counts the silent marks.
fn pass(observed: &Observed<'_>) -> u64 {
    let mut silent = 0;
    for marks in [&observed.icmp, &observed.tcp] {
        for row in 0..marks.rows() {
            let of_row = marks.row(row).iter().filter(|mark| **mark == Mark::Silent).count();
            silent += u64::try_from(of_row).unwrap_or(u64::MAX);
        }
    }
    std::hint::black_box(silent)
}

/// A fast judge that is wrong is of no use.
fn right(mesh: &Mesh, faults: &[Fault], diagnosis: Option<&Diagnosis>) -> Vec<String> {
    let Some(diagnosis) = diagnosis else { return vec!["nothing was judged".to_owned()] };
    let expected: Vec<FindingKey> = faults.iter().flat_map(|fault| expect(mesh, fault)).collect();
    let involved: BTreeSet<usize> = faults.iter().flat_map(|fault| fault.nodes(mesh)).collect();
    match compare(&expected, &involved, diagnosis) {
        Verdict::Exact => Vec::new(),
        verdict @ (Verdict::Missed | Verdict::WrongOnHealthy | Verdict::Misnamed) => {
            let difference = describe(0, "all of them", &expected, diagnosis);
            vec![format!("the faults are not named exactly ({verdict:?}): {difference}")]
        }
    }
}
