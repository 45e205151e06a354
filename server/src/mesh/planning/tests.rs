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

/// Members of nodes with these numbers that are known since their number's millisecond; the host address is the same one.
fn crowd(numbers: std::ops::Range<u16>, host: &str) -> Vec<(Member, MemberState)> {
    let one = |number: u16| {
        let pod = format!("10.1.{}.{}", number >> 8, number & 255);
        let member = member(Some(&format!("node-{number:05}")), host, &pod);
        (Member { known_since: Moment::from_millis(number.into()), ..member }, MemberState::Alive)
    };
    numbers.map(one).collect()
}

fn nodes_at(book: &PlanBook, host: &str) -> Vec<String> {
    let at = |target: &&Target| target.address == host.parse::<IpAddr>().unwrap();
    book.current().targets.iter().filter(at).map(|target| target.node.to_string()).collect()
}

#[test]
fn an_address_is_planned_for_the_four_that_are_known_for_longest_and_the_others_are_said() {
    let host = "10.0.0.1";
    let mut book = PlanBook::new(Epoch(1));
    let mut members = crowd(10..2_010, host);
    // The honest one was known first, whatever its name.
    members.push((
        Member { known_since: Moment::from_millis(1), ..member(Some("worker"), host, "10.2.0.1") },
        MemberState::Alive,
    ));
    assert!(follow(&mut book, &members, 0));
    assert_eq!(nodes_at(&book, host), ["node-00010", "node-00011", "node-00012", "worker"]);
    assert_eq!(book.current().targets.len(), 2_001 + 4, "their pods have addresses of their own");
    let left_out = book.left_out();
    assert_eq!(
        (left_out.crowded.len(), left_out.crowded_targets, left_out.no_room_targets),
        (1_997, 1_997, 0)
    );
    let said = left_out.problems(&NodeName::parse("node-02009").unwrap());
    assert_eq!(
        said,
        ["4 other members have the address 10.0.0.1 and were known before: this one is not probed there"]
    );
    assert_eq!(left_out.problems(&NodeName::parse("worker").unwrap()), [""; 0]);
}

#[test]
fn a_lost_member_makes_room_at_its_address_for_one_that_is_heard() {
    let host = "10.0.0.1";
    let mut book = PlanBook::new(Epoch(1));
    let mut members = crowd(0..5, host);
    assert!(follow(&mut book, &members, 0));
    assert_eq!(nodes_at(&book, host), ["node-00000", "node-00001", "node-00002", "node-00003"]);
    members[1].1 = MemberState::Lost;
    assert!(follow(&mut book, &members, 5_000));
    assert_eq!(nodes_at(&book, host), ["node-00000", "node-00002", "node-00003", "node-00004"]);
}

#[test]
fn a_member_whose_planes_share_an_address_counts_once_there() {
    let mut book = PlanBook::new(Epoch(1));
    let members: Vec<_> = (0..4)
        .map(|number| (member(Some(&format!("node-{number}")), "10.0.0.1", "10.0.0.1"), MemberState::Alive))
        .collect();
    assert!(follow(&mut book, &members, 0));
    assert_eq!((book.current().targets.len(), book.left_out().crowded.len()), (8, 0));
}

#[test]
fn a_plan_that_is_cut_keeps_whole_members_known_for_longest_and_says_which_it_leaves_out() {
    let one = |number: u16| {
        let [high, low] = number.to_be_bytes();
        // The later one is known, the earlier its name.
        let member = member(
            Some(&format!("node-{number:05}")),
            &format!("10.0.{high}.{low}"),
            &format!("10.1.{high}.{low}"),
        );
        (Member { known_since: Moment::from_millis(-i64::from(number)), ..member }, MemberState::Alive)
    };
    let members: Vec<_> = (0..10_002).map(one).collect();
    let mut book = PlanBook::new(Epoch(1));
    assert!(follow(&mut book, &members, 0));
    assert_eq!(book.current().targets.len(), TARGETS_MAX);
    let left_out = book.left_out().clone();
    let names: Vec<&str> = left_out.no_room.iter().map(NodeName::as_str).collect();
    assert_eq!((names, left_out.no_room_targets), (vec!["node-00000", "node-00001"], 4));
    let said = left_out.problems(&NodeName::parse("node-00001").unwrap());
    assert_eq!(said, ["the plan has 20000 targets, as many as it may: this member is not probed"]);
    let mut reversed = PlanBook::new(Epoch(1));
    assert!(follow(&mut reversed, &members.into_iter().rev().collect::<Vec<_>>(), 0));
    assert_eq!(
        reversed.current().targets,
        book.current().targets,
        "whatever the order in which members are met"
    );
}

#[test]
fn what_is_left_out_is_told_when_it_changes_and_at_most_once_a_minute() {
    let mut book = PlanBook::new(Epoch(1));
    let at = Moment::from_millis;
    let told = |book: &mut PlanBook, members: u16, millis| {
        follow(book, &crowd(0..members, "10.0.0.1"), millis);
        book.left_out_news(at(millis)).map(|left_out| left_out.crowded.len())
    };
    assert_eq!(told(&mut book, 4, 0), None);
    assert_eq!(told(&mut book, 6, 3_000), Some(2));
    assert_eq!(told(&mut book, 6, 6_000), None);
    assert_eq!(told(&mut book, 7, 62_999), None);
    assert_eq!(told(&mut book, 7, 66_000), Some(3));
    assert_eq!(told(&mut book, 4, 200_000), Some(0));
    assert_eq!(told(&mut book, 4, 400_000), None);
}
