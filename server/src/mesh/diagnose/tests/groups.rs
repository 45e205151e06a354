//! Zones, groups, pairs and nodes that work one way.

use super::*;

#[test]
fn a_whole_zone_that_is_silent_is_one_finding() {
    // The picture's zones take turns: a, c are zone-1, b, d are zone-2.
    check(
        "a alive | . x + x + | . x + x +
         b late  | o . o o o | o . o o o
         c alive | + x . x + | + x . x +
         d lost  | o o o . o | o o o . o
         e alive | + x + x . | + x + x .",
        &["group_cut b+d|a+c+e zone-2 3/3"],
    );
}

#[test]
fn a_zone_of_which_one_node_lives_is_not_cut_off() {
    check(
        "a alive | . x + + + + | . x + + + +
         b late  | o . o o o o | o . o o o o
         c alive | + x . + + + | + x . + + +
         d alive | + x + . + + | + x + . + +
         e alive | + x + + . + | + x + + . +
         f alive | + x + + + . | + x + + + .",
        &["node_down b 5/5"],
    );
}

#[test]
fn a_zone_of_which_one_node_answers_again_may_be_coming_back_whole() {
    // The agents of b and d have not found the server again.
    let mut snapshot = snapshot(
        "a alive | . + + x | . + + x
         b late  | o . o o | o . o o
         c alive | + + . x | + + . x
         d late  | o o o . | o o o .",
    );
    let judge = |snapshot: &_| {
        let diagnosis = diagnose(&observe(snapshot));
        (diagnosis.findings.iter().map(line).collect::<Vec<_>>(), diagnosis.held.len())
    };
    assert_eq!(judge(&snapshot).0, ["node_down d 2/2"]);
    snapshot.nodes[1].recovered = Some(Moment::from_millis(snapshot.now.moment.millis - 500));
    let (findings, held) = judge(&snapshot);
    assert_eq!(findings, Vec::<String>::new());
    assert!(held >= 1);
}

#[test]
fn two_groups_that_lose_each_other_are_one_finding() {
    let cut = "a alive | . x + x + x | . x + x + x
               b alive | x . x + x + | x . x + x +
               c alive | + x . x + x | + x . x + x
               d alive | x + x . x + | x + x . x +
               e alive | + x + x . x | + x + x . x
               f alive | x + x + x . | x + x + x .";
    check(cut, &["group_cut a+c+e|b+d+f zone-1,zone-2 6/6"]);
    check(
        "a alive | . + x x x + | . + x x x +
         b alive | + . x x x + | + . x x x +
         c alive | x x . + + + | x x . + + +
         d alive | x x + . + + | x x + . + +
         e alive | x x + + . + | x x + + . +
         f alive | + + + + + . | + + + + + .",
        &["group_cut a+b|c+d+e 5/5"],
    );
}

#[test]
fn a_group_that_is_cut_one_way_says_so() {
    check(
        "a alive | . + x x + | . + x x +
         b alive | + . x x + | + . x x +
         c alive | + + . + + | + + . + +
         d alive | + + + . + | + + + . +
         e alive | + + + + . | + + + + .",
        &["group_cut a+b|c+d out 2/2"],
    );
}

/// The third reaches nobody, nobody reaches it, and it is heard.
const CUT_OFF: &str = "a alive | . + x | . + x
                       b alive | + . x | + . x
                       c alive | x x . | x x .";

#[test]
fn a_node_that_is_cut_off_from_all_and_heard_is_a_group_of_one() {
    let mut snapshot = snapshot(CUT_OFF);
    assert_eq!(diagnose(&observe(&snapshot)).findings.len(), 0);
    // It takes two heartbeats to tell it from one whose last words came late.
    let now = crate::mesh::picture::NOW.millis;
    snapshot.now.moment = Moment::from_millis(now + 4_500);
    for view in &mut snapshot.nodes {
        let member = crate::mesh::member::Member::clone(&view.member);
        let heard = Some(Moment::from_millis(now + 4_000));
        view.member = std::sync::Arc::new(crate::mesh::member::Member { heard, received: heard, ..member });
    }
    let lines: Vec<String> = diagnose(&observe(&snapshot)).findings.iter().map(line).collect();
    assert_eq!(lines, ["group_cut c|a+b 3/3"]);
}

#[test]
fn a_node_that_is_cut_off_from_all_and_reads_our_answers_is_a_group_of_one() {
    let mut snapshot = snapshot(CUT_OFF);
    let now = crate::mesh::picture::NOW;
    let lines = |snapshot: &crate::mesh::snapshot::Snapshot| -> Vec<String> {
        diagnose(&observe(snapshot)).findings.iter().map(line).collect()
    };
    snapshot.nodes[2].answered = Some(Moment::from_millis(now.millis - 60_000));
    assert_eq!(lines(&snapshot), [""; 0], "one of the time before may be the last");
    snapshot.nodes[2].answered = Some(now);
    assert_eq!(lines(&snapshot), ["group_cut c|a+b 3/3"]);
}

#[test]
fn a_node_that_reaches_nobody_or_is_reached_by_nobody_is_one_way() {
    check(
        "a alive | . + + | . + +
         b alive | + . + | + . +
         c alive | x x . | x x .",
        &["node_one_way c out 1/1"],
    );
    check(
        "a alive | . + x | . + x
         b alive | + . x | + . x
         c alive | + + . | + + .",
        &["node_one_way c in 2/2"],
    );
}

#[test]
fn a_pair_that_fails_is_named_with_its_plane_and_its_direction() {
    check(
        "a alive | . x + | . x +
         b alive | x . + | x . +
         c alive | + + . | + + .",
        &["pair_cut a>b 2/2"],
    );
    check(
        "a alive | . + + | . x +
         b alive | + . + | x . +
         c alive | + + . | + + .",
        &["pair_cut a>b pod 2/2"],
    );
    check(
        "a alive | . + + | . + +
         b alive | x . + | x . +
         c alive | + + . | + + .",
        &["pair_one_way b>a 1/1"],
    );
}

#[test]
fn two_nodes_that_lose_each_other_and_are_heard_are_a_pair() {
    check("a alive | . x | . x\n b alive | x . | x .", &["pair_cut a>b 2/2"]);
    check("a alive | . + | . x\n b alive | + . | x .", &["pair_cut a>b pod 2/2"]);
    check("a alive | . x | . x\n b alive | + . | + .", &["pair_one_way a>b 1/1"]);
}

#[test]
fn a_pair_waits_until_both_ends_have_looked_at_everybody() {
    check(
        "a alive | . x o | . x o
         b alive | x . + | x . +
         c alive | + + . | + + .",
        &["held: a", "held: b"],
    );
}

#[test]
fn a_plane_that_is_cut_accounts_for_what_its_agent_fails_to_reach() {
    check(
        "a alive | . + + | . + x
         b alive | + . + | + . x
         c alive | x x . | x x .",
        &["plane_cut c pod 2/2"],
    );
}

#[test]
fn a_node_that_reaches_nobody_waits_until_both_its_planes_were_asked() {
    check(
        "a alive | . + + | . + o
         b alive | + . + | + . o
         c alive | x x . | x x .",
        &["held: c"],
    );
}

/// Twenty nodes, of which the last one tells what it likes; `down` is the first.
fn with_a_liar(is_down: bool, lie: impl Fn(usize) -> char) -> String {
    let symbol = |from: usize, to: usize| match (from, to) {
        (from, to) if from == to => '.',
        (19, to) => lie(to),
        (_, 0) if is_down => 'x',
        _ => '+',
    };
    let row = |from: usize| {
        let symbols: String = (0..20).flat_map(|to| [symbol(from, to), ' ']).collect();
        let state = if is_down && from == 0 { "lost " } else { "alive" };
        let cells = if is_down && from == 0 { symbols.replace(['+', 'x'], "-") } else { symbols };
        format!("n{from:02} {state} | {cells}| {cells}\n")
    };
    (0..20).map(row).collect()
}

#[test]
fn one_liar_in_twenty_turns_no_node_red_or_green() {
    // What it says of all others is laid to it alone, and what it says of one to the pair.
    check(&with_a_liar(false, |_| 'x'), &["node_one_way n19 out 1/1"]);
    check(&with_a_liar(false, |to| if to == 5 { 'x' } else { '+' }), &["pair_one_way n19>n05 1/1"]);
    // A node that nobody else reaches stays cut off from them, whatever it says.
    let others: Vec<String> = (1..19).map(|node| format!("n{node:02}")).collect();
    let cut = format!("group_cut n00|{} 18/18", others.join("+"));
    check(&with_a_liar(true, |_| '+'), &[&cut, "agent_down n00"]);
    check(&with_a_liar(true, |_| 'x'), &["node_down n00 19/19", "node_one_way n19 out 1/1"]);
}
