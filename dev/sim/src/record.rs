//! Records of what the server found, and the comparison with what it finds today.
//!
//! A record is text. Its first line names what was fixed of what is drawn; then each seed has a line `seed N`, and below it a line
//! for each edge: `+ 44.72 KEY` opened, `- 101.72 KEY` closed, both in seconds.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::ops::Range;
use std::path::Path;

use crate::incident::{Circumstance, Incident, Wish};
use crate::seeds::each_seed;
use crate::world::{Story, play};

/// A record names the wish in its first line, so that a comparison draws the same incidents.
fn heading(wish: Wish) -> String {
    let or_any = |text: Option<String>| text.unwrap_or_else(|| "any".to_owned());
    format!(
        "record kind={} loss={} nodes={}",
        or_any(wish.circumstance.map(|kind| kind.as_str().to_owned())),
        or_any(wish.loss.map(|loss| loss.to_string())),
        or_any(wish.nodes.map(|nodes| nodes.to_string())),
    )
}

fn edges(story: &Story) -> String {
    let mut text = String::new();
    for edge in &story.edges {
        let sign = if edge.opened.is_some() { '+' } else { '-' };
        let _written = writeln!(text, "{sign} {:.2} {}", edge.at.as_secs_f64(), edge.key);
    }
    text
}

/// Plays seeds and writes what was found.
///
/// # Errors
/// The file cannot be written.
pub(crate) fn record(file: &Path, seeds: Range<u64>, wish: Wish) -> Result<String, String> {
    let played = play_all(seeds, wish);
    let mut text = heading(wish);
    text.push('\n');
    for (seed, edges) in &played {
        let _written = write!(text, "seed {seed}\n{edges}");
    }
    std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(format!("{} seeds are recorded in {}\n", played.len(), file.display()))
}

/// What is found in each of the seeds.
fn play_all(seeds: impl Iterator<Item = u64> + Send, wish: Wish) -> BTreeMap<u64, String> {
    each_seed(seeds, || true, |seed| edges(&play(&Incident::draw(seed, wish))))
}

/// What differs between two lists of edges: keys that only one of them has, and keys whose times differ.
fn difference(before: &str, now: &str) -> Option<String> {
    if before == now {
        return None;
    }
    let gone = before.lines().filter(|line| !now.lines().any(|other| other == *line));
    let come = now.lines().filter(|line| !before.lines().any(|other| other == *line));
    let lines: Vec<String> = gone
        .map(|line| format!("    was {line}"))
        .chain(come.map(|line| format!("    now {line}")))
        .collect();
    Some(lines.join("\n"))
}

/// Plays a record's seeds again; returns what differs, and whether nothing does.
///
/// # Errors
/// The file cannot be read, or is none.
pub(crate) fn compare(file: &Path) -> Result<(String, bool), String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| told(&error))?;
    let (first, rest) = text.split_once('\n').ok_or_else(|| told(&"is empty"))?;
    let wish = read_heading(first).ok_or_else(|| told(&format!("{first:?} does not begin a record")))?;
    let mut before: BTreeMap<u64, String> = BTreeMap::new();
    let mut last = None;
    for line in rest.lines() {
        if let Some(seed) = line.strip_prefix("seed ") {
            let seed = seed.parse().map_err(|_| told(&format!("{line:?} names no seed")))?;
            last = Some(before.entry(seed).or_default());
        } else if let Some(edges) = &mut last {
            let _written = writeln!(edges, "{line}");
        }
    }
    if before.is_empty() {
        return Err(told(&"has no seeds"));
    }
    let now = play_all(before.keys().copied(), wish);
    let differing: Vec<String> = now
        .iter()
        .filter_map(|(seed, edges)| Some(format!("seed {seed}\n{}", difference(&before[seed], edges)?)))
        .collect();
    let same = differing.is_empty();
    let count = format!("{} of {} seeds differ", differing.len(), before.len());
    Ok((differing.into_iter().chain([count]).collect::<Vec<_>>().join("\n") + "\n", same))
}

fn read_heading(line: &str) -> Option<Wish> {
    let mut wish = Wish::default();
    for word in line.strip_prefix("record ")?.split(' ') {
        let (field, value) = word.split_once('=')?;
        if value == "any" {
            continue;
        }
        match field {
            "kind" => wish.circumstance = Some(Circumstance::named(value)?),
            "loss" => wish.loss = Some(value.parse().ok()?),
            "nodes" => wish.nodes = Some(value.parse().ok()?),
            _ => return None,
        }
    }
    Some(wish)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_is_read_back() {
        let wish = Wish { circumstance: None, loss: Some(0.01), nodes: Some(6) };
        let read = read_heading(&heading(wish)).unwrap();
        assert_eq!((read.loss, read.nodes, read.circumstance), (Some(0.01), Some(6), None));
        assert!(read_heading("record sky=blue").is_none());
    }

    #[test]
    fn only_what_differs_is_shown() {
        let before = "+ 44.72 node_down node=a\n- 60.00 node_down node=a\n";
        let now = "+ 44.72 node_down node=a\n- 61.00 node_down node=a\n";
        assert_eq!(difference(before, before), None);
        let shown = difference(before, now).unwrap();
        assert_eq!(shown, "    was - 60.00 node_down node=a\n    now - 61.00 node_down node=a");
    }
}
