//! Who we are, as heartbeats, rounds and `/health` say it.

use std::time::Duration;

use meshvane_shared::name::BootId;
use meshvane_shared::wire::health::AgentHealthBody;
use meshvane_shared::wire::heartbeat::HeartbeatBody;
use uuid::Uuid;

use crate::config::Config;

/// This version of the agent.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Who we are: the configuration, and this start of the process.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Names this start.
    pub boot_id: BootId,
    /// A number that other agents do not have: seeds jitter and the identifier of echo requests.
    pub seed: u64,
    heartbeat: HeartbeatBody,
}

impl Identity {
    /// Makes the identity of a start; `client_port` is the port that the responder really has.
    ///
    /// # Panics
    /// Never: a UUID is a boot id.
    pub fn new(config: &Config, client_port: u16) -> Self {
        let uuid = Uuid::new_v4();
        let boot_id = BootId::parse(&uuid.to_string()).expect("a UUID is letters, digits and dashes");
        let text =
            |addresses: &[std::net::IpAddr]| addresses.first().map(ToString::to_string).unwrap_or_default();
        let milliseconds = |time: Duration| u64::try_from(time.as_millis()).ok();
        let heartbeat = HeartbeatBody {
            namespace: config.namespace.to_string(),
            node_ip: text(&config.host_addresses),
            pod_ip: text(&config.pod_addresses),
            pod_name: config.pod.to_string(),
            timestamp: String::new(),
            node: Some(config.node.clone()),
            zone: config.zone.clone(),
            client_port: Some(client_port),
            interval_ms: milliseconds(config.heartbeat_interval),
            probe_interval_ms: milliseconds(config.probe_interval),
            boot_id: Some(boot_id.clone()),
            uptime_ms: None,
            version: Some(VERSION.to_owned()),
            host_addresses: config.host_addresses.clone(),
            pod_addresses: config.pod_addresses.clone(),
            epochs_in_turn: Vec::new(),
            leaving: false,
        };
        let (seed, _) = uuid.as_u64_pair();
        Self { boot_id, seed, heartbeat }
    }

    /// Makes a heartbeat; `wall_clock` is RFC 3339 and only shown.
    pub fn heartbeat(&self, uptime: Duration, wall_clock: String, leaving: bool) -> HeartbeatBody {
        HeartbeatBody {
            timestamp: wall_clock,
            uptime_ms: u64::try_from(uptime.as_millis()).ok(),
            leaving,
            ..self.heartbeat.clone()
        }
    }

    /// Makes the body of `/health`.
    pub fn health(&self) -> AgentHealthBody {
        AgentHealthBody {
            status: "healthy".to_owned(),
            node: self.heartbeat.node.clone(),
            pod: meshvane_shared::name::PodName::parse(&self.heartbeat.pod_name).ok(),
            boot_id: None,
        }
    }
}
