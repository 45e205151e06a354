//! `POST /api/v1/heartbeat`: the original's `NodeInfo`, and what our agents say beside it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::name::{BootId, NodeName, Zone};
use crate::plan::Epoch;

/// A heartbeat. The first five fields are the original's; an original agent sends no others.
///
/// The original's fields are texts here: an original agent may leave some out, and the server says in its own words which
/// one is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HeartbeatBody {
    /// The pod's namespace.
    pub namespace: String,
    /// The node's address.
    pub node_ip: String,
    /// The pod's address.
    pub pod_ip: String,
    /// The pod's name.
    pub pod_name: String,
    /// The agent's wall clock, RFC 3339. Shown, never trusted.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub timestamp: String,
    /// The node's name. Its presence makes the heartbeat a native one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// The node's zone, when known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// The port of the agent's responder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_port: Option<u16>,
    /// The agent's heartbeat interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<u64>,
    /// The agent's probe interval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe_interval_ms: Option<u64>,
    /// Names this start of the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<BootId>,
    /// Time since this start, by the agent's monotonic clock: of two boots on a node the one with less is the newer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uptime_ms: Option<u64>,
    /// The agent's version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The node's addresses, at most one of each family is probed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub host_addresses: Vec<IpAddr>,
    /// The pod's addresses, at most one of each family is probed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pod_addresses: Vec<IpAddr>,
    /// Starts of the server that answer this agent in turn, when there are several: more than one server runs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub epochs_in_turn: Vec<Epoch>,
    /// The agent was told to stop: this is its goodbye.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub leaving: bool,
}

/// The answer to a heartbeat: the original's two fields, and the server's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeartbeatAnswer {
    /// A sentence.
    pub message: String,
    /// `success`.
    pub status: String,
    /// This start of the server. Another one than before means that it restarted and wants the newest round again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_epoch: Option<Epoch>,
    /// The newest plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_generation: Option<u64>,
    /// Another agent, which started later and still beats, speaks for the node: this heartbeat changed nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub superseded: bool,
}
