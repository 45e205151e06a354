//! `GET /api/v1/agents`: the members.

use std::sync::Arc;

use axum::response::Response;

use super::error::Fault;
use super::reply;
use super::state::{ApiState, Ask};

/// Lists the members.
pub(super) async fn get(state: Arc<ApiState>, _ask: Ask) -> Result<Response, Fault> {
    Ok(reply::native(&state.collector.agents(state.clock.now())))
}
