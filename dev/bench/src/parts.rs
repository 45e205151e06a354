//! This executable as the programs of a measurement: it executes itself as the server, an agent, a hostile client, scrapers of
//! metrics, a server of nothing, or a process that only sleeps.

use std::path::PathBuf;
use std::process::ExitCode;

use lab::Program;
use tokio::runtime::Builder;

use crate::attack::{attacker, dummy};
use crate::problem::Problem;
use crate::scrape::scrapers;

/// First argument of a server.
const SERVER: &str = "__server";
/// First argument of an agent.
const AGENT: &str = "__agent";
/// First argument of a hostile client.
const ATTACKER: &str = "__attacker";
/// First argument of a server of nothing.
const DUMMY: &str = "__dummy";
/// First argument of scrapers.
const SCRAPERS: &str = "__scrapers";
/// First argument of a process that only sleeps.
const SLEEPER: &str = "__sleeper";

/// Plays the part that the arguments name; `None` when they name none.
pub(crate) fn play() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next()?.as_str() {
        SERVER => Some(meshvane_server::main_from_env()),
        AGENT => Some(meshvane_agent::main_from_env()),
        ATTACKER => Some(attacker::main(&arguments.next()?)),
        DUMMY => Some(dummy::main()),
        SCRAPERS => Some(scrapers::main(&arguments.next()?)),
        SLEEPER => Some(sleep()),
        _ => None,
    }
}

/// The server: this executable, unless another one is given.
pub(crate) fn server(other: Option<PathBuf>) -> Result<Program, Problem> {
    other.map_or_else(|| itself(SERVER), |path| Ok(Program { path, args: Vec::new() }))
}

/// An agent: this executable, unless another one is given.
pub(crate) fn agent(other: Option<PathBuf>) -> Result<Program, Problem> {
    other.map_or_else(|| itself(AGENT), |path| Ok(Program { path, args: Vec::new() }))
}

/// A process with the runtime of server and agent that waits for nothing: what no program of ours can stay below.
pub(crate) fn sleeper() -> Result<Program, Problem> {
    itself(SLEEPER)
}

/// A hostile client that follows these orders, at the lowest priority: its work must not be what slows others.
pub(crate) fn attacker(orders: &str) -> Result<Program, Problem> {
    Ok(at_lowest_priority(itself(ATTACKER)?, orders))
}

/// Scrapers of metrics that follow these orders, at the lowest priority.
pub(crate) fn scrapers(orders: &str) -> Result<Program, Problem> {
    Ok(at_lowest_priority(itself(SCRAPERS)?, orders))
}

fn at_lowest_priority(Program { path, args }: Program, orders: &str) -> Program {
    let nice = ["-n", "19"].map(Into::into).into_iter().chain([path.into_os_string()]);
    Program { path: "/usr/bin/nice".into(), args: nice.chain(args).chain([orders.into()]).collect() }
}

/// A server that takes connections and answers every request with nothing.
pub(crate) fn dummy() -> Result<Program, Problem> {
    itself(DUMMY)
}

fn itself(part: &str) -> Result<Program, Problem> {
    let path = std::env::current_exe().map_err(Problem::system("finding this executable"))?;
    Ok(Program { path, args: vec![part.into()] })
}

fn sleep() -> ExitCode {
    let Ok(runtime) = Builder::new_current_thread().enable_all().build() else {
        return ExitCode::FAILURE;
    };
    // It ends by the signal of the cluster that started it.
    runtime.block_on(std::future::pending())
}
