//! What is said of a service beside its outcomes, and a service that is an address.

use meshvane_shared::outcome::{Reached, ResolverDetail};
use meshvane_shared::wire::round::ResolverDetailBody;

use super::*;

#[test]
fn an_address_is_connected_to_and_no_name_server_is_asked() {
    let network = || -> Network {
        Box::new(|question, _| match question {
            Question::Resolve { name, .. } => panic!("{name} is an address"),
            Question::Tcp(address) if address.port() == 8088 => {
                Reply::With(MILLISECOND, Answer::Failed(Cause::Refused))
            }
            Question::Icmp(_) | Question::Tcp(_) | Question::Health(_) => Reply::After(MILLISECOND),
        })
    };
    // One name server, several, and none that can be read: all the same.
    for resolvers in [vec![], vec![FIRST.into(), SECOND.into()]] {
        let mut world = World::new(settings(&["10.90.0.100:8088", "[fd00::1]:80"]), network());
        world.resolvers = resolvers;
        world.tell(Event::Plan(plan(0..2, 1)));
        world.run_until(seconds(15.0));
        let [refused, reached] = <[ServiceBody; 2]>::try_from(last_services(&world)).unwrap();
        assert_eq!(addresses(&refused), [IpAddr::from([10, 90, 0, 100])]);
        assert_eq!(refused.addresses[0].tcp.outcome.read(), Outcome::Unreached(Cause::Refused));
        assert_eq!(addresses(&reached), ["fd00::1".parse::<IpAddr>().unwrap()]);
        assert_eq!(reached.addresses[0].tcp.outcome.read(), Outcome::reached(1_000));
        for service in [refused, reached] {
            let without_time = Reached { rtt_us: None, late: false, retransmitted: false };
            assert_eq!(service.resolution.outcome.read(), Outcome::Reached(without_time));
            assert_eq!((service.resolvers.len(), service.answers), (0, 1));
        }
    }
}

#[test]
fn what_a_name_server_does_is_told_with_its_failure_and_gone_with_it() {
    let detail = ResolverDetail::NoIpv6Answer;
    let mut world = of_two(move |is_first, sent| match (is_first, sent) {
        (false, _) => resolved(MILLISECOND, Duration::ZERO, 2),
        // The engine gives up shortly before the hard limit, long after the silence was judged.
        (true, sent) if sent < seconds(30.0) => Reply::With(
            Duration::from_millis(3_450),
            Answer::Unresolved { cause: Cause::ResolverTimeout, detail: Some(detail) },
        ),
        (true, _) => resolved(MILLISECOND, Duration::ZERO, 1),
    });
    world.run_until(seconds(29.0));
    let service = &last_services(&world)[0];
    assert_eq!(outcomes(service), [Outcome::Unreached(Cause::ResolverTimeout), Outcome::reached(1_000)]);
    assert_eq!(service.details, [ResolverDetailBody { address: FIRST.into(), detail }]);
    world.run_until(seconds(60.0));
    let service = &last_services(&world)[0];
    assert_eq!(outcomes(service), [Outcome::reached(1_000); 2]);
    assert_eq!(service.details, []);
}

#[test]
fn the_name_that_resolved_is_told() {
    let other = meshvane_shared::name::DnsName::parse("api.shop.example.net").unwrap();
    let resolved_as = Some(other.clone());
    let network: Network = Box::new(move |question, _| match question {
        Question::Resolve { .. } => Reply::With(
            MILLISECOND,
            Answer::Resolved {
                took: MILLISECOND,
                searched: Duration::ZERO,
                addresses: vec![[203, 0, 113, 1].into()],
                resolved_as: resolved_as.clone(),
            },
        ),
        Question::Icmp(_) | Question::Tcp(_) | Question::Health(_) => Reply::After(MILLISECOND),
    });
    let mut world = world(network);
    world.run_until(seconds(15.0));
    assert_eq!(last_services(&world)[0].resolved_as, Some(other));
}
