//! The time that the processor gave to this thread.

use std::fs;
use std::time::Duration;

use crate::problem::Problem;

/// How long this thread ran so far (proc(5): the first number of `schedstat`, in nanoseconds).
pub(super) fn worked() -> Result<Duration, Problem> {
    const FILE: &str = "/proc/thread-self/schedstat";
    let text = fs::read_to_string(FILE).map_err(Problem::system("reading /proc/thread-self/schedstat"))?;
    let nanos = text.split_whitespace().next().and_then(|first| first.parse().ok());
    nanos.map(Duration::from_nanos).ok_or_else(|| Problem::NotThere(format!("{FILE} has no number")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_takes_time() {
        let before = worked().unwrap();
        let sum = (0..20_000_000_u64).fold(0, |sum, number| std::hint::black_box(sum ^ number));
        std::hint::black_box(sum);
        assert!(worked().unwrap() > before);
    }
}
