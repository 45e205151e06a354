//! The command line.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;
use lab::Scenario;

use crate::expect;

/// Fewest nodes: a mesh of one has nothing to measure.
const NODES_MIN: i64 = 2;
/// Most nodes: the table of two planes still fits a terminal, and the agents a small machine.
const NODES_MAX: i64 = 12;
/// Longest hold of a fault, in seconds: an hour, after which a lost member would be forgotten.
const HOLD_MAX_SECONDS: i64 = 3600;
/// Columns of the list for a scenario's name: the longest has 29 letters.
const NAME_WIDTH: usize = 31;

/// Runs a server and several agents on this machine and shows the mesh that they measure.
///
/// Everything lives in network namespaces of its own, without root too, and is gone when the program ends. Where
/// namespaces are forbidden it runs on loopback addresses and says so.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "demo")]
pub(crate) struct Cli {
    /// How many nodes.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u8).range(NODES_MIN..=NODES_MAX))]
    pub(crate) nodes: u8,
    /// Break something once the mesh is full, mend it later; --list names what there is.
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Option<Scenario>,
    /// List the scenarios and what each should make the server find, and leave.
    #[arg(long)]
    pub(crate) list: bool,
    /// Port of the API on 127.0.0.1 [default: 8080, or the next free one].
    #[arg(long, value_name = "P", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) port: Option<u16>,
    /// How long the fault of a scenario lasts.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=HOLD_MAX_SECONDS.unsigned_abs()))]
    pub(crate) hold: u64,
    /// Leave when the scenario is over, or without one when the mesh is full: 0 when all went as it should, else 1.
    #[arg(long)]
    pub(crate) once: bool,
    /// Use loopback addresses even where namespaces are allowed; faults of the network cannot be shown there.
    #[arg(long)]
    pub(crate) loopback: bool,
    /// Copy the logs of server and agents into this directory at the end.
    #[arg(long, value_name = "DIR")]
    pub(crate) logs: Option<PathBuf>,
}

impl Cli {
    /// Says why this cannot be played, if it cannot.
    pub(crate) fn problem(&self) -> Option<String> {
        let scenario = self.scenario?;
        let least = expect::least_nodes(scenario);
        (self.nodes < least)
            .then(|| format!("--nodes {}: scenario {scenario} needs at least {least}", self.nodes))
    }

    /// How long the fault of a scenario lasts.
    pub(crate) fn hold(&self) -> Duration {
        Duration::from_secs(self.hold)
    }
}

/// The answer to `--list` for a mesh of this many nodes.
pub(crate) fn list(nodes: u8) -> String {
    let mut text = String::from(
        "scenarios; the victim is node-2, with node-3 where there are two, or its zone, or the service\n",
    );
    for scenario in Scenario::ALL {
        let expected = expect::finding(scenario, nodes).map_or_else(
            || "finds nothing: none may open".to_owned(),
            |expected| format!("finds {expected}"),
        );
        let (name, about) = (scenario.name(), scenario.description());
        // Writing to a string cannot fail.
        let _written = write!(text, "\n  {name:<NAME_WIDTH$}{about}\n  {:<NAME_WIDTH$}{expected}\n", "");
    }
    text
}

#[cfg(test)]
mod tests;
