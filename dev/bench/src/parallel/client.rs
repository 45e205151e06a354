//! One client: it asks in turn, each request after the answer to the one before, without a pause.

use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::check::Plane;
use meshvane_shared::wire::plan::PlanBody;
use meshvane_shared::wire::round::{RoundAnswer, RoundStatus};

use crate::api::{Answer, Api, Method};
use crate::clock::Stopwatch;
use crate::problem::chain;

use super::body::{self, Node};
use super::posted::Posted;
use super::route::{Post, Route};
use super::tally::Tally;

/// Requests of one client at most, whatever the time: 600 s of 1,000 a second, far above what one client gets, so that the
/// times that are kept are bounded.
const REQUESTS_MAX: usize = 600_000;

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    api: Api,
    nodes: Arc<[Node]>,
    plan: Arc<PlanBody>,
    heartbeat: Vec<u8>,
    posted: Posted,
}

impl Client {
    /// Makes the client that is this node among those.
    pub(super) fn new(api: Api, node: Node, nodes: Arc<[Node]>, plan: Arc<PlanBody>) -> Self {
        Self { api, nodes, plan, heartbeat: body::heartbeat(node), posted: Posted::nothing(node) }
    }

    /// Its node.
    pub(super) fn node(&self) -> Node {
        self.posted.node
    }

    /// What it posted so far.
    pub(super) fn posted(&self) -> Posted {
        self.posted
    }

    /// Asks until the clock shows this time.
    pub(super) async fn run(&mut self, clock: Stopwatch, time: Duration, cycle: &[Route]) -> Tally {
        let mut tally = Tally::default();
        // Each begins at another place, so that at any moment different things are asked.
        let begin = usize::from(self.posted.node.0) * 7;
        for route in cycle.iter().cycle().skip(begin % cycle.len()).take(REQUESTS_MAX) {
            if clock.elapsed() >= time {
                break;
            }
            self.request(*route, &mut tally).await;
        }
        tally
    }

    async fn request(&mut self, route: Route, tally: &mut Tally) {
        let method = self.method(route);
        let clock = Stopwatch::start();
        let answer = self.api.ask(method, route.path()).await;
        let elapsed = clock.elapsed();
        match answer {
            Ok(answer) => {
                tally.answered(route, answer.status, elapsed);
                self.take(route, &answer, tally);
            }
            Err(error) => {
                tally.unanswered += 1;
                tally.note(|| format!("{}: {}", route.line(), chain(&error)));
            }
        }
    }

    fn method(&self, route: Route) -> Method {
        let posted = &self.posted;
        let node = posted.node;
        match route.post() {
            Some(Post::Heartbeat) => Method::Post(self.heartbeat.clone()),
            Some(Post::Round) => Method::Post(body::round(node, posted.round + 1, &self.plan)),
            Some(Post::Results(plane)) => {
                let past = match plane {
                    Plane::Host => posted.hosts,
                    Plane::Pod => posted.pods,
                };
                Method::Post(body::original_results(node, past + 1, plane, &self.nodes))
            }
            Some(Post::Service) => Method::Post(body::original_service(node, posted.service + 1)),
            None => Method::Get,
        }
    }

    /// Takes note of what was posted.
    fn take(&mut self, route: Route, answer: &Answer, tally: &mut Tally) {
        let text = || String::from_utf8_lossy(&answer.body).into_owned();
        if answer.status != 200 {
            tally.note(|| format!("{}: {}: {}", route.line(), answer.status, text()));
            return;
        }
        match route.post() {
            Some(Post::Round) => {
                let taken: Result<RoundAnswer, _> = serde_json::from_slice(&answer.body);
                if !taken.is_ok_and(|taken| taken.status == RoundStatus::Accepted) {
                    tally.not_accepted += 1;
                    tally.note(|| format!("{}: {}", route.line(), text()));
                }
                self.posted.round += 1;
            }
            Some(Post::Results(Plane::Host)) => self.posted.hosts += 1,
            Some(Post::Results(Plane::Pod)) => self.posted.pods += 1,
            Some(Post::Service) => self.posted.service += 1,
            Some(Post::Heartbeat) | None => {}
        }
    }
}
