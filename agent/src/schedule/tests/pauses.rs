//! Whatever is done to our own process, a healthy network stays healthy, and a broken one is still found.

use proptest::prelude::*;

use super::*;

/// The longest pause that may go unseen: the watch, and the tolerance.
fn unseen() -> Duration {
    WATCH + LAG_LIMIT
}

fn check_truth(world: &World, nodes: u8, true_rtt: Duration) {
    for node in 1..nodes {
        assert_eq!(world.unreached_about(node), [], "node {node}");
        for (at, _, _, cell) in world.said_about(node) {
            if let Outcome::Reached(reached) = cell.outcome.read() {
                let rtt = Duration::from_micros(reached.rtt_us.unwrap_or(0).into());
                assert!(rtt <= true_rtt + unseen(), "{at:?}: {rtt:?} is no round trip");
                assert!(!reached.late && !reached.retransmitted, "{at:?}: {reached:?}");
            }
        }
    }
}

#[test]
fn a_stop_of_thirty_seconds_is_neither_a_failure_nor_a_round_trip() {
    for arrivals_first in [true, false] {
        for offset in 0..60u32 {
            let start = seconds(20.0) + Duration::from_millis(83) * offset;
            let rtt = Duration::from_millis(80);
            let mut world = World::with_plan(6, Box::new(move |_, _| Reply::After(rtt)));
            world.pauses = vec![(start, seconds(30.0))];
            world.arrivals_first = arrivals_first;
            world.run_until(start + seconds(60.0));
            check_truth(&world, 6, rtt);
            let after = world.full_rounds().into_iter().find(|(at, _)| *at >= start + seconds(30.0));
            let (at, report) = after.expect("a round after the stop");
            assert!(at <= start + seconds(36.0));
            assert!(report.cells.iter().all(|cell| matches!(cell.outcome.read(), Outcome::Reached(_))));
        }
    }
}

#[test]
fn what_was_in_flight_when_we_stopped_is_asked_again_at_once() {
    let rtt = Duration::from_millis(200);
    let mut world = World::with_plan(2, Box::new(move |_, _| Reply::After(rtt)));
    world.run_until(seconds(0.05));
    world.started.clear();
    let wake = seconds(0.05) + seconds(3.0);
    world.pauses = vec![(seconds(0.05), seconds(3.0))];
    world.run_until(wake);
    assert!(!world.started.is_empty());
    assert!(world.started.iter().all(|(at, _)| *at == wake));
    assert!(world.tallies.contains(&Tally::Lag));
    assert!(world.tallies.contains(&Tally::Outcome(
        CheckKind::Icmp,
        Place::Plane(Plane::Host),
        Outcome::Unmeasured(Reason::Overloaded)
    )));
}

#[test]
fn a_dead_node_is_found_even_by_an_agent_that_keeps_stopping() {
    let mut world = World::with_plan(3, silent_from(2, seconds(20.0)));
    world.pauses =
        (0..4).map(|count| (seconds(20.5) + seconds(2.0) * count, Duration::from_millis(900))).collect();
    world.run_until(seconds(40.0));
    assert_eq!(world.unreached_about(1), []);
    assert!(!world.unreached_about(2).is_empty());
}

#[test]
fn a_node_that_died_while_we_were_stopped_is_down_since_after_the_stop() {
    let mut world = World::with_plan(3, silent_from(2, seconds(30.0)));
    world.pauses = vec![(seconds(20.0), seconds(30.0))];
    world.run_until(seconds(70.0));
    assert_eq!(world.unreached_about(1), []);
    let said = world.said_about(2);
    let (at, _, _, cell) = said.iter().find(|(_, _, _, cell)| cell.outcome.read().is_unreached()).unwrap();
    let since = at.saturating_sub(Duration::from_millis(cell.failing_for_ms.unwrap()));
    assert!(since + MILLISECOND >= seconds(50.0), "{since:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_sequence_of_pauses_makes_a_healthy_network_fail(
        pauses in prop::collection::vec((1u64..3_000, 1u64..4_000), 1..40),
        rtt in 0u64..600,
        arrivals_first: bool,
        nodes in 2u8..9,
        seed: u64,
    ) {
        let rtt = Duration::from_millis(rtt);
        let mut world = World::new(Settings { seed, ..settings(&[]) }, Box::new(move |_, _| Reply::After(rtt)));
        world.arrivals_first = arrivals_first;
        let mut at = Duration::ZERO;
        for (running, paused) in pauses {
            at += Duration::from_millis(running);
            world.pauses.push((at, Duration::from_millis(paused)));
            at += Duration::from_millis(paused);
        }
        world.tell(Event::Plan(plan(0..nodes, 1)));
        world.run_until(at + seconds(15.0));
        check_truth(&world, nodes, rtt);
        let (_, last) = world.full_rounds().pop().unwrap();
        let all_reached = last.cells.iter().all(|cell| matches!(cell.outcome.read(), Outcome::Reached(_)));
        prop_assert!(all_reached);
    }
}
