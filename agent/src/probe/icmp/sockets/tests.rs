use super::*;

const MILLISECOND: Duration = Duration::from_millis(1);

fn open() -> (Sockets<&'static str>, u16, Instant) {
    let mut sockets = Sockets::default();
    let first = sockets.opened("first");
    (sockets, first, start())
}

#[expect(clippy::disallowed_methods, reason = "some moment to count from")]
fn start() -> Instant {
    Instant::now()
}

fn in_use(sockets: &Sockets<&'static str>) -> Option<&'static str> {
    match sockets.state() {
        State::Open(_, socket) => Some(*socket),
        State::Unopened | State::Closed { .. } => None,
    }
}

#[test]
fn a_fresh_socket_that_is_answered_replaces_the_one_in_use() {
    let (mut sockets, first, now) = open();
    assert!(sockets.may_freshen(now));
    let fresh = sockets.freshened("fresh", now);
    assert_ne!(first, fresh);
    assert!(!sockets.answered(first), "an answer to the one in use changes nothing");
    assert_eq!((in_use(&sockets), sockets.fresh(now)), (Some("first"), Some((fresh, &"fresh"))));
    assert!(sockets.answered(fresh));
    assert_eq!((in_use(&sockets), sockets.fresh(now)), (Some("fresh"), None));
    assert!(!sockets.answered(fresh), "once");
}

#[test]
fn there_is_one_fresh_socket_at_a_time_and_a_least_time_between_them() {
    let (mut sockets, _, now) = open();
    assert!(sockets.may_freshen(now));
    sockets.freshened("fresh", now);
    assert!(!sockets.may_freshen(now + FRESH_KEPT.saturating_sub(MILLISECOND)), "one at a time");
    assert!(sockets.fresh(now + FRESH_KEPT).is_none(), "unanswered, it goes");
    assert!(!sockets.may_freshen(now + FRESH_SPACING.saturating_sub(MILLISECOND)));
    assert!(sockets.may_freshen(now + FRESH_SPACING));
    // One that could not be opened counts as well.
    assert!(!sockets.may_freshen(now + FRESH_SPACING));
    assert_eq!(in_use(&sockets), Some("first"));
}

#[test]
fn without_a_socket_in_use_there_is_no_fresh_one() {
    let mut sockets: Sockets<&str> = Sockets::default();
    assert!(!sockets.may_freshen(start()));
    sockets.closed(Reason::NoResource, start());
    assert!(!sockets.may_freshen(start()));
}

#[test]
fn the_failure_of_a_replaced_socket_is_not_that_of_its_successor() {
    let (mut sockets, first, now) = open();
    let fresh = sockets.freshened("fresh", now);
    assert!(sockets.answered(fresh));
    sockets.forget(first);
    assert_eq!(in_use(&sockets), Some("fresh"));
    sockets.forget(fresh);
    assert_eq!(in_use(&sockets), None);
}
