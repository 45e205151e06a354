//! The agent's program. Everything is in the library, so that the demo and the tests can run it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    meshvane_agent::main_from_arguments()
}
