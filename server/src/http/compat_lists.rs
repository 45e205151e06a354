//! `/api/v1/hosts`, `/pods` and `/clients/count`: the original's lists of who is heard.

use std::sync::Arc;

use axum::response::Response;

use super::error::Fault;
use super::reply;
use super::state::{ApiState, Ask};

/// Lists the nodes' addresses.
pub(super) async fn hosts(state: Arc<ApiState>, _ask: Ask) -> Result<Response, Fault> {
    Ok(reply::compatible(&state.collector.hosts(state.clock.now())))
}

/// Lists the pods' addresses.
pub(super) async fn pods(state: Arc<ApiState>, _ask: Ask) -> Result<Response, Fault> {
    Ok(reply::compatible(&state.collector.pods(state.clock.now())))
}

/// Counts the agents.
pub(super) async fn clients_count(state: Arc<ApiState>, _ask: Ask) -> Result<Response, Fault> {
    Ok(reply::compatible(
        &state.collector.clients_count(state.clock.now()),
    ))
}
