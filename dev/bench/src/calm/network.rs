//! A network in which nothing is broken and packets are lost at random. Pure.

use std::time::Duration;

use meshvane_agent::probe::Question;
use rand::RngExt as _;
use rand::rngs::SmallRng;

/// When a TCP sends its SYN: at once, and again when the initial timeout of RFC 6298 is over, which doubles. What is sent after
/// the hard limit of a probe is of no interest.
const SYN_SENT: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3)];
/// Round trips of a healthy network, in microseconds.
const ROUND_TRIP_US: std::ops::Range<u64> = 150..1_500;
/// Round trips of a late reply: after the soft limit, before the hard one.
const LATE_US: std::ops::Range<u64> = 1_001_000..3_400_000;

/// What the network does to packets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Network {
    /// Share of packets that are lost, each way.
    pub(super) loss: f64,
    /// Share of echo replies that are late.
    pub(super) late: f64,
}

impl Network {
    /// Share of round trips that do not happen.
    pub(super) fn lost_round_trips(&self) -> f64 {
        1.0 - (1.0 - self.loss) * (1.0 - self.loss)
    }

    /// Share of echo requests without a reply by the soft limit.
    pub(super) fn silent(&self) -> f64 {
        let lost = self.lost_round_trips();
        lost + (1.0 - lost) * self.late
    }

    /// When the answer to a question comes; `None` when none does.
    pub(super) fn ask(&self, question: &Question, random: &mut SmallRng) -> Option<Duration> {
        let lost = self.lost_round_trips();
        let round_trip = Duration::from_micros(random.random_range(ROUND_TRIP_US));
        match question {
            Question::Icmp(_) if random.random_bool(lost) => None,
            Question::Icmp(_) if self.late > 0.0 && random.random_bool(self.late) => {
                Some(Duration::from_micros(random.random_range(LATE_US)))
            }
            Question::Icmp(_) => Some(round_trip),
            Question::Tcp(_) | Question::Health(_) => {
                let sent = SYN_SENT.into_iter().find(|_| !random.random_bool(lost))?;
                Some(sent + round_trip)
            }
            Question::Resolve { .. } => None,
        }
    }
}
