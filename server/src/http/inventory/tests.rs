use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use meshvane_shared::plan::Epoch;
use runtime::Liveness;
use tower::ServiceExt as _;

use super::*;
use crate::auth::{Gate, WriterAuth};
use crate::clock::Clock;
use crate::collector::{Collector, CollectorSettings};
use crate::http::limits::Limits;
use crate::http::{Bodies, PlanAnswers, RefusalNotes, Vouched};
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
