//! How often lines are logged that somebody outside of the program can cause: an agent with a wrong token asks every few
//! seconds, an attacker as often as it can. Pure: the caller passes the time.

use std::collections::BTreeMap;
use std::time::Duration;

/// How many lines of one kind are logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRate {
    /// The time that the other two are about.
    pub period: Duration,
    /// Lines with the same key, in a period.
    pub of_one: u32,
    /// Lines in all, in a period. So many keys are remembered at most.
    pub in_all: u32,
}

/// Decides which lines of one kind are logged, and counts the others. A key tells lines of one kind apart: the member that
/// they are about, say, so that one member's lines do not hide those of another.
#[derive(Debug)]
pub struct LogLimit<Key> {
    rate: LogRate,
    began: Option<Duration>,
    logged: u32,
    by_key: BTreeMap<Key, u32>,
    left_out: u64,
}

impl<Key: Ord> LogLimit<Key> {
    /// Makes a limit under which nothing was logged yet.
    pub const fn new(rate: LogRate) -> Self {
        Self { rate, began: None, logged: 0, by_key: BTreeMap::new(), left_out: 0 }
    }

    /// Takes note of a line; `now` is the time since any fixed moment. Returns how many lines were left out before it when
    /// this one should be logged.
    pub fn note(&mut self, key: Key, now: Duration) -> Option<u64> {
        if self.began.is_none_or(|began| now.saturating_sub(began) >= self.rate.period) {
            self.began = Some(now);
            self.logged = 0;
            self.by_key.clear();
        }
        let of_one = self.by_key.get(&key).copied().unwrap_or(0);
        if self.logged >= self.rate.in_all || of_one >= self.rate.of_one {
            self.left_out += 1;
            return None;
        }
        self.logged += 1;
        self.by_key.insert(key, of_one + 1);
        Some(std::mem::take(&mut self.left_out))
    }
}

#[cfg(test)]
mod tests;
