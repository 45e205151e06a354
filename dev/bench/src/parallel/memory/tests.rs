use super::*;

fn curve(samples: impl IntoIterator<Item = u64>) -> Curve {
    Curve(samples.into_iter().collect())
}

#[test]
fn memory_that_stays_is_flat_whatever_it_did_at_first() {
    let growth = curve((0..60).map(|second| if second < 10 { 1_000_000 } else { 10_000_000 })).growth();
    let growth = growth.unwrap();
    assert_eq!((growth.early, growth.late), (10_000_000, 10_000_000));
    assert!(growth.is_flat());
}

#[test]
fn memory_that_grows_by_more_than_a_tenth_and_two_mebibytes_is_not_flat() {
    let check = |late, flat| {
        let growth =
            curve((0..60).map(|second| if second < 50 { 10_000_000 } else { late })).growth().unwrap();
        assert_eq!(growth.is_flat(), flat, "{growth:?}");
    };
    check(11_000_000 + (2 << 20), true);
    check(11_000_001 + (2 << 20), false);
}

#[test]
fn times_that_would_overlap_are_not_compared() {
    assert!(curve(0..29).growth().is_none());
    assert!(curve(0..30).growth().is_some());
}

#[test]
fn the_outline_ends_with_the_last_sample() {
    assert_eq!(curve([7; 8]).outline(), [(0, 7), (5, 7), (7, 7)]);
}
