//! The server's program; all of it is in the library, so that other programs can run it as well.

use std::process::ExitCode;

fn main() -> ExitCode {
    meshvane_server::main_from_arguments()
}
