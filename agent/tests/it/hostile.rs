//! A server that is against us: whatever it answers, what we send and read is bounded.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use meshvane_shared::paths;
use meshvane_shared::plan::Epoch;
use meshvane_shared::wire::heartbeat::HeartbeatAnswer;
use meshvane_shared::wire::plan::PlanBody;
use meshvane_shared::wire::round::{RoundAnswer, RoundStatus};
use tokio::time::{Instant, sleep_until};

use crate::server::{Agent, config, target};

/// How long each of them is watched.
const WATCHED: Duration = Duration::from_secs(3);

/// How the server is hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Each answer names another start of the server.
    OtherEpochs,
    /// Each answer brings another plan.
    OtherPlans,
    /// "No news" comes at once, however long we wanted to wait.
    NoNewsAtOnce,
    /// Rounds are turned away with "try again in 0 s".
    RetryAtOnce,
}

#[derive(Debug, Default)]
struct Counts {
    answers: AtomicU64,
    plans: AtomicU64,
    rounds: AtomicU64,
}

impl Counts {
    fn plan(&self, way: Way) -> Response {
        self.plans.fetch_add(1, Ordering::Relaxed);
        let epoch = self.epoch(way);
        let is_first = self.plans.load(Ordering::Relaxed) == 1;
        if way == Way::NoNewsAtOnce && !is_first {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        let generation = match way {
            Way::OtherPlans => self.answers.load(Ordering::Relaxed),
            Way::OtherEpochs | Way::NoNewsAtOnce | Way::RetryAtOnce => 1,
        };
        let targets = Some(vec![target("node-2", Some(9)), target("node-3", Some(9))]);
        Json(PlanBody { epoch, generation, targets, delta: None, look: Vec::new(), look_number: 0 })
            .into_response()
    }

    fn round(&self, way: Way) -> Response {
        self.rounds.fetch_add(1, Ordering::Relaxed);
        if way == Way::RetryAtOnce {
            return (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "0")]).into_response();
        }
        Json(RoundAnswer { status: RoundStatus::Accepted, server_epoch: self.epoch(way) }).into_response()
    }

    fn heartbeat(&self, way: Way) -> Json<HeartbeatAnswer> {
        Json(HeartbeatAnswer {
            message: "heard".to_owned(),
            status: "success".to_owned(),
            server_epoch: Some(self.epoch(way)),
            plan_generation: Some(1),
            superseded: false,
        })
    }

    fn epoch(&self, way: Way) -> Epoch {
        let answer = self.answers.fetch_add(1, Ordering::Relaxed);
        Epoch(if way == Way::OtherEpochs { answer } else { 1 })
    }
}

/// How many plans and rounds an agent asked for and sent, under this treatment.
async fn treated(way: Way) -> (u64, u64) {
    let counts = Arc::new(Counts::default());
    let of = || Arc::clone(&counts);
    let (plan, round, heartbeat) = (of(), of(), of());
    let router = Router::new()
        .route(paths::PLAN, get(async move || plan.plan(way)))
        .route(paths::ROUNDS, post(async move || round.round(way)))
        .route(paths::HEARTBEAT, post(async move || heartbeat.heartbeat(way)));
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let agent = Agent::start(config(address));
    sleep_until(Instant::now() + WATCHED).await;
    let seen = (counts.plans.load(Ordering::Relaxed), counts.rounds.load(Ordering::Relaxed));
    agent.stop().await;
    server.abort();
    seen
}

#[tokio::test]
async fn another_epoch_in_every_answer_makes_no_flood_of_rounds() {
    let (plans, rounds) = treated(Way::OtherEpochs).await;
    // Rounds of an interval of a second, their parts, and one more for each restart that is acted on.
    assert!((2..=20).contains(&rounds), "{rounds} rounds");
    assert!(plans <= 12, "{plans} questions for the plan");
}

#[tokio::test]
async fn another_plan_in_every_answer_is_asked_for_once_in_a_second() {
    let (plans, _) = treated(Way::OtherPlans).await;
    assert!((4..=9).contains(&plans), "{plans} plans in three seconds");
}

#[tokio::test]
async fn no_news_that_comes_at_once_is_asked_for_once_in_a_second() {
    let (plans, _) = treated(Way::NoNewsAtOnce).await;
    assert!((2..=5).contains(&plans), "{plans} questions in three seconds");
}

#[tokio::test]
async fn a_server_that_says_try_again_at_once_is_tried_once_in_a_second() {
    let (_, rounds) = treated(Way::RetryAtOnce).await;
    assert!((1..=5).contains(&rounds), "{rounds} tries in three seconds");
}
