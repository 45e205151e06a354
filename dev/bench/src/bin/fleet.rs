//! What a rollout costs the server's network: see [`bench::fleet`].

use std::process::ExitCode;

fn main() -> ExitCode {
    bench::fleet::main()
}
