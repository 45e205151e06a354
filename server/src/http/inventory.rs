//! The one inventory of routes: what there is, who may, who answers. The routers are built from it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, Uri};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use meshvane_shared::paths;

use super::error::{Dialect, Fault};
use super::state::{ApiState, Ask};
use super::{
    agents, compat_lists, error, findings, guard, health, heartbeat, matrix, metrics, plan, reply, report,
    results, rounds, test_results,
};
use crate::auth::Access;

/// A listener; each has its own routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// `HTTP_PORT`
    Api,
    /// `MESHVANE_HEALTH_PORT`
    Health,
    /// `MESHVANE_METRICS_PORT`
    Metrics,
}

impl Door {
    /// The name as it stands in metrics and in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Health => "health",
            Self::Metrics => "metrics",
        }
    }
}

/// A method that a route takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `GET`, and `HEAD` with it.
    Get,
    /// `POST`
    Post,
}

impl Verb {
    /// The name as it stands in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }

    fn filter(self) -> MethodFilter {
        match self {
            Self::Get => MethodFilter::GET,
            Self::Post => MethodFilter::POST,
        }
    }

    /// As in `Allow`.
    fn allowed(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
        }
    }
}

/// Answers a request that was let in.
type Handler = fn(Arc<ApiState>, Ask) -> BoxFuture<'static, Result<Response, Fault>>;

/// One row of the inventory.
#[derive(Debug, Clone, Copy)]
pub struct Route {
    /// On which listener.
    pub door: Door,
    /// The method.
    pub verb: Verb,
    /// The path, whole.
    pub path: &'static str,
    /// Who may.
    pub access: Access,
    /// How errors are said.
    pub dialect: Dialect,
    handler: Handler,
}

/// The answer of a handler that waits for nothing and cannot fail.
fn shown(response: Response) -> BoxFuture<'static, Result<Response, Fault>> {
    at_once(Ok(response))
}

/// The answer of a handler that waits for nothing.
fn at_once(answer: Result<Response, Fault>) -> BoxFuture<'static, Result<Response, Fault>> {
    Box::pin(std::future::ready(answer))
}

const fn route(verb: Verb, path: &'static str, access: Access, dialect: Dialect, handler: Handler) -> Route {
    Route { door: Door::Api, verb, path, access, dialect, handler }
}

const fn at(door: Door, path: &'static str, handler: Handler) -> Route {
    Route { door, verb: Verb::Get, path, access: Access::Open, dialect: Dialect::Native, handler }
}

/// Every route.
pub const ROUTES: &[Route] = &[
    route(Verb::Post, paths::HEARTBEAT, Access::Writer, Dialect::Compatible, |s, a| {
        Box::pin(heartbeat::post(s, a))
    }),
    route(Verb::Post, paths::TEST_RESULTS_HOSTS, Access::OriginalWriter, Dialect::Compatible, |s, a| {
        Box::pin(test_results::post_hosts(s, a))
    }),
    route(Verb::Post, paths::TEST_RESULTS_PODS, Access::OriginalWriter, Dialect::Compatible, |s, a| {
        Box::pin(test_results::post_pods(s, a))
    }),
    route(Verb::Post, paths::TEST_RESULTS_SERVICE, Access::OriginalWriter, Dialect::Compatible, |s, a| {
        Box::pin(test_results::post_service(s, a))
    }),
    route(Verb::Post, paths::ROUNDS, Access::Writer, Dialect::Native, |s, a| Box::pin(rounds::post(s, a))),
    route(Verb::Get, paths::PLAN, Access::ReaderOrAgent, Dialect::Native, |s, a| Box::pin(plan::get(s, a))),
    route(Verb::Get, paths::HOSTS, Access::Reader, Dialect::Compatible, |s, _| {
        shown(compat_lists::hosts(&s))
    }),
    route(Verb::Get, paths::PODS, Access::Reader, Dialect::Compatible, |s, _| shown(compat_lists::pods(&s))),
    route(Verb::Get, paths::CLIENTS_COUNT, Access::Reader, Dialect::Compatible, |s, _| {
        shown(compat_lists::clients_count(&s))
    }),
    route(Verb::Get, paths::TEST_RESULTS_HOSTS, Access::Reader, Dialect::Compatible, |s, _| {
        shown(test_results::get_hosts(&s))
    }),
    route(Verb::Get, paths::TEST_RESULTS_PODS, Access::Reader, Dialect::Compatible, |s, _| {
        shown(test_results::get_pods(&s))
    }),
    route(Verb::Get, paths::TEST_RESULTS_SERVICE, Access::Reader, Dialect::Compatible, |s, _| {
        shown(test_results::get_service(&s))
    }),
    route(Verb::Get, paths::RESULTS, Access::Reader, Dialect::Compatible, |s, _| shown(results::get(&s))),
    route(Verb::Get, paths::AGENTS, Access::Reader, Dialect::Native, |s, _| shown(agents::get(&s))),
    route(Verb::Get, paths::MATRIX, Access::Reader, Dialect::Native, |s, a| at_once(matrix::get(&s, &a))),
    route(Verb::Get, paths::FINDINGS, Access::Reader, Dialect::Native, |s, a| at_once(findings::get(&s, &a))),
    route(Verb::Get, paths::REPORT, Access::Reader, Dialect::Native, |s, a| at_once(report::get(&s, &a))),
    route(Verb::Get, paths::HEALTH, Access::Open, Dialect::Compatible, |_, _| shown(health::original())),
    at(Door::Health, paths::LIVEZ, |s, _| shown(health::livez(&s))),
    at(Door::Health, paths::READYZ, |s, _| shown(health::readyz(&s))),
    at(Door::Metrics, paths::METRICS, |s, _| Box::pin(metrics::get(s))),
];

/// The route's name in metrics of requests that no route answers.
const NO_ROUTE: &str = "none";

/// Builds the router of a listener.
pub fn router(door: Door, state: &Arc<ApiState>) -> Router {
    let mut router = Router::new();
    let mut paths: Vec<&'static str> =
        ROUTES.iter().filter(|route| route.door == door).map(|route| route.path).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in &paths {
        router = router.route(path, methods(door, path, state));
    }
    let unknown = state.clone();
    router.fallback(move |request: Request| {
        let state = unknown.clone();
        async move { no_route(door, &state, &request) }
    })
}

/// The methods of one path.
fn methods(door: Door, path: &'static str, state: &Arc<ApiState>) -> MethodRouter {
    let mut methods = MethodRouter::new();
    let mut allowed: Vec<&str> = Vec::new();
    for route in ROUTES.iter().filter(|route| route.door == door && route.path == path) {
        allowed.push(route.verb.allowed());
        let state = state.clone();
        methods =
            methods.on(route.verb.filter(), move |request: Request| answer(route, state.clone(), request));
    }
    let allowed = allowed.join(", ");
    let state = state.clone();
    methods.fallback(move || {
        let response = error::answer(Fault::MethodNotAllowed { allowed: allowed.clone() }, Dialect::Native);
        state.metrics.request(path, "other", response.status().as_u16());
        async move { reply::hardened(response) }
    })
}

/// Answers a request by its route, and counts it.
async fn answer(route: &'static Route, state: Arc<ApiState>, request: Request) -> Response {
    let admitted = AssertUnwindSafe(admit_and_handle(route, &state, request));
    // A handler that panics is a fault of ours in one request; the others go on.
    let result = admitted.catch_unwind().await.unwrap_or_else(|_| {
        tracing::error!(route = route.path, "a handler panicked");
        Err(Fault::Internal)
    });
    let mut response = result.unwrap_or_else(|fault| error::answer(fault, route.dialect));
    if route.access.is_of_agents() {
        response = error::close_refused(response);
    }
    state.metrics.request(route.path, route.verb.as_str(), response.status().as_u16());
    reply::hardened(response)
}

async fn admit_and_handle(
    route: &'static Route,
    state: &Arc<ApiState>,
    request: Request,
) -> Result<Response, Fault> {
    let (head, body) = request.into_parts();
    let source = guard::address(&head);
    let answered = match guard::admit(state, route, &head).await {
        Ok(identity) => (route.handler)(state.clone(), Ask { head, body, identity }).await,
        Err(refused) => {
            super::body::discard_unbelieved(body, state.limits.body_time).await;
            Err(Fault::Refused(refused))
        }
    };
    if let Err(Fault::Refused(refused)) = answered {
        guard::note(state, route, source, refused);
    }
    answered
}

/// Answers a path that has no route: with the right one when only a trailing slash is too much, as the original does.
fn no_route(door: Door, state: &ApiState, request: &Request) -> Response {
    let response = match (request.method(), without_slash(door, request.uri())) {
        (&Method::GET | &Method::HEAD, Some(location)) => reply::moved(location),
        (_, _) => error::answer(Fault::NotFound, Dialect::Native),
    };
    state.metrics.request(NO_ROUTE, "other", response.status().as_u16());
    reply::hardened(response)
}

fn without_slash(door: Door, uri: &Uri) -> Option<HeaderValue> {
    let path = uri.path().strip_suffix('/')?;
    let known =
        ROUTES.iter().find(|route| route.door == door && route.verb == Verb::Get && route.path == path)?;
    let location = match uri.query() {
        Some(query) => format!("{}?{query}", known.path),
        None => known.path.to_owned(),
    };
    HeaderValue::try_from(location).ok()
}

#[cfg(test)]
mod tests;
