use std::net::IpAddr;

use meshvane_shared::wire::round::ServiceBody;

use super::*;

fn resolving(addresses: &'static [[u8; 4]]) -> Network {
    Box::new(move |question, _| match question {
        Question::Resolve(_) => Reply::With(
            MILLISECOND,
            Answer::Resolved {
                took: MILLISECOND,
                addresses: addresses.iter().map(|octets| IpAddr::from(*octets)).collect(),
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
        Question::Resolve(_) => Reply::With(MILLISECOND, Answer::Failed(Cause::Name { rcode: 3 })),
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
        Question::Resolve(_) => Reply::Never,
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
        Question::Resolve(_) => {
            Reply::With(MILLISECOND, Answer::Resolved { took: MILLISECOND, addresses: many.clone() })
        }
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
        Question::Resolve(_) => Reply::With(
            MILLISECOND,
            Answer::Resolved {
                took: MILLISECOND,
                addresses: vec![[203, 0, 113, if sent < seconds(20.0) { 1 } else { 2 }].into()],
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
