//! Whether a healthy mesh stays quiet: agents' schedules in a world whose packets are lost at random, with nothing broken.
//!
//! The schedules are the agent's own, and the server's rule of who looks at a suspect asks them as it would. Time is a number:
//! ten million probes take a minute of ours and days of theirs. A world that loses a fifth of all packets each way runs beside
//! it. There false verdicts are frequent, so it shows that they are as rare as the arithmetic says, which their absence cannot.

mod judge;
mod network;
mod world;

use std::process::ExitCode;

use clap::Parser;

use crate::clock::Stopwatch;
use crate::problem::Problem;
use crate::start::{self, Findings, say};
use judge::Part;
use network::Network;
use world::{Tally, World};

/// Independent meshes, so that more than one core has work; fixed, so that a seed means the same on every machine.
const WORLDS: u8 = 4;
/// Loss of the world that checks the arithmetic, each way.
const CHECK_LOSS: f64 = 0.2;
/// Its share of the probes.
const CHECK_SHARE: u64 = 10;

/// Counts what healthy probes with random loss make agents say.
#[derive(Debug, Clone, PartialEq, Parser)]
#[command(name = "calm")]
struct Cli {
    /// How many probes.
    #[arg(long, value_name = "N", default_value_t = 10_000_000, value_parser = clap::value_parser!(u64).range(1_000..=1_000_000_000))]
    probes: u64,
    /// Share of packets that are lost, each way.
    #[arg(long, value_name = "SHARE", default_value_t = 0.01, value_parser = share)]
    loss: f64,
    /// Share of echo replies that are late: they come after the soft limit and before the hard one.
    #[arg(long, value_name = "SHARE", default_value_t = 0.0, value_parser = share)]
    late: f64,
    /// Nodes in each of four meshes.
    #[arg(long, value_name = "N", default_value_t = 21, value_parser = clap::value_parser!(u8).range(2..=100))]
    nodes: u8,
    /// Nobody is asked to look at a suspect.
    #[arg(long)]
    no_looks: bool,
    /// Seeds everything that is drawn.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=0.5).contains(&share) => Ok(share),
        _ => Err("a share from 0 to 0.5 is accepted".to_owned()),
    }
}

/// Runs the program.
pub fn main() -> ExitCode {
    start::alone(measure)
}

fn measure(cli: &Cli) -> Result<Findings, Problem> {
    let calm = Network { loss: cli.loss, late: cli.late };
    let check = Network { loss: CHECK_LOSS, late: 0.0 };
    say(&format!("{} probes of {WORLDS} meshes of {} nodes, seed {}", cli.probes, cli.nodes, cli.seed));
    let clock = Stopwatch::start();
    let calm = Part { network: calm, tally: run(cli, calm, cli.probes)? };
    let check = Part { network: check, tally: run(cli, check, cli.probes / CHECK_SHARE)? };
    Ok(judge::judge(&calm, &check, clock.elapsed()))
}

/// Runs all worlds and adds up what they saw.
fn run(cli: &Cli, network: Network, probes: u64) -> Result<Tally, Problem> {
    let each = probes.div_ceil(u64::from(WORLDS));
    let play = |number: u8| {
        let seed = cli.seed.wrapping_mul(u64::from(WORLDS)).wrapping_add(u64::from(number));
        let mut world = World::new(usize::from(cli.nodes), network, !cli.no_looks, seed);
        world.run(each);
        world.into_tally()
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..WORLDS).map(|number| scope.spawn(move || play(number))).collect();
        let mut sum = Tally::default();
        for thread in threads {
            let tally = thread.join().map_err(|_| Problem::NotThere("a world has panicked".to_owned()))?;
            sum.add(tally);
        }
        Ok(sum)
    })
}
