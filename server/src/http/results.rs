//! `GET /api/v1/results`: the original's lists, maps and summaries in one body.

use std::sync::Arc;

use axum::response::Response;

use super::error::Fault;
use super::reply;
use super::state::{ApiState, Ask};

/// Shows all of it.
pub(super) async fn get(state: Arc<ApiState>, _ask: Ask) -> Result<Response, Fault> {
    Ok(reply::compatible(&state.collector.results(state.clock.now())))
}
