//! What the clients counted. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::route::Route;
use crate::samples::Samples;

/// Failures whose text is kept: the first ones tell what is wrong, the others only how often.
const TEXTS_KEPT: usize = 5;

/// What became of all requests.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Times of answered requests.
    pub(super) times: BTreeMap<Route, Samples>,
    /// Answers by status.
    pub(super) statuses: BTreeMap<u16, u64>,
    /// Requests without a whole answer.
    pub(super) unanswered: u64,
    /// Answers to rounds that were not `accepted`.
    pub(super) not_accepted: u64,
    /// Texts of the first failures.
    pub(super) texts: Vec<String>,
}

impl Tally {
    /// Counts an answer.
    pub(super) fn answered(&mut self, route: Route, status: u16, time: Duration) {
        *self.statuses.entry(status).or_default() += 1;
        self.times.entry(route).or_default().add(time);
    }

    /// Keeps the text of a failure.
    pub(super) fn note(&mut self, text: impl FnOnce() -> String) {
        if self.texts.len() < TEXTS_KEPT {
            self.texts.push(text());
        }
    }

    /// Adds another one's counts.
    pub(super) fn merge(&mut self, other: Self) {
        for (route, samples) in other.times {
            self.times.entry(route).or_default().extend(samples);
        }
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.unanswered += other.unanswered;
        self.not_accepted += other.not_accepted;
        for text in other.texts {
            self.note(|| text);
        }
    }

    /// How many requests were answered.
    pub(super) fn answers(&self) -> u64 {
        self.statuses.values().sum()
    }

    /// How many answers had another status than 200.
    pub(super) fn not_ok(&self) -> u64 {
        self.statuses.iter().filter(|(status, _)| **status != 200).map(|(_, count)| count).sum()
    }
}

#[cfg(test)]
mod tests;
