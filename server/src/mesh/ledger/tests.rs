use chrono::{DateTime, Utc};
use meshvane_shared::name::NodeName;
use meshvane_shared::wire::findings::FindingKind;

use super::*;
use crate::mesh::diagnose::diagnose;
use crate::mesh::observe::observe;
use crate::mesh::picture::{NOW, snapshot};
use crate::mesh::time::Moment;

const DOWN: &str = "a alive | . + x | . + x
                    b alive | + . x | + . x
                    c late  | o o . | o o .";
const HELD: &str = "a alive | . + x | . + x
                    b alive | + . o | + . o
                    c late  | o o . | o o .";
const WELL: &str = "a alive | . + + | . + +
                    b alive | + . + | + . +
                    c alive | + + . | + + .";

fn at(seconds: i64) -> Now {
    Now {
        moment: Moment::from_millis(NOW.millis + seconds * 1_000),
        wall: DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::seconds(43_200 + seconds),
    }
}

fn settle(ledger: &mut Ledger, picture: &str, seconds: i64) -> Vec<String> {
    let snapshot = snapshot(picture);
    let edges = ledger.settle(diagnose(&observe(&snapshot)), at(seconds));
    let word = |edge: &Edge| match edge {
        Edge::Opened(body) => format!("opened {}", body.id),
        Edge::Resolved(body) => format!("resolved {}", body.id),
    };
    edges.iter().map(word).collect()
}

#[test]
fn a_finding_opens_once_and_is_resolved_once() {
    let mut ledger = Ledger::default();
    assert_eq!(settle(&mut ledger, DOWN, 0), ["opened node_down/c"]);
    assert_eq!(settle(&mut ledger, DOWN, 1), [""; 0]);
    assert_eq!(settle(&mut ledger, WELL, 2), ["resolved node_down/c"]);
    assert_eq!(settle(&mut ledger, WELL, 3), [""; 0]);
    let resolved = &ledger.resolved()[0];
    assert_eq!((resolved.state, resolved.until), (FindingState::Resolved, Some(at(2).wall)));
}

#[test]
fn the_same_fault_at_another_time_has_another_id() {
    let mut ledger = Ledger::default();
    for (picture, second) in [(DOWN, 0), (WELL, 1)] {
        settle(&mut ledger, picture, second);
    }
    assert_eq!(settle(&mut ledger, DOWN, 2), ["opened node_down/c#2"]);
}

#[test]
fn a_finding_about_a_held_node_neither_opens_nor_closes() {
    let mut ledger = Ledger::default();
    assert_eq!(settle(&mut ledger, HELD, 0), [""; 0]);
    assert_eq!(settle(&mut ledger, DOWN, 1), ["opened node_down/c"]);
    assert_eq!(settle(&mut ledger, HELD, 2), [""; 0]);
    assert_eq!(ledger.open(at(2)).len(), 1);
}

#[test]
fn a_failure_does_not_become_younger_when_an_observer_forgets() {
    let mut ledger = Ledger::default();
    settle(&mut ledger, DOWN, 0);
    let since = ledger.open(at(0))[0].since;
    // The same picture a minute later says "since 3 s": the agents were all restarted, say.
    let snapshot = snapshot(DOWN);
    let mut diagnosis = diagnose(&observe(&snapshot));
    diagnosis.findings[0].since = Moment::from_millis(NOW.millis + 57_000);
    ledger.settle(diagnosis, at(60));
    let open = ledger.open(at(60));
    assert_eq!(open[0].since, since);
    assert!(open[0].message.contains("since 11:59:57 UTC"), "{}", open[0].message);
}

#[test]
fn at_most_a_thousand_resolved_findings_are_kept() {
    let mut ledger = Ledger::default();
    for round in 0..=RESOLVED_KEPT {
        let snapshot = snapshot(DOWN);
        let mut diagnosis = diagnose(&observe(&snapshot));
        let node = NodeName::parse(&format!("node-{round}")).unwrap();
        diagnosis.findings[0].key = FindingKey::new(FindingKind::NodeDown, Subject::Node { node });
        ledger.settle(diagnosis, at(0));
        ledger.settle(Diagnosis::default(), at(0));
    }
    let resolved = ledger.resolved();
    assert_eq!((resolved.len(), resolved[0].id.as_str()), (RESOLVED_KEPT, "node_down/node-1000"));
}
