//! Whether every fault gets its right name: see [`bench::faults`].

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::faults::main()
}
