//! Echo, ports, and the server's own hearing.

use super::*;

#[test]
fn echo_that_is_filtered_is_laid_to_a_node_a_plane_a_pair_or_all() {
    check(
        "a alive | . + i | . + i
         b alive | + . i | + . i
         c alive | + + . | + + .",
        &["icmp_filtered c 2/2"],
    );
    check(
        "a alive | . + + | . i i
         b alive | + . + | i . i
         c alive | + + . | i i .",
        &["icmp_filtered all pod 3/3"],
    );
    check(
        "a alive | . i i | . i i
         b alive | i . i | i . i
         c alive | i i . | i i .",
        &["icmp_filtered all 3/3"],
    );
    check(
        "a alive | . i + | . i +
         b alive | i . + | i . +
         c alive | + + . | + + .",
        &["icmp_filtered a>b 2/3"],
    );
    check(
        "a alive | . + + | . + +
         b alive | i . i | i . i
         c alive | + + . | + + .",
        &["icmp_filtered b 1/1"],
    );
}

#[test]
fn echo_that_failed_with_its_node_and_was_not_asked_since_its_return_is_no_filter() {
    let mut snapshot = snapshot(
        "a alive | . + i | . + +
         b alive | + . i | + . +
         c alive | + + . | + + .",
    );
    let now = snapshot.now.moment.millis;
    // The failures were found 1 s ago and take 1.6 s to find: they were asked for before the return.
    snapshot.nodes[2].recovered = Some(Moment::from_millis(now - 2_000));
    snapshot.now.moment = Moment::from_millis(now + 9_000);
    let judge = |snapshot: &_| diagnose(&observe(snapshot)).findings.iter().map(line).collect::<Vec<_>>();
    assert_eq!(judge(&snapshot), Vec::<String>::new());
    snapshot.nodes[2].recovered = Some(Moment::from_millis(now - 2_700));
    assert_eq!(judge(&snapshot), ["icmp_filtered c host 2/2"]);
}

#[test]
fn a_port_that_refuses_or_is_silent_is_laid_to_a_node_or_to_all() {
    check(
        "a alive | . + r | . + +
         b alive | + . r | + . +
         c alive | + + . | + + .",
        &["port_refused c 10256 2/2"],
    );
    check(
        "a alive | . + + | . + t
         b alive | + . + | + . t
         c alive | + + . | + + .",
        &["port_filtered c 6100 2/2"],
    );
    let picture = "a alive | . t t | . + +
                   b alive | t . t | + . +
                   c alive | t t . | + + .";
    check(picture, &["port_filtered all 10256 3/3"]);
    let snapshot = snapshot(picture);
    assert_eq!(diagnose(&observe(&snapshot)).findings[0].severity, Severity::Info);
}

#[test]
fn the_port_of_an_agent_that_may_be_dead_says_nothing_yet() {
    let snapshot = snapshot(
        "a alive | . + + | . + r
         b alive | + . + | + . r
         c quiet | + + . | + + .",
    );
    let diagnosis = diagnose(&observe(&snapshot));
    assert!(diagnosis.findings.is_empty());
    assert!(diagnosis.held_kinds.contains(&FindingKind::PortRefused));
}

#[test]
fn an_observer_without_echo_does_not_take_a_filtered_port_for_a_dead_plane() {
    // `m`: echo is not permitted and the port is silent.
    check(
        "a alive | . + t | . + +
         b alive | n . m | n . n
         c alive | + + . | + + .",
        &["port_filtered c 10256 1/1", "not_measurable b icmp"],
    );
}

#[test]
fn half_of_the_mesh_that_falls_silent_at_once_unseen_is_our_own_fault() {
    check(
        "a late | . o o | . o o
         b late | o . o | o . o
         c late | o o . | o o .",
        &["monitor_blind server"],
    );
    check(
        "a alive | . x x + | . x x +
         b late  | o . o o | o . o o
         c late  | o o . o | o o . o
         d alive | + x x . | + x x .",
        &["node_down b 2/2", "node_down c 2/2"],
    );
}

#[test]
fn half_of_the_mesh_that_answers_again_has_a_moment_to_be_heard() {
    let picture = "a alive | . + + + | . + + +
                   b late  | o . o o | o . o o
                   c alive | + + . + | + + . +
                   d late  | o o o . | o o o .";
    let judge = |snapshot: &crate::mesh::snapshot::Snapshot| {
        let diagnosis = diagnose(&observe(snapshot));
        let is_held = diagnosis.held_kinds.contains(&FindingKind::MonitorBlind);
        (diagnosis.findings.iter().map(line).collect::<Vec<_>>(), is_held)
    };
    let (held, blind) = ((Vec::new(), true), (vec!["monitor_blind server".to_owned()], false));
    // Whose heartbeat is overdue may be trying for the second time.
    assert_eq!(judge(&snapshot(picture)), held);
    let mut lost = snapshot(&picture.replace("late", "lost"));
    assert_eq!(judge(&lost), blind);
    // Nor does an agent whose node was cut off know at once that it is not any more.
    let now = crate::mesh::picture::NOW.millis;
    lost.nodes[3].recovered = Some(Moment::from_millis(now - 8_999));
    assert_eq!(judge(&lost), held);
    lost.nodes[3].recovered = Some(Moment::from_millis(now - 9_000));
    assert_eq!(judge(&lost), blind);
}
