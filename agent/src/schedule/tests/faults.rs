use super::*;

fn reached(world: &World, node: u8) -> Vec<(Duration, Reached)> {
    world
        .said_about(node)
        .into_iter()
        .filter_map(|(at, _, _, cell)| match cell.outcome.read() {
            Outcome::Reached(reached) => Some((at, reached)),
            Outcome::Unreached(_) | Outcome::Unmeasured(_) => None,
        })
        .collect()
}

#[test]
fn silence_is_suspected_after_one_second_and_confirmed_by_four_probes() {
    let mut world = World::with_plan(2, silent_from(1, seconds(20.0)));
    world.run_until(seconds(20.0));
    world.started.clear();
    world.posts.clear();
    world.run_until(seconds(30.0));
    let is_icmp_host = |question: &Question| *question == Question::Icmp([192, 0, 2, 1].into());
    let asked: Vec<Duration> =
        world.started.iter().filter(|(_, question)| is_icmp_host(question)).map(|(at, _)| *at).collect();
    let first = asked[0];
    let bursts: Vec<Duration> =
        (0..4).map(|position| first + PROBE_SOFT_LIMIT + BURST_SPACING * position).collect();
    assert_eq!(asked[1..5], bursts);
    let said: Vec<_> = world
        .said_about(1)
        .into_iter()
        .filter(|(_, check, plane, _)| *check == CheckKind::Icmp && *plane == Plane::Host)
        .collect();
    let (suspected_at, _, _, suspect) = said.iter().find(|(_, _, _, cell)| cell.suspect).unwrap();
    assert!(*suspected_at >= first + PROBE_SOFT_LIMIT);
    assert!(*suspected_at <= first + PROBE_SOFT_LIMIT + PARTIAL_SPACING);
    assert!(matches!(suspect.outcome.read(), Outcome::Reached(_)), "the last certain outcome stands");
    let (down_at, _, _, down) =
        said.iter().find(|(_, _, _, cell)| cell.outcome.read().is_unreached()).unwrap();
    assert_eq!(down.outcome.read(), Outcome::Unreached(Cause::Timeout));
    let confirmed = first + seconds(2.6);
    assert!(*down_at >= confirmed && *down_at <= confirmed + PARTIAL_SPACING);
    let since = down_at.saturating_sub(Duration::from_millis(down.failing_for_ms.unwrap()));
    assert!(since.abs_diff(first) <= MILLISECOND, "since the first failing probe was sent");
    assert!(!down.suspect);
}

#[test]
fn a_target_that_was_never_reached_is_suspect_without_an_outcome() {
    let mut world = World::with_plan(2, silent_from(1, seconds(0.0)));
    world.run_until(seconds(2.0));
    let said = world.said_about(1);
    assert!(said.iter().any(|(_, _, _, cell)| {
        cell.suspect && cell.outcome.read() == Outcome::Unmeasured(Reason::NotYet)
    }));
    assert_eq!(world.unreached_about(1), []);
}

#[test]
fn one_lost_probe_is_counted_and_never_shouted() {
    let dropped = std::cell::Cell::new(false);
    let once: Network = Box::new(move |question, sent| {
        let candidate = sent > seconds(20.0) && matches!(question, Question::Icmp(_));
        if candidate && !dropped.replace(true) { Reply::Never } else { Reply::After(MILLISECOND) }
    });
    let mut world = World::with_plan(2, once);
    world.run_until(seconds(40.0));
    assert_eq!(world.unreached_about(1), []);
    let lost = world.tallies.iter().filter(|tally| matches!(tally, Tally::Lost(CheckKind::Icmp, _))).count();
    assert_eq!(lost, 1);
    let said = world.said_about(1);
    assert!(said.iter().any(|(_, _, _, cell)| cell.suspect));
    let cleared = said.iter().rfind(|(_, check, _, _)| *check == CheckKind::Icmp);
    assert!(!cleared.unwrap().3.suspect);
}

#[test]
fn an_answer_between_the_limits_is_late_and_a_slow_handshake_has_no_round_trip() {
    let slow: Network = Box::new(|_, _| Reply::After(Duration::from_millis(1_800)));
    let mut world = World::with_plan(2, slow);
    world.run_until(seconds(4.0));
    assert_eq!(world.unreached_about(1), []);
    let reached = reached(&world, 1);
    assert!(!reached.is_empty());
    for (_, reached) in reached {
        assert!(reached.late);
        assert_eq!(reached.rtt_us, (!reached.retransmitted).then_some(1_800_000), "{reached:?}");
    }
}

#[test]
fn a_refused_port_is_confirmed_before_it_is_told_and_keeps_its_cause() {
    let refuses_for = |until: Duration| -> Network {
        Box::new(move |question, sent| match question {
            Question::Tcp(_) if sent > seconds(20.0) && sent < until => {
                Reply::With(MILLISECOND, Answer::Failed(Cause::Refused))
            }
            Question::Icmp(_) | Question::Tcp(_) | Question::Resolve { .. } | Question::Health(_) => {
                Reply::After(MILLISECOND)
            }
        })
    };
    let mut restarting = World::with_plan(2, refuses_for(seconds(60.0)));
    restarting.run_until(seconds(20.0));
    let first = {
        restarting.started.clear();
        restarting.run_until(seconds(26.0));
        let tcp = |question: &Question| matches!(question, Question::Tcp(_));
        restarting.started.iter().find(|(_, question)| tcp(question)).unwrap().0
    };
    let told = restarting.unreached_about(1);
    assert!(told.iter().all(|(_, outcome)| *outcome == Outcome::Unreached(Cause::Refused)));
    assert!(told[0].0 >= first + BURST_SPACING * 3, "after the burst");

    let mut brief = World::with_plan(2, refuses_for(first + BURST_SPACING * 2));
    brief.run_until(seconds(40.0));
    assert_eq!(brief.unreached_about(1), [], "a listener that restarts is no news");
}

#[test]
fn the_cause_of_a_burst_is_the_most_frequent_and_then_the_one_that_says_more() {
    let mut burst = cell::Burst::new(1);
    burst.causes = vec![Cause::Timeout, Cause::NoRoute, Cause::Timeout, Cause::Timeout];
    assert_eq!(burst.cause(), Cause::Timeout);
    burst.causes = vec![Cause::Timeout, Cause::NoRoute, Cause::Timeout, Cause::NoRoute];
    assert_eq!(burst.cause(), Cause::NoRoute);
}

#[test]
fn a_port_that_refuses_where_there_was_silence_is_told_at_once_and_once() {
    let returning: Network = Box::new(|question, sent| match question {
        _ if node_of(question) != 1 || sent < seconds(20.0) => Reply::After(MILLISECOND),
        Question::Tcp(_) if sent > seconds(60.0) => Reply::With(MILLISECOND, Answer::Failed(Cause::Refused)),
        Question::Icmp(_) | Question::Tcp(_) | Question::Resolve { .. } | Question::Health(_) => Reply::Never,
    });
    let mut world = World::with_plan(2, returning);
    world.run_until(seconds(60.0));
    world.started.clear();
    world.posts.clear();
    world.run_until(seconds(100.0));
    for plane in Plane::ALL {
        let refused = |cell: &CellBody| cell.outcome.read() == Outcome::Unreached(Cause::Refused);
        let address_of_node = if plane == Plane::Host { [192, 0, 2, 1] } else { [198, 51, 100, 1] };
        let is_port = |question: &Question| match question {
            Question::Tcp(address) => address.ip() == IpAddr::from(address_of_node),
            Question::Icmp(_) | Question::Resolve { .. } | Question::Health(_) => false,
        };
        let (asked, _) = world.started.iter().find(|(_, question)| is_port(question)).unwrap();
        let said = world.said_about(1);
        let (told, ..) = said.iter().find(|(_, _, at, cell)| *at == plane && refused(cell)).unwrap();
        assert!(*told <= *asked + MILLISECOND + PARTIAL_SPACING, "{plane:?} asked {asked:?}, told {told:?}");
    }
    let parts = world.posts.iter().filter(|(_, report)| report.partial).count();
    assert!((1..=2).contains(&parts), "{parts} parts");
}

#[test]
fn a_cell_that_is_down_is_probed_in_every_second_round_and_up_after_two_answers() {
    let outage: Network = Box::new(|question, sent| {
        if node_of(question) == 1 && sent < seconds(60.0) { Reply::Never } else { Reply::After(MILLISECOND) }
    });
    let mut world = World::with_plan(2, outage);
    world.run_until(seconds(20.0));
    world.started.clear();
    world.run_until(seconds(60.0));
    let each = world.started.len() / 4;
    assert!((3..=5).contains(&each), "{each} probes of a cell in eight rounds");
    world.posts.clear();
    world.started.clear();
    world.run_until(seconds(72.0));
    for plane in Plane::ALL {
        for check in CheckKind::ON_PLANES {
            let said: Vec<_> =
                world.said_about(1).into_iter().filter(|(_, c, p, _)| *c == check && *p == plane).collect();
            let up = said.iter().find(|(_, _, _, cell)| matches!(cell.outcome.read(), Outcome::Reached(_)));
            let (up_at, _, _, up) = up.expect("up after the outage");
            assert_eq!(up.failing_for_ms, None);
            assert!(*up_at <= seconds(71.0));
        }
    }
    // The round that was under way when the last cell came up ends, and one more.
    world.run_until(seconds(78.0));
    let last = world.full_rounds().pop().unwrap().1;
    assert!(last.cells.iter().all(|cell| matches!(cell.outcome.read(), Outcome::Reached(_))));
}

#[test]
fn a_single_answer_does_not_end_a_failure() {
    let answered = std::cell::Cell::new(0u32);
    let once: Network = Box::new(move |question, sent| {
        let candidate = sent > seconds(20.0) && *question == Question::Icmp([192, 0, 2, 1].into());
        if candidate && answered.replace(answered.get() + 1) == 0 {
            Reply::After(MILLISECOND)
        } else {
            Reply::Never
        }
    });
    let mut world = World::with_plan(2, once);
    world.run_until(seconds(60.0));
    assert!(reached(&world, 1).is_empty());
}

#[test]
fn a_look_is_a_burst_at_once_and_a_part_with_what_was_seen() {
    let mut world = World::with_plan(3, silent_from(1, seconds(20.0)));
    world.run_until(seconds(20.001));
    world.posts.clear();
    world.started.clear();
    world.tell(Event::Look(vec![
        NodeName::parse("node-1").unwrap(),
        NodeName::parse("node-2").unwrap(),
        NodeName::parse("node-0").unwrap(),
    ]));
    let (health, checks): (Vec<_>, Vec<_>) =
        world.started.iter().partition(|(_, question)| is_health(question));
    assert_eq!((checks.len(), health.len()), (8, 2), "four cells of each node and its name, none of our own");
    world.run_until(seconds(20.2));
    assert_eq!(world.reached_cells(2).len(), 4, "{:?}", world.said_about(2));
    world.run_until(seconds(22.1));
    assert_eq!(world.unreached_about(1), [], "six silences of one moment are a suspicion");
    world.run_until(seconds(22.4));
    assert_eq!(world.unreached_about(1).len(), 4, "within a burst of seven");
}

#[test]
fn a_look_that_comes_when_a_burst_has_sent_all_its_probes_is_answered_by_another_one() {
    let back = seconds(20.65);
    let network: Network = Box::new(move |question, sent| {
        if node_of(question) == 1 && sent < back { Reply::Never } else { Reply::After(MILLISECOND) }
    });
    let mut world = World::with_plan(3, network);
    world.run_until(seconds(20.0));
    let look = || Event::Look(vec![NodeName::parse("node-1").unwrap()]);
    world.tell(look());
    world.run_until(seconds(20.7));
    world.tell(look());
    world.run_until(seconds(22.2));
    assert_eq!(world.reached_cells(1).len(), 4, "{:?}", world.said_about(1));
}

#[test]
fn what_cannot_be_asked_is_unmeasured_and_never_a_failure() {
    let forbidden: Network = Box::new(|question, _| match question {
        Question::Icmp(_) => Reply::With(Duration::ZERO, Answer::Unmeasured(Reason::NotPermitted)),
        Question::Tcp(_) | Question::Resolve { .. } | Question::Health(_) => Reply::After(MILLISECOND),
    });
    let mut world = World::with_plan(2, forbidden);
    world.run_until(seconds(20.0));
    assert_eq!(world.unreached_about(1), []);
    let said = world.said_about(1);
    assert!(
        said.iter().filter(|(_, check, _, _)| *check == CheckKind::Icmp).all(|(_, _, _, cell)| cell
            .outcome
            .read()
            == Outcome::Unmeasured(Reason::NotPermitted)
            && !cell.suspect)
    );
}

#[test]
fn a_wide_outage_is_told_in_few_parts() {
    let all_dead: Network =
        Box::new(|_, sent| if sent > seconds(20.0) { Reply::Never } else { Reply::After(MILLISECOND) });
    let mut world = World::with_plan(60, all_dead);
    world.run_until(seconds(20.0));
    world.posts.clear();
    world.run_until(seconds(30.0));
    assert!(world.posts.len() <= 102, "{}", world.posts.len());
    assert!(!world.unreached_about(59).is_empty());
}
