//! `POST /api/v1/heartbeat`: of our agents and of original ones.

use std::net::IpAddr;
use std::sync::Arc;

use axum::response::Response;
use chrono::DateTime;
use meshvane_shared::address::is_loopback;
use meshvane_shared::wire::heartbeat::{HeartbeatAnswer, HeartbeatBody};
use runtime::places::Proof;

use super::error::Fault;
use super::folded::Object;
use super::state::{ApiState, Ask};
use super::{body, guard, reply};
use crate::auth::{Identity, Refused};

const FIELDS: &[&str] = &[
    "namespace",
    "node_ip",
    "pod_ip",
    "pod_name",
    "timestamp",
    "node",
    "zone",
    "client_port",
    "interval_ms",
    "probe_interval_ms",
    "boot_id",
    "uptime_ms",
    "version",
    "host_addresses",
    "pod_addresses",
    "epochs_in_turn",
    "leaving",
];

/// Takes a heartbeat.
pub(super) async fn post(state: Arc<ApiState>, ask: Ask) -> Result<Response, Fault> {
    let (identity, peer) = (ask.identity.clone(), ask.peer());
    // Of an agent that Kubernetes vouches for, `owns` knows which addresses it may name.
    let may_be_loopback = identity.agent().is_some() || guard::is_local(&ask.head);
    let text = body::text(&state, ask).await;
    let body = text.and_then(|text| read(&text)).and_then(|body| check_loopback(body, may_be_loopback));
    let taken = match body {
        Ok(heartbeat) => take(&state, &identity, heartbeat),
        Err(fault) => Err(fault),
    };
    if let (Ok(_), Identity::Everybody, Some(peer)) = (&taken, &identity, peer) {
        state.vouched.note(peer.address.ip(), state.clock.now().moment);
        peer.prove(Proof::Agent(None));
    }
    state.metrics.heartbeat(taken.is_ok());
    taken.map(|answer| reply::compatible(&answer))
}

/// Only an agent on this machine may name loopback addresses. From elsewhere they would make every agent probe itself, and
/// believe that it reached the node that named them.
fn check_loopback(body: HeartbeatBody, may_be_loopback: bool) -> Result<HeartbeatBody, Fault> {
    let one = |field: &'static str, text: &str| text.parse::<IpAddr>().ok().map(|address| (field, address));
    let list = |field: &'static str, list: &[IpAddr]| {
        list.iter().map(move |address| (field, *address)).collect::<Vec<_>>()
    };
    let named = one("node_ip", &body.node_ip)
        .into_iter()
        .chain(one("pod_ip", &body.pod_ip))
        .chain(list("host_addresses", &body.host_addresses))
        .chain(list("pod_addresses", &body.pod_addresses))
        .find(|(_, address)| is_loopback(*address));
    match named.filter(|_| !may_be_loopback) {
        None => Ok(body),
        Some((field, address)) => Err(Fault::BadBody(format!(
            "{field}: {address} is a loopback address, which only an agent on the server's own machine may name"
        ))),
    }
}

/// An agent whom Kubernetes vouches for speaks for its node alone, and names no addresses but its own.
fn take(state: &ApiState, identity: &Identity, heartbeat: HeartbeatBody) -> Result<HeartbeatAnswer, Fault> {
    if let Some(agent) = identity.agent() {
        let node = heartbeat.node.as_ref().ok_or(Fault::Refused(Refused::OriginalAgent))?;
        if *node != agent.node {
            return Err(Fault::Refused(Refused::OtherNode));
        }
        if !state.collector.owns(&agent.pod, &heartbeat) {
            return Err(Fault::Refused(Refused::OtherPlaces));
        }
    }
    state.collector.heartbeat(heartbeat, state.clock.now()).map_err(Fault::from)
}

fn read(text: &str) -> Result<HeartbeatBody, Fault> {
    let object = Object::read(text, "", FIELDS)?;
    let body = HeartbeatBody {
        namespace: object.get_or_default("namespace")?,
        node_ip: object.get_or_default("node_ip")?,
        pod_ip: object.get_or_default("pod_ip")?,
        pod_name: object.get_or_default("pod_name")?,
        timestamp: timestamp(&object)?.unwrap_or_default(),
        node: object.get("node")?,
        zone: object.get("zone")?,
        client_port: object.get("client_port")?,
        interval_ms: object.get("interval_ms")?,
        probe_interval_ms: object.get("probe_interval_ms")?,
        boot_id: object.get("boot_id")?,
        uptime_ms: object.get("uptime_ms")?,
        version: object.get("version")?,
        host_addresses: object.get_or_default("host_addresses")?,
        pod_addresses: object.get_or_default("pod_addresses")?,
        epochs_in_turn: object.get_or_default("epochs_in_turn")?,
        leaving: object.get_or_default("leaving")?,
    };
    if body.pod_name.is_empty() || body.node_ip.is_empty() || body.pod_ip.is_empty() {
        return Err(Fault::MissingField("pod_name, node_ip and pod_ip must not be empty".to_owned()));
    }
    Ok(body)
}

/// The field `timestamp`, which the original reads as RFC 3339 and refuses otherwise.
pub(super) fn timestamp(object: &Object<'_>) -> Result<Option<String>, Fault> {
    let Some(text) = object.get::<String>("timestamp")? else {
        return Ok(None);
    };
    match DateTime::parse_from_rfc3339(&text) {
        Ok(_) => Ok(Some(text)),
        Err(_) => Err(object.wrong("timestamp", "a time as 2026-11-21T01:51:17Z (RFC 3339) is accepted")),
    }
}
