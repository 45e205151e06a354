use meshvane_shared::plan::{Epoch, Plan, PlanVersion};
use proptest::prelude::*;

use super::*;

fn outbox() -> Outbox {
    Outbox::new(Sender {
        node: NodeName::parse("node-1").unwrap(),
        boot_id: BootId::parse("boot-1").unwrap(),
        interval: Duration::from_secs(5),
    })
}

fn report(partial: bool, targets: u8) -> Report {
    let targets = (0..targets)
        .map(|number| Target {
            node: NodeName::parse(&format!("node-{number}")).unwrap(),
            plane: meshvane_shared::check::Plane::Host,
            address: [192, 0, 2, number].into(),
            port: None,
            zone: None,
        })
        .collect();
    let version = PlanVersion { epoch: Epoch(1), generation: 1 };
    Report {
        plan: Arc::new(Plan { version, targets }),
        partial,
        took: Duration::from_secs(3),
        overrun: false,
        cells: Vec::new(),
        services: Vec::new(),
        strangers: Vec::new(),
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn sent(outbox: &mut Outbox, now: Duration) -> RoundBody {
    match outbox.next(now) {
        Next::Send(body) => *body,
        other @ (Next::At(_) | Next::Nothing) => panic!("{other:?}"),
    }
}

fn holds(ledger: Ledger) -> bool {
    ledger.produced == ledger.acknowledged + ledger.refused + ledger.dropped + ledger.pending
}

#[test]
fn rounds_are_numbered_from_one_and_an_age_is_that_of_the_sending() {
    let mut outbox = outbox();
    outbox.produce(seconds(10), report(false, 2));
    let body = sent(&mut outbox, seconds(13));
    assert_eq!((body.sequence, body.age_ms, body.took_ms), (1, 3_000, 3_000));
    assert_eq!((body.interval_ms, body.targets), (5_000, None));
    outbox.produce(seconds(14), report(true, 2));
    let body = sent(&mut outbox, seconds(14));
    assert_eq!((body.sequence, body.partial), (2, true));
}

#[test]
fn after_an_outage_the_newest_goes_first_and_the_rest_at_one_a_second() {
    let mut outbox = outbox();
    for round in 0..10 {
        outbox.produce(seconds(5 * round), report(false, 1));
    }
    let mut now = seconds(46);
    let mut order = Vec::new();
    let mut times = Vec::new();
    loop {
        match outbox.next(now) {
            Next::Send(body) => {
                outbox.acknowledged(now, body.sequence, RoundStatus::Accepted);
                order.push(body.sequence);
                times.push(now);
            }
            Next::At(at) => {
                assert!(at > now);
                now = at;
            }
            Next::Nothing => break,
        }
    }
    assert_eq!(order, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
    assert_eq!(times[0], times[1], "the newest does not hold up the first old one");
    assert!(times[1..].windows(2).all(|pair| pair[1] == pair[0] + BACKLOG_SPACING));
}

#[test]
fn fresh_parts_are_not_held_back() {
    let mut outbox = outbox();
    for _ in 0..3 {
        outbox.produce(seconds(10), report(true, 1));
    }
    for _ in 0..3 {
        let body = sent(&mut outbox, seconds(11));
        outbox.acknowledged(seconds(11), body.sequence, RoundStatus::Accepted);
    }
    assert_eq!(outbox.next(seconds(11)), Next::Nothing);
}

#[test]
fn a_plan_that_is_unknown_is_sent_along_once_and_then_refused() {
    let mut outbox = outbox();
    outbox.produce(seconds(1), report(false, 2));
    assert_eq!(sent(&mut outbox, seconds(1)).targets, None);
    outbox.plan_unknown(1, false);
    let body = sent(&mut outbox, seconds(1));
    assert_eq!(body.targets.map(|targets| targets.len()), Some(2));
    outbox.plan_unknown(1, true);
    assert_eq!((outbox.ledger().refused, outbox.ledger().pending), (1, 0));
}

#[test]
fn a_server_that_restarted_gets_the_newest_round_again_acknowledged_or_not() {
    for acknowledged in [true, false] {
        let mut outbox = outbox();
        outbox.produce(seconds(1), report(false, 2));
        outbox.produce(seconds(2), report(true, 2));
        if acknowledged {
            outbox.acknowledged(seconds(2), 1, RoundStatus::Accepted);
            outbox.acknowledged(seconds(2), 2, RoundStatus::Accepted);
        }
        outbox.resend_newest();
        let body = sent(&mut outbox, seconds(3));
        assert_eq!((body.sequence, body.partial, body.age_ms), (1, false, 2_000));
        assert!(body.targets.is_some());
        outbox.acknowledged(seconds(3), 1, RoundStatus::Accepted);
        assert!(holds(outbox.ledger()));
        match outbox.next(seconds(3)) {
            Next::Nothing => assert!(acknowledged),
            Next::Send(body) => assert_eq!((acknowledged, body.sequence), (false, 2)),
            Next::At(at) => panic!("{at:?}"),
        }
    }
}

#[test]
fn nothing_is_kept_beyond_its_age_its_number_or_its_room() {
    let mut old = outbox();
    old.produce(seconds(0), report(false, 1));
    assert_eq!(old.next(AGE_MAX + seconds(1)), Next::Nothing);
    assert_eq!(old.ledger().dropped, 1);

    let mut many = outbox();
    for _ in 0..ENTRIES_MAX + 10 {
        many.produce(seconds(1), report(true, 0));
    }
    assert_eq!((many.ledger().dropped, many.entries.len()), (10, ENTRIES_MAX));

    let mut large = outbox();
    for _ in 0..ENTRIES_MAX {
        large.produce(seconds(1), report(false, 255));
    }
    assert!(large.bytes <= BYTES_MAX && large.ledger().dropped > 0);
    assert_eq!(sent(&mut large, seconds(1)).sequence, large.ledger().produced);
}

#[test]
fn what_is_said_about_a_dropped_round_changes_nothing() {
    let mut outbox = outbox();
    outbox.produce(seconds(0), report(false, 1));
    let body = sent(&mut outbox, seconds(0));
    assert_eq!(outbox.next(AGE_MAX + seconds(1)), Next::Nothing);
    outbox.acknowledged(AGE_MAX + seconds(1), body.sequence, RoundStatus::Accepted);
    assert_eq!((outbox.ledger().acknowledged, outbox.ledger().dropped), (0, 1));
    assert!(holds(outbox.ledger()));
}

#[derive(Debug, Clone)]
enum Step {
    Produce { partial: bool, targets: u8 },
    Wait(u64),
    Acknowledge(RoundStatus),
    Refuse,
    Unknown,
    Restart,
    Stray(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), any::<u8>()).prop_map(|(partial, targets)| Step::Produce { partial, targets }),
        2 => (0u64..400).prop_map(Step::Wait),
        3 => prop_oneof![
            Just(RoundStatus::Accepted),
            Just(RoundStatus::Duplicate),
            Just(RoundStatus::Superseded),
            Just(RoundStatus::TooLate),
            Just(RoundStatus::Other),
        ]
        .prop_map(Step::Acknowledge),
        1 => Just(Step::Refuse),
        1 => Just(Step::Unknown),
        1 => Just(Step::Restart),
        1 => (0u64..50).prop_map(Step::Stray),
    ]
}

#[test]
fn a_round_that_came_too_late_is_refused_and_not_sent_again() {
    let mut outbox = outbox();
    outbox.produce(Duration::ZERO, report(false, 1));
    outbox.acknowledged(Duration::ZERO, 1, RoundStatus::TooLate);
    let ledger = outbox.ledger();
    assert_eq!((ledger.refused, ledger.too_late, ledger.acknowledged), (1, 1, 0));
    assert_eq!(outbox.next(Duration::ZERO), Next::Nothing);
}

proptest! {
    #[test]
    fn every_round_is_accounted_for(steps in prop::collection::vec(step(), 1..200)) {
        let mut outbox = outbox();
        let mut now = Duration::ZERO;
        for step in steps {
            let next = match outbox.next(now) {
                Next::Send(body) => Some(body),
                Next::At(_) | Next::Nothing => None,
            };
            match (step, next) {
                (Step::Produce { partial, targets }, _) => outbox.produce(now, report(partial, targets)),
                (Step::Wait(time), _) => now += seconds(time),
                (Step::Acknowledge(status), Some(body)) => outbox.acknowledged(now, body.sequence, status),
                (Step::Refuse, Some(body)) => outbox.refused(body.sequence),
                (Step::Unknown, Some(body)) => outbox.plan_unknown(body.sequence, body.targets.is_some()),
                (Step::Restart, _) => outbox.resend_newest(),
                (Step::Stray(sequence), _) => outbox.acknowledged(now, sequence, RoundStatus::Accepted),
                (Step::Acknowledge(_) | Step::Refuse | Step::Unknown, None) => {}
            }
            let ledger = outbox.ledger();
            prop_assert!(holds(ledger), "{ledger:?}");
            prop_assert!(ledger.duplicate <= ledger.acknowledged);
            prop_assert!(ledger.too_late <= ledger.refused);
            let bytes: usize = outbox.entries.iter().map(|entry| entry.bytes).sum();
            prop_assert_eq!(bytes, outbox.bytes);
        }
    }
}
