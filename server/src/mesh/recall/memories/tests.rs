use std::net::{IpAddr, Ipv4Addr};

use allocation_counter::measure;
use meshvane_shared::check::Plane;
use meshvane_shared::plan::{Epoch, PlanVersion};

use super::*;

fn node(name: &str) -> NodeName {
    NodeName::parse(name).unwrap()
}

fn writer(name: &str) -> Writer {
    Writer::Node(node(name))
}

/// A list that names each node at an address.
fn list(generation: u64, targets: &[(&str, u8)]) -> Arc<Plan> {
    let target = |(name, last): &(&str, u8)| target(node(name), Plane::Host, [10, 0, 0, *last].into());
    let version = PlanVersion { epoch: Epoch(7), generation };
    Arc::new(Plan { version, targets: targets.iter().map(target).collect() })
}

fn target(node: NodeName, plane: Plane, address: IpAddr) -> Target {
    Target { node, plane, address, port: None, zone: None }
}

/// A list of so many nodes, on both planes, as it is read from a body.
fn large(generation: u64, nodes: u32) -> Arc<Plan> {
    let targets = (0..nodes).flat_map(|number| {
        Plane::ALL.map(|plane| {
            let name = node(&format!("node-{number:05}.cluster.example"));
            target(name, plane, Ipv4Addr::from_bits(0x0a00_0000 + number).into())
        })
    });
    Arc::new(Plan { version: PlanVersion { epoch: Epoch(7), generation }, targets: targets.collect() })
}

/// What is recalled while these are heard, as `node=last byte of its address`.
fn recalled(memories: &Memories, heard: &[&str]) -> Vec<String> {
    let heard = heard.iter().map(|name| node(name)).collect();
    let recalled = memories.recalled(&BTreeSet::new(), &heard);
    let last = |target: &Target| target.address.to_string().rsplit('.').next().unwrap().to_owned();
    recalled
        .iter()
        .flat_map(|(node, targets)| targets.iter().map(move |t| format!("{node}={}", last(t))))
        .collect()
}

fn take(memories: &mut Memories, by: &str, list: &Arc<Plan>) {
    memories.take(&node(by), &writer(by), list);
}

#[test]
fn an_address_counts_when_two_agents_name_it_whatever_list_it_stands_in() {
    let mut memories = Memories::default();
    take(&mut memories, "a", &list(1, &[("dead", 1), ("gone", 2)]));
    assert_eq!(recalled(&memories, &["a", "b"]), [""; 0]);
    take(&mut memories, "b", &list(2, &[("dead", 1), ("gone", 3)]));
    assert_eq!(recalled(&memories, &["a", "b"]), ["dead=1"]);
    take(&mut memories, "c", &list(3, &[("gone", 3)]));
    assert_eq!(recalled(&memories, &["a", "b", "c"]), ["dead=1", "gone=3"]);
}

#[test]
fn repeated_lists_of_one_agent_do_not_add_up() {
    let mut memories = Memories::default();
    for generation in 1..100 {
        take(&mut memories, "liar", &list(generation, &[("invented", 9)]));
        take(&mut memories, "liar", &list(generation, &[("invented", 9)]));
    }
    assert_eq!((memories.lists.len(), memories.votes.len()), (1, 1));
    assert_eq!(recalled(&memories, &["liar", "honest"]), [""; 0]);
}

#[test]
fn the_only_agent_that_is_heard_brings_back_few_nodes() {
    let of = |nodes: u32| {
        let mut memories = Memories::default();
        take(&mut memories, "a", &large(1, nodes));
        (recalled(&memories, &["a"]).len(), recalled(&memories, &[]).len(), recalled(&memories, &["b"]).len())
    };
    let most = u32::try_from(ALONE_MAX).unwrap();
    assert_eq!(of(most), (2 * ALONE_MAX, 0, 0));
    assert_eq!(of(most + 1), (0, 0, 0));
}

#[test]
fn a_liar_cannot_push_out_what_honest_agents_name() {
    let mut memories = Memories::default();
    let honest = list(1, &[("dead", 1)]);
    take(&mut memories, "a", &honest);
    for number in 0..100 {
        let by = format!("liar-{number}");
        memories.take(&node(&by), &writer("liar"), &list(100 + number, &[("invented", 9)]));
    }
    assert_eq!(memories.lists.len(), LISTS_KEPT);
    take(&mut memories, "b", &honest);
    assert!(recalled(&memories, &["a", "b"]).contains(&"dead=1".to_owned()));
    take(&mut memories, "c", &list(2, &[("other", 2)]));
    take(&mut memories, "d", &list(3, &[("other", 2)]));
    assert!(recalled(&memories, &["a", "b"]).contains(&"other=2".to_owned()), "a newcomer has room");
}

#[test]
fn a_list_that_two_writers_brought_never_yields_to_more_lists_of_one_of_them() {
    let mut memories = Memories::default();
    let honest = list(1, &[("dead", 1)]);
    take(&mut memories, "a", &honest);
    take(&mut memories, "b", &honest);
    for number in 0..100 {
        let by = format!("invented-{number}");
        memories.take(&node(&by), &writer("a"), &list(100 + number, &[("invented", 9)]));
    }
    assert_eq!(memories.lists.len(), LISTS_KEPT);
    assert!(recalled(&memories, &["a", "b"]).contains(&"dead=1".to_owned()));
}

#[test]
fn lists_are_bounded_in_bytes_and_votes_in_number() {
    let mut memories = Memories::default();
    for number in 0..u64::try_from(LISTS_KEPT).unwrap() {
        take(&mut memories, &format!("a-{number}"), &large(number, 10_000));
    }
    let bytes: usize = memories.lists.iter().map(|list| list.bytes).sum();
    assert!(bytes <= LISTS_MAX_BYTES && memories.lists.len() < LISTS_KEPT, "{bytes}");
    let mut memories = Memories::default();
    let one = list(1, &[("dead", 1)]);
    (0..=VOTES_MAX).for_each(|number| take(&mut memories, &format!("a-{number}"), &one));
    assert_eq!(memories.votes.len(), VOTES_MAX);
}

#[test]
fn the_lists_of_5000_agents_on_5000_nodes_take_less_than_40_mb() {
    const AGENTS: u64 = 5_000;
    let mut memories = Memories::default();
    // Agents come back with the last of a few generations. Each list was read from a body of its own.
    let held = measure(|| {
        for number in 0..AGENTS {
            let by = format!("agent-{number}");
            let parsed =
                if number % 100 == 0 { large(number % 8, 5_000) } else { memories.lists[0].plan.clone() };
            take(&mut memories, &by, &parsed);
        }
    });
    assert_eq!(memories.votes.len(), 5_000);
    let bytes = held.bytes_current;
    assert!((1_000_000..40_000_000).contains(&bytes), "{bytes} bytes");
    assert_eq!(recalled(&memories, &["agent-1", "agent-2"]).len(), 10_000);
}
