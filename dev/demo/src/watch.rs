//! Asks the server's API over and over, as any reader does.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use meshvane_shared::paths;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;

use crate::picture::Observation;

/// Time between two polls while something changes: a quarter of a second is as fast as people see a table change.
const QUICK: Duration = Duration::from_millis(250);
/// Time between two polls while nothing does.
const CALM: Duration = Duration::from_millis(500);
/// So many polls without a change before the pace is calm again: ten seconds, two intervals of the agents.
const CALM_AFTER: u32 = 40;
/// An answer that takes longer is none: the server is on this machine.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// Longest body: 12 nodes take 20 KiB, and a thousand resolved findings with their evidence some megabytes.
const BODY_MAX_BYTES: usize = 8 * 1024 * 1024;

/// What a poll came to.
#[derive(Debug)]
pub(crate) enum News {
    /// The API answered.
    Seen(Box<Observation>),
    /// It did not, and why.
    Silent(String),
}

/// Why a request gave nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AskError {
    /// No connection, or it broke.
    #[error("{}", innermost(.0))]
    Unanswered(#[source] hyper_util::client::legacy::Error),
    /// The body broke off or was too long.
    #[error("{path}: the answer could not be read: {reason}")]
    Body { path: &'static str, reason: String },
    /// The server refused.
    #[error("{path}: the server answered {status}")]
    Status { path: &'static str, status: hyper::StatusCode },
    /// The server answered something else.
    #[error("{path}: the answer is not what it should be: {reason}")]
    Shape { path: &'static str, reason: serde_json::Error },
    /// Nothing in time.
    #[error("no answer in {} s", ANSWER_TIME.as_secs())]
    Late,
}

/// The cause that says most: the outer ones only say that a request failed.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// A reader of the API.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    client: Client<HttpConnector, Empty<Bytes>>,
    server: SocketAddr,
}

impl Api {
    /// A reader of the API at this address.
    pub(crate) fn new(server: SocketAddr) -> Self {
        Api { client: Client::builder(TokioExecutor::new()).build_http(), server }
    }

    /// Whether the server answers.
    pub(crate) async fn answers(&self) -> Result<(), AskError> {
        self.get::<serde::de::IgnoredAny>(paths::HEALTH, "").await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, path: &'static str, query: &str) -> Result<T, AskError> {
        let uri = format!("http://{}{path}{query}", self.server);
        let uri = uri.parse().expect("an address and a constant path make a URI");
        let asked = async {
            let answer = self.client.get(uri).await.map_err(AskError::Unanswered)?;
            if !answer.status().is_success() {
                return Err(AskError::Status { path, status: answer.status() });
            }
            let body = Limited::new(answer.into_body(), BODY_MAX_BYTES).collect().await;
            let body = body.map_err(|error| AskError::Body { path, reason: error.to_string() })?;
            serde_json::from_slice(&body.to_bytes()).map_err(|reason| AskError::Shape { path, reason })
        };
        tokio::time::timeout(ANSWER_TIME, asked).await.unwrap_or(Err(AskError::Late))
    }

    async fn observe(&self) -> Result<Observation, AskError> {
        let matrix = |index: usize| {
            let (plane, check) = Observation::ASKED[index];
            let query = format!("?plane={plane}&check={check}");
            async move { self.get(paths::MATRIX, &query).await }
        };
        let service = |index: usize| {
            let check = Observation::ASKED_OF_SERVICES[index];
            let query = format!("?plane=service&check={check}");
            async move { self.get(paths::MATRIX, &query).await }
        };
        let (agents, findings, first, second, third, fourth, names, ports) = tokio::try_join!(
            self.get(paths::AGENTS, ""),
            self.get(paths::FINDINGS, "?state=all"),
            matrix(0),
            matrix(1),
            matrix(2),
            matrix(3),
            service(0),
            service(1),
        )?;
        let (matrices, services) = (vec![first, second, third, fourth], vec![names, ports]);
        Ok(Observation { agents, matrices, services, findings })
    }
}

/// Polls until nobody listens any more. `quick` keeps the pace quick, so that times are measured well.
pub(crate) async fn poll(api: Api, quick: bool, news: mpsc::Sender<News>) {
    let mut last: Option<Box<Observation>> = None;
    let mut unchanged = 0;
    loop {
        let told = match api.observe().await {
            Ok(seen) => {
                let changed = last.as_ref().is_none_or(|last| seen.differs(last));
                unchanged = if changed { 0 } else { unchanged + 1 };
                let seen = Box::new(seen);
                last = Some(seen.clone());
                News::Seen(seen)
            }
            Err(error) => {
                unchanged = 0;
                News::Silent(error.to_string())
            }
        };
        if news.send(told).await.is_err() {
            return;
        }
        tokio::time::sleep(if quick || unchanged < CALM_AFTER { QUICK } else { CALM }).await;
    }
}
