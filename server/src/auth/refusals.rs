//! How often refusals are logged: an agent with a wrong token tries every few seconds, an attacker as often as it can.

use std::net::IpAddr;
use std::time::Duration;

use meshvane_shared::address::source_of;
use runtime::{LogLimit, LogRate};

use super::Refused;
use crate::mesh::time::Moment;

/// A refusal of one kind from one source is logged once in this time: often enough to see a wrong token at once.
pub const REFUSALS_LOGGED_EVERY: Duration = Duration::from_secs(10);
/// Refusals that are logged in that time in all: several causes side by side are seen, and a flood from many sources writes a
/// line a second.
pub const REFUSALS_LOGGED_MAX: u32 = 10;

/// Decides which refusals are logged, and counts the others.
#[derive(Debug)]
pub struct RefusalLog {
    limit: LogLimit<(Refused, IpAddr)>,
}

impl Default for RefusalLog {
    fn default() -> Self {
        let rate = LogRate { period: REFUSALS_LOGGED_EVERY, of_one: 1, in_all: REFUSALS_LOGGED_MAX };
        Self { limit: LogLimit::new(rate) }
    }
}

impl RefusalLog {
    /// Takes note of a refusal. Returns how many went unlogged before it when this one should be logged.
    pub fn note(&mut self, refused: Refused, source: IpAddr, now: Moment) -> Option<u64> {
        self.limit.note((refused, source_of(source)), now.since(Moment::default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_logged_once_for_each_kind_and_source_and_the_others_are_counted() {
        let mut log = RefusalLog::default();
        let (wrong, absent) = (Refused::WrongToken, Refused::WriterWithoutToken);
        for (refused, source, millis, expected) in [
            (wrong, "10.0.0.1", 0, Some(0)),
            (wrong, "10.0.0.1", 1, None),
            (wrong, "::ffff:10.0.0.1", 2, None),
            (absent, "10.0.0.1", 3, Some(2)),
            (wrong, "2001:db8::1", 4, Some(0)),
            (wrong, "2001:db8::2", 5, None),
            (wrong, "2001:db8:0:1::1", 6, Some(1)),
            (wrong, "10.0.0.1", 9_999, None),
            (wrong, "10.0.0.1", 10_000, Some(1)),
        ] {
            let noted = log.note(refused, source.parse().unwrap(), Moment::from_millis(millis));
            assert_eq!(noted, expected, "{refused:?} from {source} at {millis}");
        }
    }

    #[test]
    fn a_flood_from_many_sources_is_logged_in_few_lines() {
        let mut log = RefusalLog::default();
        let now = Moment::from_millis(1);
        let logged = (0..10_000_u32).filter(|number| {
            log.note(Refused::WrongToken, IpAddr::from(number.to_be_bytes()), now).is_some()
        });
        assert_eq!(logged.count(), REFUSALS_LOGGED_MAX as usize);
    }
}
