//! A dead session of our echo identifier on the way is no filter: a fresh socket shows it.

use super::*;

/// Echo requests to a node's host address fail from some time on; all else is well.
fn echo_fails(from: Duration) -> Network {
    let host = Question::Icmp([192, 0, 2, 1].into());
    Box::new(
        move |question, sent| {
            if *question == host && sent >= from { Reply::Never } else { Reply::After(MILLISECOND) }
        },
    )
}

#[test]
fn echo_that_fails_alone_is_asked_by_a_fresh_socket_before_it_is_called_a_failure() {
    let mut world = World::with_plan(2, echo_fails(seconds(20.0)));
    world.fresh_sockets_answer = true;
    world.run_until(seconds(40.0));
    assert_eq!(world.unreached_about(1), []);
    assert!(world.afresh.iter().all(|(_, address)| *address == IpAddr::from([192, 0, 2, 1])));
    assert!(!world.afresh.is_empty());
    let first = world.afresh[0].0;
    let sent_before = world.started.iter().filter(|(at, question)| {
        *question == Question::Icmp([192, 0, 2, 1].into()) && *at >= seconds(20.0) && *at < first
    });
    assert!(sent_before.count() >= 5, "the probe of the round and four of the burst failed first");
}

#[test]
fn a_filter_that_drops_fresh_sockets_too_is_told_in_the_same_time() {
    let mut world = World::with_plan(2, echo_fails(seconds(20.0)));
    world.run_until(seconds(20.0));
    world.started.clear();
    world.run_until(seconds(40.0));
    let host = |question: &Question| *question == Question::Icmp([192, 0, 2, 1].into());
    let first = world.started.iter().find(|(_, question)| host(question)).unwrap().0;
    let down = world.unreached_about(1)[0].0;
    assert!(down <= first + seconds(1.0 + 2.2) + PARTIAL_SPACING, "{first:?} {down:?}");
    // While it is down each probe of it may show that the session alone was dead.
    world.afresh.clear();
    world.fresh_sockets_answer = true;
    world.run_until(seconds(60.0));
    assert!(!world.afresh.is_empty());
    assert!(world.reached_cells(1).contains(&(CheckKind::Icmp, Plane::Host)));
}

#[test]
fn an_address_that_answers_nothing_is_asked_by_the_socket_in_use() {
    let mut world = World::with_plan(3, silent_from(1, seconds(20.0)));
    world.run_until(seconds(60.0));
    assert!(!world.unreached_about(1).is_empty());
    assert_eq!(world.afresh, []);
}
