//! The test binary as the programs under test: it executes itself anew as the server or an agent, so a test needs no
//! other file and can be copied elsewhere.

use std::process::ExitCode;

use lab::Program;

/// First argument of a server.
const SERVER: &str = "__server";
/// First argument of an agent.
const AGENT: &str = "__agent";

/// Runs the program that the arguments ask for; `None` when they ask for the tests.
pub fn run_as_told() -> Option<ExitCode> {
    match std::env::args().nth(1)?.as_str() {
        SERVER => Some(meshvane_server::main_from_env()),
        AGENT => Some(meshvane_agent::main_from_env()),
        _ => None,
    }
}

/// The server.
pub fn server() -> Program {
    itself(SERVER)
}

/// An agent.
pub fn agent() -> Program {
    itself(AGENT)
}

fn itself(role: &str) -> Program {
    Program { path: std::env::current_exe().unwrap(), args: vec![role.into()] }
}
