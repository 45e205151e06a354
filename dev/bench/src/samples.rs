//! How long requests took. Pure.

use std::time::Duration;

/// Times of requests of one kind.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    /// Times to the whole answer, in microseconds, ascending once [`Samples::percentile`] was asked.
    micros: Vec<u32>,
}

impl Samples {
    /// Adds a time.
    pub(crate) fn add(&mut self, time: Duration) {
        self.micros.push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    /// Adds the times of another client.
    pub(crate) fn extend(&mut self, other: Self) {
        self.micros.extend(other.micros);
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.micros.len()
    }

    /// The time that so many percent of the requests took at most (the nearest rank); `None` of nothing.
    pub(crate) fn percentile(&mut self, percent: usize) -> Option<Duration> {
        self.micros.sort_unstable();
        let rank = (self.micros.len() * percent).div_ceil(100).max(1);
        self.micros.get(rank - 1).map(|micros| Duration::from_micros(u64::from(*micros)))
    }
}

#[cfg(test)]
mod tests;
