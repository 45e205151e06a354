//! The test binary as the programs under test: it executes itself anew as the server or an agent, so a test needs no
//! other file and can be copied elsewhere.

use std::path::Path;
use std::process::ExitCode;

use lab::Program;

use crate::kubernetes;

/// First argument of a server.
const SERVER: &str = "__server";
/// First argument of an agent.
const AGENT: &str = "__agent";

/// First argument of a server that Kubernetes vouches for agents to; the second names the file with what Kubernetes knows.
const SERVER_IN_KUBERNETES: &str = "__server-in-kubernetes";

/// Runs the program that the arguments ask for; `None` when they ask for the tests.
pub fn run_as_told() -> Option<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next()?.as_str() {
        SERVER => Some(meshvane_server::main_from_env()),
        AGENT => Some(meshvane_agent::main_from_env()),
        SERVER_IN_KUBERNETES => Some(kubernetes::main(Path::new(&arguments.next()?))),
        _ => None,
    }
}

/// The server.
pub fn server() -> Program {
    itself(SERVER)
}

/// A server to which Kubernetes vouches for agents; the file says what Kubernetes knows.
pub fn server_in_kubernetes(known: &Path) -> Program {
    let mut program = itself(SERVER_IN_KUBERNETES);
    program.args.push(known.into());
    program
}

/// An agent.
pub fn agent() -> Program {
    itself(AGENT)
}

fn itself(role: &str) -> Program {
    Program { path: std::env::current_exe().unwrap(), args: vec![role.into()] }
}
