use super::*;
use crate::mesh::observe::observe_for_judge as observe;
use crate::mesh::picture::snapshot;
use meshvane_shared::wire::findings::{Direction, Subject};

mod examples;
mod filters;
mod groups;
mod properties;
mod services;

/// Findings as `kind subject [plane] [check] saw/of`, and `held: nodes`.
fn judge(picture: &str) -> Vec<String> {
    let snapshot = snapshot(picture);
    let diagnosis = diagnose(&observe(&snapshot));
    let mut lines: Vec<String> = diagnosis.findings.iter().map(line).collect();
    lines.extend(diagnosis.held.iter().map(|node| format!("held: {node}")));
    lines
}

fn line(finding: &Finding) -> String {
    let key = &finding.key;
    let join = |names: &[NodeName]| names.iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
    let subject = match &key.subject {
        Subject::Node { node } => node.to_string(),
        Subject::Pair { from, to } => format!("{from}>{to}"),
        Subject::Groups { groups, zones } => {
            let zones: Vec<&str> = zones.iter().map(meshvane_shared::name::Zone::as_str).collect();
            let groups: Vec<String> = groups.iter().map(|group| join(group)).collect();
            [groups.join("|"), zones.join(",")].join(" ").trim_end().to_owned()
        }
        Subject::Name { name } => name.clone(),
        Subject::Scope { scope } => format!("{scope:?}").to_lowercase(),
    };
    let mut words = vec![key.kind.as_str().to_owned(), subject];
    words.extend(key.plane.map(|plane| plane.to_string()));
    words.extend(key.check.map(|check| check.to_string()));
    words.extend(key.direction.map(|direction| format!("{direction:?}").to_lowercase()));
    words.extend(key.family.map(|family| family.to_string()));
    words.extend(key.port.map(|port| port.to_string()));
    words.extend(finding.observers.map(|observers| format!("{}/{}", observers.saw, observers.of)));
    words.join(" ")
}

fn check(picture: &str, expected: &[&str]) {
    assert_eq!(judge(picture), expected, "{picture}");
}

#[test]
fn a_healthy_mesh_has_no_finding() {
    check(
        "a alive | . + + | . + +
         b alive | + . + | + . +
         c alive | + + . | + + .",
        &[],
    );
}

#[test]
fn a_node_is_down_when_no_plane_answers_and_its_agent_is_overdue() {
    for state in ["late", "lost"] {
        let picture = format!(
            "a alive   | . + x | . + x
             b alive   | + . x | + . x
             c {state} | o o . | o o ."
        );
        check(&picture, &["node_down c 2/2"]);
    }
}

#[test]
fn it_is_held_back_until_the_heartbeat_is_overdue_and_never_shown_as_two_planes_cut() {
    check(
        "a alive | . + x | . + x
         b alive | + . x | + . x
         c quiet | o o . | o o .",
        &["held: c"],
    );
}

#[test]
fn it_is_held_back_until_everybody_has_looked() {
    check(
        "a alive | . + x | . + x
         b alive | + . o | + . o
         c late  | o o . | o o .",
        &["held: c"],
    );
    check(
        "a alive | . + x | . + x
         b alive | + . p | + . p
         c late  | o o . | o o .",
        &["held: c"],
    );
}

#[test]
fn an_observer_that_could_not_measure_or_is_silent_itself_is_not_waited_for() {
    check(
        "a alive | . + + x | . + + x
         b alive | + . + x | + . + x
         c alive | + + . ? | + + . ?
         d late  | o o o . | o o o .",
        &["node_down d 2/2"],
    );
    check(
        "a alive | . + x x | . + x x
         b alive | + . x x | + . x x
         c late  | o o . o | o o . o
         d late  | o o o . | o o o .",
        &["node_down c 2/2", "node_down d 2/2"],
    );
}

#[test]
fn of_two_nodes_the_silent_one_is_down_by_the_word_of_one() {
    let picture = "a alive | . x | . x
                   b lost  | o . | o .";
    check(picture, &["node_down b 1/1"]);
    let snapshot = snapshot(picture);
    assert_eq!(diagnose(&observe(&snapshot)).findings[0].severity, Severity::Warning);
}

#[test]
fn one_plane_is_cut_while_the_other_answers_whether_or_not_the_agent_is_heard() {
    for state in ["alive", "lost"] {
        let picture = format!(
            "a alive   | . + + | . + x
             b alive   | + . + | + . x
             c {state} | + + . | + + ."
        );
        check(&picture, &["plane_cut c pod 2/2"]);
    }
    check(
        "a alive | . + x | . + +
         b alive | + . x | + . +
         c alive | + + . | + + .",
        &["plane_cut c host 2/2"],
    );
}

#[test]
fn a_plane_that_answered_last_before_the_other_fell_silent_decides_nothing() {
    check(
        "a alive | . + o | . + x
         b alive | + . o | + . x
         c quiet | + + . | + + .",
        &["held: c"],
    );
    // `e`: it answered when the other had just fallen silent, as a node that loses its power does.
    check(
        "a alive | . + e | . + x
         b alive | + . e | + . x
         c quiet | + + . | + + .",
        &["held: c"],
    );
}

#[test]
fn a_refused_port_and_a_filtered_echo_are_no_dead_plane() {
    check(
        "a alive | . r i | . r i
         b alive | t . + | t . +
         c alive | + + . | + + .",
        &[
            "icmp_filtered a>c 1/2",
            "port_refused b 6100 1/2",
            "port_refused b 10256 1/2",
            "port_filtered a 6100 1/2",
            "port_filtered a 10256 1/2",
        ],
    );
}

#[test]
fn an_agent_is_down_when_it_is_lost_and_its_addresses_answer() {
    let picture = "a alive | . + + | . + r
                   b alive | + . + | + . r
                   c lost  | o o . | o o .";
    check(picture, &["agent_down c"]);
    check(&picture.replace("lost ", "late "), &["held: c"]);
    check(&picture.replace("lost ", "alive"), &[]);
}

#[test]
fn an_agent_whose_node_answers_again_has_a_moment_to_say_so() {
    let mut snapshot = snapshot(
        "a alive | . + + | . + +
         b alive | + . + | + . +
         c lost  | o o . | o o .",
    );
    let now = crate::mesh::picture::NOW.millis;
    snapshot.nodes[2].recovered = Some(Moment::from_millis(now - 8_999));
    let diagnosis = diagnose(&observe(&snapshot));
    assert_eq!((diagnosis.findings.len(), diagnosis.held.len()), (0, 1));
    snapshot.nodes[2].recovered = Some(Moment::from_millis(now - 9_000));
    assert_eq!(diagnose(&observe(&snapshot)).findings[0].key.kind, FindingKind::AgentDown);
}

#[test]
fn an_agent_that_is_there_and_not_let_in_yet_is_neither_down_nor_our_own_deafness() {
    let knocks = |picture: &str, since: u64, last: u64| {
        let mut snapshot = snapshot(picture);
        let ago = |seconds| crate::mesh::picture::NOW.before(std::time::Duration::from_secs(seconds));
        for view in snapshot.nodes.iter_mut().filter(|view| !view.is_observer()) {
            view.knocks = Some(crate::mesh::knocks::Knocks { since: ago(since), last: ago(last) });
        }
        let diagnosis = diagnose(&observe(&snapshot));
        let texts =
            diagnosis.findings.iter().map(|finding| finding.sentence.render(&snapshot.now, finding.since));
        (texts.collect::<Vec<_>>().join("\n"), diagnosis.held.len())
    };
    let one = "a alive | . + + | . + +
               b alive | + . + | + . +
               c lost  | o o . | o o .";
    assert_eq!(knocks(one, 179, 8), (String::new(), 1));
    let begins = |text: &str, start: &str| assert!(text.starts_with(start), "{text}");
    begins(&knocks(one, 180, 8).0, "the agent on c (agent-c) is refused, since");
    begins(&knocks(one, 60, 9).0, "the agent on c (agent-c) is silent, since");
    let most = "a alive | . + + | . + +
                b lost  | o . o | o . o
                c lost  | o o . | o o .";
    check(most, &["monitor_blind server"]);
    assert_eq!(knocks(most, 60, 8), (String::new(), 2));
    // What nobody reaches is down all the same: the last request may have been the last of all.
    let dead = "a alive | . + x | . + x
                b alive | + . x | + . x
                c lost  | o o . | o o .";
    begins(&knocks(dead, 60, 8).0, "c is down");
}

#[test]
fn the_agent_of_a_single_node_is_down_when_it_is_lost() {
    check("a lost | . | .", &["agent_down a"]);
}

#[test]
fn a_node_that_left_raises_nothing() {
    check(
        "a alive   | . + x | . + x
         b alive   | + . x | + . x
         c leaving | o o . | o o .",
        &[],
    );
}

#[test]
fn failures_from_before_an_agent_came_back_decide_nothing() {
    let mut snapshot = snapshot(
        "a alive | . + x | . + x
         b alive | + . x | + . x
         c back  | + + . | + + .",
    );
    let held = |snapshot: &crate::mesh::snapshot::Snapshot| {
        let diagnosis = diagnose(&observe(snapshot));
        assert!(diagnosis.findings.is_empty());
        diagnosis.held.len()
    };
    // Measured 1 s ago, and heard again 1 s ago: these count. A recovery half a second ago makes them old.
    snapshot.nodes[2].recovered = Some(Moment::from_millis(crate::mesh::picture::NOW.millis - 500));
    assert_eq!(held(&snapshot), 1);
}

#[test]
fn an_agent_that_is_not_permitted_to_echo_is_named_and_nobody_is_called_unreachable() {
    check(
        "a alive | . + + | . + +
         b alive | n . n | n . n
         c alive | + + . | + + .",
        &["not_measurable b icmp"],
    );
    check(
        "a alive | . n n | . n n
         b alive | n . n | n . n
         c alive | n n . | n n .",
        &["not_measurable all icmp"],
    );
}

#[test]
fn whether_every_agent_is_blind_waits_for_the_first_round_of_one_that_has_just_begun() {
    let waits = |snapshot: &crate::mesh::snapshot::Snapshot| {
        let diagnosis = diagnose(&observe(snapshot));
        assert!(diagnosis.findings.iter().all(|finding| finding.key.kind != FindingKind::NotMeasurable));
        diagnosis.held_kinds.contains(&FindingKind::NotMeasurable)
    };
    assert!(waits(&snapshot(
        "a alive | . n n | . n n
         b alive | n . n | n . n
         c alive | - - - | - - -",
    )));
    // Neither does what its predecessor could not do say anything.
    let mut replaced = snapshot(
        "a alive | . + + | . + +
         b alive | + . + | + . +
         c alive | n n . | n n .",
    );
    let member = crate::mesh::member::Member::clone(&replaced.nodes[2].member);
    let boot = member.boot.clone().map(|boot| crate::mesh::member::Boot {
        id: meshvane_shared::name::BootId::parse("next").unwrap(),
        ..boot
    });
    replaced.nodes[2].member = std::sync::Arc::new(crate::mesh::member::Member { boot, ..member });
    assert!(waits(&replaced));
}

#[test]
fn a_node_is_down_though_something_of_its_agent_still_arrived_after_the_onset() {
    let mut snapshot = snapshot(
        "a alive | . + x | . + x
         b alive | + . x | + . x
         c late  | o o . | o o .",
    );
    let now = crate::mesh::picture::NOW.millis;
    let received = |snapshot: &mut crate::mesh::snapshot::Snapshot, millis_ago: i64| {
        let member = crate::mesh::member::Member::clone(&snapshot.nodes[2].member);
        let received = Some(Moment::from_millis(now - millis_ago));
        snapshot.nodes[2].member = std::sync::Arc::new(crate::mesh::member::Member { received, ..member });
    };
    // The failures of the picture begin 3 s ago.
    received(&mut snapshot, 2_500);
    assert_eq!(diagnose(&observe(&snapshot)).findings.len(), 0);
    snapshot.now.moment = Moment::from_millis(now + 4_000);
    assert_eq!(diagnose(&observe(&snapshot)).findings[0].key.kind, FindingKind::NodeDown);
}

#[test]
fn an_agent_that_heartbeats_and_sends_no_rounds_is_stale() {
    check(
        "a alive | . + + | . + +
         b alive | + . + | + . +
         c alive | - - - | - - -",
        &["stale c"],
    );
}

#[test]
fn original_agents_are_shown_and_do_not_decide() {
    check(
        "a alive    | . + + | . + +
         b original | + . x | + . x
         c alive    | + + . | + + .",
        &[],
    );
}

#[test]
fn the_sentence_says_who_saw_it_and_since_when() {
    let snapshot = snapshot(
        "a alive | . + x | . + x
         b alive | + . x | + . x
         c late  | o o . | o o .",
    );
    let finding = &diagnose(&observe(&snapshot)).findings[0];
    assert_eq!(
        finding.sentence.render(&snapshot.now, finding.since),
        "c is down: no address of it answers, from 2 of 2 observers in 2 zones, since 11:59:57 UTC; its agent was last heard at 11:59:53 UTC"
    );
    assert_eq!(finding.evidence.len(), 8);
}

#[test]
fn rules_run_in_the_order_of_the_kinds() {
    let kinds: Vec<FindingKind> = RULES.iter().map(|(kind, _)| *kind).collect();
    let mut sorted = kinds.clone();
    sorted.sort();
    assert_eq!(kinds, sorted);
}
