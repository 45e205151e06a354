//! `GET /api/v1/plan?epoch=E&generation=G&look=N&node=NAME&wait=30s&delta=true`: whom to probe, with a long poll.
//!
//! ```text
//!   register interest ──> is there something new? ──yes──> 200 with an ETag
//!          ^                       │ no
//!          └── changed ── wait ────┴── time over, the server stops, or too many wait ──> 304
//! ```
//! Interest is registered before the plan is looked at, so that a change between the two is not missed.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use futures_util::FutureExt as _;
use meshvane_shared::limits::PLAN_WAIT_MAX;
use meshvane_shared::name::NodeName;
use meshvane_shared::plan::Epoch;
use meshvane_shared::setting::parse_duration;
use tokio::time::sleep;

use super::error::Fault;
use super::guard;
use super::query::{Parameters, wrong};
use super::reply;
use super::state::{ApiState, Ask};
use crate::auth::{AgentIdentity, Refused};
use crate::collector::{PlanAsk, PlanNews};

mod answers;
mod long_polls;

pub use answers::PlanAnswers;
pub use long_polls::LongPolls;

/// Answers at once, or keeps the request open until there is something new.
pub(super) async fn get(state: Arc<ApiState>, ask: Ask) -> Result<Response, Fault> {
    let parameters = Parameters::read(&ask.head.uri)?;
    let known = known(&parameters, ask.headers())?;
    let look = parameters
        .parsed("look", |text| text.parse().map_err(|_| format!("{text:?} is not a whole number")))?;
    let node = parameters.parsed("node", |text| NodeName::parse(text).map_err(|error| error.to_string()))?;
    let wait = parameters.parsed("wait", wait)?.unwrap_or_default();
    let delta = parameters.one_of("delta", &[("true", true), ("false", false)])?.unwrap_or(false);
    let gzip = answers::accepts_gzip(ask.headers());
    let speaks_for_another = |agent: &AgentIdentity| node.as_ref().is_some_and(|node| *node != agent.node);
    if ask.identity.agent().is_some_and(speaks_for_another) {
        return Err(Fault::Refused(Refused::OtherNode));
    }
    let plan_ask = PlanAsk { node, have: known, look, delta };
    if ask.identity.is_agent() {
        state.collector.note_question(&plan_ask);
    }
    let proven = ask.identity.agent().is_some();
    let address = guard::address(&ask.head);
    // Nothing of the request is needed while it waits.
    drop(ask);
    let mut held = None;
    let mut time_over = pin!(sleep(wait));
    let mut draining = pin!(state.drain.started());
    loop {
        let mut changed = pin!(state.collector.plan_changed());
        // The first poll registers the interest. A change that is there already is seen by the look below.
        let already = changed.as_mut().now_or_never().is_some();
        if let Some(news) = state.collector.plan(&plan_ask, state.clock.now()) {
            return Ok(found(&state.plan_answers, &news, gzip));
        }
        if wait.is_zero() {
            return Ok(unchanged(known));
        }
        if already {
            // Even a plan that changes without end does not keep others from running.
            tokio::task::yield_now().await;
            continue;
        }
        if !proven && held.is_none() {
            held = Some(state.long_polls.hold(address, state.limits.long_polls_per_source));
        }
        let ended = async {
            match &mut held {
                Some(held) => held.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = &mut changed => {}
            () = ended => return Ok(unchanged(known)),
            () = &mut time_over => return Ok(unchanged(known)),
            () = &mut draining => return Ok(unchanged(known)),
        }
    }
}

/// The plan that the caller has: by the query, or by the entity tag of an earlier answer.
fn known(parameters: &Parameters, headers: &HeaderMap) -> Result<Option<(Epoch, u64)>, Fault> {
    let epoch = parameters.parsed("epoch", str::parse::<Epoch>)?;
    let generation = parameters.parsed("generation", |text| {
        text.parse::<u64>().map_err(|_| format!("{text:?} is not a whole number"))
    })?;
    match (epoch, generation) {
        (Some(epoch), Some(generation)) => Ok(Some((epoch, generation))),
        (None, None) => Ok(headers.get_all(IF_NONE_MATCH).iter().find_map(read_tag)),
        (Some(_), None) => Err(wrong("generation", "is missing beside epoch: both or neither is accepted")),
        (None, Some(_)) => Err(wrong("epoch", "is missing beside generation: both or neither is accepted")),
    }
}

fn wait(text: &str) -> Result<Duration, String> {
    parse_duration("wait", text, Duration::ZERO..=PLAN_WAIT_MAX).map_err(|error| error.problem)
}

/// Reads an entity tag of ours (RFC 9110 section 8.8.3), the first of a list; a tag of somebody else's matches nothing.
fn read_tag(value: &HeaderValue) -> Option<(Epoch, u64)> {
    value.to_str().ok()?.split(',').find_map(|tag| {
        let tag = tag.trim();
        let inner = tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')?;
        let (epoch, generation) = inner.split_once('-')?;
        Some((epoch.parse().ok()?, generation.parse().ok()?))
    })
}

fn tag(epoch: Epoch, generation: u64) -> HeaderValue {
    HeaderValue::try_from(format!("\"{epoch}-{generation}\""))
        .expect("hexadecimal digits, a dash and digits fit a header")
}

fn found(answers: &PlanAnswers, news: &PlanNews, gzip: bool) -> Response {
    let mut response = answers.answer(news, gzip);
    response.headers_mut().insert(ETAG, tag(news.plan.version.epoch, news.plan.version.generation));
    response
}

fn unchanged(known: Option<(Epoch, u64)>) -> Response {
    let mut response = reply::empty(StatusCode::NOT_MODIFIED);
    if let Some((epoch, generation)) = known {
        response.headers_mut().insert(ETAG, tag(epoch, generation));
    }
    response
}

#[cfg(test)]
mod tests;
