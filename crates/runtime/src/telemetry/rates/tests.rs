use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

/// Counts the lines that come through, apart from those about lines that were left out.
struct Through(&'static AtomicU64);

impl<S: Subscriber> Layer<S> for Through {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        self.0.fetch_add(u64::from(event.metadata().target() != TARGET), Ordering::Relaxed);
    }
}

#[test]
fn what_a_place_logs_beyond_its_rate_reaches_no_reader_and_debug_lines_all_do() {
    static LOGGED: AtomicU64 = AtomicU64::new(0);
    static DROPPED: AtomicU64 = AtomicU64::new(0);
    let subscriber = tracing_subscriber::registry().with(Rates::new(&DROPPED)).with(Through(&LOGGED));
    tracing::subscriber::with_default(subscriber, || {
        for number in 0..2_000 {
            tracing::warn!(number, "a line that outside parties cause");
        }
        // A slow machine may need several periods for it.
        let logged = LOGGED.load(Ordering::Relaxed);
        assert!((u64::from(OURS_MAX)..2_000).contains(&logged), "{logged}");
        assert_eq!(DROPPED.load(Ordering::Relaxed), 2_000 - logged);
        for number in 0..2_000 {
            tracing::debug!(number, "a line for finding faults");
        }
        assert_eq!(LOGGED.load(Ordering::Relaxed), logged + 2_000);
    });
}

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
