//! What judging a large mesh takes: the server's judge on a mesh of values, once with fifty faults and once cut in two halves,
//! beside one plain pass over the marks of the same matrix.
//!
//! Times are of the clock on the wall; the time that the processor gave stands beside them, as on a busy machine they differ.
//! Memory is the growth of the process's resident high-water mark (`VmHWM` of proc(5)) over what was resident before, with the
//! mark set back by `clear_refs`. A counting allocator would be exact, but is written with `unsafe`, which this workspace
//! denies. Memory that the allocator kept from the filling would hide some of it; so the filling's large buffers, which the
//! allocator gives back, are the only ones, and the first judgement is the one that is measured.

mod fill;
mod memory;
mod processor;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use meshvane_server::mesh::diagnose::{Diagnosis, FindingKey, diagnose};
use meshvane_server::mesh::observe::{Mark, Observed, observe};
use meshvane_server::mesh::snapshot::Snapshot;

use crate::clock::Stopwatch;
use crate::faults::compare::{Verdict, compare, describe};
use crate::faults::expect::expect;
use crate::faults::fault::{Fault, Mesh};
use crate::figures::{median, megabytes, milliseconds, table};
use crate::problem::Problem;
use crate::start::{self, Findings, say};
use fill::Sharing;

/// What a judgement may take.
#[derive(Debug, Clone, Copy)]
struct Promise {
    /// The judge's time.
    time: Duration,
    /// The judge's memory beyond the matrix.
    memory_bytes: u64,
}

/// Fifty faults at nodes of their own.
const FIFTY_FAULTS: Promise = Promise { time: Duration::from_millis(300), memory_bytes: 100_000_000 };
/// A cut through the middle: of 5,000 nodes, 12.5 million pairs fail.
const ZONE_CUT: Promise = Promise { time: Duration::from_secs(1), memory_bytes: 300_000_000 };
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
    /// Nodes that see the same share one row: 5,000 of their own take 1.2 GB, and 4 GB where half of the mesh fails.
    #[arg(long)]
    shared_rows: bool,
}

/// Runs the program.
pub fn main() -> ExitCode {
    start::alone(measure)
}

fn measure(cli: &Cli) -> Result<Findings, Problem> {
    let nodes = usize::from(cli.nodes);
    let sharing = if cli.shared_rows { Sharing::Shared } else { Sharing::Own };
    let mesh = |zone: &dyn Fn(usize) -> usize| Mesh {
        nodes,
        zones: (0..nodes).map(|node| Some(crate::model::zone(zone(node)))).collect(),
    };
    let heading =
        ["", "median ms", "promise", "processor ms", "MB", "promise", "plain pass ms", "ratio", "runs, ms"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let mut broken = Vec::new();
    let thirds = mesh(&|node| node % 3);
    let faults = fill::faults(nodes);
    let snapshot = fill::fill(&thirds, &faults, sharing);
    let subject = Subject { name: "50 faults", mesh: thirds, faults, snapshot, promise: FIFTY_FAULTS };
    rows.push(subject.measure(&mut broken)?);
    let halves = mesh(&|node| usize::from(node >= nodes / 2));
    let faults = fill::zone_cut(nodes);
    let snapshot = fill::fill_cut(&halves, &faults, sharing);
    let subject = Subject { name: "zone cut", mesh: halves, faults, snapshot, promise: ZONE_CUT };
    rows.push(subject.measure(&mut broken)?);
    Ok(Findings { text: table(&rows), broken })
}

/// What is judged.
struct Subject {
    name: &'static str,
    mesh: Mesh,
    faults: Vec<Fault>,
    snapshot: Snapshot,
    promise: Promise,
}

impl Subject {
    /// Judges it some times; gives a row of the table and adds what was not kept.
    fn measure(self, broken: &mut Vec<String>) -> Result<Vec<String>, Problem> {
        let Self { name, mesh, faults, snapshot, promise } = self;
        let clock = Stopwatch::start();
        let observed = observe(&snapshot);
        let marks = pass(&observed);
        say(&format!(
            "{name}: {} nodes, {} targets, {} faults, {marks} silent marks; observed in {} ms",
            mesh.nodes,
            snapshot.plan.targets.len(),
            faults.len(),
            milliseconds(clock.elapsed()),
        ));
        let before = memory::reset()?;
        let worked = processor::worked()?;
        let mut judged = vec![timed(|| diagnose(&observed))];
        let worked = processor::worked()?.saturating_sub(worked);
        let grown = memory::peak()?.saturating_sub(before);
        judged.extend((1..RUNS).map(|_| timed(|| diagnose(&observed))));
        let passes: Vec<(u64, Duration)> = (0..RUNS).map(|_| timed(|| pass(&observed))).collect();
        let (judging, passing) = (middle(&judged), middle(&passes));
        broken.extend(right(&mesh, &faults, judged.first().map(|(diagnosis, _)| diagnosis)));
        if judging > promise.time {
            let (is, may) = (milliseconds(judging), milliseconds(promise.time));
            broken.push(format!("{name}: judging takes {is} ms, {may} are promised"));
        }
        if grown > promise.memory_bytes {
            let (is, may) = (megabytes(grown), megabytes(promise.memory_bytes));
            broken.push(format!("{name}: judging takes {is} MB beyond the matrix, {may} are promised"));
        }
        let runs: Vec<String> = judged.iter().map(|(_, time)| milliseconds(*time)).collect();
        Ok(vec![
            name.to_owned(),
            milliseconds(judging),
            milliseconds(promise.time),
            milliseconds(worked),
            megabytes(grown),
            megabytes(promise.memory_bytes),
            milliseconds(passing),
            format!("{:.1}", judging.as_secs_f64() / passing.as_secs_f64().max(f64::MIN_POSITIVE)),
            runs.join(" "),
        ])
    }
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
