//! `/api/v1/hosts`, `/pods` and `/clients/count`: the original's lists of who is heard.

use axum::response::Response;

use super::reply;
use super::state::ApiState;

/// Lists the nodes' addresses.
pub(super) fn hosts(state: &ApiState) -> Response {
    reply::compatible(&state.collector.hosts(state.clock.now()))
}

/// Lists the pods' addresses.
pub(super) fn pods(state: &ApiState) -> Response {
    reply::compatible(&state.collector.pods(state.clock.now()))
}

/// Counts the agents.
pub(super) fn clients_count(state: &ApiState) -> Response {
    reply::compatible(&state.collector.clients_count(state.clock.now()))
}
