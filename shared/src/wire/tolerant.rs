//! A word of a closed set, or one that a newer version knows.

use serde::{Deserialize, Serialize};

/// A word of the set `T`, or one that only a newer version knows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Tolerant<T> {
    /// A word of the set.
    Known(T),
    /// Another word, kept for the log.
    Unknown(String),
}

impl<T: Copy> Tolerant<T> {
    /// The word, when it is of the set.
    pub fn known(&self) -> Option<T> {
        match self {
            Self::Known(value) => Some(*value),
            Self::Unknown(_) => None,
        }
    }
}

impl<T> From<T> for Tolerant<T> {
    fn from(value: T) -> Self {
        Self::Known(value)
    }
}
