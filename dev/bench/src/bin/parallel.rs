//! What the server carries: see [`bench::parallel`].

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::parallel::main()
}
