use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, mpsc};

use super::*;

type Made = Result<(String, Moment, Moment), CountFailed>;

fn at(millis: i64) -> Moment {
    Moment::from_millis(millis)
}

/// Counts how often it was asked to count; a count takes no time.
fn counts(times: &Arc<AtomicUsize>, now: i64) -> impl FnOnce() -> Made + use<> {
    let times = times.clone();
    move || Ok((format!("count {}", times.fetch_add(1, Ordering::SeqCst) + 1), at(now), at(now)))
}

#[tokio::test]
async fn a_text_is_answered_again_for_a_second() {
    let (counted, times) = (Counted::default(), Arc::default());
    let ask = async |now| counted.newest(at(now), counts(&times, now)).await.unwrap().to_string();
    for (now, expected) in [(0, "count 1"), (999, "count 1"), (1_000, "count 2"), (1_001, "count 2")] {
        assert_eq!(ask(now).await, expected, "{now}");
    }
}

#[tokio::test]
async fn after_a_long_count_the_rest_is_ten_times_as_long() {
    let (counted, times) = (Counted::default(), Arc::default());
    let long = || Ok(("long".to_owned(), at(0), at(700)));
    assert_eq!(&*counted.newest(at(0), long).await.unwrap(), "long");
    assert_eq!(&*counted.newest(at(6_999), counts(&times, 6_999)).await.unwrap(), "long");
    assert_eq!(&*counted.newest(at(7_000), counts(&times, 7_000)).await.unwrap(), "count 1");
}

#[tokio::test]
async fn one_count_is_under_way_however_many_ask_and_go_away() {
    let (counted, times) = (Counted::default(), Arc::new(AtomicUsize::new(0)));
    let (go, wait) = mpsc::channel();
    let wait = Arc::new(Mutex::new(wait));
    let ask = || {
        let (counted, times, wait) = (counted.clone(), times.clone(), wait.clone());
        let count = move || {
            times.fetch_add(1, Ordering::SeqCst);
            wait.lock().unwrap().recv().unwrap();
            Ok(("counted".to_owned(), at(0), at(0)))
        };
        tokio::spawn(async move { counted.newest(at(0), count).await })
    };
    let first = ask();
    counted.state.subscribe().wait_for(|state| state.counting).await.unwrap();
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    let others: Vec<_> = (0..30).map(|_| ask()).collect();
    // All of them have asked once each was polled, and a task that is spawned earlier is polled earlier.
    tokio::spawn(async {}).await.unwrap();
    go.send(()).unwrap();
    for other in others {
        assert_eq!(&*other.await.unwrap().unwrap(), "counted");
    }
    assert_eq!(times.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_count_that_fails_or_panics_is_an_error_and_the_next_one_is_made() {
    let (counted, times) = (Counted::default(), Arc::default());
    counted.newest(at(0), counts(&times, 0)).await.unwrap();
    assert_eq!(counted.newest(at(1_000), || Err(CountFailed)).await, Err(CountFailed));
    assert_eq!(counted.newest(at(1_000), || panic!("on purpose")).await, Err(CountFailed));
    assert_eq!(&*counted.newest(at(1_000), counts(&times, 1_000)).await.unwrap(), "count 2");
}
