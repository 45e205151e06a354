//! The commands.

use std::ops::Range;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::diary;
use crate::incident::{Circumstance, Incident, Wish};
use crate::output::say;
use crate::record;
use crate::survey::{self, Survey};

/// Plays incidents in virtual time and holds the findings to an oracle.
#[derive(Debug, Parser)]
#[command(name = "sim")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Plays the incidents of some seeds; exit code 1 and the first seed that failed when one did.
    Run {
        #[command(flatten)]
        seeds: Seeds,
        #[command(flatten)]
        wish: Wishes,
        /// Stops beginning new seeds after so many seconds.
        #[arg(long, value_name = "SECONDS")]
        seconds: Option<u64>,
        /// Lists every seed that failed with what went wrong, not only the first ones of each kind.
        #[arg(long)]
        all: bool,
    },
    /// Plays one seed and tells what broke, what agents saw, and what opened and closed when.
    Replay {
        /// The seed.
        seed: u64,
        #[command(flatten)]
        wish: Wishes,
    },
    /// Plays incidents and writes the findings of each with their times into a file.
    Record {
        /// The file.
        file: PathBuf,
        #[command(flatten)]
        seeds: Seeds,
        #[command(flatten)]
        wish: Wishes,
    },
    /// Plays the incidents of a record again and shows what differs; exit code 1 when something does.
    Compare {
        /// The file.
        file: PathBuf,
    },
    /// Plays seed after seed for so long, and prints each that fails.
    Search {
        /// How long, in seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        seconds: u64,
        /// The first seed.
        #[arg(long, value_name = "SEED", default_value_t = 1)]
        first: u64,
        #[command(flatten)]
        wish: Wishes,
    },
}

/// Which seeds.
#[derive(Debug, Clone, Copy, Args)]
struct Seeds {
    /// How many seeds.
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    seeds: u64,
    /// The first one; the next one is one more.
    #[arg(long, value_name = "SEED", default_value_t = 1)]
    first: u64,
}

impl Seeds {
    fn range(self) -> Range<u64> {
        self.first..self.first.saturating_add(self.seeds)
    }
}

/// What is fixed of what is drawn.
#[derive(Debug, Clone, Copy, Args)]
struct Wishes {
    /// Only incidents of this kind.
    #[arg(long, value_name = "KIND", value_parser = circumstance)]
    kind: Option<Circumstance>,
    /// Share of packets between nodes that are lost, each way, in percent.
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=20))]
    loss: Option<u8>,
    /// Nodes of each mesh.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
    nodes: Option<u16>,
}

impl Wishes {
    fn wish(self) -> Wish {
        Wish {
            circumstance: self.kind,
            loss: self.loss.map(|percent| f64::from(percent) / 100.0),
            nodes: self.nodes.map(usize::from),
        }
    }
}

fn circumstance(text: &str) -> Result<Circumstance, String> {
    Circumstance::named(text).ok_or_else(|| {
        let names = Circumstance::ALL.map(Circumstance::as_str);
        format!("accepted are {}", names.join(", "))
    })
}

/// Does what the arguments ask for.
pub(crate) fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Run { seeds, wish, seconds, all } => {
            let limit = seconds.map(Duration::from_secs);
            let survey = survey::survey(seeds.first, Some(seeds.seeds), limit, wish.wish());
            say(&survey.text(all));
            survey.exit()
        }
        Command::Replay { seed, wish } => {
            say(&diary::diary(&Incident::draw(seed, wish.wish())));
            ExitCode::SUCCESS
        }
        Command::Record { file, seeds, wish } => record::record(&file, seeds.range(), wish.wish())
            .map_or_else(|error| failed(&error), |text| done(&text, ExitCode::SUCCESS)),
        Command::Compare { file } => record::compare(&file).map_or_else(
            |error| failed(&error),
            |(text, same)| done(&text, if same { ExitCode::SUCCESS } else { ExitCode::FAILURE }),
        ),
        Command::Search { seconds, first, wish } => {
            let survey: Survey = survey::survey(first, None, Some(Duration::from_secs(seconds)), wish.wish());
            say(&survey.text(true));
            survey.exit()
        }
    }
}

fn done(text: &str, code: ExitCode) -> ExitCode {
    say(text);
    code
}

fn failed(error: &str) -> ExitCode {
    say(&format!("sim: {error}\n"));
    ExitCode::from(2)
}
