//! `GET /api/v1/findings?state=open|resolved|all`.

use axum::response::Response;

use super::error::Fault;
use super::query::Parameters;
use super::reply;
use super::state::{ApiState, Ask};
use crate::collector::FindingsFilter;

const STATES: [(&str, FindingsFilter); 3] =
    [("open", FindingsFilter::Open), ("resolved", FindingsFilter::Resolved), ("all", FindingsFilter::All)];

/// Lists the findings.
pub(super) fn get(state: &ApiState, ask: &Ask) -> Result<Response, Fault> {
    let filter = Parameters::read(&ask.head.uri)?.one_of("state", &STATES)?.unwrap_or_default();
    Ok(reply::native(&state.collector.findings(filter, state.clock.now())))
}
