use std::convert::Infallible;
use std::io::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

use allocation_counter::measure;
use axum::body::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use tokio::time::{advance, sleep};

use super::*;
use crate::http::bodies::{Bodies, Budget};
use crate::mesh::writer::Writer;

fn writer(last: u8) -> Writer {
    Writer::at(IpAddr::from([10, 0, 0, last]))
}

/// A body that brings so many bytes every half second, and never ends.
fn endless(bytes: usize) -> Body {
    let piece = move |()| async move {
        sleep(BODY_PACE_EVERY).await;
        Some((Ok::<_, Infallible>(Bytes::from(vec![b' '; bytes])), ()))
    };
    Body::from_stream(stream::unfold((), piece).boxed())
}

/// What becomes of a body within [`BODY_TIME`](super::super::limits::BODY_TIME), while another waits for its place or not.
async fn collected(body: Body, is_awaited: bool) -> Result<Result<Vec<u8>, Fault>, ()> {
    let bodies = Bodies::default();
    let budget: &Arc<Budget> = bodies.large();
    let place = budget.place(writer(1), BODY_MAX_BYTES, Duration::ZERO).await.unwrap();
    let second = budget.place(writer(1), BODY_MAX_BYTES, Duration::ZERO).await.unwrap();
    let waiting = budget.place(writer(1), BODY_MAX_BYTES, Duration::from_mins(1));
    let collecting = timeout(Duration::from_secs(5), collect(body, BODY_MAX_BYTES, BODY_MAX_BYTES, &place));
    if !is_awaited {
        return collecting.await.map_err(|_| ());
    }
    let collected = tokio::select! {
        collected = collecting => collected,
        _ = waiting => panic!("no place was given back"),
    };
    drop(second);
    collected.map_err(|_| ())
}

#[tokio::test(start_paused = true)]
async fn a_body_slower_than_the_slowest_link_gives_up_its_place_when_another_waits() {
    let busy = Ok(Err(Fault::Busy(TOO_MANY_BODIES.to_owned())));
    assert_eq!(collected(endless(1_000), true).await, busy);
    assert_eq!(
        collected(Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()), true).await,
        busy
    );
    assert_eq!(collected(endless(1_000), false).await, Err(()), "it has the whole time while no other waits");
    assert_eq!(collected(endless(BODY_PACE_BYTES), true).await, Err(()), "it keeps its pace");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_there_waits_for_no_timer() {
    let bodies = Bodies::default();
    let place = bodies.small().place(writer(1), 2, Duration::ZERO).await.unwrap();
    // Timers end on whole milliseconds of the runtime's clock.
    advance(Duration::from_micros(100)).await;
    let collected = collect(Body::from("{}"), 2, 2, &place).now_or_never();
    assert_eq!(collected, Some(Ok(b"{}".to_vec())));
}

#[test]
fn a_body_takes_no_more_than_twice_what_came_and_no_more_than_is_promised() {
    let mut bytes = Vec::new();
    for _ in 0..100 {
        grow(&mut bytes, 700, 70_000);
        bytes.extend_from_slice(&[b' '; 700]);
        assert!(bytes.capacity() <= 2 * bytes.len() && bytes.capacity() <= 70_000, "{}", bytes.capacity());
    }
    assert_eq!(bytes.capacity(), 70_000);
}

#[test]
fn unpacking_takes_the_decoded_limit_and_little_more() {
    let bomb = gzip(&vec![b' '; 64 * 1024 * 1024]);
    let members = gzip(b"").repeat(BODY_MAX_BYTES / gzip(b"").len());
    for sent in [bomb, members] {
        let taken = measure(|| drop(gunzip(&sent, DECODED_MAX_BYTES)));
        assert!(taken.bytes_max < DECODED_MAX_BYTES as u64 + 300_000, "{} bytes", taken.bytes_max);
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_bomb_stops_at_the_decoded_limit() {
    assert_eq!(gunzip(&gzip(&[b' '; 1000]), 1000).unwrap().len(), 1000);
    assert_eq!(gunzip(&gzip(&[b' '; 1001]), 1000), Err(Fault::TooLarge(1000)));
    let whole = gzip(b"{}");
    assert!(matches!(gunzip(&whole[..whole.len() - 4], 1000), Err(Fault::BadBody(_))));
    assert!(matches!(gunzip(b"not gzip", 1000), Err(Fault::BadBody(_))));
}

#[test]
fn depth_counts_brackets_outside_of_strings() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(refuse_deep(&nested(DEPTH_MAX)).is_ok());
    assert!(refuse_deep(&nested(DEPTH_MAX + 1)).is_err());
    assert!(refuse_deep(&"[".repeat(1_000_000)).is_err());
    assert!(refuse_deep(&format!("{:?}", "[".repeat(100))).is_ok());
    assert!(refuse_deep(&format!("\"\\\"{}\"", "[".repeat(100))).is_ok());
    assert!(refuse_deep(&format!("\"\\\\\"{}", "[".repeat(100))).is_err());
    assert!(refuse_deep(&"[]".repeat(100)).is_ok());
}
