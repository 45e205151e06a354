//! How often refusals are logged: an agent with a wrong token knocks every few seconds, an attacker as often as it can.

use std::time::Duration;

use crate::mesh::time::Moment;

/// At most one refusal in this time is logged; the next one says how many there were. Often enough to see a wrong token
/// at once, and 8,640 lines a day at most.
pub const REFUSALS_LOGGED_EVERY: Duration = Duration::from_secs(10);

/// Counts what is not logged.
#[derive(Debug, Default)]
pub struct RefusalLog {
    logged: Option<Moment>,
    unlogged: u64,
}

impl RefusalLog {
    /// Takes note of a refusal. Returns how many went unlogged before it when this one should be logged.
    pub fn note(&mut self, now: Moment) -> Option<u64> {
        if self.logged.is_some_and(|logged| now.since(logged) < REFUSALS_LOGGED_EVERY) {
            self.unlogged += 1;
            return None;
        }
        self.logged = Some(now);
        Some(std::mem::take(&mut self.unlogged))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_refusal_in_ten_seconds_is_logged_and_the_others_are_counted() {
        let mut log = RefusalLog::default();
        let noted: Vec<_> = [0, 1, 9_999, 10_000, 10_001, 25_000]
            .map(|millis| log.note(Moment::from_millis(millis)))
            .to_vec();
        assert_eq!(noted, [Some(0), None, None, Some(2), None, Some(1)]);
    }
}
