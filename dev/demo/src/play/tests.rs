//! Runs on a clock of their own.

use super::*;

/// The node that breaks.
const VICTIM_NAME: &str = "node-2";

fn key(kind: FindingKind) -> FindingKey {
    format!("{} node={VICTIM_NAME}", kind.as_str()).parse().unwrap()
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn record(kind: FindingKind, opened: u64, closed: Option<u64>) -> Record {
    Record {
        id: format!("{}/{VICTIM_NAME}", kind.as_str()),
        key: key(kind),
        severity: Severity::Critical,
        opened: at(opened),
        closed: closed.map(at),
    }
}

fn play(expected: Option<FindingKind>) -> Play {
    let expected = expected.map(key);
    let mut play = Play::new(Some(Script { name: "test", expected, lead: at(2), hold: at(30) }));
    assert_eq!(play.look(Sight { now: at(1), full: false, records: &[] }), []);
    assert_eq!(play.look(Sight { now: at(2), full: true, records: &[] }), [Step::SayFull]);
    assert_eq!(play.look(Sight { now: at(3), full: false, records: &[] }), []);
    assert_eq!(play.look(Sight { now: at(4), full: true, records: &[] }), [Step::Break]);
    play.broke();
    assert_eq!(play.look(Sight { now: at(33), full: false, records: &[] }), []);
    assert_eq!(play.look(Sight { now: at(34), full: false, records: &[] }), [Step::Mend]);
    play.mended(at(35));
    play
}

fn verdict(steps: &[Step]) -> Verdict {
    match steps {
        [Step::End(verdict)] => verdict.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_fault_that_is_named_and_healed_passes() {
    let mut play = play(Some(FindingKind::NodeDown));
    let open = [record(FindingKind::NodeDown, 8, None)];
    assert_eq!(play.look(Sight { now: at(36), full: true, records: &open }), []);
    let closed = [record(FindingKind::NodeDown, 8, Some(38))];
    assert_eq!(play.look(Sight { now: at(39), full: false, records: &closed }), []);
    let verdict = verdict(&play.look(Sight { now: at(40), full: true, records: &closed }));
    assert_eq!(
        verdict.text,
        "scenario test passed: node_down/node-2 opened 4.00 s after the fault; resolved 3.00 s after mending; \
         all well 5.00 s after mending"
    );
    assert!(verdict.passed);
    assert_eq!(play.look(Sight { now: at(99), full: true, records: &closed }), []);
}

#[test]
fn a_fault_that_nobody_names_fails() {
    let mut play = play(Some(FindingKind::NodeDown));
    let verdict = verdict(&play.look(Sight { now: at(40), full: true, records: &[] }));
    assert!(!verdict.passed);
    assert!(
        verdict.text.contains("node_down node=node-2 did not open in the 31.00 s of the fault"),
        "{}",
        verdict.text
    );
}

#[test]
fn a_second_finding_for_one_fault_fails() {
    let mut play = play(Some(FindingKind::NodeDown));
    let both = [record(FindingKind::NodeDown, 8, Some(38)), record(FindingKind::Stale, 9, Some(37))];
    let verdict = verdict(&play.look(Sight { now: at(40), full: true, records: &both }));
    assert!(!verdict.passed);
    assert!(verdict.text.contains("stale/node-2 opened, which it should not"), "{}", verdict.text);
}

#[test]
fn a_mesh_that_does_not_recover_fails_at_the_bound() {
    let mut play = play(Some(FindingKind::NodeDown));
    let open = [record(FindingKind::NodeDown, 8, None)];
    let just_before = at(34) + MENDED_WITHIN;
    assert_eq!(play.look(Sight { now: just_before, full: true, records: &open }), []);
    let verdict = verdict(&play.look(Sight { now: at(35) + MENDED_WITHIN, full: true, records: &open }));
    assert!(!verdict.passed);
}

#[test]
fn where_nothing_may_be_found_the_mesh_is_watched_for_a_while() {
    let mut quiet = play(None);
    assert_eq!(quiet.look(Sight { now: at(36), full: true, records: &[] }), []);
    assert!(verdict(&quiet.look(Sight { now: at(35) + QUIET_FOR, full: true, records: &[] })).passed);
    let mut loud = play(None);
    let wrong = [record(FindingKind::AgentDown, 50, Some(52))];
    let verdict = verdict(&loud.look(Sight { now: at(55), full: true, records: &wrong }));
    assert!(!verdict.passed);
    assert!(!verdict.text.contains("nothing"), "{}", verdict.text);
}

#[test]
fn findings_from_before_the_fault_and_notes_do_not_count() {
    let mut play = play(Some(FindingKind::NodeDown));
    let note = Record { severity: Severity::Info, ..record(FindingKind::PortRefused, 9, Some(10)) };
    let all = [record(FindingKind::NotMeasurable, 2, None), record(FindingKind::NodeDown, 8, Some(38)), note];
    assert!(verdict(&play.look(Sight { now: at(40), full: true, records: &all })).passed);
}

#[test]
fn without_a_scenario_the_full_mesh_is_all_there_is_to_wait_for() {
    let mut play = Play::new(None);
    let steps = play.look(Sight { now: at(4), full: true, records: &[] });
    assert_eq!(steps, [Step::SayFull, Step::End(Verdict::passed("the mesh is full"))]);
}

#[test]
fn a_mesh_that_does_not_fill_is_complained_of_once_and_may_fill_later() {
    let mut play = Play::new(None);
    let sight = Sight { now: FULL_WITHIN, full: false, records: &[] };
    assert!(!verdict(&play.look(sight)).passed);
    assert_eq!(play.look(sight), []);
    assert_eq!(play.look(Sight { now: at(90), full: true, records: &[] }).len(), 2);
}

#[test]
fn what_could_not_be_measured_before_does_not_count_when_it_is_said_again() {
    let again = |before: Vec<Record>| {
        let mut play = play(Some(FindingKind::NodeDown));
        let after =
            [record(FindingKind::NodeDown, 8, Some(38)), record(FindingKind::NotMeasurable, 38, None)];
        let all = [before, after.into()].concat();
        play.look(Sight { now: at(40), full: true, records: &all })
    };
    assert!(verdict(&again(vec![record(FindingKind::NotMeasurable, 2, Some(38))])).passed);
    assert_eq!(again(Vec::new()), []);
}
