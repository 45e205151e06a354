//! Sources that members' heartbeats come from, where clients show no identity (`MESHVANE_AUTH=none`).
//!
//! An agent's other connections say nothing about themselves there. Their source does, also behind a
//! translation of addresses, where no member names it.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use runtime::places::Source;

use crate::mesh::time::Moment;

/// Sources that are kept, the one that was quiet for longest going first: as many as members, each of which
/// has one.
const SOURCES_MAX: usize = 10_000;
/// A source counts for this long after its newest heartbeat: the longest time between two that an agent is
/// told.
const SOURCE_KEPT: Duration = Duration::from_hours(1);

/// The sources.
#[derive(Debug, Default)]
pub struct Vouched {
    // A std Mutex: held for a few steps in a tree and a map, never across an await.
    sources: Mutex<Sources>,
}

#[derive(Debug, Default)]
struct Sources {
    heard: HashMap<Source, Moment>,
    order: BTreeSet<(Moment, Source)>,
}

impl Vouched {
    /// A heartbeat from this address was accepted.
    pub fn note(&self, address: IpAddr, now: Moment) {
        self.sources().note(Source::of(address), now);
    }

    /// Returns true when a member's heartbeat came from this address lately.
    pub fn holds(&self, address: IpAddr, now: Moment) -> bool {
        let heard = self.sources().heard.get(&Source::of(address)).copied();
        heard.is_some_and(|heard| now.since(heard) <= SOURCE_KEPT)
    }

    fn sources(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sources {
    fn note(&mut self, source: Source, now: Moment) {
        if let Some(before) = self.heard.insert(source, now) {
            self.order.remove(&(before, source));
        }
        self.order.insert((now, source));
        if self.heard.len() > SOURCES_MAX
            && let Some((_, quiet)) = self.order.pop_first()
        {
            self.heard.remove(&quiet);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1_000)
    }

    #[test]
    fn a_source_counts_for_an_hour_after_its_newest_heartbeat() {
        let vouched = Vouched::default();
        let [ours, other] = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])];
        vouched.note(ours, at(0));
        vouched.note(ours, at(60));
        assert!(vouched.holds(ours, at(3_660)) && !vouched.holds(other, at(60)));
        assert!(!vouched.holds(ours, at(3_661)));
    }

    #[test]
    fn above_the_limit_the_quietest_source_goes() {
        let vouched = Vouched::default();
        let source = |number: usize| IpAddr::from(u32::try_from(number).unwrap().to_be_bytes());
        for number in 0..SOURCES_MAX {
            vouched.note(source(number), at(1));
        }
        vouched.note(source(0), at(2));
        vouched.note(source(SOURCES_MAX), at(3));
        assert!(vouched.holds(source(0), at(3)) && vouched.holds(source(SOURCES_MAX), at(3)));
        assert!(!vouched.holds(source(1), at(3)));
        let sources = vouched.sources();
        assert_eq!((sources.heard.len(), sources.order.len()), (SOURCES_MAX, SOURCES_MAX));
    }
}
