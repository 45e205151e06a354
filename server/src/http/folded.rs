//! Objects as the original's decoder reads them: the case of a field's name does not matter, the exact name is preferred,
//! of two equal names the last one counts, null is as absent, and unknown fields are ignored.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::error::Fault;

/// The known fields of an object, not yet read.
#[derive(Debug)]
pub(super) struct Object<'a> {
    /// Where the object stands in the body, as `results[3].`; empty for the body itself.
    place: String,
    fields: &'static [&'static str],
    slots: Vec<Option<Slot<'a>>>,
}

#[derive(Debug, Clone, Copy)]
struct Slot<'a> {
    exact: bool,
    value: &'a RawValue,
}

impl<'a> Object<'a> {
    /// Finds the known fields of an object. `place` says where it stands in the body.
    pub(super) fn read(json: &'a str, place: &str, fields: &'static [&'static str]) -> Result<Self, Fault> {
        let mut deserializer = serde_json::Deserializer::from_str(json);
        let slots = FieldsSeed(fields)
            .deserialize(&mut deserializer)
            .and_then(|slots| deserializer.end().map(|()| slots))
            .map_err(|error| {
                Fault::BadBody(if place.is_empty() { error.to_string() } else { format!("{place}: {error}") })
            })?;
        let place = if place.is_empty() { String::new() } else { format!("{place}.") };
        Ok(Self { place, fields, slots })
    }

    /// The text of a field, when it is there and not null.
    pub(super) fn raw(&self, name: &str) -> Option<&'a str> {
        let index = self.fields.iter().position(|field| *field == name)?;
        self.slots[index].map(|slot| slot.value.get()).filter(|text| *text != "null")
    }

    /// The value of a field, when it is there and not null.
    pub(super) fn get<T: Deserialize<'a>>(&self, name: &str) -> Result<Option<T>, Fault> {
        self.raw(name)
            .map(|text| serde_json::from_str(text).map_err(|error| self.wrong(name, without_place(&error))))
            .transpose()
    }

    /// The same, or the type's own default.
    pub(super) fn get_or_default<T: Deserialize<'a> + Default>(&self, name: &str) -> Result<T, Fault> {
        self.get(name).map(Option::unwrap_or_default)
    }

    /// The fault of a field.
    pub(super) fn wrong(&self, name: &str, problem: impl fmt::Display) -> Fault {
        Fault::BadBody(format!("{}{name}: {problem}", self.place))
    }
}

/// The values of an array, not yet read; more than `limit` are refused.
pub(super) fn array<'a>(json: &'a str, place: &str, limit: usize) -> Result<Vec<&'a RawValue>, Fault> {
    serde_json::Deserializer::from_str(json)
        .deserialize_seq(BoundedVisitor { limit })
        .map_err(|error| Fault::BadBody(format!("{place}: {}", without_place(&error))))
}

/// The error's text without line and column: they count from the beginning of the field, not of the body.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((problem, _)) => problem.to_owned(),
        None => text,
    }
}

struct FieldsSeed(&'static [&'static str]);

impl<'de> DeserializeSeed<'de> for FieldsSeed {
    type Value = Vec<Option<Slot<'de>>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for FieldsSeed {
    type Value = Vec<Option<Slot<'de>>>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut slots = vec![None; self.0.len()];
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let value: &RawValue = map.next_value()?;
            let Some(index) = self.0.iter().position(|field| field.eq_ignore_ascii_case(&name)) else {
                continue;
            };
            let exact = self.0[index] == name;
            let kept: &mut Option<Slot<'de>> = &mut slots[index];
            if exact || !kept.is_some_and(|slot| slot.exact) {
                *kept = Some(Slot { exact, value });
            }
        }
        Ok(slots)
    }
}

struct BoundedVisitor {
    limit: usize,
}

impl<'de> Visitor<'de> for BoundedVisitor {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Self::Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element()? {
            if values.len() == self.limit {
                return Err(serde::de::Error::custom(format!("at most {} are accepted", self.limit)));
            }
            values.push(value);
        }
        Ok(values)
    }
}

#[cfg(test)]
mod tests;
