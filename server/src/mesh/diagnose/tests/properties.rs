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

/// What is said and what is held, under other names. Where an order of names has no meaning they are sorted.
fn said(snapshot: &Snapshot, rename: impl Fn(&NodeName) -> NodeName) -> Vec<String> {
    let diagnosis = diagnose(&observe(snapshot));
    let subject = |key: &FindingKey| match &key.subject {
        Subject::Node { node } => Subject::Node { node: rename(node) },
        Subject::Pair { from, to } => {
            let (from, to) = (rename(from), rename(to));
            let sorted = key.kind != FindingKind::PairOneWay && to < from;
            if sorted { Subject::Pair { from: to, to: from } } else { Subject::Pair { from, to } }
        }
        Subject::Groups { groups, zones } => {
            let mut groups: Vec<Vec<NodeName>> =
                groups.iter().map(|group| group.iter().map(&rename).collect()).collect();
            for group in &mut groups {
                group.sort();
            }
            if key.direction.is_none() {
                groups.sort();
            }
            Subject::Groups { groups, zones: zones.clone() }
        }
        Subject::Name { .. } | Subject::Scope { .. } => key.subject.clone(),
    };
    let finding = |finding: Finding| {
        let key = FindingKey { subject: subject(&finding.key), ..finding.key.clone() };
        line(&Finding { key, ..finding })
    };
    let mut said: Vec<String> = diagnosis.findings.into_iter().map(finding).collect();
    said.extend(diagnosis.held.iter().map(|node| format!("held: {}", rename(node))));
    said.extend(diagnosis.held_kinds.iter().map(|kind| format!("held: {kind:?}")));
    said.sort();
    said
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
    fn permuting_the_nodes_permutes_the_findings(drawn in drawn(), lots in proptest::collection::vec(any::<u32>(), 6)) {
        let mut order: Vec<usize> = (0..drawn.len()).collect();
        order.sort_by_key(|node| lots[*node]);
        // The node that stood at `order[place]` stands at `place`, under the name of that place.
        let turned: Drawn = order.iter().map(|node| {
            let (state, host, pod) = &drawn[*node];
            let row = |symbols: &[char]| order.iter().map(|other| symbols[*other]).collect::<Vec<char>>();
            (*state, row(host), row(pod))
        }).collect();
        let old_name = |name: &NodeName| {
            let place = NAMES.iter().position(|known| *known == name.as_str()).unwrap();
            NodeName::parse(NAMES[order[place]]).unwrap()
        };
        let here = said(&zoneless(&text(&drawn, &NAMES)), Clone::clone);
        let there = said(&zoneless(&text(&turned, &NAMES)), old_name);
        prop_assert_eq!(here, there, "{}\nand\n{}", text(&drawn, &NAMES), text(&turned, &NAMES));
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
