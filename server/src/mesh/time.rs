//! Time as the server counts it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

/// A point on the server's monotonic clock, in milliseconds since its start.
///
/// Negative before the start: an agent may report a failure that is older than this server. Time during which the server
/// itself was stopped does not count, so nobody grows silent while nobody listened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment {
    /// Milliseconds since the server's start.
    pub millis: i64,
}

impl Moment {
    /// The moment this many milliseconds after the start.
    pub const fn from_millis(millis: i64) -> Self {
        Self { millis }
    }

    /// Time from `earlier` to here, zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.millis.saturating_sub(earlier.millis)).unwrap_or(0))
    }

    /// The moment this long before.
    pub fn before(self, span: Duration) -> Self {
        Self { millis: self.millis.saturating_sub(millis_of(span)) }
    }

    /// The moment this long after.
    pub fn after(self, span: Duration) -> Self {
        Self { millis: self.millis.saturating_add(millis_of(span)) }
    }
}

fn millis_of(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

/// Now, on both clocks. The wall clock is only for showing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// On the monotonic clock.
    pub moment: Moment,
    /// On the wall clock.
    pub wall: DateTime<Utc>,
}

impl Now {
    /// The wall-clock time of a moment, as far as this clock can tell.
    pub fn wall_of(&self, moment: Moment) -> DateTime<Utc> {
        let distance = TimeDelta::milliseconds(self.moment.millis.saturating_sub(moment.millis));
        self.wall.checked_sub_signed(distance).unwrap_or(self.wall)
    }
}

/// The judge asks the clock at least this often.
pub const PULSE: Duration = Duration::from_millis(500);
/// A gap above this means that the process did not run: four missed pulses, well above any scheduling delay of a live one.
pub const PAUSE: Duration = Duration::from_secs(2);

/// Time during which the process ran, from readings of a monotonic clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Awake {
    last: Duration,
    paused: Duration,
}

impl Awake {
    /// Takes a reading, time since the start; returns how much of that time the process ran, and the gap when it was
    /// stopped since the last reading. A stop longer than [`PAUSE`] counts as one pulse.
    pub fn advance(&mut self, elapsed: Duration) -> (Duration, Option<Duration>) {
        let gap = Some(elapsed.saturating_sub(self.last)).filter(|gap| *gap > PAUSE);
        self.paused += gap.unwrap_or_default().saturating_sub(PULSE);
        self.last = self.last.max(elapsed);
        (elapsed.saturating_sub(self.paused), gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_of_the_process_is_taken_out_and_ordinary_gaps_are_not() {
        let mut awake = Awake::default();
        let mut at = |millis| awake.advance(Duration::from_millis(millis)).0.as_millis();
        assert_eq!([at(500), at(2_400), at(32_400), at(32_900)], [500, 2_400, 2_900, 3_400]);
    }
}
