//! Randomness. What an incident is comes from a generator seeded once; the weather (loss, round-trip times) is a function of the
//! seed, the two ends and a count, so that a change of the agent does not change the weather of unrelated pairs.

use std::time::Duration;

/// The weather of one incident.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    seed: u64,
    /// Share of packets that are lost, each way.
    pub(crate) loss: f64,
}

/// Round trips of a healthy network, in microseconds.
const ROUND_TRIP_US: std::ops::Range<u64> = 150..1_500;

/// What happens to packet number `count` of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Draw(u64);

impl Weather {
    /// The weather of a seed.
    pub(crate) fn new(seed: u64, loss: f64) -> Self {
        Self { seed, loss }
    }

    /// Draws for packet number `count` of the stream with these words.
    pub(crate) fn draw(&self, stream: [u64; 3], count: u64) -> Draw {
        Draw(
            [stream[0], stream[1], stream[2], count]
                .into_iter()
                .fold(mix(self.seed), |state, word| mix(state ^ mix(word))),
        )
    }

    /// Returns true when one packet of two, there and back, is lost.
    pub(crate) fn is_lost(&self, draw: Draw) -> bool {
        let kept = (1.0 - self.loss) * (1.0 - self.loss);
        draw.share() >= kept
    }

    /// The round trip of a packet.
    pub(crate) fn round_trip(draw: Draw) -> Duration {
        let width = ROUND_TRIP_US.end - ROUND_TRIP_US.start;
        Duration::from_micros(ROUND_TRIP_US.start + mix(draw.0) % width)
    }
}

impl Draw {
    /// A number from 0 up to 1.
    pub(crate) fn share(self) -> f64 {
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The next draw of the same packet, as for its retransmission.
    pub(crate) fn again(self) -> Self {
        Self(mix(self.0))
    }
}

/// One step of `SplitMix64` (Steele, Lea and Flood, 2014).
pub(crate) fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_is_as_frequent_as_the_weather_says() {
        let weather = Weather::new(7, 0.03);
        let lost = (0..100_000).filter(|count| weather.is_lost(weather.draw([1, 2, 3], *count))).count();
        let expected = 100_000.0 * (1.0 - 0.97 * 0.97);
        assert!((lost as f64 - expected).abs() < 400.0, "{lost} of 100,000");
    }
}
