use super::*;

#[test]
fn a_percentile_is_the_time_that_so_many_requests_took_at_most() {
    let mut samples = Samples::default();
    (1..=200).rev().for_each(|millis| samples.add(Duration::from_millis(millis)));
    let check = |samples: &mut Samples, percent, expected| {
        assert_eq!(samples.percentile(percent), Some(Duration::from_millis(expected)), "{percent}");
    };
    check(&mut samples, 50, 100);
    check(&mut samples, 99, 198);
    check(&mut samples, 100, 200);
    check(&mut samples, 0, 1);
    assert_eq!(Samples::default().percentile(50), None);
}
