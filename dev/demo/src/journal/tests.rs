//! How lines read.

use meshvane_shared::wire::findings::{FindingKind, FindingState};

use super::*;
use crate::edges::tests::finding;

#[test]
fn a_line_tells_the_time_since_the_start_and_then_since_the_fault() {
    let mut journal = Journal::default();
    let entry = journal.add(Duration::from_millis(3400), Tone::Good, "full mesh");
    assert_eq!(entry.line(), "  3.40 s             full mesh");
    journal.fault_at(Duration::from_secs(4));
    let (tone, text) = told(&Edge::Opened(finding(FindingKind::NodeDown, "node-2", FindingState::Open)));
    let entry = journal.add(Duration::from_millis(7250), tone, text);
    assert_eq!(entry.line(), "  7.25 s    +3.25 s  OPENED node_down: node-2 is not well");
}

#[test]
fn the_journal_keeps_the_newest_lines() {
    let mut journal = Journal::default();
    for number in 0..=ENTRIES_MAX {
        journal.add(Duration::ZERO, Tone::Plain, number.to_string());
    }
    assert_eq!(journal.entries.len(), ENTRIES_MAX);
    assert_eq!(journal.entries[0].text, "1");
}
