//! The whole program over the lab, in a sandbox that `main` enters before the first thread.
//!
//! Where namespaces are refused the run fails with the reason; it never passes without having run.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "all of this is test code, which the lints know only by the attributes of the usual harness"
)]

mod agents;
mod faults;
mod load;
mod nodes;
mod ordinary;
mod originals;
mod pauses;
mod planes;
mod restarts;
mod start;
mod translated;
mod unmeasured;

use std::process::ExitCode;

use e2e::harness;
use lab::sandbox::{self, Entry};
use libtest_mimic::{Arguments, Trial};

/// Meshes that run beside each other when the command line does not say: they wait most of the time, and five agents use a
/// hundredth of a core.
const AT_ONCE: usize = 10;

fn main() -> ExitCode {
    if let Some(code) = e2e::program::run_as_told() {
        return code;
    }
    match sandbox::enter(None) {
        Ok(Entry::Finished(code)) => code,
        Ok(Entry::Inside(_)) => {
            let mut arguments = Arguments::from_args();
            arguments.test_threads = arguments.test_threads.or(Some(AT_ONCE));
            let conclusion = libtest_mimic::run(&arguments, trials());
            faults::print_times();
            conclusion.exit_code()
        }
        Err(refused) => {
            eprintln!("the mesh cannot be tested here: {refused}");
            ExitCode::FAILURE
        }
    }
}

fn trials() -> Vec<Trial> {
    let all = [
        start::TESTS,
        nodes::TESTS,
        agents::TESTS,
        planes::TESTS,
        pauses::TESTS,
        restarts::TESTS,
        ordinary::TESTS,
        originals::TESTS,
        load::TESTS,
        translated::TESTS,
        unmeasured::TESTS,
    ];
    all.into_iter().flatten().map(harness::trial).chain(faults::trials()).collect()
}
