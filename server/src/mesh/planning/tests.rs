use std::time::Duration;

use chrono::{DateTime, Utc};
use meshvane_shared::name::NodeName;
use meshvane_shared::wire::heartbeat::HeartbeatBody;

use super::*;
use crate::mesh::member::{Heartbeat, Timing};
use crate::mesh::time::Now;

const TIMING: Timing = Timing { ttl: Duration::from_secs(15), forget_after: Duration::from_hours(1) };

fn member(node: Option<&str>, host: &str, pod: &str) -> Member {
    let now = Now { moment: Moment::default(), wall: DateTime::<Utc>::UNIX_EPOCH };
    let body = HeartbeatBody {
        node_ip: host.into(),
        pod_ip: pod.into(),
        pod_name: format!("agent-{}", node.unwrap_or("original")),
        node: node.map(|node| NodeName::parse(node).unwrap()),
        client_port: node.map(|_| 6200),
        ..HeartbeatBody::default()
    };
    Member::hear(None, Heartbeat::parse(body, now).unwrap(), now.moment, &TIMING).unwrap()
}

fn listing(book: &PlanBook) -> Vec<String> {
    let port = |target: &Target| target.port.map_or_else(String::new, |port| format!(":{port}"));
    book.current()
        .targets
        .iter()
        .map(|target| format!("{} {} {}{}", target.node, target.plane, target.address, port(target)))
        .collect()
}

fn follow(book: &mut PlanBook, members: &[(Member, MemberState)], millis: i64) -> bool {
    book.follow(members.iter().map(|(member, state)| (member, *state)), Moment::from_millis(millis))
}

#[test]
fn every_plane_of_every_member_but_leaving_ones_is_a_target_in_the_order_of_names() {
    let mut book = PlanBook::new(Epoch(1));
    let members = [
        (member(Some("node-2"), "10.0.0.2", "10.1.0.2"), MemberState::Lost),
        (member(Some("node-1"), "10.0.0.1", "10.1.0.1"), MemberState::Alive),
        (member(Some("node-3"), "10.0.0.3", "10.1.0.3"), MemberState::Leaving),
        (member(None, "10.0.0.4", "10.1.0.4"), MemberState::Late),
    ];
    assert!(follow(&mut book, &members, 0));
    let expected = [
        "agent-original host 10.0.0.4",
        "agent-original pod 10.1.0.4:6100",
        "node-1 host 10.0.0.1",
        "node-1 pod 10.1.0.1:6200",
        "node-2 host 10.0.0.2",
        "node-2 pod 10.1.0.2:6200",
    ];
    assert_eq!(listing(&book), expected);
}

#[test]
fn a_lost_original_whose_node_has_a_native_agent_was_replaced() {
    let mut book = PlanBook::new(Epoch(1));
    let native = (member(Some("node-1"), "10.0.0.1", "10.1.0.1"), MemberState::Alive);
    let original = member(None, "10.0.0.1", "10.1.0.9");
    assert!(follow(&mut book, &[native.clone(), (original.clone(), MemberState::Alive)], 0));
    assert_eq!(listing(&book).len(), 4);
    assert!(follow(&mut book, &[native, (original, MemberState::Lost)], 5_000));
    assert_eq!(listing(&book).len(), 2);
}

#[test]
fn the_generation_moves_only_on_a_change_and_at_most_once_in_two_seconds() {
    let mut book = PlanBook::new(Epoch(1));
    let one = [(member(Some("node-1"), "10.0.0.1", "10.1.0.1"), MemberState::Alive)];
    let two = [one[0].clone(), (member(Some("node-2"), "10.0.0.2", "10.1.0.2"), MemberState::Alive)];
    assert!(follow(&mut book, &one, 0));
    assert!(!follow(&mut book, &one, 2_000));
    assert!(follow(&mut book, &two, 2_500));
    assert!(!follow(&mut book, &one, 4_400));
    assert!(follow(&mut book, &one, 4_500));
    assert_eq!(book.current().version.generation, 3);
}

#[test]
fn former_plans_are_known_for_a_while_and_other_epochs_never() {
    let mut book = PlanBook::new(Epoch(1));
    for step in 0..=i64::try_from(PLANS_KEPT).unwrap() + 1 {
        let host = format!("10.0.0.{}", 1 + step % 200);
        follow(&mut book, &[(member(Some("node-1"), &host, "10.1.0.1"), MemberState::Alive)], step * 2_000);
    }
    let find = |epoch, generation| book.find(&PlanVersion { epoch: Epoch(epoch), generation }).is_some();
    assert!(find(1, book.current().version.generation));
    assert!(find(1, 3));
    assert!(!find(1, 1));
    assert!(!find(2, 3));
}
