use std::net::IpAddr;

use meshvane_shared::wire::round::ServiceBody;

use super::*;

mod details;

fn resolving(addresses: &'static [[u8; 4]]) -> Network {
    Box::new(move |question, _| match question {
        Question::Resolve { .. } => Reply::With(
            MILLISECOND,
            Answer::Resolved {
                took: MILLISECOND,
                searched: Duration::ZERO,
                addresses: addresses.iter().map(|octets| IpAddr::from(*octets)).collect(),
                resolved_as: None,
            },
        ),
        Question::Icmp(_) | Question::Tcp(_) | Question::Health(_) => Reply::After(MILLISECOND),
    })
}

fn world(network: Network) -> World {
    let mut world = World::new(settings(&["api.shop", "db.shop:5432"]), network);
    world.tell(Event::Plan(plan(0..2, 1)));
    world
}

fn last_services(world: &World) -> Vec<ServiceBody> {
    world.full_rounds().pop().unwrap().1.services.clone()
}

#[test]
fn a_service_is_its_name_and_each_address() {
    let mut world = world(resolving(&[[203, 0, 113, 1], [203, 0, 113, 2]]));
    world.run_until(seconds(15.0));
    let services = last_services(&world);
    assert_eq!(services.len(), 2);
    assert_eq!((services[0].name.as_str(), services[0].port), ("api.shop", 80));
    assert_eq!((services[1].name.as_str(), services[1].port), ("db.shop", 5432));
    for service in services {
        assert_eq!(service.resolution.outcome.read(), Outcome::reached(1_000));
        assert_eq!((service.answers, service.addresses.len()), (2, 2));
        assert!(
            service.addresses.iter().all(|address| address.tcp.outcome.read() == Outcome::reached(1_000))
        );
    }
}

#[test]
fn a_name_that_does_not_resolve_is_confirmed_and_its_code_told() {
    let unknown: Network = Box::new(|question, _| match question {
        Question::Resolve { .. } => Reply::With(MILLISECOND, Answer::Failed(Cause::Name { rcode: 3 })),
        Question::Icmp(_) | Question::Tcp(_) | Question::Health(_) => Reply::After(MILLISECOND),
    });
    let mut world = world(unknown);
    world.run_until(seconds(15.0));
    for service in last_services(&world) {
        assert_eq!(service.resolution.outcome.read(), Outcome::Unreached(Cause::Name { rcode: 3 }));
        assert!(service.resolution.failing_for_ms.is_some());
        assert!(service.addresses.is_empty());
    }
}

#[test]
fn silence_of_the_resolvers_is_a_resolver_timeout() {
    let silent: Network = Box::new(|question, _| match question {
        Question::Resolve { .. } => Reply::Never,
        Question::Icmp(_) | Question::Tcp(_) | Question::Health(_) => Reply::After(MILLISECOND),
    });
    let mut world = world(silent);
    world.run_until(seconds(15.0));
    let resolution = &last_services(&world)[0].resolution;
    assert_eq!(resolution.outcome.read(), Outcome::Unreached(Cause::ResolverTimeout));
}

#[test]
fn no_more_addresses_are_checked_than_the_limit_allows() {
    let many: Vec<IpAddr> = (1..=12u8).map(|last| [203, 0, 113, last].into()).collect();
    let network: Network = Box::new(move |question, _| match question {
        Question::Resolve { .. } => Reply::With(
            MILLISECOND,
            Answer::Resolved {
                took: MILLISECOND,
                searched: Duration::ZERO,
                addresses: many.clone(),
                resolved_as: None,
            },
        ),
        Question::Icmp(_) | Question::Tcp(_) | Question::Health(_) => Reply::After(MILLISECOND),
    });
    let mut world = world(network);
    world.run_until(seconds(15.0));
    let service = &last_services(&world)[0];
    assert_eq!((service.answers, service.addresses.len()), (12, 8));
}

#[test]
fn an_address_that_the_name_lost_is_forgotten() {
    let moving: Network = Box::new(|question, sent| match question {
        Question::Resolve { .. } => Reply::With(
            MILLISECOND,
            Answer::Resolved {
                took: MILLISECOND,
                searched: Duration::ZERO,
                addresses: vec![[203, 0, 113, if sent < seconds(20.0) { 1 } else { 2 }].into()],
                resolved_as: None,
            },
        ),
        Question::Icmp(_) | Question::Tcp(_) | Question::Health(_) => Reply::After(MILLISECOND),
    });
    let mut world = world(moving);
    world.run_until(seconds(40.0));
    let service = &last_services(&world)[0];
    let addresses: Vec<IpAddr> = service.addresses.iter().map(|address| address.address).collect();
    assert_eq!(addresses, [IpAddr::from([203, 0, 113, 2])]);
}

const FIRST: [u8; 4] = [192, 0, 2, 251];
const SECOND: [u8; 4] = [192, 0, 2, 252];

/// Two name servers, each of which does with the name what its function says.
fn of_two(reply: impl Fn(bool, Duration) -> Reply + 'static) -> World {
    let network: Network = Box::new(move |question, sent| match question {
        Question::Resolve { server, .. } => reply(*server == IpAddr::from(FIRST), sent),
        Question::Icmp(_) | Question::Tcp(_) | Question::Health(_) => Reply::After(MILLISECOND),
    });
    let mut world = World::new(settings(&["api.shop"]), network);
    world.resolvers = vec![FIRST.into(), SECOND.into()];
    world.tell(Event::Plan(plan(0..2, 1)));
    world
}

fn resolved(time: Duration, searched: Duration, last: u8) -> Reply {
    let addresses = vec![[203, 0, 113, last].into()];
    let took = time.saturating_sub(searched);
    Reply::With(time, Answer::Resolved { took, searched, addresses, resolved_as: None })
}

fn outcomes(service: &ServiceBody) -> Vec<Outcome> {
    service.resolvers.iter().map(|resolver| resolver.resolution.outcome.read()).collect()
}

fn addresses(service: &ServiceBody) -> Vec<IpAddr> {
    service.addresses.iter().map(|address| address.address).collect()
}

#[test]
fn a_silent_name_server_is_told_and_keeps_nobody_waiting() {
    let mut world =
        of_two(|is_first, _| if is_first { Reply::Never } else { resolved(MILLISECOND, Duration::ZERO, 2) });
    world.run_until(seconds(15.0));
    let service = &last_services(&world)[0];
    assert_eq!(outcomes(service), [Outcome::Unreached(Cause::ResolverTimeout), Outcome::reached(1_000)]);
    assert_eq!(service.resolution.outcome.read(), Outcome::reached(1_000));
    assert_eq!((service.resolution.failing_for_ms, service.search_us), (None, None));
    let known = |report: &Report| {
        let service = report.services.first();
        service.is_some_and(|service| service.resolution.outcome.read() == Outcome::reached(1_000))
    };
    let first = world.posts.iter().find(|(_, report)| known(report)).unwrap().0;
    assert!(first <= seconds(2.0), "{first:?}");
}

#[test]
fn the_first_name_server_that_is_not_down_gives_the_addresses() {
    let dead = seconds(20.0)..seconds(40.0);
    let mut world = of_two(move |is_first, sent| match is_first {
        true if dead.contains(&sent) => Reply::Never,
        true => resolved(MILLISECOND, Duration::ZERO, 1),
        false => resolved(MILLISECOND, Duration::ZERO, 2),
    });
    world.run_until(seconds(15.0));
    assert_eq!(addresses(&last_services(&world)[0]), [IpAddr::from([203, 0, 113, 1])]);
    world.run_until(seconds(39.0));
    assert_eq!(addresses(&last_services(&world)[0]), [IpAddr::from([203, 0, 113, 2])]);
    world.run_until(seconds(70.0));
    assert_eq!(addresses(&last_services(&world)[0]), [IpAddr::from([203, 0, 113, 1])]);
}

#[test]
fn of_failures_the_one_that_says_most_stands_for_the_name_since_the_last_of_them() {
    let mut world = of_two(|is_first, sent| match is_first {
        true => Reply::Never,
        false if sent < seconds(20.0) => resolved(MILLISECOND, Duration::ZERO, 2),
        false => Reply::With(MILLISECOND, Answer::Failed(Cause::Name { rcode: 2 })),
    });
    world.run_until(seconds(60.0));
    let service = &last_services(&world)[0];
    let servfail = Outcome::Unreached(Cause::Name { rcode: 2 });
    assert_eq!(outcomes(service), [Outcome::Unreached(Cause::ResolverTimeout), servfail]);
    assert_eq!(service.resolution.outcome.read(), servfail);
    assert!((25_000..=40_000).contains(&service.resolution.failing_for_ms.unwrap()));
}

#[test]
fn a_slow_name_server_is_late_and_never_down() {
    for slow in [1.2, 2.0, 2.9, 3.4] {
        let mut world = of_two(move |_, _| resolved(seconds(slow), Duration::ZERO, 1));
        world.run_until(seconds(60.0));
        let told: Vec<Outcome> =
            world.posts.iter().flat_map(|(_, report)| &report.services).flat_map(outcomes).collect();
        assert!(told.iter().all(|outcome| !outcome.is_unreached()), "{slow} s: {told:?}");
        let Some(Outcome::Reached(reached)) = told.last() else { panic!("{slow} s: {told:?}") };
        assert!(reached.late && !reached.retransmitted);
    }
}

#[test]
fn a_name_server_that_comes_back_slowly_is_up() {
    for slow in [0.9, 1.5, 2.7, 3.4] {
        let mut world = of_two(move |_, sent| {
            if sent < seconds(15.0) { Reply::Never } else { resolved(seconds(slow), Duration::ZERO, 1) }
        });
        world.run_until(seconds(14.0));
        assert!(outcomes(&last_services(&world)[0]).iter().all(|outcome| outcome.is_unreached()));
        world.run_until(seconds(60.0));
        let after: Vec<Outcome> = outcomes(&last_services(&world)[0]);
        assert!(after.iter().all(|outcome| matches!(outcome, Outcome::Reached(_))), "{slow} s: {after:?}");
    }
}

#[test]
fn a_silent_name_server_is_confirmed_within_ten_seconds() {
    for begins in 0..10_u32 {
        let from = seconds(20.0) + INTERVAL * begins / 10;
        let mut world =
            of_two(
                move |_, sent| {
                    if sent >= from { Reply::Never } else { resolved(MILLISECOND, Duration::ZERO, 1) }
                },
            );
        world.run_until(seconds(40.0));
        let told = unresolved(&world);
        assert!(told <= from + seconds(8.8), "{told:?} of {from:?}");
    }
}

/// When it was first told that the name does not resolve.
fn unresolved(world: &World) -> Duration {
    let failed = world.posts.iter().find(|(_, report)| {
        let service = report.services.first();
        service.is_some_and(|service| service.resolution.outcome.read().is_unreached())
    });
    failed.unwrap().0
}

#[test]
fn what_befalls_both_name_servers_is_met_by_the_next_of_them_and_told_at_once() {
    for begins in 0..10_u32 {
        let from = seconds(20.0) + INTERVAL * begins / 10;
        let mut world = of_two(move |_, sent| {
            if sent < from {
                return resolved(MILLISECOND, Duration::ZERO, 1);
            }
            Reply::With(MILLISECOND, Answer::Failed(Cause::Name { rcode: 3 }))
        });
        world.run_until(seconds(40.0));
        let told = unresolved(&world);
        // The greater part of a round between two of them, and the burst.
        assert!(told <= from + seconds(3.6), "{told:?} of {from:?}");
    }
}

#[test]
fn when_one_name_server_answers_again_the_other_one_is_asked_at_once() {
    for begins in 0..10_u32 {
        let until = seconds(30.0) + INTERVAL * begins / 5;
        let mut world = of_two(move |_, sent| {
            if sent >= until {
                return resolved(MILLISECOND, Duration::ZERO, 1);
            }
            Reply::With(MILLISECOND, Answer::Failed(Cause::Name { rcode: 3 }))
        });
        world.run_until(seconds(60.0));
        let well = |outcome: &Outcome| matches!(outcome, Outcome::Reached(_));
        let told = world.posts.iter().find(|(_, report)| {
            report.services.first().is_some_and(|service| outcomes(service).iter().all(well))
        });
        let told = told.unwrap().0;
        // They are asked in every second round, and lie apart.
        assert!(told <= until + seconds(8.0), "{told:?} of {until:?}");
    }
}

#[test]
fn when_an_address_of_a_service_falls_silent_its_name_is_asked_at_once() {
    let lost = seconds(22.0)..seconds(27.0);
    let network: Network = Box::new(move |question, sent| match question {
        Question::Tcp(address) if address.port() == 80 && lost.contains(&sent) => Reply::Never,
        Question::Icmp(_) | Question::Tcp(_) | Question::Health(_) => Reply::After(MILLISECOND),
        Question::Resolve { .. } => resolved(MILLISECOND, Duration::ZERO, 1),
    });
    let mut world = World::new(settings(&["api.shop"]), network);
    world.tell(Event::Plan(plan(0..2, 1)));
    world.run_until(seconds(40.0));
    let started = |wanted: fn(&Question) -> bool| -> Vec<Duration> {
        let asked = world.started.iter().filter(|(at, question)| *at >= seconds(22.0) && wanted(question));
        asked.map(|(at, _)| *at).collect()
    };
    let connects = started(|question| matches!(question, Question::Tcp(address) if address.port() == 80));
    let resolves = started(|question| matches!(question, Question::Resolve { .. }));
    let suspected = connects[0] + PROBE_SOFT_LIMIT;
    assert!(resolves.contains(&suspected), "{resolves:?} has not {suspected:?}");
}

#[test]
fn the_cost_of_the_search_list_is_no_part_of_the_time() {
    let mut world = of_two(|_, _| resolved(MILLISECOND * 9, MILLISECOND * 7, 1));
    world.run_until(seconds(15.0));
    let service = &last_services(&world)[0];
    assert_eq!(
        (service.resolution.outcome.read(), service.search_us),
        (Outcome::reached(2_000), Some(7_000))
    );
}

#[test]
fn name_servers_come_and_go_with_the_systems_list() {
    let mut world = of_two(|_, _| resolved(MILLISECOND, Duration::ZERO, 1));
    world.run_until(seconds(15.0));
    let servers = |world: &World| -> Vec<IpAddr> {
        last_services(world)[0].resolvers.iter().map(|resolver| resolver.address).collect()
    };
    assert_eq!(servers(&world), [IpAddr::from(FIRST), SECOND.into()]);
    let third = [192, 0, 2, 254];
    world.resolvers = vec![third.into(), FIRST.into()];
    world.run_until(seconds(30.0));
    assert_eq!(servers(&world), [IpAddr::from(third), FIRST.into()]);
    assert!(outcomes(&last_services(&world)[0]).iter().all(|outcome| *outcome == Outcome::reached(1_000)));
    world.resolvers = Vec::new();
    world.run_until(seconds(45.0));
    let service = &last_services(&world)[0];
    assert_eq!(service.resolution.outcome.read(), Outcome::Unmeasured(Reason::NoResource));
    assert_eq!((service.resolvers.len(), service.addresses.len()), (0, 0));
}
