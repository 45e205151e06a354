//! Whether every fault gets its right name and nothing else does: random faults in meshes that are only values, filled as the
//! agents would fill them, judged by the server's own judge.
//!
//! ```text
//!   seed ─> mesh and fault ─> what each cell would show ─> rows, members ─> observe, diagnose ─┐
//!                      └────> what the design calls it ─────────────────────────────────────────┴> right?
//! ```
//!
//! Most faults are judged 12 s after they began, one that needs the loss of an agent after 21 s. What is held back then is judged
//! again as a server does, twice a second, until something is said, at most 3 s later. The first that is said counts.

pub(crate) mod compare;
mod draw;
pub(crate) mod expect;
pub(crate) mod fault;
pub(crate) mod fill;
mod tally;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use meshvane_server::mesh::diagnose::diagnose;
use meshvane_server::mesh::observe::observe;
use meshvane_server::mesh::time::PULSE;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;

use crate::clock::Stopwatch;
use crate::problem::Problem;
use crate::start::{self, Findings, say};
use compare::Verdict;
use draw::Kind;
use tally::Tally;

/// So long a fault may be held back after the moment at which it is judged first.
const WAIT_MAX: Duration = Duration::from_secs(3);

/// Draws faults from a seed and counts how the judge names them.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "faults")]
struct Cli {
    /// How many faults.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    faults: u64,
    /// Seed of the first one; the next one has the next seed.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Only faults of this kind.
    #[arg(long, value_name = "KIND", value_parser = Kind::parse)]
    only: Option<Kind>,
    /// In a hundred healthy cells, so many are suspect or old.
    #[arg(long, value_name = "PERCENT", default_value_t = 1, value_parser = clap::value_parser!(u8).range(0..=20))]
    noise: u8,
}

/// Runs the program.
pub fn main() -> ExitCode {
    start::alone(measure)
}

#[expect(clippy::unnecessary_wraps, reason = "every program may fail to measure; this one has no way to")]
fn measure(cli: &Cli) -> Result<Findings, Problem> {
    say(&format!("{} faults from seed {}, noise {} %", cli.faults, cli.seed, cli.noise));
    let clock = Stopwatch::start();
    let mut tally = Tally::default();
    for seed in (cli.seed..).take(usize::try_from(cli.faults).unwrap_or(usize::MAX)) {
        let mut random = SmallRng::seed_from_u64(seed);
        let kind = cli.only.unwrap_or_else(|| Kind::draw(&mut random));
        let (mesh, fault) = draw::draw(kind, &mut random);
        let mut filled = fill::fill(&mesh, &fault, f64::from(cli.noise) / 100.0, &mut random);
        let expected = expect::expect(&mesh, &fault);
        let mut waited = Duration::ZERO;
        let (diagnosis, verdict) = loop {
            let diagnosis = diagnose(&observe(&filled.snapshot));
            let verdict = compare::compare(&expected, &fault.nodes(&mesh), &diagnosis);
            if verdict != Verdict::Missed || waited >= WAIT_MAX {
                break (diagnosis, verdict);
            }
            filled.wait(PULSE);
            waited += PULSE;
        };
        let described = (!verdict.is_exact()).then(|| {
            let what = format!("{} nodes, {} zones, {fault:?}", mesh.nodes, mesh.zones_used());
            compare::describe(seed, &what, &expected, &diagnosis)
        });
        tally.add(kind, verdict, waited, described);
        tally.compare(filled.failing_cells, diagnosis.findings.len());
    }
    Ok(tally.judge(clock.elapsed()))
}
