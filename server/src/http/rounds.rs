//! `POST /api/v1/rounds`: what an agent measured.

use std::sync::Arc;

use axum::response::Response;
use meshvane_shared::wire::round::{RoundAnswer, RoundBody};

use super::error::Fault;
use super::state::{ApiState, Ask};
use super::{body, reply};
use crate::auth::{Identity, Refused};
use crate::mesh::writer::Writer;

/// Takes a round.
pub(super) async fn post(state: Arc<ApiState>, ask: Ask) -> Result<Response, Fault> {
    let (identity, writer, taking) = (ask.identity.clone(), ask.writer(), state.clone());
    let taken = body::taken(&state, ask, move |text| take(&taking, &identity, &writer, text)).await;
    state.metrics.round(taken.as_ref().ok().map(|answer| answer.status));
    taken.map(|answer| reply::native(&answer))
}

fn take(state: &ApiState, identity: &Identity, writer: &Writer, text: &str) -> Result<RoundAnswer, Fault> {
    let round: RoundBody = serde_json::from_str(text).map_err(|error| Fault::BadBody(error.to_string()))?;
    if identity.agent().is_some_and(|agent| agent.node != round.node) {
        return Err(Fault::Refused(Refused::OtherNode));
    }
    state.collector.round_by(writer, &round, state.clock.now()).map_err(Fault::from)
}
