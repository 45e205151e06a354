//! Agents that are there and are not let in yet: the API server was away, their tokens ended meanwhile, and the kubelet has
//! not renewed them. Nothing that they send is believed; but that they send says that they are not silent.

use std::time::Duration;

use super::time::Moment;

/// After the API server was away the kubelet renews what ended meanwhile when it looks at the pod again, every 60 to 90 s.
pub const RENEWED_WITHIN: Duration = Duration::from_mins(3);

/// What comes so long after the last request begins anew: agents try again every few seconds.
const RUN_ENDS_AFTER: Duration = Duration::from_secs(30);

/// A run of requests from an agent's own address that were refused for a reason that passes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Knocks {
    /// The first one.
    pub since: Moment,
    /// The newest one.
    pub last: Moment,
}

impl Knocks {
    /// Takes note of one more.
    pub fn note(prior: Option<Self>, now: Moment) -> Self {
        let run = prior.filter(|prior| now.since(prior.last) < RUN_ENDS_AFTER);
        Self { since: run.map_or(now, |run| run.since), last: now }
    }

    /// Tells whether the reason may still pass by itself.
    pub fn may_pass(&self, now: Moment) -> bool {
        now.since(self.since) < RENEWED_WITHIN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Moment {
        Moment::from_millis(seconds * 1000)
    }

    #[test]
    fn requests_that_go_on_count_until_the_reason_should_have_passed() {
        let mut knocks = None;
        for second in (0..180).step_by(5) {
            knocks = Some(Knocks::note(knocks, at(second)));
            assert!(knocks.unwrap().may_pass(at(second + 4)), "{second}");
        }
        let knocks = Knocks::note(knocks, at(180));
        assert_eq!((knocks.since, knocks.may_pass(at(180))), (at(0), false));
    }

    #[test]
    fn an_agent_that_asked_no_more_and_asks_again_begins_anew() {
        let knocks = Knocks::note(None, at(0));
        assert_eq!(Knocks::note(Some(knocks), at(29)).since, at(0));
        assert_eq!(Knocks::note(Some(knocks), at(30)).since, at(30), "another run");
    }
}
