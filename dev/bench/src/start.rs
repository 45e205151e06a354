//! From the command line to the exit code, the same for each program.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::ExitCode;

use clap::Parser;
use lab::sandbox::{self, Entry};
use lab::{Cluster, Environment};
use tokio::runtime::Builder;

use crate::machine;
use crate::parts;
use crate::problem::Problem;

/// The token that agents, clients and the server share.
pub(crate) const TOKEN: &str = "bench-token-of-the-agents";
/// The exit code of a wrong argument, as clap has it.
const WRONG_ARGUMENT: u8 = 2;

/// What a program found.
#[derive(Debug)]
pub(crate) struct Findings {
    /// The figures, as text.
    pub(crate) text: String,
    /// The promises that were not kept, each a sentence.
    pub(crate) broken: Vec<String>,
}

/// Runs a program in a sandbox of its own.
pub(crate) fn main<Arguments: Parser>(
    measure: impl AsyncFnOnce(Arguments) -> Result<Findings, Problem>,
) -> ExitCode {
    if let Some(code) = parts::play() {
        return code;
    }
    let arguments: Arguments = match parse() {
        Ok(arguments) => arguments,
        Err(code) => return code,
    };
    match sandbox::enter(None) {
        Ok(Entry::Finished(code)) => code,
        Ok(Entry::Inside(_)) => inside(measure(arguments)),
        Err(refused) => fail(&refused),
    }
}

/// Runs a program that needs no network: it models one, or computes.
pub(crate) fn alone<Arguments: Parser>(
    measure: impl FnOnce(&Arguments) -> Result<Findings, Problem>,
) -> ExitCode {
    match parse() {
        Ok(arguments) => {
            say(&machine::state("before"));
            let found = measure(&arguments);
            say(&machine::state("after"));
            end(found)
        }
        Err(code) => code,
    }
}

fn parse<Arguments: Parser>() -> Result<Arguments, ExitCode> {
    Arguments::try_parse().map_err(|error| {
        // When even standard error is closed, the exit code is all that is left to say.
        let _unheard = error.print();
        ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(WRONG_ARGUMENT))
    })
}

fn inside(measuring: impl Future<Output = Result<Findings, Problem>>) -> ExitCode {
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error),
    };
    say(&machine::state("before"));
    let found = runtime.block_on(measuring);
    say(&machine::state("after"));
    end(found)
}

fn end(found: Result<Findings, Problem>) -> ExitCode {
    match found {
        Ok(found) => conclude(&found),
        Err(problem) => fail(&problem),
    }
}

fn conclude(found: &Findings) -> ExitCode {
    say(&format!("\n{}", found.text));
    for broken in &found.broken {
        say(&format!("BROKEN: {broken}"));
    }
    if found.broken.is_empty() {
        say("every promise was kept");
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Prints a line.
pub(crate) fn say(line: &str) {
    // Nobody reads: the exit code still says how it went.
    let _unheard = writeln!(io::stdout(), "{line}");
}

fn fail(problem: &dyn std::fmt::Display) -> ExitCode {
    let _unheard = writeln!(io::stderr(), "nothing was measured: {problem}");
    ExitCode::FAILURE
}

/// What server and agents are told beside what the lab tells them: the file with the token, which this makes.
pub(crate) fn environment(cluster: &Cluster) -> Result<Environment, Problem> {
    let path = cluster.log_dir().join("token");
    let mut options = std::fs::OpenOptions::new();
    let written = options.write(true).create_new(true).mode(0o600).open(&path);
    written
        .and_then(|mut file| writeln!(file, "{TOKEN}"))
        .map_err(Problem::system(format!("writing {}", path.display())))?;
    Ok(Environment::new().with("MESHVANE_TOKEN_FILE", &path))
}
