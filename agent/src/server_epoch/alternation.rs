//! Tells two servers that answer in turn from one that restarted. Pure: takes `now`.
//!
//! A server that starts has an epoch that was never seen. One that comes back after another was seen belongs to a server
//! that still runs. While one replaces the other, for as long as the old one drains, that happens as well; it counts only
//! when it goes on for longer.

use std::collections::VecDeque;
use std::time::Duration;

use meshvane_shared::plan::Epoch;

/// Epochs seen before that are remembered. Two replicas are the mistake that is made; a few more cost nothing.
pub(super) const FORMER_KEPT: usize = 4;
/// Times that an epoch must come back.
pub(super) const RETURNS_MIN: u32 = 3;
/// For so long they must go on: a server that is told to stop has ended after 10 s, a Pod after its grace of 30 s.
pub(super) const GO_ON_FOR: Duration = Duration::from_mins(1);
/// Without a return for so long there is one server. An agent speaks on few connections, and each stays with its server
/// for as long as it is used.
pub(super) const FORGOTTEN_AFTER: Duration = Duration::from_mins(5);

/// Which epochs were seen, and how often one came back.
#[derive(Debug, Default)]
pub(super) struct Alternation {
    current: Option<Epoch>,
    former: VecDeque<Epoch>,
    returns: Option<Returns>,
}

#[derive(Debug)]
struct Returns {
    count: u32,
    first: Duration,
    last: Duration,
    /// The epoch that was left at the last of them.
    other: Epoch,
}

impl Alternation {
    /// An answer came from this start of a server.
    pub(super) fn saw(&mut self, now: Duration, epoch: Epoch) {
        let Some(left) = self.current.replace(epoch).filter(|before| *before != epoch) else {
            return;
        };
        if self.former.contains(&epoch) {
            self.note_return(now, left);
        }
        self.former.retain(|former| *former != left && *former != epoch);
        self.former.push_back(left);
        if self.former.len() > FORMER_KEPT {
            self.former.pop_front();
        }
    }

    fn note_return(&mut self, now: Duration, other: Epoch) {
        let earlier = self.returns.take().filter(|returns| !returns.is_over(now));
        self.returns = Some(match earlier {
            Some(earlier) => Returns { count: earlier.count.saturating_add(1), last: now, other, ..earlier },
            None => Returns { count: 1, first: now, last: now, other },
        });
    }

    /// The starts of servers that answer in turn; empty while there is one server.
    pub(super) fn in_turn(&self, now: Duration) -> Vec<Epoch> {
        let returns = self.returns.as_ref().filter(|returns| !returns.is_over(now) && returns.is_lasting());
        returns.zip(self.current).map(|(returns, current)| vec![current, returns.other]).unwrap_or_default()
    }
}

impl Returns {
    fn is_over(&self, now: Duration) -> bool {
        now.saturating_sub(self.last) > FORGOTTEN_AFTER
    }

    fn is_lasting(&self) -> bool {
        self.count >= RETURNS_MIN && self.last.saturating_sub(self.first) >= GO_ON_FOR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn two_servers_that_answer_in_turn_are_told_after_a_minute_and_no_longer_when_one_is_left() {
        let mut alternation = Alternation::default();
        for second in 0..60 {
            alternation.saw(seconds(second), Epoch(second % 2));
            assert_eq!(alternation.in_turn(seconds(second)), []);
        }
        for second in 60..100 {
            alternation.saw(seconds(second), Epoch(second % 2));
        }
        assert_eq!(alternation.in_turn(seconds(99)), [Epoch(1), Epoch(0)]);
        for second in 100..=400 {
            alternation.saw(seconds(second), Epoch(1));
        }
        assert_eq!(alternation.in_turn(seconds(399)).len(), 2);
        assert_eq!(alternation.in_turn(seconds(400)), []);
    }

    #[test]
    fn restarts_are_no_second_server_however_many_and_nor_is_one_that_drains() {
        let mut alternation = Alternation::default();
        for second in 0..1_000 {
            alternation.saw(seconds(second), Epoch(second));
            assert_eq!(alternation.in_turn(seconds(second)), []);
            assert!(alternation.former.len() <= FORMER_KEPT);
        }
        for rollout in 1..20 {
            for second in 0..30 {
                // The old one drains beside the new one.
                let now = 2_000 + rollout * 400 + second;
                alternation.saw(seconds(now), Epoch(1_000 + rollout + second % 2));
                assert_eq!(alternation.in_turn(seconds(now)), [], "{now}");
            }
            alternation.saw(seconds(2_000 + rollout * 400 + 30), Epoch(1_001 + rollout));
        }
    }
}
