use super::*;

static LEFT_OUT: AtomicU64 = AtomicU64::new(0);

#[test]
fn a_place_of_a_library_logs_few_lines_and_one_of_ours_more_and_the_rest_is_counted() {
    let rates = Rates::new(&LEFT_OUT);
    let at = Duration::from_secs;
    let logged =
        |place, target, now| (0..10_000).filter(|_| rates.note(place, target, at(now)).is_some()).count();
    assert_eq!(logged("event a:1", "hickory_net::udp", 0), FOREIGN_MAX as usize);
    assert_eq!(logged("event b:1", "meshvane_server::collector", 0), OURS_MAX as usize);
    assert_eq!(logged("event b:2", "runtime::shutdown", 0), OURS_MAX as usize);
    let left_out = 30_000 - u64::from(FOREIGN_MAX + 2 * OURS_MAX);
    assert_eq!(LEFT_OUT.load(Ordering::Relaxed), left_out);
    assert_eq!(rates.note("event a:1", "hickory_net::udp", at(10)), Some(10_000 - u64::from(FOREIGN_MAX)));
}
