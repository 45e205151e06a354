//! What holds for every matrix.

use proptest::prelude::*;

use super::*;
use crate::mesh::observe::Mark;
use crate::mesh::snapshot::Snapshot;

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];
/// Symbols of a picture: mostly fine.
const SYMBOLS: [char; 10] = ['+', '+', '+', '+', '+', '+', 'x', 'i', 'r', 't'];
const STATES: [&str; 6] = ["alive", "alive", "alive", "alive", "late", "lost"];

/// A matrix: for each node its state and its symbols on either plane.
type Drawn = Vec<(&'static str, Vec<char>, Vec<char>)>;

fn drawn() -> impl Strategy<Value = Drawn> {
    (2_usize..=6).prop_flat_map(|nodes| {
        let row = || proptest::collection::vec(proptest::sample::select(&SYMBOLS[..]), nodes);
        proptest::collection::vec((proptest::sample::select(&STATES[..]), row(), row()), nodes)
    })
}

fn text(drawn: &Drawn, names: &[&str]) -> String {
    let row = |place: usize, symbols: &[char]| {
        let drawn = symbols.iter().enumerate().map(|(at, symbol)| if at == place { '.' } else { *symbol });
        drawn.map(String::from).collect::<Vec<_>>().join(" ")
    };
    let line = |(place, (state, host, pod)): (usize, &(&str, Vec<char>, Vec<char>))| {
        format!("{} {state} | {} | {}", names[place], row(place, host), row(place, pod))
    };
    drawn.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

fn zoneless(picture: &str) -> Snapshot {
    let mut snapshot = snapshot(picture);
    for view in &mut snapshot.nodes {
        let member = crate::mesh::member::Member::clone(&view.member);
        view.member = std::sync::Arc::new(crate::mesh::member::Member { zone: None, ..member });
    }
    snapshot
}

fn keys(snapshot: &Snapshot) -> Vec<FindingKey> {
    let mut keys: Vec<FindingKey> =
        diagnose(&observe(snapshot)).findings.into_iter().map(|finding| finding.key).collect();
    keys.sort();
    keys
}

/// Tells whether a finding, or a hold, says something about a failing cell.
fn explains(diagnosis: &Diagnosis, from: &NodeName, to: &NodeName) -> bool {
    let held =
        diagnosis.held.contains(from) || diagnosis.held.contains(to) || !diagnosis.held_kinds.is_empty();
    let named = |finding: &Finding| match &finding.key.subject {
        Subject::Scope { .. } | Subject::Name { .. } => true,
        Subject::Node { .. } | Subject::Pair { .. } | Subject::Groups { .. } => {
            let nodes = finding.key.nodes();
            nodes.contains(&from) || nodes.contains(&to)
        }
    };
    held || diagnosis.findings.iter().any(named)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn between_them_findings_account_for_every_failed_cell(drawn in drawn()) {
        let snapshot = zoneless(&text(&drawn, &NAMES));
        let observed = observe(&snapshot);
        let diagnosis = diagnose(&observed);
        for marks in [&observed.icmp, &observed.tcp] {
            for (row, column, mark) in marks.iter() {
                if *mark != Mark::Silent || !snapshot.nodes[row].is_observer() {
                    continue;
                }
                let (from, to) = (&snapshot.nodes[row].member.node, &snapshot.nodes[observed.columns[column].node].member.node);
                prop_assert!(explains(&diagnosis, from, to), "{from} to {to} in\n{}\n{:?}", text(&drawn, &NAMES), keys(&snapshot));
            }
        }
    }

    #[test]
    fn the_same_matrix_gives_the_same_findings(drawn in drawn()) {
        let picture = text(&drawn, &NAMES);
        prop_assert_eq!(keys(&zoneless(&picture)), keys(&zoneless(&picture)));
    }

    #[test]
    fn a_healthy_matrix_of_any_size_has_none(nodes in 1_usize..=6) {
        let healthy: Drawn = (0..nodes).map(|_| ("alive", vec!['+'; nodes], vec!['+'; nodes])).collect();
        prop_assert_eq!(keys(&snapshot(&text(&healthy, &NAMES))), []);
    }

    #[test]
    fn other_names_in_the_same_order_give_the_same_findings_under_those_names(drawn in drawn()) {
        const OTHERS: [&str; 6] = ["n1", "n2", "n3", "n4", "n5", "n6"];
        let one: Vec<String> = diagnose(&observe(&zoneless(&text(&drawn, &NAMES)))).findings.iter().map(line).collect();
        let other: Vec<String> = diagnose(&observe(&zoneless(&text(&drawn, &OTHERS)))).findings.iter().map(line).collect();
        prop_assert_eq!(one.len(), other.len());
        let renamed = |line: &String| {
            let words: Vec<String> = line.split(' ').map(|word| rename(word, &NAMES, &OTHERS)).collect();
            words.join(" ")
        };
        let one: Vec<String> = one.iter().map(renamed).collect();
        prop_assert_eq!(one, other);
    }

    #[test]
    fn a_healthy_node_more_never_adds_a_finding(drawn in drawn()) {
        prop_assume!(drawn.len() < 6);
        let before = diagnose(&observe(&zoneless(&text(&drawn, &NAMES)))).findings.len();
        let mut larger = drawn.clone();
        for (_, host, pod) in &mut larger {
            host.push('+');
            pod.push('+');
        }
        let nodes = larger.len() + 1;
        larger.push(("alive", vec!['+'; nodes], vec!['+'; nodes]));
        // A node that is not answered by its own kind may be answered by the new one: then each pair is its own finding. What
        // must not happen is a finding that names the healthy node alone.
        let snapshot = zoneless(&text(&larger, &NAMES));
        let after = diagnose(&observe(&snapshot));
        let healthy = &snapshot.nodes[nodes - 1].member.node;
        for finding in &after.findings {
            prop_assert!(finding.key.nodes() != vec![healthy], "{} of {before}: {:?}", line(finding), finding.key);
        }
    }
}

fn rename(word: &str, from: &[&str], to: &[&str]) -> String {
    let is_name = |part: &str| from.contains(&part);
    let pieces = word.split_inclusive(['+', '|', '>']);
    let renamed = pieces.map(|piece| {
        let bare = piece.trim_end_matches(['+', '|', '>']);
        let tail = &piece[bare.len()..];
        let place = from.iter().position(|name| *name == bare);
        place
            .filter(|_| is_name(bare))
            .map_or_else(|| piece.to_owned(), |place| format!("{}{tail}", to[place]))
    });
    renamed.collect()
}
