//! How long each case took to be named.

use std::sync::Mutex;
use std::time::Duration;

static TIMES: Mutex<Vec<(&str, Duration)>> = Mutex::new(Vec::new());

/// Keeps the time of a case.
pub(super) fn record(case: &'static str, took: Duration) {
    TIMES.lock().unwrap().push((case, took));
}

/// Prints them all, the slowest first, if there are any.
pub(crate) fn print() {
    let mut times = TIMES.lock().unwrap().clone();
    if times.is_empty() {
        return;
    }
    times.sort_unstable_by_key(|(_, took)| std::cmp::Reverse(*took));
    let median = times[times.len() / 2].1.as_secs_f64();
    println!("time to name, of {} cases (median {median:.1} s):", times.len());
    for (case, took) in times {
        println!("{case:44} {:5.1}", took.as_secs_f64());
    }
}
