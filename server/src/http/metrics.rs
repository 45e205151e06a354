//! `GET /metrics`, on its own listener.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::error::Fault;
use super::reply;
use super::state::ApiState;

/// `OpenMetrics` 1.0.0 text, which Prometheus asks for first.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Shows every metric. Cancel-safe.
pub(super) async fn get(state: Arc<ApiState>) -> Result<Response, Fault> {
    let text = state.metrics.text(&state.collector, &state.clock).await.map_err(|_| Fault::Internal)?;
    Ok(reply::with_type(StatusCode::OK, MEDIA_TYPE, text.into_bytes()))
}
