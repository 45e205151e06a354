//! `/api/v1/test-results/{hosts,pods,service}`: what original agents post, and what their readers get.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::response::Response;
use meshvane_shared::address::parse_probe_address;
use meshvane_shared::check::Plane;
use meshvane_shared::limits::clean_free_text;
use meshvane_shared::wire::compat::{
    ConnectivityResult, ServiceResultBody, StatusAnswer, TestResultsBody, ZERO_TIME,
};

use super::error::Fault;
use super::folded::{self, Object};
use super::heartbeat::timestamp;
use super::limits::{RESULT_MAX_BYTES, RESULTS_MAX};
use super::state::{ApiState, Ask};
use super::{body, reply};

const RESULT_FIELDS: &[&str] =
    &["source_ip", "target_ip", "ping_status", "port_status", "latency", "test_duration", "timestamp"];

/// Takes results on hosts.
pub(super) async fn post_hosts(state: Arc<ApiState>, ask: Ask) -> Result<Response, Fault> {
    post(&state, ask, Plane::Host).await
}

/// Takes results on pods.
pub(super) async fn post_pods(state: Arc<ApiState>, ask: Ask) -> Result<Response, Fault> {
    post(&state, ask, Plane::Pod).await
}

/// Takes a result on a service.
pub(super) async fn post_service(state: Arc<ApiState>, ask: Ask) -> Result<Response, Fault> {
    let taken = match body::text(&state, ask).await.and_then(|text| read_service(&text)) {
        Ok(result) => state.collector.original_service(result, state.clock.now()).map_err(Fault::from),
        Err(fault) => Err(fault),
    };
    state.metrics.original_results(taken.is_ok());
    taken.map(|()| saved())
}

/// Shows results on hosts.
pub(super) fn get_hosts(state: &ApiState) -> Response {
    reply::compatible(&state.collector.test_results(Plane::Host, state.clock.now()))
}

/// Shows results on pods.
pub(super) fn get_pods(state: &ApiState) -> Response {
    reply::compatible(&state.collector.test_results(Plane::Pod, state.clock.now()))
}

/// Shows results on services.
pub(super) fn get_service(state: &ApiState) -> Response {
    reply::compatible(&state.collector.service_results(state.clock.now()))
}

async fn post(state: &Arc<ApiState>, ask: Ask, plane: Plane) -> Result<Response, Fault> {
    let taking = state.clone();
    let taken = body::taken(state, ask, move |text| {
        let results = read_results(text)?;
        taking.collector.original_results(plane, results, taking.clock.now()).map_err(Fault::from)
    })
    .await;
    state.metrics.original_results(taken.is_ok());
    taken.map(|()| saved())
}

fn saved() -> Response {
    reply::compatible(&StatusAnswer {
        message: "test results saved".to_owned(),
        status: "success".to_owned(),
    })
}

fn read_results(text: &str) -> Result<TestResultsBody, Fault> {
    let object = Object::read(text, "", &["source_ip", "results"])?;
    let source_ip = source(&object)?;
    let Some(results) = object.raw("results") else {
        return Err(object.wrong("results", "is missing: an array is accepted"));
    };
    let mut kept = Vec::new();
    for (index, result) in folded::array(results, "results", RESULTS_MAX)?.into_iter().enumerate() {
        let mut result = read_result(result.get(), &format!("results[{index}]"))?;
        // The original drops a result without a target, and shows one port of several.
        if !result.target_ip.is_empty() {
            result.port_status = result.port_status.map(|ports| ports.into_iter().take(1).collect());
            kept.push(result);
        }
    }
    Ok(TestResultsBody { source_ip, results: Some(kept) })
}

fn read_service(text: &str) -> Result<ServiceResultBody, Fault> {
    let object = Object::read(text, "", &["source_ip", "result"])?;
    let source_ip = source(&object)?;
    let result = object.raw("result").map(|text| read_result(text, "result")).transpose()?;
    Ok(ServiceResultBody { source_ip, result })
}

fn source(object: &Object<'_>) -> Result<String, Fault> {
    let text: String = object.get_or_default("source_ip")?;
    if text.is_empty() {
        return Err(object.wrong("source_ip", "is missing: an IP address is accepted"));
    }
    address(object, "source_ip", &text)
}

/// The address in the one form that all lists use.
fn address(object: &Object<'_>, name: &str, text: &str) -> Result<String, Fault> {
    parse_probe_address(text)
        .map(|address| address.to_string())
        .map_err(|problem| object.wrong(name, problem))
}

fn read_result(text: &str, place: &str) -> Result<ConnectivityResult, Fault> {
    if text == "null" {
        return Ok(ConnectivityResult { timestamp: ZERO_TIME.to_owned(), ..ConnectivityResult::default() });
    }
    if text.len() > RESULT_MAX_BYTES {
        return Err(Fault::BadBody(format!(
            "{place}: a result of at most {RESULT_MAX_BYTES} bytes is accepted"
        )));
    }
    let object = Object::read(text, place, RESULT_FIELDS)?;
    let word = |name| object.get_or_default::<String>(name).map(|word| clean_free_text(&word));
    let target: String = object.get_or_default("target_ip")?;
    Ok(ConnectivityResult {
        source_ip: word("source_ip")?,
        target_ip: if target.is_empty() { target } else { address(&object, "target_ip", &target)? },
        ping_status: word("ping_status")?,
        port_status: ports(&object)?,
        latency: object.get_or_default("latency")?,
        test_duration: object.get_or_default("test_duration")?,
        timestamp: timestamp(&object)?.unwrap_or_else(|| ZERO_TIME.to_owned()),
        services: BTreeMap::new(),
    })
}

/// The field `port_status`: its keys are whole numbers in texts.
fn ports(object: &Object<'_>) -> Result<Option<BTreeMap<i64, String>>, Fault> {
    const NAME: &str = "port_status";
    let Some(words) = object.get::<BTreeMap<String, Option<String>>>(NAME)? else {
        return Ok(None);
    };
    let mut ports = BTreeMap::new();
    for (port, word) in words {
        let number: i64 = port.parse().map_err(|_| {
            object.wrong(NAME, format!("{:?} is not a port's number", clean_free_text(&port)))
        })?;
        ports.insert(number, clean_free_text(&word.unwrap_or_default()));
    }
    Ok(Some(ports))
}

#[cfg(test)]
mod tests;
