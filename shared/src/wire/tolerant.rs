//! A word of a closed set, or one that a newer version knows.

use std::fmt;
use std::marker::PhantomData;

use serde::de::value::StrDeserializer;
use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, Serializer};

/// Bytes that are kept of an unknown word: the longest word of ours has 16, and the rest would only fill the log.
pub const UNKNOWN_WORD_MAX_BYTES: usize = 64;

/// A word of the set `T`, or one that only a newer version knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tolerant<T> {
    /// A word of the set.
    Known(T),
    /// The beginning of another word, at most [`UNKNOWN_WORD_MAX_BYTES`], kept for the log.
    Unknown(Box<str>),
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

impl<T: Serialize> Serialize for Tolerant<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Known(value) => value.serialize(serializer),
            Self::Unknown(word) => serializer.serialize_str(word),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Tolerant<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(WordVisitor(PhantomData))
    }
}

struct WordVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for WordVisitor<T> {
    type Value = Tolerant<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a word")
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Tolerant<T>, E> {
        let kept = &word[..word.floor_char_boundary(UNKNOWN_WORD_MAX_BYTES)];
        // What was cut off matches no word of ours, and the error that says so is short.
        let known = T::deserialize(StrDeserializer::<E>::new(kept));
        Ok(known.map_or_else(|_| Tolerant::Unknown(kept.into()), Tolerant::Known))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::CheckKind;

    fn read(json: &str) -> Result<Tolerant<CheckKind>, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn a_word_is_known_or_kept_to_its_limit() {
        assert_eq!(read("\"icmp\"").unwrap(), Tolerant::Known(CheckKind::Icmp));
        assert_eq!(read("\"\\u0069cmp\"").unwrap(), Tolerant::Known(CheckKind::Icmp));
        assert_eq!(read("\"mtu\"").unwrap(), Tolerant::Unknown("mtu".into()));
        let long = read(&format!("\"{}\"", "é".repeat(1_000))).unwrap();
        assert_eq!(long, Tolerant::Unknown("é".repeat(UNKNOWN_WORD_MAX_BYTES / 2).into()));
        assert_eq!(serde_json::to_string(&Tolerant::<CheckKind>::Unknown("mtu".into())).unwrap(), "\"mtu\"");
    }

    #[test]
    fn what_is_no_word_is_refused() {
        for json in ["1", "null", "[]", "{\"icmp\":null}", "[[[["] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
