use meshvane_shared::check::Plane;
use meshvane_shared::plan::{Epoch, PlanVersion, Target};

use super::*;

fn node(number: usize) -> NodeName {
    NodeName::parse(&format!("node-{number:04}")).unwrap()
}

/// A plan of so many nodes, two planes each.
fn plan(nodes: usize) -> Plan {
    let targets = (0..nodes).flat_map(|number| {
        [(Plane::Host, "10.0.0.1"), (Plane::Pod, "10.1.0.1")].map(|(plane, address)| Target {
            node: node(number),
            plane,
            address: address.parse().unwrap(),
            port: None,
            zone: None,
        })
    });
    Plan { version: PlanVersion { epoch: Epoch(1), generation: 1 }, targets: targets.collect() }
}

fn at(millis: i64) -> Moment {
    Moment::from_millis(millis)
}

/// What is to be looked at by an agent in a mesh.
fn asked(book: &LookBook, seen: u64, agent: usize, plan: &Plan, millis: i64) -> Vec<NodeName> {
    book.after(seen, Caller { agent: Some(&node(agent)), plan }, at(millis))
}

#[test]
fn a_node_is_looked_at_once_in_two_seconds_and_a_look_is_kept_for_ten() {
    let mut book = LookBook::default();
    let plan = plan(4);
    let all = Caller { agent: None, plan: &plan };
    assert!(book.raise(&node(1), at(0)));
    assert!(!book.raise(&node(1), at(1_999)));
    assert!(book.raise(&node(2), at(1_999)));
    assert!(book.raise(&node(1), at(2_000)));
    assert_eq!(book.after(0, all, at(2_000)), [node(1), node(2)]);
    assert_eq!(book.after(2, all, at(2_000)), [node(1)]);
    assert_eq!(book.after(book.newest(), all, at(2_000)), []);
    assert_eq!(book.after(0, all, at(12_000)), []);
}

#[test]
fn a_wide_outage_raises_a_bounded_number_of_looks_and_of_sweeps() {
    let mut book = LookBook::default();
    let raised = (0..500).filter(|number| book.raise(&node(*number), at(0))).count();
    assert_eq!(raised, LOOKS_MAX);
    let swept = (0..500).filter(|number| book.raise_sweep(&node(*number), &node(501), at(0))).count();
    assert_eq!(swept, LOOKS_MAX, "looks take no room from sweeps");
    assert_eq!(asked(&book, 0, 3, &plan(600), 0).len(), LOOKS_MAX);
}

#[test]
fn a_sweep_asks_its_agent_about_everybody_and_the_others_about_its_node() {
    let mut book = LookBook::default();
    let plan = plan(4);
    assert!(book.raise_sweep(&node(1), &node(2), at(0)));
    assert_eq!(asked(&book, 0, 1, &plan, 0), [node(0), node(2), node(3)]);
    assert_eq!(asked(&book, 0, 2, &plan, 0), [node(1)]);
    assert_eq!(asked(&book, 0, 3, &plan, 0), [node(1)]);
    assert_eq!(asked(&book, book.newest(), 1, &plan, 0), []);
    assert_eq!(asked(&book, 0, 1, &plan, 10_000), []);
}

#[test]
fn an_agent_sweeps_once_in_two_seconds_whomever_it_is_about() {
    let mut book = LookBook::default();
    assert!(book.raise_sweep(&node(1), &node(2), at(0)));
    assert!(!book.raise_sweep(&node(1), &node(3), at(1_999)));
    assert!(book.raise_sweep(&node(2), &node(1), at(1_999)));
    assert!(book.raise_sweep(&node(1), &node(3), at(2_000)));
    assert!(book.raise(&node(1), at(2_000)), "a sweep is no look at somebody");
}

#[test]
fn a_sweep_of_a_large_mesh_is_bounded_holds_whom_it_is_about_and_differs_from_the_last() {
    let mut book = LookBook::default();
    let plan = plan(1_000);
    book.raise_sweep(&node(1), &node(777), at(0));
    let first = asked(&book, 0, 1, &plan, 0);
    assert_eq!(first, asked(&book, 0, 1, &plan, 0));
    assert_eq!(first.len(), LOOKS_MAX);
    assert!(first.contains(&node(777)) && !first.contains(&node(1)));
    book.raise_sweep(&node(1), &node(777), at(5_000));
    let second = asked(&book, 1, 1, &plan, 5_000);
    let again = second.iter().filter(|node| first.contains(node)).count();
    assert!(again < LOOKS_MAX / 2, "{again} of {LOOKS_MAX} are swept again");
    let observers =
        (0..1_000).filter(|agent| *agent != 1 && !asked(&book, 1, *agent, &plan, 5_000).is_empty());
    assert!((1..=24).contains(&observers.count()));
}

#[test]
fn looks_come_before_a_sweep_where_both_are_too_many() {
    let mut book = LookBook::default();
    let plan = plan(9);
    let many = self::plan(200);
    book.raise_sweep(&node(1), &node(2), at(0));
    book.raise(&node(5), at(0));
    assert_eq!(asked(&book, 0, 1, &plan, 0).len(), 8);
    for number in 10..10 + LOOKS_MAX {
        book.raise(&node(number), at(0));
    }
    let nodes = asked(&book, 0, 1, &many, 0);
    assert_eq!(nodes.len(), LOOKS_MAX);
    let looks = (0..200).map(node).filter(|node| is_asked(&self::node(1), node, 200));
    let raised = looks
        .filter(|node| *node == self::node(5) || (10..10 + LOOKS_MAX - 1).any(|n| *node == self::node(n)));
    assert!(raised.clone().all(|node| nodes.contains(&node)), "{:?}", raised.collect::<Vec<_>>());
}

#[test]
fn all_look_in_a_small_mesh_and_about_eight_in_a_large_one() {
    assert!((1..9).all(|number| is_asked(&node(number), &node(0), 9)));
    assert!(!is_asked(&node(0), &node(0), 9));
    for target in 0..20 {
        let asked = (0..1_000).filter(|number| is_asked(&node(*number), &node(target), 1_000)).count();
        assert!((1..=24).contains(&asked), "{asked} look at node-{target}");
    }
}
