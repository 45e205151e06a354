use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const RATE: LogRate = LogRate { period: Duration::from_secs(10), of_one: 2, in_all: 3 };

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn lines_of_one_key_and_in_all_are_limited_and_the_next_line_says_how_many_were_left_out() {
    let mut limit = LogLimit::new(RATE);
    for (key, at, expected) in [
        ("a", 0, Some(0)),
        ("a", 1, Some(0)),
        ("a", 2, None),
        ("b", 3, Some(1)),
        ("c", 4, None),
        ("a", 9, None),
        ("a", 10, Some(2)),
        ("c", 10, Some(0)),
    ] {
        assert_eq!(limit.note(key, seconds(at)), expected, "{key} at {at} s");
    }
}

#[test]
fn a_flood_under_ever_new_keys_is_remembered_in_few() {
    let mut limit = LogLimit::new(RATE);
    let logged = (0..100_000_u32).filter(|key| limit.note(*key, seconds(1)).is_some()).count();
    assert_eq!((logged, limit.by_key.len()), (3, 3));
    assert_eq!(limit.note(0, seconds(11)), Some(99_997));
}

proptest! {
    #[test]
    fn every_line_is_logged_or_counted(lines in vec((0..4_u8, 0..40_u64), 0..200)) {
        let mut limit = LogLimit::new(RATE);
        let (mut now, mut told) = (0, 0);
        for (key, later) in &lines {
            now += later / 10;
            told += limit.note(*key, seconds(now)).map_or(0, |left_out| 1 + left_out);
        }
        prop_assert_eq!(told + limit.left_out, lines.len() as u64);
    }
}
