use std::collections::BTreeMap;

use meshvane_shared::plan::{Epoch, Plan, PlanVersion, Target};

use super::*;
use crate::schedule::tests::{INTERVAL, MILLISECOND, Reply, World, node_of, seconds, settings, silent_from};
use crate::schedule::{Arc, CellBody, CheckKind, Event, NodeName, Outcome, Plane, Settings};

/// The address that is named again and again.
const VICTIM: u8 = 200;

/// A plan of three ordinary members and of `count` whose planes are all at the victim's address, each with a port of its own.
fn crowded(count: u16) -> Arc<Plan> {
    let target = |node: String, plane: Plane, number: u8, port: u16| Target {
        node: NodeName::parse(&node).unwrap(),
        plane,
        address: [192, 0, 2, number].into(),
        port: (plane == Plane::Pod).then_some(port),
        zone: None,
    };
    let victims = (0..count).map(|index| (format!("node-{index:05}"), VICTIM, 1_000 + index));
    let ordinary = (1..=3).map(|number| (format!("other-{number}"), number, 6100));
    let members = victims.chain(ordinary);
    let targets = members
        .flat_map(|(node, number, port)| Plane::ALL.map(|plane| target(node.clone(), plane, number, port)));
    Arc::new(Plan { version: PlanVersion { epoch: Epoch(1), generation: 1 }, targets: targets.collect() })
}

/// How many probes left for the victim in any stretch of this length, at most.
fn most_within(world: &World, length: Duration) -> usize {
    let sent: Vec<Duration> =
        world.started.iter().filter(|(_, question)| node_of(question) == VICTIM).map(|(at, _)| *at).collect();
    let mut first = 0;
    let mut most = 0;
    for (last, at) in sent.iter().enumerate() {
        while sent[first] + length <= *at {
            first += 1;
        }
        most = most.max(last + 1 - first);
    }
    most
}

/// What an address may be sent within a time.
fn allowed(length: Duration) -> usize {
    usize::try_from(TURNS_SAVED).unwrap()
        + usize::try_from(length.as_millis() / TURN_SPACING.as_millis()).unwrap()
        + 1
}

fn last_words(world: &World) -> BTreeMap<(u32, String), CellBody> {
    let cells = world.posts.iter().flat_map(|(_, report)| &report.cells);
    cells.map(|cell| ((cell.target, format!("{:?}", cell.check)), cell.clone())).collect()
}

#[test]
fn a_thousand_members_at_one_address_are_asked_as_often_as_one_address_may_be() {
    for answers in [true, false] {
        let network = move |question: &Question, _: Duration| match node_of(question) {
            VICTIM if !answers => Reply::Never,
            _ => Reply::After(MILLISECOND),
        };
        let mut world = World::new(settings(&[]), Box::new(network));
        world.tell(Event::Plan(crowded(1_000)));
        world.run_until(seconds(12.0));
        // Looks at as many as one answer may name, again and again.
        for round in 0..10_u16 {
            let nodes =
                (0..64).map(|index| NodeName::parse(&format!("node-{:05}", 64 * round + index)).unwrap());
            world.tell(Event::Look(nodes.collect()));
            world.run_until(world.now + seconds(0.5));
        }
        world.run_until(seconds(25.0));
        for length in [seconds(1.0), seconds(10.0), seconds(25.0)] {
            assert!(
                most_within(&world, length) <= allowed(length),
                "{length:?}: {}",
                most_within(&world, length)
            );
        }
        assert!(most_within(&world, seconds(25.0)) > 500, "what is allowed is used");
        let words = last_words(&world);
        let ordinary = |cell: &&CellBody| cell.target >= 2_000;
        assert_eq!(words.values().filter(ordinary).count(), 12);
        assert!(
            words.values().filter(ordinary).all(|cell| matches!(cell.outcome.read(), Outcome::Reached(_)))
        );
        let crowd = || words.values().filter(|cell| cell.target < 2_000);
        assert_eq!(crowd().count(), 4_000);
        let untold = |cell: &&CellBody| cell.outcome.read() == Outcome::Unmeasured(Reason::NotYet);
        assert!(crowd().filter(untold).count() > 2_500, "what was not asked is not told");
        if answers {
            assert!(crowd().all(|cell| !cell.outcome.read().is_unreached()), "waiting is no failure");
        } else {
            assert!(crowd().all(|cell| !matches!(cell.outcome.read(), Outcome::Reached(_))));
        }
        assert!(world.full_rounds().iter().all(|(_, report)| !report.overrun), "no round waits for turns");
    }
}

/// A plan of one member on the host network, whose host and pod address are the same.
fn host_network() -> Arc<Plan> {
    let mut plan = crowded(1).as_ref().clone();
    plan.targets.retain(|target| target.address == IpAddr::from([192, 0, 2, VICTIM]));
    Arc::new(plan)
}

#[test]
fn a_member_on_the_host_network_is_told_as_soon_as_any_other_and_looked_at_without_an_end() {
    let from = seconds(20.0);
    let mut world =
        World::new(Settings { interval: seconds(1.0), ..settings(&[]) }, silent_from(VICTIM, from));
    world.tell(Event::Plan(host_network()));
    world.run_until(from);
    world.posts.clear();
    while world.now < seconds(60.0) {
        world.tell(Event::Look(vec![NodeName::parse("node-00000").unwrap()]));
        world.run_until(world.now + seconds(2.0));
    }
    let told = world.posts.iter().flat_map(|(at, report)| report.cells.iter().map(move |cell| (*at, cell)));
    let told: Vec<_> = told.filter(|(_, cell)| cell.outcome.read().is_unreached()).collect();
    assert!(told[0].0 <= from + seconds(2.6), "{:?}", told[0].0);
    let untold = world.posts.iter().flat_map(|(_, report)| &report.cells);
    assert_eq!(untold.filter(|cell| cell.outcome.read() == Outcome::Unmeasured(Reason::NotYet)).count(), 0);
    assert_eq!(world.schedule.pace.waiting_count, 0);
}

#[test]
fn a_look_at_as_many_members_as_a_server_plans_at_one_address_waits_for_nothing() {
    let from = seconds(20.0);
    let mut world = World::new(settings(&[]), silent_from(VICTIM, from));
    world.tell(Event::Plan(crowded(4)));
    world.run_until(from);
    world.started.clear();
    let nodes = (0..4).map(|index| NodeName::parse(&format!("node-{index:05}")).unwrap());
    world.tell(Event::Look(nodes.collect()));
    world.run_until(from + seconds(1.3));
    let sent = world.started.iter().filter(|(_, question)| node_of(question) == VICTIM).count();
    assert!(sent >= 16 * 7 - 16, "{sent}");
}

#[test]
fn plans_that_change_all_the_time_give_an_address_no_more_turns_and_take_bounded_memory() {
    let mut world = World::new(settings(&[]), Box::new(|_, _| Reply::Never));
    for generation in 0..60_u64 {
        let mut plan = crowded(300).as_ref().clone();
        plan.version.generation = generation + 1;
        for (index, target) in plan.targets.iter_mut().enumerate().filter(|(index, _)| index % 2 == 1) {
            let [.., high, low] = (generation * 600 + u64::try_from(index).unwrap()).to_be_bytes();
            target.address = [10, 1, high, low].into();
        }
        world.tell(Event::Plan(Arc::new(plan)));
        world.run_until(world.now + seconds(0.1));
    }
    assert!(most_within(&world, seconds(6.0)) <= allowed(seconds(6.0)));
    assert!(world.schedule.pace.owed.len() <= ADDRESSES_MAX);
    assert!(world.schedule.pace.waiting_count <= WAITING_MAX);
    let mut pace = Pace::default();
    for address in 0..u32::try_from(ADDRESSES_MAX).unwrap() + 100 {
        let address = IpAddr::from(std::net::Ipv4Addr::from_bits(address));
        if pace.allows(Duration::ZERO, address) {
            pace.take(Duration::ZERO, address);
        }
        for part in 0..3 {
            pace.put(address, CellId(1), Part::Burst(part));
        }
    }
    assert_eq!((pace.owed.len(), pace.waiting_count), (ADDRESSES_MAX, WAITING_MAX));
}

#[test]
fn an_address_has_its_turns_again_after_a_rest() {
    let address = IpAddr::from([192, 0, 2, 1]);
    let mut pace = Pace::default();
    for _ in 0..TURNS_SAVED {
        assert!(pace.allows(seconds(1.0), address));
        pace.take(seconds(1.0), address);
    }
    assert!(!pace.allows(seconds(1.0), address));
    assert!(!pace.allows(seconds(1.0) + Duration::from_millis(49), address));
    assert!(pace.allows(seconds(1.0) + TURN_SPACING, address));
    assert_eq!(pace.turns(seconds(1.0) + TURN_SPACING * TURNS_SAVED, address), TURNS_SAVED);
}

#[test]
fn an_address_is_forgotten_after_a_rest_and_its_queue_is_bounded() {
    let mut pace = Pace::default();
    for last in 0..100 {
        pace.take(seconds(1.0), [192, 0, 2, last].into());
    }
    let address = IpAddr::from([192, 0, 2, 200]);
    pace.take(seconds(2.0), address);
    assert_eq!(pace.owed.len(), 1);
    let room = (0..1_000).filter(|_| pace.put(address, CellId(1), Part::Regular)).count();
    assert_eq!((room, pace.waiting_count), (WAITING_PER_ADDRESS_MAX, WAITING_PER_ADDRESS_MAX));
}

#[test]
fn services_take_no_turns() {
    let services: Vec<String> = (0..40).map(|index| format!("name-{index}.test:80")).collect();
    let names: Vec<&str> = services.iter().map(String::as_str).collect();
    let network = |question: &Question, _: Duration| match question {
        Question::Resolve { .. } => {
            let addresses = vec![IpAddr::from([192, 0, 2, VICTIM])];
            Reply::With(
                MILLISECOND,
                crate::probe::Answer::Resolved {
                    took: MILLISECOND,
                    searched: Duration::ZERO,
                    addresses,
                    resolved_as: None,
                },
            )
        }
        Question::Icmp(_) | Question::Tcp(_) | Question::Health(_) => Reply::Never,
    };
    let mut world = World::new(settings(&names), Box::new(network));
    world.tell(Event::Plan(crowded(0)));
    world.run_until(INTERVAL);
    assert!(
        world
            .started
            .iter()
            .any(|(_, question)| question.check() == CheckKind::Tcp && node_of(question) == VICTIM)
    );
    assert!(!world.schedule.pace.owed.contains_key(&IpAddr::from([192, 0, 2, VICTIM])));
}
