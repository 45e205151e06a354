use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::CONTENT_ENCODING;
use flate2::Compression;
use flate2::write::GzEncoder;
use meshvane_shared::plan::Epoch;
use runtime::Liveness;
use tower::ServiceExt as _;

use super::*;
use crate::auth::{Gate, Identity, WriterAuth};
use crate::clock::Clock;
use crate::collector::{Collector, CollectorSettings};
use crate::http::body;
use crate::http::limits::{BODY_AT_ONCE_MAX_BYTES, Limits};
use crate::http::{Bodies, LongPolls, PlanAnswers, RefusalNotes, Vouched};
use crate::readiness::Readiness;

#[test]
fn the_inventory_is_this_table() {
    let mut table = String::new();
    for route in ROUTES {
        writeln!(
            table,
            "{} {} {} {:?} {:?}",
            route.door.as_str(),
            route.verb.as_str(),
            route.path,
            route.access,
            route.dialect
        )
        .unwrap();
    }
    assert_eq!(
        table,
        "api POST /api/v1/heartbeat Writer Compatible
api POST /api/v1/test-results/hosts OriginalWriter Compatible
api POST /api/v1/test-results/pods OriginalWriter Compatible
api POST /api/v1/test-results/service OriginalWriter Compatible
api POST /api/v1/rounds Writer Native
api GET /api/v1/plan ReaderOrAgent Native
api GET /api/v1/hosts Reader Compatible
api GET /api/v1/pods Reader Compatible
api GET /api/v1/clients/count Reader Compatible
api GET /api/v1/test-results/hosts Reader Compatible
api GET /api/v1/test-results/pods Reader Compatible
api GET /api/v1/test-results/service Reader Compatible
api GET /api/v1/results Reader Compatible
api GET /api/v1/agents Reader Native
api GET /api/v1/matrix Reader Native
api GET /api/v1/findings Reader Native
api GET /api/v1/report Reader Native
api GET /api/v1/health Open Compatible
health GET /livez Open Native
health GET /readyz Open Native
metrics GET /metrics Open Native
"
    );
}

#[test]
fn what_changes_something_is_for_writers_and_what_tells_something_is_not_open() {
    for route in ROUTES.iter().filter(|route| route.door == Door::Api && route.path != paths::HEALTH) {
        let expected = match route.verb {
            Verb::Get if route.path == paths::PLAN => Access::ReaderOrAgent,
            Verb::Get => Access::Reader,
            Verb::Post if route.dialect == Dialect::Native || route.path == paths::HEARTBEAT => {
                Access::Writer
            }
            Verb::Post => Access::OriginalWriter,
        };
        assert_eq!(route.access, expected, "{}", route.path);
    }
}

#[test]
fn no_route_is_listed_twice() {
    let distinct: BTreeSet<_> =
        ROUTES.iter().map(|route| (route.door.as_str(), route.verb.as_str(), route.path)).collect();
    assert_eq!(distinct.len(), ROUTES.len());
}

#[test]
fn only_a_path_that_exists_is_moved_to() {
    let check = |uri: &str, expected: Option<&str>| {
        let location = without_slash(Door::Api, &uri.parse().unwrap());
        assert_eq!(location.as_ref().map(|value| value.to_str().unwrap()), expected, "{uri}");
    };
    check("/api/v1/hosts/", Some("/api/v1/hosts"));
    check("/api/v1/matrix/?plane=pod", Some("/api/v1/matrix?plane=pod"));
    check("/api/v1/hosts", None);
    check("/api/v1/hosts//", None);
    check("/api/v1/heartbeat/", None);
    check("//evil.example/", None);
    check("/livez/", None);
}

fn state() -> Arc<ApiState> {
    let clock = Arc::new(Clock::start());
    let (_, drain) = runtime::drain();
    let seconds = Duration::from_secs;
    let settings = CollectorSettings { ttl: seconds(15), forget_after: seconds(60), epoch: Epoch(1) };
    Arc::new(ApiState {
        collector: Arc::new(Collector::new(settings, clock.now())),
        clock,
        reviewer: None,
        gate: Gate { writers: WriterAuth::Open, readers: None, loopback_reads: true },
        metrics: Arc::default(),
        readiness: Readiness::new(drain.clone()),
        drain,
        limits: Limits::default(),
        bodies: Bodies::default(),
        refusals: RefusalNotes::default(),
        plan_answers: PlanAnswers::default(),
        long_polls: LongPolls::default(),
        vouched: Vouched::default(),
        liveness: Liveness::default(),
    })
}

#[tokio::test]
async fn a_handler_that_panics_is_a_500_in_the_endpoints_dialect_and_nothing_else() {
    static AT_ONCE: Route =
        route(Verb::Get, "/at-once", Access::Reader, Dialect::Compatible, |_, _| panic!("on purpose"));
    static LATER: Route = route(Verb::Get, "/later", Access::Reader, Dialect::Native, |_, _| {
        Box::pin(async {
            tokio::task::yield_now().await;
            panic!("on purpose")
        })
    });
    let state = state();
    for (route, expected) in
        [(&AT_ONCE, "application/json; charset=utf-8"), (&LATER, "application/problem+json")]
    {
        let response = answer(route, state.clone(), Request::new(Body::empty())).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers()["content-type"], expected);
    }
    let text = state.metrics.text(&state.collector, &state.clock).await.unwrap();
    assert!(text.contains("route=\"/later\",method=\"GET\",class=\"5xx\"} 1"), "{text}");
}

#[tokio::test]
async fn a_server_whose_main_thread_gives_no_sign_is_not_alive() {
    let state = state();
    let router = router(Door::Health, &state);
    let livez = async || {
        let request = Request::get(paths::LIVEZ).body(Body::empty()).unwrap();
        router.clone().oneshot(request).await.unwrap().status()
    };
    assert_eq!(livez().await, StatusCode::OK);
    for _ in 0..runtime::BEATS_MISSED_MAX {
        state.liveness.miss();
    }
    assert_eq!(livez().await, StatusCode::SERVICE_UNAVAILABLE);
    state.liveness.beat();
    assert_eq!(livez().await, StatusCode::OK);
}

/// A round whose text has so many bytes.
fn round(bytes: usize) -> Vec<u8> {
    let plan = r#"{"epoch": "00000000000000ab", "generation": 1}"#;
    let round = format!(
        r#"{{"node": "node-1", "boot_id": "boot-1", "sequence": 1, "plan": {plan}, "interval_ms": 5000, "targets": [], "cells": []}}"#
    );
    let mut text = round.into_bytes();
    text.resize(bytes, b' ');
    text
}

fn ask(request: Request) -> Ask {
    let (head, body) = request.into_parts();
    Ask { head, body, identity: Identity::Everybody }
}

#[tokio::test]
async fn while_a_long_body_is_taken_short_ones_are_answered_and_a_second_long_one_finds_no_place() {
    let mut state = state();
    Arc::get_mut(&mut state).unwrap().limits.body_wait = Duration::from_millis(50);
    let router = router(Door::Api, &state);
    let post = async |path: &str, body: Vec<u8>| {
        router.clone().oneshot(Request::post(path).body(Body::from(body)).unwrap()).await.unwrap().status()
    };
    let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, goes_on) = mpsc::channel::<()>();
    let long = BODY_AT_ONCE_MAX_BYTES + 1;
    let taking = tokio::spawn({
        let state = state.clone();
        let request = ask(Request::new(Body::from(round(long))));
        async move {
            let take = move |_: &str| {
                begun.send(()).unwrap();
                // The limit is for a server that takes it on the thread of this test.
                Ok(goes_on.recv_timeout(Duration::from_secs(20)))
            };
            body::taken(&state, request, take).await
        }
    });
    has_begun.recv().await.unwrap();
    let heartbeat = r#"{"pod_name": "a", "node_ip": "10.0.0.1", "pod_ip": "10.0.0.2"}"#;
    assert_eq!(post(paths::HEARTBEAT, heartbeat.into()).await, StatusCode::OK);
    assert_eq!(post(paths::ROUNDS, round(BODY_AT_ONCE_MAX_BYTES)).await, StatusCode::OK);
    assert_eq!(post(paths::ROUNDS, round(long)).await, StatusCode::TOO_MANY_REQUESTS);
    assert!(!taking.is_finished());
    go_on.send(()).unwrap();
    assert_eq!(taking.await.unwrap(), Ok(Ok(())));
    assert_eq!(post(paths::ROUNDS, round(long)).await, StatusCode::OK);
}

#[tokio::test]
async fn what_is_long_as_sent_or_unpacked_is_taken_on_another_thread() {
    let state = state();
    let gzip = |bytes: Vec<u8>| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&bytes).unwrap();
        encoder.finish().unwrap()
    };
    let check = async |what: &str, encoding: &str, sent: Vec<u8>, is_aside: bool| {
        let request = Request::post("/").header(CONTENT_ENCODING, encoding).body(Body::from(sent)).unwrap();
        let taken = body::taken(&state, ask(request), |_| Ok(thread::current().id())).await.unwrap();
        assert_eq!(taken != thread::current().id(), is_aside, "{what}");
    };
    let most = BODY_AT_ONCE_MAX_BYTES;
    check("short", "identity", round(most), false).await;
    check("long", "identity", round(most + 1), true).await;
    check("short, packed", "gzip", gzip(round(most)), false).await;
    check("long, packed", "gzip", gzip(round(most + 1)), true).await;
    let members = [gzip(round(most)), gzip(Vec::new()).repeat(most / 20)].concat();
    check("long as sent", "gzip", members, true).await;
}

#[tokio::test]
async fn a_panic_beside_the_serving_thread_is_a_500_and_frees_the_place() {
    static PANICS: Route = route(Verb::Post, "/", Access::Reader, Dialect::Native, |state, ask| {
        Box::pin(async move {
            body::taken(&state, ask, |_| -> Result<(), Fault> { panic!("on purpose") }).await?;
            Err(Fault::NotFound)
        })
    });
    let state = state();
    for _ in 0..2 {
        let request = Request::new(Body::from(round(BODY_AT_ONCE_MAX_BYTES + 1)));
        let response = answer(&PANICS, state.clone(), request).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
