//! The lab on a real kernel, in a sandbox of its own: `main` enters it before the first thread.
//!
//! Where namespaces are refused the run fails with the reason; it never passes without having run.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "all of this is test code, which the lints know only by the attributes of the usual harness"
)]

mod faults;
mod names;
mod packets;
mod plays;
mod processes;
mod reach;
mod sandboxes;
mod topology;

use std::process::ExitCode;

use lab::sandbox::{self, Entry};
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let [first, play, rest @ ..] = words.as_slice()
        && first == plays::PLAY
    {
        return plays::play(play, rest);
    }
    match sandbox::enter(None) {
        Ok(Entry::Finished(code)) => code,
        Ok(Entry::Inside(_)) => libtest_mimic::run(&Arguments::from_args(), trials()).exit_code(),
        Err(refused) => {
            eprintln!("the lab cannot run here: {refused}");
            ExitCode::FAILURE
        }
    }
}

/// Tests with their names.
type Tests = &'static [(&'static str, fn())];

fn trials() -> Vec<Trial> {
    let all: [Tests; 6] =
        [topology::TESTS, processes::TESTS, faults::TESTS, packets::TESTS, names::TESTS, sandboxes::TESTS];
    all.into_iter()
        .flatten()
        .map(|(name, test)| {
            Trial::test(*name, || {
                test();
                Ok(())
            })
        })
        .collect()
}
