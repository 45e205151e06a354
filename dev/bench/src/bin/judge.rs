//! What judging a large mesh takes: see [`bench::judge`].

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::judge::main()
}
