//! One message in an agent's name, and how soon the agent itself is heard again.

use super::*;

fn boot(name: &str) -> BootId {
    BootId::parse(name).unwrap()
}

/// An empty part in the name of node 1.
fn forged(collector: &Collector, sequence: u64) -> RoundBody {
    RoundBody { partial: true, cells: Vec::new(), ..round(collector, 1, sequence, None) }
}

#[test]
fn an_empty_part_with_the_last_number_silences_no_agent() {
    let collector = healthy();
    collector.heartbeat(HeartbeatBody { probe_interval_ms: Some(5_000), ..heartbeat(1) }, at(3_500)).unwrap();
    let part = RoundBody { interval_ms: 3_600_000, ..forged(&collector, u64::MAX) };
    assert_eq!(collector.round(&part, at(4_000)).unwrap().status, RoundStatus::Accepted);
    assert_eq!(collector.journal.contradictions(), 1);
    for (sequence, millis) in [(2, 8_000), (3, 13_000)] {
        let honest = round(&collector, 1, sequence, None);
        assert_eq!(collector.round(&honest, at(millis)).unwrap().status, RoundStatus::Accepted, "{sequence}");
    }
    assert_eq!(collector.journal.contradictions(), 2);
    let row = |millis| collector.snapshot(at(millis)).nodes[0].row.clone().unwrap();
    assert_eq!((row(13_000).interval, row(13_000).sequences.highest()), (Duration::from_secs(5), 3));
}

#[test]
fn a_round_far_behind_is_told_apart_from_a_repetition() {
    let collector = healthy();
    let at_end = at(1_000_000);
    let newest = round(&collector, 1, 5_000, None);
    assert_eq!(collector.round(&newest, at_end).unwrap().status, RoundStatus::Accepted);
    let mut late = round(&collector, 1, 2_000, None);
    late.age_ms = 600_000;
    assert_eq!(collector.round(&late, at_end).unwrap().status, RoundStatus::TooLate);
    assert_eq!(collector.round(&newest, at_end).unwrap().status, RoundStatus::Duplicate);
    assert_eq!(collector.journal.contradictions(), 0);
}

#[test]
fn cells_age_by_the_interval_of_the_heartbeat_whatever_a_round_says() {
    let collector = collector(EPOCH);
    let early = RoundBody { interval_ms: 3_600_000, ..round(&collector, 1, 1, None) };
    collector.round(&early, at(0)).unwrap();
    let interval = || collector.snapshot(at(1_000)).nodes[0].row.as_ref().unwrap().interval;
    assert_eq!(interval(), Duration::from_hours(1), "its own word, until its agent is heard");
    collector.heartbeat(HeartbeatBody { probe_interval_ms: Some(5_000), ..heartbeat(1) }, at(500)).unwrap();
    assert_eq!(interval(), Duration::from_secs(5));
    let again = RoundBody { sequence: 2, ..early };
    collector.round(&again, at(900)).unwrap();
    assert_eq!(interval(), Duration::from_secs(5));
}

#[test]
fn an_agent_that_a_forged_start_displaced_is_told_so_and_speaks_again_soon() {
    let collector = healthy();
    let uptime = |millis: u64| HeartbeatBody { uptime_ms: Some(60_000 + millis), ..heartbeat(1) };
    let superseded = |body, millis| collector.heartbeat(body, at(millis)).unwrap().superseded;
    assert!(!superseded(uptime(5_000), 5_000));
    let start = HeartbeatBody { boot_id: Some(boot("forged")), uptime_ms: Some(0), ..heartbeat(1) };
    assert!(!superseded(start, 5_500));
    let honest = round(&collector, 1, 2, None);
    assert_eq!(collector.round(&honest, at(6_000)).unwrap().status, RoundStatus::Superseded);
    assert!(superseded(uptime(10_000), 10_000));
    assert!(
        !superseded(uptime(15_000), 15_000),
        "the other one is silent for more than its interval and 1 s"
    );
    let honest = round(&collector, 1, 3, None);
    assert_eq!(collector.round(&honest, at(15_500)).unwrap().status, RoundStatus::Accepted);
    for number in 2..=3 {
        collector.heartbeat(heartbeat(number), at(15_000)).unwrap();
        collector.round(&round(&collector, number, 2, None), at(15_500)).unwrap();
    }
    collector.judge(at(16_000));
    assert_eq!(open_ids(&collector, 16_000), [""; 0]);
}
