//! A heartbeat's body, checked, as the member that it describes.

use std::net::IpAddr;
use std::time::Duration;

use chrono::DateTime;
use meshvane_shared::address::{Family, check_probe_address, parse_probe_address};
use meshvane_shared::limits::{
    ADDRESSES_PER_PLANE_MAX, EPOCHS_IN_TURN_MAX, INTERVAL_MAX, INTERVAL_MIN, clean_free_text,
};
use meshvane_shared::name::NodeName;
use meshvane_shared::wire::heartbeat::HeartbeatBody;

use super::{Boot, Member, ORIGINAL_CLIENT_PORT, ORIGINAL_INTERVAL, Origin};
use crate::mesh::time::Now;

/// A heartbeat whose every field was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// The member as this heartbeat alone describes it.
    pub(super) member: Member,
}

/// Why a heartbeat was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeartbeatError {
    /// One of the fields that the original demands is empty.
    #[error("pod_name, node_ip and pod_ip must not be empty; {0} is")]
    Missing(&'static str),
    /// A field has a value that cannot be.
    #[error("{field}: {problem}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// Why.
        problem: String,
    },
}

impl Heartbeat {
    /// Checks a body.
    ///
    /// # Errors
    /// The first field that is missing or wrong.
    pub fn parse(body: HeartbeatBody, now: Now) -> Result<Self, HeartbeatError> {
        for (field, value) in
            [("pod_name", &body.pod_name), ("node_ip", &body.node_ip), ("pod_ip", &body.pod_ip)]
        {
            if value.is_empty() {
                return Err(HeartbeatError::Missing(field));
            }
        }
        let host_addresses =
            plane_addresses("node_ip", &body.node_ip, "host_addresses", &body.host_addresses)?;
        let pod_addresses = plane_addresses("pod_ip", &body.pod_ip, "pod_addresses", &body.pod_addresses)?;
        let probe_interval = interval("probe_interval_ms", body.probe_interval_ms)?;
        let interval = interval("interval_ms", body.interval_ms)?.unwrap_or(ORIGINAL_INTERVAL);
        if body.client_port == Some(0) {
            return Err(invalid("client_port", "0 is not a port"));
        }
        let origin = if body.node.is_some() { Origin::Native } else { Origin::Original };
        let node = match body.node {
            Some(node) => node,
            None => NodeName::from_pod_name(&body.pod_name)
                .map_err(|error| invalid("pod_name", error.to_string()))?,
        };
        let uptime = Duration::from_millis(body.uptime_ms.unwrap_or(0));
        let boot = body.boot_id.map(|id| Boot { id, started: now.moment.before(uptime) });
        let clock_offset_ms = DateTime::parse_from_rfc3339(&body.timestamp)
            .ok()
            .map(|stamp| (stamp.to_utc() - now.wall).num_milliseconds());
        Ok(Self {
            member: Member {
                node,
                zone: body.zone,
                host_addresses,
                pod_addresses,
                client_port: body.client_port.unwrap_or(ORIGINAL_CLIENT_PORT),
                pod: Some(clean_free_text(&body.pod_name)),
                namespace: Some(clean_free_text(&body.namespace)).filter(|text| !text.is_empty()),
                version: body.version.as_deref().map(clean_free_text),
                boot,
                interval,
                probe_interval,
                heard: Some(now.moment),
                received: Some(now.moment),
                steady_since: now.moment,
                known_since: now.moment,
                left: body.leaving.then_some(now.moment),
                clock_offset_ms,
                epochs_in_turn: body.epochs_in_turn.into_iter().take(EPOCHS_IN_TURN_MAX).collect(),
                origin,
            },
        })
    }

    /// The node that the heartbeat speaks for.
    pub fn node(&self) -> &NodeName {
        &self.member.node
    }
}

fn invalid(field: &'static str, problem: impl Into<String>) -> HeartbeatError {
    HeartbeatError::Invalid { field, problem: problem.into() }
}

/// An interval, when one is stated, within the range of the agent's own settings.
fn interval(field: &'static str, millis: Option<u64>) -> Result<Option<Duration>, HeartbeatError> {
    let Some(millis) = millis else { return Ok(None) };
    let interval = Duration::from_millis(millis);
    if (INTERVAL_MIN..=INTERVAL_MAX).contains(&interval) {
        return Ok(Some(interval));
    }
    let (low, high) = (INTERVAL_MIN.as_millis(), INTERVAL_MAX.as_millis());
    Err(invalid(field, format!("{millis} is out of range: {low} to {high} is accepted")))
}

/// The addresses of a plane, one of each family: the native list when there is one, otherwise the original's field.
fn plane_addresses(
    text_field: &'static str,
    text: &str,
    list_field: &'static str,
    list: &[IpAddr],
) -> Result<Vec<IpAddr>, HeartbeatError> {
    let main = parse_probe_address(text).map_err(|problem| invalid(text_field, problem))?;
    if list.len() > ADDRESSES_PER_PLANE_MAX {
        return Err(invalid(list_field, format!("at most {ADDRESSES_PER_PLANE_MAX} addresses are accepted")));
    }
    let mut addresses: Vec<IpAddr> = Vec::with_capacity(2);
    for address in list.iter().copied().chain(list.is_empty().then_some(main)) {
        let address = check_probe_address(address).map_err(|problem| invalid(list_field, problem))?;
        if !addresses.iter().any(|known| Family::of(*known) == Family::of(address)) {
            addresses.push(address);
        }
    }
    addresses.sort_by_key(|address| Family::of(*address));
    Ok(addresses)
}
