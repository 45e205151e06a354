//! Compares a body with its file, in both directions.

use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// What comparing one body came to.
pub(super) struct Golden {
    pub(super) name: &'static str,
    pub(super) problem: Option<String>,
}

/// An object under this key is a map of data, not a body: it has no unknown fields. The number says how many maps stand
/// inside each other there.
pub(super) type Maps = &'static [(&'static str, u32)];

pub(super) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Compares a body that holds no map.
pub(super) fn golden<T>(name: &'static str, body: &T) -> Golden
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    golden_with_maps(name, &[], body)
}

/// Compares a body: written it equals the file, read the file equals the body, and fields that a newer version adds
/// change nothing.
pub(super) fn golden_with_maps<T>(name: &'static str, maps: Maps, body: &T) -> Golden
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let problem = compare(name, maps, body, updating()).err();
    Golden { name, problem }
}

fn compare<T>(name: &str, maps: Maps, body: &T, update: bool) -> Result<(), String>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let path = folder().join(format!("{name}.json"));
    let mut written = serde_json::to_string_pretty(body).map_err(|error| error.to_string())?;
    written.push('\n');
    if update {
        fs::write(&path, &written).map_err(|error| format!("{name}.json: {error}"))?;
    }
    let file = fs::read_to_string(&path)
        .map_err(|error| format!("{name}.json: {error}; UPDATE_GOLDEN=1 writes it"))?;
    if file != written {
        return Err(difference(name, &file, &written));
    }
    let read: T = serde_json::from_str(&file).map_err(|error| format!("{name}.json is not read: {error}"))?;
    if read != *body {
        return Err(format!("{name}.json is read as\n{read:#?}\nand not as\n{body:#?}"));
    }
    let mut newer: Value = serde_json::from_str(&file).map_err(|error| error.to_string())?;
    add_fields(&mut newer, maps, 0);
    let read: T = serde_json::from_value(newer)
        .map_err(|error| format!("{name}.json with fields of a newer version is not read: {error}"))?;
    if read != *body {
        return Err(format!("{name}.json with fields of a newer version is read as\n{read:#?}"));
    }
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "whoever changes the protocol on purpose says so by this variable"
)]
fn updating() -> bool {
    std::env::var("UPDATE_GOLDEN").is_ok_and(|value| value == "1")
}

/// Adds a field that nobody knows to every object that is a body.
fn add_fields(value: &mut Value, maps: Maps, depth: u32) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields.iter_mut() {
                let below = maps.iter().find(|(map, _)| map == key).map(|(_, depth)| *depth);
                add_fields(inner, maps, if depth > 0 { depth - 1 } else { below.unwrap_or(0) });
            }
            if depth == 0 {
                fields.insert("of_a_newer_version".to_owned(), json!({"since": [1, null]}));
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| add_fields(value, maps, 0)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Lines that are shown on each side of the first one that differs.
const AROUND: usize = 4;

fn difference(name: &str, file: &str, written: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (file.lines().collect(), written.lines().collect());
    let first = old.iter().zip(&new).take_while(|(old, new)| old == new).count();
    let show = |lines: &[&str]| {
        let from = first.saturating_sub(AROUND);
        let numbered = lines.iter().enumerate().skip(from).take(first - from + AROUND);
        let mark = |index| if index < first { ' ' } else { '>' };
        let shown: Vec<String> =
            numbered.map(|(index, line)| format!("{} {:4} {line}", mark(index), index + 1)).collect();
        shown.join("\n")
    };
    format!(
        "{name}.json and what is written now differ from line {} on.\nThe file:\n{}\nWritten now:\n{}\n\
         If the protocol shall change, UPDATE_GOLDEN=1 rewrites the file.",
        first + 1,
        show(&old),
        show(&new)
    )
}

#[test]
fn a_difference_shows_the_first_line_that_differs_on_both_sides() {
    let text = difference("plan", "{\n  \"a\": 1\n}\n", "{\n  \"b\": 1\n}\n");
    assert!(text.contains("line 2"), "{text}");
    assert!(text.contains(">    2   \"a\": 1\n"), "{text}");
    assert!(text.contains(">    2   \"b\": 1\n"), "{text}");
}

#[test]
fn a_body_that_is_not_its_file_is_a_problem() {
    #[derive(Debug, PartialEq, Serialize, serde::Deserialize)]
    struct Wrong {
        code: u8,
    }
    let problem = |name| compare(name, &[], &Wrong { code: 1 }, false).unwrap_err();
    assert!(problem("no_such_file").contains("UPDATE_GOLDEN=1"));
    assert!(problem("error").contains("differ from line"));
}
