use std::net::Ipv4Addr;

use meshvane_shared::limits::RESOLVERS_MAX;
use nix::errno::Errno;

use super::*;
use crate::names::NAME_SERVER_PORT;
use crate::names::script::{Asked, By, ONE, Place, Says, TWO};

fn name(text: &str) -> DnsName {
    DnsName::parse(text).unwrap()
}

fn code(rcode: u16) -> Answer {
    Answer::Failed(Cause::Name { rcode })
}

fn resolvers(place: &Place) -> Resolvers {
    Resolvers::new(place.path.to_path_buf(), place.port)
}

/// What one name server makes of a name, with this `resolv.conf` beside its own line.
async fn ask_one(lines: &str, text: &str, says: impl Fn(&Asked) -> Says + Send + Sync + 'static) -> Answer {
    let mut place = Place::new().await;
    place.write(&format!("nameserver 127.0.0.1\n{lines}\n"));
    place.serve(ONE, says).await;
    resolvers(&place).ask(ONE.into(), &name(text)).await
}

#[tokio::test]
async fn a_name_has_its_addresses_each_once_in_order() {
    let (one, two) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2));
    let many = vec![two.into(), one.into(), two.into()];
    let answer = ask_one("", "service.test.", move |_| Says::Addresses(many.clone())).await;
    let Answer::Resolved { addresses, searched, resolved_as, .. } = answer else { panic!("{answer:?}") };
    assert_eq!(addresses, [IpAddr::from(one), IpAddr::from(two)]);
    assert!(searched < Duration::from_millis(1), "nothing was tried before: {searched:?}");
    assert_eq!(resolved_as, None);
}

#[tokio::test]
async fn a_response_code_is_the_cause_and_an_empty_answer_is_code_0() {
    assert_eq!(ask_one("", "service.test.", |_| Says::Code(3)).await, code(3));
    assert_eq!(ask_one("", "service.test.", |_| Says::Code(2)).await, code(2));
    assert_eq!(ask_one("", "service.test.", |_| Says::Code(5)).await, code(5));
    assert_eq!(ask_one("", "service.test.", |_| Says::Addresses(Vec::new())).await, code(0));
}

#[tokio::test]
async fn the_search_list_is_walked_and_its_time_is_not_the_names() {
    let mut place = Place::new().await;
    place.write("nameserver 127.0.0.1\nsearch a.test b.test c.test\noptions ndots:5\n");
    let says = |asked: &Asked| match asked.name.as_str() {
        "api.shop.b.test." => Says::address(TWO),
        _ => Says::Code(3),
    };
    place.serve_late(ONE, Duration::from_millis(40), says).await;
    let answer = resolvers(&place).ask(ONE.into(), &name("api.shop")).await;
    let Answer::Resolved { took, searched, resolved_as, .. } = answer else { panic!("{answer:?}") };
    assert!(searched >= Duration::from_millis(40) && took >= Duration::from_millis(40));
    assert!(took < searched + Duration::from_millis(80), "{took:?} holds no part of {searched:?}");
    assert_eq!(resolved_as, Some(name("api.shop.b.test")), "the name that answered is told");
}

#[tokio::test]
async fn a_name_that_no_candidate_has_is_judged_by_the_most_telling_code() {
    let lines = "search a.test b.test\noptions ndots:5";
    assert_eq!(ask_one(lines, "api.shop", |_| Says::Code(3)).await, code(3));
    let broken = |asked: &Asked| Says::Code(if asked.name.ends_with("a.test.") { 2 } else { 3 });
    assert_eq!(ask_one(lines, "api.shop", broken).await, code(2));
    let later = |asked: &Asked| match asked.name.as_str() {
        "api.shop.a.test." => Says::Code(2),
        "api.shop.b.test." => Says::address(TWO),
        _ => Says::Code(3),
    };
    assert!(matches!(ask_one(lines, "api.shop", later).await, Answer::Resolved { .. }));
    let refused = |asked: &Asked| match asked.name.as_str() {
        "api.shop.a.test." => Says::Code(5),
        "api.shop.b.test." => panic!("the search list ends with a refusal"),
        _ => Says::address(TWO),
    };
    assert!(matches!(ask_one(lines, "api.shop", refused).await, Answer::Resolved { .. }));
}

#[tokio::test]
async fn each_name_server_speaks_for_itself() {
    let mut place = Place::new().await;
    place.write("nameserver 127.0.0.1\nnameserver 127.0.0.2\n");
    place.serve(ONE, |_| Says::Nothing).await;
    place.serve(TWO, |_| Says::address(TWO)).await;
    let resolvers = resolvers(&place);
    assert_eq!(resolvers.servers(), [IpAddr::from(ONE), TWO.into()]);
    let service = name("service.test.");
    let dead = tokio::time::timeout(Duration::from_millis(300), resolvers.ask(ONE.into(), &service));
    let (dead, good) = tokio::join!(dead, resolvers.ask(TWO.into(), &service));
    assert!(dead.is_err(), "it is silent");
    let Answer::Resolved { took, .. } = good else { panic!("{good:?}") };
    assert!(took < Duration::from_millis(300), "the dead one is not waited for: {took:?}");
}

#[tokio::test]
async fn a_slow_name_server_is_an_answer_with_its_time() {
    let mut place = Place::new().await;
    place.write("nameserver 127.0.0.1\n");
    let delay = Duration::from_millis(1_100);
    // A and AAAA come together and are answered one after the other.
    place.serve_late(ONE, delay, |_| Says::address(TWO)).await;
    let answer = resolvers(&place).ask(ONE.into(), &name("service.test.")).await;
    let Answer::Resolved { took, .. } = answer else { panic!("{answer:?}") };
    assert!(took >= delay, "{took:?}");
}

#[tokio::test]
async fn what_a_name_server_does_instead_of_answering_is_told_before_the_hard_limit() {
    type Script = fn(&Asked) -> Says;
    let table: [(Script, Cause, ResolverDetail); 6] = [
        (|_| Says::Nothing, Cause::ResolverTimeout, ResolverDetail::NoUdpAnswer),
        (
            |asked| if asked.is_a { Says::address(TWO) } else { Says::Nothing },
            Cause::ResolverTimeout,
            ResolverDetail::NoIpv6Answer,
        ),
        (
            |asked| if asked.is_a { Says::Nothing } else { Says::Code(0) },
            Cause::ResolverTimeout,
            ResolverDetail::NoIpv4Answer,
        ),
        (
            |asked| if asked.by == By::Udp { Says::Truncated } else { Says::Nothing },
            Cause::ResolverTimeout,
            ResolverDetail::NoTcpAnswer,
        ),
        (
            |asked| if asked.by == By::Udp { Says::Truncated } else { Says::Close },
            Cause::Reset,
            ResolverDetail::NoTcpAnswer,
        ),
        (|_| Says::Garbled, Cause::Protocol, ResolverDetail::WrongAnswers),
    ];
    let mut asking = tokio::task::JoinSet::new();
    for (says, cause, detail) in table {
        asking.spawn(async move {
            let answer = tokio::time::timeout(PROBE_HARD_LIMIT, ask_one("", "service.test.", says)).await;
            (answer, Ok(Answer::Unresolved { cause, detail: Some(detail) }))
        });
    }
    while let Some(ended) = asking.join_next().await {
        let (answer, expected) = ended.unwrap();
        assert_eq!(answer, expected);
    }
}

#[tokio::test]
async fn a_port_where_no_server_listens_is_refused() {
    let place = Place::new().await;
    place.write("nameserver 127.0.0.1\n");
    let answer = resolvers(&place).ask(ONE.into(), &name("service.test.")).await;
    assert_eq!(answer, Answer::Unresolved { cause: Cause::Refused, detail: None });
}

#[test]
fn a_socket_that_fails_for_a_reason_of_ours_is_not_measured() {
    let of = |errno: Errno| std::io::Error::from(errno);
    let ours = |reason| Answer::Unmeasured(reason);
    let network = |cause, detail| Answer::Unresolved { cause, detail };
    for errno in [Errno::EMFILE, Errno::ENFILE, Errno::ENOBUFS, Errno::ENOMEM, Errno::EADDRINUSE] {
        assert_eq!(meaning(Failure::Opening(of(errno))), ours(Reason::NoResource), "{errno}");
    }
    for errno in [Errno::ENOBUFS, Errno::ENOMEM, Errno::EADDRNOTAVAIL] {
        assert_eq!(meaning(Failure::Sending(of(errno))), ours(Reason::NoResource), "{errno}");
    }
    assert_eq!(meaning(Failure::Opening(of(Errno::EPERM))), ours(Reason::NotPermitted));
    assert_eq!(meaning(Failure::Sending(of(Errno::EPERM))), ours(Reason::Blocked));
    assert_eq!(meaning(Failure::Sending(of(Errno::ENETUNREACH))), network(Cause::NoRoute, None));
    for (errno, cause) in [
        (Errno::ECONNREFUSED, Cause::Refused),
        (Errno::ECONNRESET, Cause::Reset),
        (Errno::ETIMEDOUT, Cause::ResolverTimeout),
        (Errno::EHOSTUNREACH, Cause::NoRoute),
    ] {
        for detail in [None, Some(ResolverDetail::NoTcpAnswer)] {
            let failure = Failure::Socket { error: of(errno), detail };
            assert_eq!(meaning(failure), network(cause, detail), "{errno}");
        }
    }
}

#[tokio::test]
async fn the_file_is_read_again_when_it_changes() {
    let mut place = Place::new().await;
    place.write("nameserver 127.0.0.9\n");
    place.serve(ONE, |_| Says::address(TWO)).await;
    let resolvers = resolvers(&place);
    let service = name("service.test.");
    assert_eq!(resolvers.servers(), [IpAddr::from([127, 0, 0, 9])]);
    assert_eq!(resolvers.ask(ONE.into(), &service).await, Answer::Unmeasured(Reason::Cancelled));
    place.write("nameserver 127.0.0.1\nnameserver 127.0.0.1\nnameserver 127.0.0.3\n");
    assert_eq!(resolvers.servers(), [IpAddr::from(ONE), [127, 0, 0, 3].into()]);
    assert!(matches!(resolvers.ask(ONE.into(), &service).await, Answer::Resolved { .. }));
    place.write("nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n");
    assert_eq!(resolvers.servers().len(), RESOLVERS_MAX);
    std::fs::remove_file(&place.path).unwrap();
    assert_eq!(resolvers.servers(), [] as [IpAddr; 0]);
}

#[tokio::test]
async fn without_resolvers_a_name_is_not_measured() {
    let resolvers = Resolvers::new("/nonexistent/resolv.conf", NAME_SERVER_PORT);
    assert_eq!(
        resolvers.ask(ONE.into(), &name("service.test")).await,
        Answer::Unmeasured(Reason::NoResource)
    );
}
