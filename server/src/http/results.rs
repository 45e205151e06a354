//! `GET /api/v1/results`: the original's lists, maps and summaries in one body.

use axum::response::Response;

use super::reply;
use super::state::ApiState;

/// Shows all of it.
pub(super) fn get(state: &ApiState) -> Response {
    reply::compatible(&state.collector.results(state.clock.now()))
}
