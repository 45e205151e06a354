//! What an idle mesh costs: see [`bench::idle`].

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::idle::main()
}
