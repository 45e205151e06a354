//! What hostile clients can break: see [`bench::attack`].

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::attack::main()
}
