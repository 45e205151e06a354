use std::sync::Arc;

use chrono::{DateTime, Utc};
use meshvane_shared::check::CheckKind;
use meshvane_shared::name::{BootId, NodeName};
use meshvane_shared::outcome::{Outcome, Reason};
use meshvane_shared::plan::Plan;
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::findings::FindingKind;
use meshvane_shared::wire::round::{CellBody, RoundBody};

use super::*;
use crate::mesh::diagnose::diagnose;
use crate::mesh::member::Member;
use crate::mesh::observe::observe_for_judge as observe;
use crate::mesh::picture::{NOW, snapshot};
use crate::mesh::row::Row;
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

/// Each fault, and the same mesh when those who saw it cannot measure any more: `d`, or `c` of echo alone.
const SEEN_AND_LOST_SIGHT_OF: [(&str, &str, &str); 6] = [
    ("node_down/c", DOWN, LOST_SIGHT),
    (
        "plane_cut/c/pod",
        "a alive | . + + | . + x
         b alive | + . + | + . x
         c alive | + + . | + + .",
        "a alive | . + + | . + d
         b alive | + . + | + . d
         c alive | + + . | + + .",
    ),
    (
        "pair_cut/a>b",
        "a alive | . x + | . x +
         b alive | x . + | x . +
         c alive | + + . | + + .",
        "a alive | . d + | . d +
         b alive | d . + | d . +
         c alive | + + . | + + .",
    ),
    (
        "pair_one_way/a>b",
        "a alive | . x + | . x +
         b alive | + . + | + . +
         c alive | + + . | + + .",
        "a alive | . d + | . d +
         b alive | + . + | + . +
         c alive | + + . | + + .",
    ),
    (
        "icmp_filtered/c",
        "a alive | . + i | . + i
         b alive | + . i | + . i
         c alive | + + . | + + .",
        "a alive | . + c | . + c
         b alive | + . c | + . c
         c alive | + + . | + + .",
    ),
    (
        "group_cut/a+b|c+d",
        "a alive | . + x x | . + x x
         b alive | + . x x | + . x x
         c alive | x x . + | x x . +
         d alive | x x + . | x x + .",
        "a alive | . + d d | . + d d
         b alive | + . d d | + . d d
         c alive | d d . + | d d . +
         d alive | d d + . | d d + .",
    ),
];
const LOST_SIGHT: &str = "a alive | . + d | . + d
                          b alive | + . d | + . d
                          c late  | o o . | o o .";

#[test]
fn a_finding_stays_open_while_its_observers_cannot_measure_and_an_answer_closes_it() {
    for (id, seen, lost) in SEEN_AND_LOST_SIGHT_OF {
        let mut ledger = Ledger::default();
        assert_eq!(settle(&mut ledger, seen, 0), [format!("opened {id}")]);
        assert_eq!(settle(&mut ledger, lost, 1), [""; 0], "{lost}");
        assert_eq!(settle(&mut ledger, seen, 2), [""; 0], "{seen}");
        assert_eq!(settle(&mut ledger, lost, 3), [""; 0], "{lost}");
        let well = seen.replace(" x", " +").replace(" i", " +").replace("late ", "alive");
        assert_eq!(settle(&mut ledger, &well, 4), [format!("resolved {id}")], "{well}");
    }
}

#[test]
fn a_part_of_the_observers_that_cannot_measure_changes_nothing() {
    let mut ledger = Ledger::default();
    settle(&mut ledger, SEEN_AND_LOST_SIGHT_OF[1].1, 0);
    let one_sees = "a alive | . + + | . + x
                    b alive | + . + | + . d
                    c alive | + + . | + + .";
    assert_eq!(settle(&mut ledger, one_sees, 1), [""; 0], "no pair is cut instead");
}

#[test]
fn a_failure_that_no_agent_can_measure_ends_with_a_sign_of_life_and_with_its_target() {
    let opened = || {
        let mut ledger = Ledger::default();
        settle(&mut ledger, DOWN, 0);
        ledger
    };
    let of_c = |state: &str| LOST_SIGHT.replace("late ", state);
    // Its agent is heard again; it left; its Node was deleted and no plan has it any more.
    for state in ["back", "leaving"] {
        let mut ledger = opened();
        assert_eq!(settle(&mut ledger, &of_c(state), 1), ["resolved node_down/c"], "{state}");
    }
    let forgotten = "a alive | . + | . +
                     b alive | + . | + .";
    assert_eq!(settle(&mut opened(), forgotten, 1), ["resolved node_down/c"]);
    // An observer that sees it answer again is enough, though the other one is blind.
    let mut answered = snapshot(
        "a alive | . + + | . + +
         b alive | + . d | + . d
         c alive | + + . | + + .",
    );
    answered.nodes[2].recovered = Some(Moment::from_millis(NOW.millis - 1_000));
    let edges = opened().settle(diagnose(&observe(&answered)), at(1));
    assert!(matches!(&edges[..], [Edge::Resolved(body)] if body.id == "node_down/c"), "{edges:?}");
}

/// How many findings are resolved 20 s after `c` went down, when its agent is lost and the others are heard. Their rows are changed
/// before.
fn resolved_20_s_later(picture: &str, change: impl Fn(&mut Row, &Arc<Plan>)) -> usize {
    let mut ledger = Ledger::default();
    settle(&mut ledger, DOWN, 0);
    let mut snapshot = snapshot(picture);
    snapshot.now = at(20);
    for view in &mut snapshot.nodes[..2] {
        let heard = Some(Moment::from_millis(NOW.millis + 19_000));
        view.member = Arc::new(Member { received: heard, ..view.member.as_ref().clone() });
        change(Arc::make_mut(view.row.as_mut().unwrap()), &snapshot.plan);
    }
    snapshot.nodes[2].state = MemberState::Lost;
    let edges = ledger.settle(diagnose(&observe(&snapshot)), at(20));
    edges.iter().filter(|edge| matches!(edge, Edge::Resolved(_))).count()
}

#[test]
fn a_failure_stands_while_an_agent_that_is_heard_brings_no_rounds_and_not_when_rounds_come_without_it() {
    assert_eq!(resolved_20_s_later(DOWN, |_, _| {}), 0, "no agent can tell");
    let round_comes = |row: &mut Row, _: &Arc<Plan>| row.round_ended = Some(at(20).moment);
    assert_eq!(resolved_20_s_later(DOWN, round_comes), 1, "the check is not done any more");
    let restarted = |row: &mut Row, _: &Arc<Plan>| row.boot = BootId::parse("former").unwrap();
    assert_eq!(resolved_20_s_later(DOWN, restarted), 1, "another agent runs there now");
}

#[test]
fn a_recovery_of_an_observer_ends_what_stands_once_it_had_the_time_to_look_again() {
    // It says again that it cannot measure `c`.
    let blind = |row: &mut Row, plan: &Arc<Plan>| {
        let cell = |target, check: CheckKind| CellBody {
            target,
            check: check.into(),
            port: None,
            outcome: Outcome::Unmeasured(Reason::Overloaded).into(),
            age_ms: 0,
            suspect: false,
            failing_for_ms: None,
        };
        let cells = (4..6).flat_map(|target| CheckKind::ON_PLANES.map(|check| cell(target, check))).collect();
        let empty = RoundBody::empty(plan.targets[0].node.clone(), row.boot.clone(), plan.version.clone());
        let body = RoundBody { sequence: 3, interval_ms: 5_000, cells, ..empty };
        *row = Row::take(Some(row), plan, &body, at(20).moment).unwrap().row;
    };
    assert_eq!(resolved_20_s_later(LOST_SIGHT, blind), 0);
    let recovered = |row: &mut Row, plan: &Arc<Plan>| {
        blind(row, plan);
        row.recovered = Some(NOW);
    };
    assert_eq!(resolved_20_s_later(LOST_SIGHT, recovered), 1);
}
