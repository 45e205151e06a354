use super::*;

#[test]
fn our_own_node_is_never_probed_and_every_other_cell_within_a_second_of_the_first_plan() {
    let mut world = World::with_plan(5, healthy());
    world.run_until(seconds(1.0));
    assert_eq!(world.started.len(), 4 * 4, "four nodes, two planes, two checks");
    assert!(world.started.iter().all(|(_, question)| node_of(question) != 0));
    let [(at, first)] = world.full_rounds()[..] else { panic!("one round: {:?}", world.posts) };
    assert!(at < seconds(1.0));
    assert!(first.cells.iter().all(|cell| matches!(cell.outcome.read(), Outcome::Reached(_))));
    assert_eq!(first.cells.len(), 16);
}

#[test]
fn probes_are_paced_over_the_interval_and_each_round_ends_in_it() {
    let mut world = World::with_plan(31, healthy());
    world.run_until(seconds(60.0));
    let rounds = world.full_rounds();
    assert!((12..=14).contains(&rounds.len()), "{}", rounds.len());
    assert!(rounds.iter().all(|(_, report)| report.took < INTERVAL && !report.overrun));
    let late: Vec<_> =
        world.started.iter().filter(|(at, question)| *at > seconds(6.0) && !is_health(question)).collect();
    let most_at_once = late.iter().map(|(at, _)| late.iter().filter(|(other, _)| other == at).count()).max();
    assert_eq!(most_at_once, Some(2), "the two checks of a target leave together, and no others");
}

#[test]
fn two_agents_that_start_together_do_not_send_together() {
    let second_round = |seed: u64| {
        let mut world = World::new(Settings { seed, ..settings(&[]) }, healthy());
        world.tell(Event::Plan(plan(0..3, 1)));
        world.run_until(seconds(12.0));
        world.started.iter().map(|(at, _)| *at).find(|at| *at > seconds(1.0)).unwrap()
    };
    assert_ne!(second_round(1), second_round(2));
}

#[test]
fn a_target_that_is_new_in_the_plan_is_probed_and_told_within_a_second() {
    let mut world = World::with_plan(3, healthy());
    world.run_until(seconds(20.0));
    world.tell(Event::Plan(plan(0..5, 2)));
    world.run_until(seconds(21.0));
    for node in [3, 4] {
        assert_eq!(world.reached_cells(node).len(), 4, "node {node}");
    }
}

/// The longest time between two probes of one question, health questions aside, until `end`.
fn longest_gap(world: &World, end: Duration) -> Duration {
    let mut newest: Vec<(&Question, Duration)> = Vec::new();
    let mut longest = Duration::ZERO;
    for (at, question) in world.started.iter().filter(|(_, question)| !is_health(question)) {
        match newest.iter_mut().find(|(other, _)| *other == question) {
            Some((_, last)) => longest = longest.max(at.saturating_sub(std::mem::replace(last, *at))),
            None => newest.push((question, *at)),
        }
    }
    newest.iter().map(|(_, last)| end.saturating_sub(*last)).fold(longest, Duration::max)
}

#[test]
fn nothing_is_left_unasked_for_longer_than_an_interval_whenever_the_plan_grows_or_shrinks() {
    for (before, after) in [(1, 8), (2, 8), (12, 4)] {
        for step in 0..50 {
            let changed = seconds(20.0 + f64::from(step) * 0.1);
            let mut world = World::with_plan(before, healthy());
            world.run_until(changed);
            world.started.retain(|(_, question)| node_of(question) < after);
            world.tell(Event::Plan(plan(0..after, 2)));
            let end = changed + seconds(20.0);
            world.run_until(end);
            let longest = longest_gap(&world, end);
            assert!(
                longest <= INTERVAL + OUT_OF_TURN_AFTER,
                "{before} to {after} at {changed:?}: {longest:?}"
            );
        }
    }
}

#[test]
fn in_a_mesh_that_stays_as_it_is_nothing_is_asked_twice_in_an_interval() {
    let mut world = World::with_plan(8, healthy());
    let (from, to) = (seconds(20.0), seconds(120.0));
    world.run_until(to);
    let asked = world.started.iter().filter(|(at, question)| *at >= from && !is_health(question)).count();
    assert_eq!(asked, 20 * 7 * 4, "100 s, seven nodes, two planes, two checks");
}

#[test]
fn a_probe_of_a_target_that_left_the_plan_yields_nothing() {
    let slow: Network = Box::new(|_, _| Reply::After(Duration::from_millis(500)));
    let mut world = World::with_plan(3, slow);
    world.run_until(seconds(0.1));
    world.tell(Event::Plan(plan(0..2, 2)));
    world.run_until(seconds(30.0));
    assert!(world.said_about(2).is_empty());
    assert!(!world.said_about(1).is_empty());
}

#[test]
fn a_target_whose_address_changed_is_a_new_one() {
    let mut world = World::with_plan(2, silent_from(1, seconds(0.0)));
    world.run_until(seconds(10.0));
    assert!(!world.unreached_about(1).is_empty());
    let mut moved = Plan::clone(&plan(0..2, 2));
    for target in &mut moved.targets {
        if target.node.as_str() == "node-1" {
            target.address = match target.plane {
                Plane::Host => [192, 0, 2, 201].into(),
                Plane::Pod => [198, 51, 100, 201].into(),
            };
        }
    }
    world.posts.clear();
    world.tell(Event::Plan(Arc::new(moved)));
    world.run_until(seconds(20.0));
    assert_eq!(world.unreached_about(1), []);
}

#[test]
fn a_failing_target_that_leaves_and_returns_keeps_its_since() {
    let mut world = World::with_plan(3, silent_from(2, seconds(0.0)));
    world.run_until(seconds(20.0));
    world.tell(Event::Plan(plan(0..2, 2)));
    world.run_until(seconds(40.0));
    world.posts.clear();
    world.tell(Event::Plan(plan(0..3, 3)));
    world.run_until(seconds(50.0));
    let said = world.said_about(2);
    let (at, _, _, cell) = said.last().unwrap();
    let failing_for = Duration::from_millis(cell.failing_for_ms.unwrap());
    assert!(*at < failing_for + seconds(1.0), "down since the start: {cell:?}");
}

#[test]
fn dead_peers_neither_slow_a_round_nor_make_healthy_cells_old() {
    let half_dead: Network =
        Box::new(
            |question, _| {
                if node_of(question).is_multiple_of(2) { Reply::Never } else { Reply::After(MILLISECOND) }
            },
        );
    let mut world = World::with_plan(61, half_dead);
    world.run_until(seconds(60.0));
    let rounds: Vec<_> = world.full_rounds().into_iter().filter(|(at, _)| *at > seconds(10.0)).collect();
    assert!(rounds.len() >= 9, "{}", rounds.len());
    for (at, report) in rounds {
        assert!(report.took < INTERVAL && !report.overrun, "{at:?} took {:?}", report.took);
        for cell in &report.cells {
            let limit = match cell.outcome.read() {
                Outcome::Reached(_) => INTERVAL,
                Outcome::Unreached(_) | Outcome::Unmeasured(_) => INTERVAL * 3,
            };
            assert!(Duration::from_millis(cell.age_ms) <= limit, "{at:?} {cell:?}");
        }
    }
    assert!(world.max_in_flight <= 2 * IN_FLIGHT_MAX);
}

#[test]
fn a_large_plan_stays_within_the_limits_of_the_engines() {
    let slow: Network = Box::new(|_, _| Reply::After(Duration::from_millis(300)));
    let mut world = World::with_plan(250, slow);
    world.run_until(seconds(30.0));
    assert!(world.max_in_flight <= 2 * IN_FLIGHT_MAX);
    assert!(world.max_in_flight > IN_FLIGHT_MAX, "the limit was tried");
    let (_, last) = world.full_rounds().pop().unwrap();
    assert!(last.cells.iter().all(|cell| matches!(cell.outcome.read(), Outcome::Reached(_))));
}

#[test]
fn an_empty_plan_still_has_its_rounds() {
    let mut world = World::with_plan(1, healthy());
    world.run_until(seconds(30.0));
    assert!(world.full_rounds().len() >= 5);
}

#[test]
fn no_round_overruns_at_whatever_moment_half_of_the_targets_fall_silent() {
    for phase in 0..20 {
        let from = seconds(20.0 + f64::from(phase) * 0.25);
        let network: Network = Box::new(move |question, at| {
            if node_of(question).is_multiple_of(2) && at >= from {
                Reply::Never
            } else {
                Reply::After(MILLISECOND)
            }
        });
        // 30 peers, 60 targets; everybody else suspects the silent ones too and the server asks us to look.
        let mut world = World::with_plan(31, network);
        world.run_until(from + seconds(1.5));
        world.tell(Event::Look(
            (2..31).step_by(2).map(|node| plan([node], 1).targets[0].node.clone()).collect(),
        ));
        world.run_until(from + seconds(30.0));
        for (at, report) in world.full_rounds() {
            assert!(!report.overrun, "silent from {from:?}: the round at {at:?} overran");
        }
    }
}

/// What is asked of a plan whose targets are at these addresses, by an agent whose own are loopback ones or not.
fn asked_at(addresses: &[&str], is_loopback: bool) -> (BTreeSet<IpAddr>, usize) {
    let mut world = World::new(Settings { is_loopback, ..settings(&[]) }, healthy());
    let mut named = plan(1..=u8::try_from(addresses.len()).unwrap(), 1).as_ref().clone();
    named.targets.retain(|target| target.plane == Plane::Host);
    for (target, address) in named.targets.iter_mut().zip(addresses) {
        target.address = address.parse().unwrap();
    }
    world.tell(Event::Plan(Arc::new(named)));
    world.run_until(seconds(12.0));
    let asked = world.started.iter().filter_map(|(_, question)| match question {
        Question::Icmp(address) => Some(*address),
        Question::Tcp(_) | Question::Resolve { .. } | Question::Health(_) => None,
    });
    (asked.collect(), world.schedule.refused_targets())
}

#[test]
fn a_server_cannot_make_an_agent_ask_what_is_no_member() {
    let hostile = [
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1",
        "ff02::1",
        "169.254.169.254",
        "fe80::1",
        "64:ff9b::a9fe:a9fe",
        "127.0.0.1",
        "::1",
        "10.0.0.1",
    ];
    assert_eq!(asked_at(&hostile, false), (BTreeSet::from([[10, 0, 0, 1].into()]), 9));
    let forms = asked_at(&["10.0.0.1", "::ffff:10.0.0.1"], false);
    assert_eq!(
        forms,
        (BTreeSet::from([[10, 0, 0, 1].into()]), 0),
        "one address in two forms has its turns once"
    );
    let (asked, refused) = asked_at(&hostile, true);
    assert_eq!((asked.len(), refused), (3, 7), "{asked:?}");
}
