//! Whether the server lives and can do its work: `/api/v1/health` as in the original, `/livez` and `/readyz`
//! on their own listener. None of them looks at anything outside of this process.
//!
//! That listener has a thread of its own: the main thread may be busy for seconds, and a kubelet that hears
//! nothing meanwhile would restart a server that works. What `/livez` looks at is therefore whether the main
//! thread gets on: it says so every [`runtime::BEAT`], and is taken for stuck after
//! [`runtime::BEATS_MISSED_MAX`] beats. `/readyz` looks at state that both threads share.

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

/// The process runs, and its main thread gets on.
pub(super) fn livez(state: &ApiState) -> Response {
    if state.liveness.is_alive() {
        reply::text(StatusCode::OK, "alive\n".to_owned())
    } else {
        reply::text(StatusCode::SERVICE_UNAVAILABLE, "not alive: the main thread is stuck\n".to_owned())
    }
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
