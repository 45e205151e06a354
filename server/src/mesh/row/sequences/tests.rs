use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> Moment {
    Moment::from_millis(seconds * 1_000)
}

/// A window after one round every five seconds, from number 1 at 0 s.
fn after(rounds: u64) -> Sequences {
    let mut sequences = Sequences::default();
    for number in 1..=rounds {
        assert_eq!(sequences.take(number, made(number)), Numbered::Taken);
    }
    sequences
}

fn made(number: u64) -> Moment {
    at(i64::try_from(number - 1).unwrap() * 5)
}

#[test]
fn after_a_leap_that_no_agent_makes_the_next_honest_number_is_taken() {
    for forged in [u64::MAX, u64::MAX / 2, 100 + 2 * LEAP_MAX] {
        let mut sequences = after(100);
        assert_eq!(sequences.take(forged, made(100)), Numbered::Restarted, "{forged}");
        assert_eq!(sequences.take(101, made(101)), Numbered::Restarted, "{forged}");
        assert_eq!(sequences.take(101, made(101)), Numbered::Repeated);
        assert_eq!(sequences.take(102, made(102)), Numbered::Taken);
    }
}

#[test]
fn a_forger_who_leaps_again_and_again_keeps_no_honest_number_out() {
    let mut sequences = after(100);
    for number in 101..=200 {
        for forged in [u64::MAX, 1, u64::MAX - number, number * 1_000_000] {
            sequences.take(forged, made(number));
        }
        assert_eq!(sequences.take(number, made(number)), Numbered::Restarted);
    }
}

#[test]
fn numbers_that_a_forger_used_up_count_again_soon_after_it_stopped() {
    let silent_rounds = |used: std::ops::RangeInclusive<u64>| {
        let mut sequences = after(100);
        for number in used {
            sequences.take(number, made(100));
        }
        let refused = |number: &u64| {
            matches!(sequences.take(*number, made(*number)), Numbered::Repeated | Numbered::TooLate)
        };
        (101..200).filter(refused).collect::<Vec<u64>>()
    };
    // The rounds that come 5 s and 10 s later; that of 15 s shows the contradiction.
    assert_eq!(silent_rounds(101..=2_000), [101, 102]);
    // Below the window, which the time between explains for the first of them.
    assert_eq!(silent_rounds(2_150..=2_151), [101]);
}

#[test]
fn the_first_message_of_a_boot_shuts_no_agent_out() {
    let mut sequences = Sequences::default();
    assert_eq!(sequences.take(u64::MAX, at(0)), Numbered::Taken);
    assert_eq!(sequences.take(1, at(1)), Numbered::Restarted);
    assert_eq!(sequences.take(2, at(6)), Numbered::Taken);
}

#[test]
fn a_window_that_begins_again_remembers_nothing_of_the_former_one() {
    let mut sequences = after(100);
    let forged = 20 * SEQUENCES_KEPT + 50;
    assert_eq!(sequences.take(forged, made(100)), Numbered::Restarted);
    // It has the place of a number that was taken before.
    assert_eq!(sequences.take(forged - 10, made(100)), Numbered::Taken);
}

#[test]
fn an_invented_age_gives_no_reach() {
    let mut sequences = after(100);
    let ancient = Moment::from_millis(i64::MIN);
    assert_eq!(sequences.take(101, ancient), Numbered::Restarted, "older than the number below it");
    assert_eq!(sequences.take(u64::MAX, made(101)), Numbered::Restarted, "however old the number below is");
    assert_eq!(sequences.take(102, made(102)), Numbered::Restarted);
}

#[test]
fn after_an_outage_in_which_an_agent_reported_as_fast_as_it_can_its_numbers_go_on() {
    let mut sequences = after(100);
    let newest = 100 + 900 * ROUNDS_PER_SECOND_MAX;
    let end = at(495 + 900);
    assert_eq!(sequences.take(newest, end), Numbered::Taken);
    assert_eq!(
        sequences.take(newest - SEQUENCES_KEPT + 1, end.before(Duration::from_secs(186))),
        Numbered::Taken
    );
    assert_eq!(
        sequences.take(newest - SEQUENCES_KEPT, end.before(Duration::from_secs(187))),
        Numbered::TooLate
    );
}

proptest! {
    #[test]
    fn every_number_is_taken_once_in_any_order(numbers in proptest::collection::vec(1_u64..1_500, 1..400)) {
        let mut sequences = Sequences::default();
        let mut seen = std::collections::BTreeSet::new();
        for number in numbers {
            let expected = if seen.insert(number) { Numbered::Taken } else { Numbered::Repeated };
            prop_assert_eq!(sequences.take(number, made(number)), expected, "{}", number);
        }
    }

    #[test]
    fn far_jumps_never_make_a_taken_number_free(jumps in proptest::collection::vec(1_u64..5_000, 1..60)) {
        let mut sequences = Sequences::default();
        let mut number = 0;
        for jump in jumps {
            number += jump;
            prop_assert_eq!(sequences.take(number, made(number)), Numbered::Taken);
            prop_assert_eq!(sequences.take(number, made(number)), Numbered::Repeated);
            let before = if jump > 1 { Numbered::Taken } else { Numbered::Repeated };
            prop_assert!(number <= 1 || sequences.take(number - 1, made(number - 1)) == before);
        }
    }

    /// Rounds made as an agent makes them, each with its delay on the way, in any order of arrival.
    #[test]
    fn no_honest_order_of_arrival_is_a_contradiction(
        mut rounds in proptest::collection::vec((91_u64..3_000, 0_u64..5_000, any::<u32>()), 1..400)
    ) {
        let (mut number, mut time) = (0_u64, 0_u64);
        let mut sent = Vec::new();
        for (gap, delay, order) in rounds.drain(..) {
            number += 1;
            time += gap;
            sent.push((order, number, Moment::from_millis(i64::try_from(time + delay).unwrap())));
        }
        sent.sort_unstable();
        let mut sequences = Sequences::default();
        for (_, number, made) in sent {
            prop_assert_ne!(sequences.take(number, made), Numbered::Restarted);
        }
    }
}
