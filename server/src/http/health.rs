//! Whether the server lives and can do its work: `/api/v1/health` as in the original, `/livez` and `/readyz` on their own
//! listener. None of them looks at anything outside of this process.

use axum::http::StatusCode;
use axum::response::Response;
use meshvane_shared::wire::compat::HealthAnswer;

use super::reply;
use super::state::ApiState;
use crate::readiness::NotReady;

/// The original's answer.
pub(super) fn original() -> Response {
    reply::compatible(&HealthAnswer { status: "healthy".to_owned() })
}

/// The process runs: it answers.
pub(super) fn livez() -> Response {
    reply::text(StatusCode::OK, "alive\n".to_owned())
}

/// Every part has started, and none is stopping.
pub(super) fn readyz(state: &ApiState) -> Response {
    match state.readiness.check() {
        Ok(()) => reply::text(StatusCode::OK, "ready\n".to_owned()),
        Err(NotReady::Waiting(parts)) => reply::text(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("not ready: waiting for {}\n", parts.join(", ")),
        ),
        Err(NotReady::Draining) => {
            reply::text(StatusCode::SERVICE_UNAVAILABLE, "not ready: stopping\n".to_owned())
        }
    }
}
