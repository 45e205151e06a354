//! Whether a healthy mesh stays quiet: see [`bench::calm`].

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::calm::main()
}
