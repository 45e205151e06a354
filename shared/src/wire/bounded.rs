//! Lists that are bounded while they are read.
//!
//! One element too many is an error at that element, before it and those after it take memory.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// Reads a list of at most `MAX` elements.
pub(super) fn at_most<'de, D, T, const MAX: usize>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Bounded::<T, MAX>::deserialize(deserializer).map(|list| list.0)
}

/// Reads a list of at most `MAX` elements, or null.
pub(super) fn at_most_or_null<'de, D, T, const MAX: usize>(
    deserializer: D,
) -> Result<Option<Vec<T>>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Option::<Bounded<T, MAX>>::deserialize(deserializer).map(|list| list.map(|list| list.0))
}

struct Bounded<T, const MAX: usize>(Vec<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor::<T, MAX>(PhantomData)).map(Self)
    }
}

struct ListVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for ListVisitor<T, MAX> {
    type Value = Vec<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an array of at most {MAX} elements")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Vec<T>, A::Error> {
        let mut list = Vec::new();
        while list.len() < MAX {
            match sequence.next_element()? {
                Some(element) => list.push(element),
                None => return Ok(list),
            }
        }
        match sequence.next_element::<OneTooMany<MAX>>()? {
            None => Ok(list),
            Some(never) => match never {},
        }
    }
}

/// The element after the last one that is accepted: whatever it is, it is not read.
enum OneTooMany<const MAX: usize> {}

impl<'de, const MAX: usize> Deserialize<'de> for OneTooMany<MAX> {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Err(D::Error::custom(format_args!("at most {MAX} are accepted")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Deserializer;

    use super::*;

    fn read(json: &str) -> Result<Vec<u8>, String> {
        at_most::<_, _, 3>(&mut Deserializer::from_str(json)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_last_element_that_is_accepted_is_read_and_the_next_one_is_an_error() {
        assert_eq!(read("[]"), Ok(vec![]));
        assert_eq!(read("[1,2,3]"), Ok(vec![1, 2, 3]));
        for json in ["[1,2,3,4]", "[1,2,3,{}]", "[1,2,3,[[[["] {
            let error = read(json).unwrap_err();
            assert!(error.starts_with("at most 3 are accepted"), "{json}: {error}");
        }
        assert!(read("[1,2").is_err());
        assert!(read("{}").unwrap_err().contains("an array of at most 3 elements"));
    }

    #[test]
    fn null_is_no_list() {
        let read = |json| at_most_or_null::<_, u8, 3>(&mut Deserializer::from_str(json));
        assert_eq!(read("null").unwrap(), None);
        assert_eq!(read("[7]").unwrap(), Some(vec![7]));
        assert!(read("[1,2,3,4]").is_err());
    }
}
