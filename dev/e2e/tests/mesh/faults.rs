//! Every fault gets its right name, and ordinary life gets none: tables of cases, and one runner for each.
//!
//! ```text
//!   table   break it ─> exactly the expected findings ─> nothing else ever opened ─> mend it ─> none
//!   quiet   disturb it ─> for a minute none
//! ```
//! How long each took to be named is printed after the last test.

mod case;
mod clocks;
mod quiet;
mod runner;
mod services;
mod table;
mod times;

use e2e::harness;
use libtest_mimic::Trial;

pub(crate) use times::print as print_times;

/// One trial for each case.
pub(crate) fn trials() -> impl Iterator<Item = Trial> {
    let faults = table::CASES.iter().chain(services::CASES);
    let faults = faults.map(|case| trial("named", case.name, || harness::run(runner::play(case))));
    let quiet = quiet::CASES.iter().map(|case| trial("quiet", case.name, || harness::run(quiet::play(case))));
    faults.chain(quiet)
}

fn trial(table: &str, name: &str, play: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(format!("faults::{table}::{name}"), move || {
        play();
        Ok(())
    })
}
