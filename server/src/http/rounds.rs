//! `POST /api/v1/rounds`: what an agent measured.

use std::sync::Arc;

use axum::response::Response;
use meshvane_shared::wire::round::RoundBody;

use super::error::Fault;
use super::state::{ApiState, Ask};
use super::{body, reply};
use crate::auth::Refused;

/// Takes a round.
pub(super) async fn post(state: Arc<ApiState>, ask: Ask) -> Result<Response, Fault> {
    let (identity, writer) = (ask.identity.clone(), ask.writer());
    let taken = match body::json::<RoundBody>(&state, ask, body::LARGE).await {
        Ok(round) if identity.agent().is_some_and(|agent| agent.node != round.node) => {
            Err(Fault::Refused(Refused::OtherNode))
        }
        Ok(round) => state.collector.round_by(&writer, &round, state.clock.now()).map_err(Fault::from),
        Err(fault) => Err(fault),
    };
    state.metrics.round(taken.as_ref().ok().map(|answer| answer.status));
    taken.map(|answer| reply::native(&answer))
}
