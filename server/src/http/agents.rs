//! `GET /api/v1/agents`: the members.

use axum::response::Response;

use super::reply;
use super::state::ApiState;

/// Lists the members.
pub(super) fn get(state: &ApiState) -> Response {
    reply::native(&state.collector.agents(state.clock.now()))
}
