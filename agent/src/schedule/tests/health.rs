use super::*;

/// Everybody answers, and at the pod address of `node-2` somebody else from some time on.
fn replaced_from(from: Duration) -> Network {
    Box::new(move |question, sent| {
        if !is_health(question) {
            return Reply::After(MILLISECOND);
        }
        let number = node_of(question);
        let name = if number == 2 && sent >= from { "node-9".to_owned() } else { format!("node-{number}") };
        Reply::With(MILLISECOND, Answer::Agent(Some(NodeName::parse(&name).unwrap())))
    })
}

fn asked(world: &World) -> Vec<(Duration, u8)> {
    let health = world.started.iter().filter(|(_, question)| is_health(question));
    health.map(|(at, question)| (*at, node_of(question))).collect()
}

fn strangers(report: &Report) -> Vec<(String, String)> {
    let told = report.strangers.iter().map(|stranger| {
        let target = &report.plan.targets[usize::try_from(stranger.target).unwrap()];
        (target.address.to_string(), stranger.node.to_string())
    });
    told.collect()
}

#[test]
fn each_pod_is_asked_once_a_minute_and_not_all_in_one_round() {
    let mut world = World::with_plan(31, replaced_from(seconds(1e6)));
    world.run_until(seconds(600.0));
    let asked = asked(&world);
    for node in 1..31 {
        let times: Vec<Duration> = asked.iter().filter(|(_, of)| *of == node).map(|(at, _)| *at).collect();
        assert!(
            (8..=10).contains(&times.len()),
            "node-{node} was asked {} times in ten minutes",
            times.len()
        );
        let spaced = times.windows(2).all(|pair| pair[1] >= pair[0] + HEALTH_PERIOD);
        assert!(spaced && times[0] <= HEALTH_PERIOD + INTERVAL * 2, "node-{node}: {times:?}");
    }
    for start in 0..120 {
        let round = seconds(5.0) * start..seconds(5.0) * (start + 1);
        let together = asked.iter().filter(|(at, _)| round.contains(at)).count();
        assert!(together <= 10, "{together} in the round at {start}");
    }
    assert!(world.posts.iter().all(|(_, report)| report.strangers.is_empty()));
}

#[test]
fn a_stranger_is_told_at_once_and_until_the_planned_node_answers_again() {
    let there: Network = {
        let replaced = replaced_from(seconds(100.0));
        let healthy = replaced_from(seconds(1e6));
        Box::new(
            move |question, sent| {
                if sent < seconds(300.0) { replaced(question, sent) } else { healthy(question, sent) }
            },
        )
    };
    let mut world = World::with_plan(4, there);
    world.run_until(seconds(600.0));
    let (told, report) = world.posts.iter().find(|(_, report)| !report.strangers.is_empty()).unwrap();
    assert!(report.partial && *told <= seconds(175.0), "{told:?}");
    assert_eq!(strangers(report), [("198.51.100.2".to_owned(), "node-9".to_owned())]);
    let rounds = world.full_rounds();
    let of = |from: f64, to: f64| {
        let within = rounds.iter().filter(move |(at, _)| *at >= seconds(from) && *at < seconds(to));
        within.map(|(_, report)| report.strangers.len()).collect::<BTreeSet<_>>()
    };
    assert_eq!((of(0.0, 100.0), of(176.0, 300.0), of(376.0, 600.0)), ([0].into(), [1].into(), [0].into()));
}

#[test]
fn a_look_asks_at_once_who_answers() {
    let mut world = World::with_plan(4, replaced_from(Duration::ZERO));
    world.run_until(seconds(2.0));
    let before = asked(&world).len();
    world.tell(Event::Look(vec![NodeName::parse("node-2").unwrap(), NodeName::parse("node-3").unwrap()]));
    world.run_until(seconds(2.2));
    let nodes: Vec<u8> = asked(&world)[before..].iter().map(|(_, node)| *node).collect();
    assert_eq!(nodes, [2, 3]);
    let (_, report) = world.posts.iter().rfind(|(_, report)| !report.strangers.is_empty()).unwrap();
    assert_eq!(strangers(report).len(), 1);
}

#[test]
fn who_says_nothing_is_no_stranger_and_no_failure() {
    let silent: Network = Box::new(|question, _| {
        let reply =
            if node_of(question) == 1 { Reply::Never } else { Reply::With(MILLISECOND, Answer::Agent(None)) };
        if is_health(question) { reply } else { Reply::After(MILLISECOND) }
    });
    let mut world = World::with_plan(4, silent);
    world.run_until(seconds(200.0));
    assert!(asked(&world).len() >= 9);
    assert!(world.posts.iter().all(|(_, report)| report.strangers.is_empty()));
    assert!((1..4).all(|node| world.unreached_about(node).is_empty()));
    assert_eq!(world.tallies.iter().filter(|tally| matches!(tally, Tally::Lost(..))).count(), 0);
}

#[test]
fn a_look_at_a_whole_plan_asks_a_few_at_a_time_and_all_of_them() {
    let slow: Network = Box::new(|question, _| {
        if is_health(question) {
            Reply::With(seconds(0.1), Answer::Agent(None))
        } else {
            Reply::After(MILLISECOND)
        }
    });
    let mut world = World::with_plan(61, slow);
    world.run_until(seconds(4.0));
    let before = asked(&world).len();
    world.tell(Event::Look((1..61).map(|node| NodeName::parse(&format!("node-{node}")).unwrap()).collect()));
    world.run_until(seconds(4.05));
    assert!(asked(&world).len() - before <= HEALTH_IN_FLIGHT_MAX);
    world.run_until(seconds(5.0));
    let nodes: BTreeSet<u8> = asked(&world)[before..].iter().map(|(_, node)| *node).collect();
    assert_eq!(nodes.len(), 60);
}

#[test]
fn what_was_heard_of_a_stranger_is_not_told_for_ever() {
    let mute: Network = Box::new(|question, sent| {
        let stranger = Answer::Agent(Some(NodeName::parse("node-9").unwrap()));
        match question {
            Question::Health(_) if sent > seconds(70.0) => Reply::With(MILLISECOND, Answer::Agent(None)),
            Question::Health(_) => Reply::With(MILLISECOND, stranger),
            Question::Icmp(_) | Question::Tcp(_) | Question::Resolve { .. } => Reply::After(MILLISECOND),
        }
    });
    let mut world = World::with_plan(2, mute);
    world.run_until(seconds(400.0));
    let rounds = world.full_rounds();
    let told =
        rounds.iter().filter(|(_, report)| !report.strangers.is_empty()).map(|(at, _)| *at).max().unwrap();
    assert!(told > seconds(150.0) && told <= seconds(70.0) + STRANGER_KEPT + INTERVAL, "{told:?}");
}

#[test]
fn a_look_at_a_healthy_mesh_of_64_tells_a_fresh_result_of_every_cell_within_a_second() {
    let mut world = World::with_plan(65, healthy());
    world.run_until(seconds(4.5));
    let told = world.posts.len();
    let looked = world.now;
    world.tell(Event::Look((1..65).map(|node| NodeName::parse(&format!("node-{node}")).unwrap()).collect()));
    world.run_until(seconds(5.5));
    assert!(world.max_in_flight <= 2 * IN_FLIGHT_MAX);
    let mut fresh = BTreeSet::new();
    for (at, report) in &world.posts[told..] {
        for cell in &report.cells {
            if *at >= looked + Duration::from_millis(cell.age_ms) {
                fresh.insert((cell.target, cell.check.known()));
            }
        }
    }
    assert_eq!(fresh.len(), 64 * 4);
}

#[test]
fn a_look_at_a_cell_that_is_down_tells_it_anew() {
    let mut world = World::with_plan(3, silent_from(2, seconds(0.0)));
    world.run_until(seconds(14.0));
    let looked = world.now;
    world.tell(Event::Look(vec![NodeName::parse("node-2").unwrap()]));
    world.run_until(seconds(16.0));
    let fresh = world.said_about(2).into_iter().filter(|(at, _, _, cell)| {
        *at >= looked + Duration::from_millis(cell.age_ms) + seconds(1.0)
            && cell.outcome.read().is_unreached()
    });
    let cells: BTreeSet<_> = fresh.map(|(_, check, plane, _)| (check, plane)).collect();
    assert_eq!(cells.len(), 4);
}
