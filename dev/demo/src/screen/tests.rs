//! Frames as text.

use meshvane_shared::outcome::Reason;
use meshvane_shared::wire::findings::FindingKind;
use meshvane_shared::wire::matrix::{CellWord, MatrixCellBody};

use super::*;
use crate::edges::tests::finding;
use crate::picture::tests::{add_service, full, set_cell, set_state};

fn draw(seen: Option<&Observation>, entries: &VecDeque<Entry>, height: usize, width: usize) -> String {
    let state = State {
        about: "5 nodes in network namespaces",
        url: "http://127.0.0.1:8080",
        status: "watching",
        elapsed: Duration::from_millis(4250),
        nodes: seen.map_or(0, |seen| seen.agents.agents.len()),
        seen,
        silence: None,
        entries,
        height,
        colours: false,
    };
    frame(&state, width)
}

fn of(seen: &Observation) -> String {
    draw(Some(seen), &VecDeque::new(), 50, 100)
}

#[test]
fn a_full_mesh_shows_both_planes_beside_each_other() {
    let expected = "\
meshvane  5 nodes in network namespaces   http://127.0.0.1:8080
4.25 s   watching

              host     pod
from   to     1 2 3    1 2 3
  1 node-1    . + +    . + +   alive
  2 node-2    + . +    + . +   alive
  3 node-3    + + .    + + .   alive

+ reached  ! asking again  x unreached  ? not measured  ~ stale  - not planned
icmp and tcp: 24 of 24 cells reached; median round trip 0.10 ms

findings: none
";
    assert_eq!(of(&full(3)).trim_end(), expected.trim_end());
}

#[test]
fn a_service_has_a_line_below_the_table() {
    let mut seen = full(3);
    add_service(&mut seen);
    let expected = "0.10 ms\nservice api.shop.test:8443: reached by 3 of 3 nodes\n\nfindings: none\n";
    assert!(of(&seen).contains(expected), "{}", of(&seen));
}

#[test]
fn the_states_of_cells_differ_without_colours() {
    let mut seen = full(4);
    let unmeasured =
        MatrixCellBody { reason: Some(Reason::NotPermitted), ..MatrixCellBody::bare(CellWord::Unmeasured) };
    set_cell(&mut seen, 0, 1, 2, MatrixCellBody::bare(CellWord::Unreached));
    set_cell(&mut seen, 0, 1, 3, unmeasured);
    set_cell(&mut seen, 2, 1, 2, MatrixCellBody::bare(CellWord::Stale));
    for asked in [2, 3] {
        set_cell(&mut seen, asked, 1, 3, MatrixCellBody::bare(CellWord::NotPlanned));
    }
    let suspect = MatrixCellBody { suspect: true, ..MatrixCellBody::bare(CellWord::Reached) };
    set_cell(&mut seen, 2, 1, 4, suspect);
    set_state(&mut seen, "node-1", MemberState::Late);
    let drawn = of(&seen);
    assert!(drawn.contains("  1 node-1    . x ? +    . ~ - !   late\n"), "{drawn}");
}

#[test]
fn a_wide_table_gives_up_its_air_before_it_is_cut_in_two() {
    let drawn = draw(Some(&full(12)), &VecDeque::new(), 80, 80);
    assert!(drawn.contains("from   to      1 2 3 4 5 6 7 8 9 0 1 2    1 2 3 4 5 6 7 8 9 0 1 2\n"), "{drawn}");
    assert!(drawn.lines().all(|line| line.chars().count() <= 80), "{drawn}");
    assert_eq!(drawn.matches("node-12").count(), 1);
    let wider = draw(Some(&full(12)), &VecDeque::new(), 80, 120);
    assert!(wider.contains("  8  9 10 11 12     1  2"), "{wider}");
    let narrow = draw(Some(&full(12)), &VecDeque::new(), 80, 60);
    assert_eq!(narrow.matches("node-12").count(), 2);
}

#[test]
fn a_low_screen_shows_the_findings_before_what_explains_the_table() {
    let mut seen = full(12);
    seen.findings.findings = vec![finding(FindingKind::NodeDown, "node-2", FindingState::Open)];
    let low = draw(Some(&seen), &VecDeque::new(), 25, 80);
    assert!(low.contains("critical node_down\n    node-2 is not well\n"), "{low}");
    assert!(!low.contains("+ reached"), "{low}");
    assert!(draw(Some(&seen), &VecDeque::new(), 40, 80).contains("+ reached"));
}

#[test]
fn an_open_finding_is_shown_with_its_severity_and_its_message_in_full() {
    let mut seen = full(2);
    let mut open = finding(FindingKind::NodeDown, "node-2", FindingState::Open);
    open.message =
        "node-2 is unreachable on host and pod, from 4 of 4 observers in 2 zones, since 12:03:07".to_owned();
    let resolved = finding(FindingKind::Stale, "node-1", FindingState::Resolved);
    seen.findings.findings = vec![open, resolved];
    let drawn = draw(Some(&seen), &VecDeque::new(), 50, 60);
    let expected = "\
findings:
  critical node_down
    node-2 is unreachable on host and pod, from 4 of 4
    observers in 2 zones, since 12:03:07
";
    assert!(drawn.contains(expected), "{drawn}");
    assert!(!drawn.contains("stale/") && !drawn.contains("node-1 is not well"), "{drawn}");
}

#[test]
fn a_low_screen_shows_the_newest_lines_and_no_more_than_fit() {
    let entries: VecDeque<Entry> = (0..30)
        .map(|number| Entry {
            at: Duration::from_secs(number),
            since_fault: None,
            tone: Tone::Plain,
            text: format!("line {number}"),
        })
        .collect();
    let drawn = draw(Some(&full(5)), &entries, 10, 100);
    assert_eq!(drawn.lines().count(), 10);
    assert!(drawn.ends_with("  line 29\n"), "{drawn}");
    assert!(!drawn.contains("line 26"), "{drawn}");
}

#[test]
fn before_the_first_answer_it_says_so_and_why() {
    let entries = VecDeque::new();
    let state = State {
        about: "2 nodes",
        url: "http://127.0.0.1:8080",
        status: "waiting",
        elapsed: Duration::ZERO,
        nodes: 2,
        seen: None,
        silence: Some("connection refused"),
        entries: &entries,
        height: 20,
        colours: false,
    };
    let drawn = frame(&state, 100);
    assert!(drawn.contains("the server does not answer: connection refused"), "{drawn}");
    assert!(drawn.contains("no data yet"), "{drawn}");
}

#[test]
fn texts_cannot_steer_the_terminal() {
    let mut seen = full(2);
    let mut open = finding(FindingKind::NodeDown, "node-2", FindingState::Open);
    open.message = "red\u{1b}[31m".to_owned();
    seen.findings.findings = vec![open];
    assert!(!of(&seen).contains('\u{1b}'));
}

#[test]
fn colours_change_nothing_but_colours() {
    let seen = full(3);
    let entries = VecDeque::new();
    let state = |colours| State {
        about: "3 nodes",
        url: "http://127.0.0.1:8080",
        status: "watching",
        elapsed: Duration::ZERO,
        nodes: 3,
        seen: Some(&seen),
        silence: None,
        entries: &entries,
        height: 40,
        colours,
    };
    let coloured = frame(&state(true), 100);
    let mut plain = coloured.clone();
    for code in ["0", "1", "2", "31", "32", "33"] {
        plain = plain.replace(&format!("\u{1b}[{code}m"), "");
    }
    assert_ne!(coloured, plain);
    let trimmed = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
    assert_eq!(trimmed(&plain), trimmed(&frame(&state(false), 100)));
}

#[test]
fn a_long_line_of_the_journal_goes_on_below_itself() {
    let entry = Entry {
        at: Duration::from_millis(7250),
        since_fault: Some(Duration::from_millis(3250)),
        tone: Tone::Bad,
        text: "OPENED node_down: node-2 is down, nobody reaches it".to_owned(),
    };
    let drawn = draw(Some(&full(2)), &VecDeque::from([entry]), 50, 50);
    let expected =
        "  7.25 s    +3.25 s  OPENED node_down: node-2 is\n                     down, nobody reaches it\n";
    assert!(drawn.ends_with(expected), "{drawn}");
}
