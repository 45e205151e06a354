use chrono::{DateTime, Utc};
use meshvane_shared::wire::heartbeat::HeartbeatBody;

use super::*;
use crate::mesh::time::Now;

const TIMING: Timing = Timing { ttl: Duration::from_secs(15), forget_after: Duration::from_hours(1) };

fn at(millis: i64) -> Now {
    Now { moment: Moment::from_millis(millis), wall: DateTime::<Utc>::UNIX_EPOCH }
}

fn body(boot: &str, uptime_ms: u64) -> HeartbeatBody {
    HeartbeatBody {
        namespace: "kube-system".into(),
        node_ip: "10.0.0.1".into(),
        pod_ip: "10.1.0.1".into(),
        pod_name: "agent-x".into(),
        node: Some(NodeName::parse("node-1").unwrap()),
        interval_ms: Some(5_000),
        boot_id: Some(BootId::parse(boot).unwrap()),
        uptime_ms: Some(uptime_ms),
        ..HeartbeatBody::default()
    }
}

fn hear(prior: Option<&Member>, body: HeartbeatBody, millis: i64) -> Option<Member> {
    let heartbeat = Heartbeat::parse(body, at(millis)).unwrap();
    Member::hear(prior, heartbeat, Moment::from_millis(millis), &TIMING)
}

#[test]
fn silence_makes_a_member_late_then_lost_then_gone() {
    let member = hear(None, body("a", 0), 0).unwrap();
    let check = |millis, expected| {
        assert_eq!(member.state(Moment::from_millis(millis), &TIMING), expected, "{millis}");
    };
    check(0, Some(MemberState::Alive));
    check(6_000, Some(MemberState::Alive));
    check(6_001, Some(MemberState::Late));
    check(14_999, Some(MemberState::Late));
    check(15_000, Some(MemberState::Lost));
    check(3_599_999, Some(MemberState::Lost));
    check(3_600_000, None);
}

#[test]
fn a_goodbye_makes_a_member_leave_and_a_new_boot_brings_it_back() {
    let member = hear(None, body("a", 0), 0).unwrap();
    let left = hear(Some(&member), HeartbeatBody { leaving: true, ..body("a", 1_000) }, 1_000).unwrap();
    assert_eq!(left.state(Moment::from_millis(2_000), &TIMING), Some(MemberState::Leaving));
    assert_eq!(left.state(Moment::from_millis(61_000), &TIMING), None);
    let back = hear(Some(&left), body("b", 10), 3_000).unwrap();
    assert_eq!(back.state(Moment::from_millis(3_000), &TIMING), Some(MemberState::Alive));
}

#[test]
fn of_two_boots_on_a_node_the_newer_one_speaks_whichever_is_heard_first() {
    let new = hear(None, body("new", 1_000), 10_000).unwrap();
    assert_eq!(hear(Some(&new), body("old", 9_000), 10_500), None);
    assert_eq!(hear(Some(&new), HeartbeatBody { leaving: true, ..body("old", 9_500) }, 11_000), None);
    let old = hear(None, body("old", 9_000), 10_000).unwrap();
    assert_eq!(hear(Some(&old), body("new", 1_500), 10_500).unwrap().boot_id().unwrap().as_str(), "new");
}

/// A heartbeat: the second, the boot, and what is special about it.
type Beat<'a> = (i64, &'a str, fn(&mut HeartbeatBody));

/// Plays heartbeats of boots on one node. Each line is the second, the boot and, when it matters, its goodbye or interval.
fn speakers(beats: &[Beat<'_>]) -> Vec<(i64, String)> {
    // `old` started 1,000 s before the server, `new` claims at 10 s to have just started.
    let started = |boot: &str| if boot == "old" { -1_000 } else { 10 };
    let mut member: Option<Member> = None;
    let mut changes: Vec<(i64, String)> = Vec::new();
    for (second, boot, change) in beats {
        let uptime = u64::try_from((second - started(boot)) * 1_000).unwrap();
        let mut body = body(boot, uptime);
        change(&mut body);
        member = hear(member.as_ref(), body, second * 1_000).or(member);
        let speaking = member.as_ref().unwrap().boot_id().unwrap().to_string();
        if changes.last().is_none_or(|(_, last)| *last != speaking) {
            changes.push((*second, speaking));
        }
    }
    changes
}

fn check_speakers(beats: &[Beat<'_>], expected: &[(i64, &str)]) {
    let expected: Vec<_> = expected.iter().map(|(second, boot)| (*second, (*boot).to_owned())).collect();
    assert_eq!(speakers(beats), expected);
}

#[test]
fn a_later_start_that_is_claimed_once_holds_for_two_heartbeats_of_the_true_agent() {
    let plain: fn(&mut HeartbeatBody) = |_| {};
    let beats =
        [(5, "old", plain), (10, "old", plain), (11, "new", plain), (15, "old", plain), (20, "old", plain)];
    check_speakers(&beats, &[(5, "old"), (11, "new"), (20, "old")]);
}

#[test]
fn a_claimed_interval_does_not_lengthen_the_silence_that_is_allowed() {
    let plain: fn(&mut HeartbeatBody) = |_| {};
    let hourly: fn(&mut HeartbeatBody) = |body| body.interval_ms = Some(3_600_000);
    let beats = [(10, "old", plain), (11, "new", hourly), (15, "old", plain), (20, "old", plain)];
    check_speakers(&beats, &[(10, "old"), (11, "new"), (20, "old")]);
}

#[test]
fn of_two_agents_that_beat_the_later_start_goes_on_speaking() {
    let plain: fn(&mut HeartbeatBody) = |_| {};
    let beats: Vec<_> =
        (2..20).flat_map(|turn| [(turn * 5, "old", plain), (turn * 5 + 3, "new", plain)]).collect();
    check_speakers(&beats, &[(10, "old"), (13, "new")]);
}

#[test]
fn an_agent_speaks_again_at_once_when_its_successor_said_goodbye() {
    let plain: fn(&mut HeartbeatBody) = |_| {};
    let leaving: fn(&mut HeartbeatBody) = |body| body.leaving = true;
    let beats = [(10, "old", plain), (11, "new", plain), (14, "new", leaving), (15, "old", plain)];
    check_speakers(&beats, &[(10, "old"), (11, "new"), (15, "old")]);
    let beats = [(10, "old", plain), (11, "new", plain), (30, "old", leaving)];
    check_speakers(&beats, &[(10, "old"), (11, "new")]);
}

#[test]
fn steadiness_begins_anew_after_a_silence() {
    let first = hear(None, body("a", 0), 0).unwrap();
    let second = hear(Some(&first), body("a", 5_000), 5_000).unwrap();
    assert_eq!(second.steady_since, Moment::from_millis(0));
    let third = hear(Some(&second), body("a", 30_000), 30_000).unwrap();
    assert_eq!(
        (third.steady_since, third.known_since),
        (Moment::from_millis(30_000), Moment::from_millis(0))
    );
}

#[test]
fn one_that_was_named_by_others_returns_when_it_was_lost_and_is_new_before() {
    let named = Member::recalled(NodeName::parse("node-1").unwrap(), &[], Moment::default());
    let known_since = |millis| hear(Some(&named), body("a", 60_000), millis).unwrap().known_since;
    assert_eq!(known_since(14_999), Moment::from_millis(14_999));
    assert_eq!(known_since(15_000), Moment::default());
}

#[test]
fn a_wrong_field_is_named() {
    let check = |change: fn(&mut HeartbeatBody), expected: &str| {
        let mut wrong = body("a", 0);
        change(&mut wrong);
        let error = Heartbeat::parse(wrong, at(0)).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    };
    check(|b| b.pod_name.clear(), "pod_name, node_ip and pod_ip must not be empty; pod_name is");
    check(|b| b.node_ip = "-c1".into(), "node_ip: \"-c1\" is not an IP address");
    check(|b| b.pod_ip = "0.0.0.0".into(), "pod_ip: 0.0.0.0 is unspecified");
    check(|b| b.host_addresses = vec!["ff02::1".parse().unwrap()], "host_addresses: ff02::1");
    check(|b| b.pod_addresses = vec!["10.0.0.1".parse().unwrap(); 5], "pod_addresses: at most 4");
    check(|b| b.interval_ms = Some(0), "interval_ms: 0 is out of range");
    check(|b| b.interval_ms = Some(3_600_001), "interval_ms: 3600001 is out of range: 1000 to 3600000");
    check(|b| b.probe_interval_ms = Some(86_400_000), "probe_interval_ms: 86400000 is out of range");
    check(|b| b.client_port = Some(0), "client_port: 0 is not a port");
}

#[test]
fn one_address_of_each_family_is_kept_ipv4_first() {
    let addresses = ["fd00::1", "10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap()).to_vec();
    let member = hear(None, HeartbeatBody { host_addresses: addresses, ..body("a", 0) }, 0).unwrap();
    assert_eq!(
        member.host_addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.1", "fd00::1"]
    );
    assert_eq!(member.main_address(Plane::Pod).unwrap().to_string(), "10.1.0.1");
}

#[test]
fn a_ttl_below_twice_the_interval_is_a_problem_that_is_said() {
    let member = hear(None, HeartbeatBody { interval_ms: Some(10_000), ..body("a", 0) }, 0).unwrap();
    assert_eq!(member.problems(&TIMING).len(), 1);
    assert!(hear(None, body("a", 0), 0).unwrap().problems(&TIMING).is_empty());
}

/// Every state of a member that is heard every `interval` seconds, in each second of that time.
fn states_between_heartbeats(interval: u64, original: bool) -> Vec<Option<MemberState>> {
    let node = if original { None } else { body("a", 0).node };
    let interval_ms = (!original).then_some(interval * 1_000);
    let heard = |prior: Option<&Member>, second: i64| {
        hear(prior, HeartbeatBody { node: node.clone(), interval_ms, ..body("a", 0) }, second * 1_000)
    };
    let first = heard(None, 0).unwrap();
    let mut states: Vec<_> = (0..=i64::try_from(interval).unwrap())
        .map(|second| first.state(Moment::from_millis(second * 1_000), &TIMING))
        .collect();
    states.dedup();
    states
}

#[test]
fn an_interval_near_the_ttl_or_above_it_stretches_the_ttl_of_that_member() {
    for interval in [5, 10, 15, 60, 3_600] {
        assert_eq!(states_between_heartbeats(interval, false), [Some(MemberState::Alive)], "{interval}");
    }
    let slow = hear(None, HeartbeatBody { interval_ms: Some(60_000), ..body("a", 0) }, 0).unwrap();
    let state = |millis| slow.state(Moment::from_millis(millis), &TIMING);
    assert_eq!([61_000, 61_001].map(state), [Some(MemberState::Alive), Some(MemberState::Late)]);
    assert_eq!([120_999, 121_000].map(state), [Some(MemberState::Late), Some(MemberState::Lost)]);
    let forgotten = 3_600_000 + 121_000 - 15_000;
    assert_eq!([forgotten - 1, forgotten].map(state), [Some(MemberState::Lost), None]);
    assert_eq!(
        slow.problems(&TIMING),
        [
            "the server's CACHE_KEY_SECOND (15 s) is below twice this agent's HEARTBEAT_INTERVAL (60 s): it is lost after 121 s without a heartbeat"
        ]
    );
    let longest = hear(None, HeartbeatBody { interval_ms: Some(3_600_000), ..body("a", 0) }, 0).unwrap();
    assert_eq!(longest.ttl(&TIMING), TTL_STRETCHED_MAX);
}

#[test]
fn an_original_agent_has_the_servers_ttl() {
    let expected = [MemberState::Alive, MemberState::Late, MemberState::Lost].map(Some);
    assert_eq!(states_between_heartbeats(60, true), expected);
}
