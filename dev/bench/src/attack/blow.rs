//! What a hostile client does: the closed set of attacks, and the bytes that they send. Pure.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use clap::ValueEnum;
use flate2::Compression;
use flate2::write::GzEncoder;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::name::{BootId, NodeName};
use meshvane_shared::outcome::Outcome;
use meshvane_shared::plan::{PlanVersion, Target};
use meshvane_shared::wire::heartbeat::HeartbeatBody;
use meshvane_shared::wire::outcome::OutcomeBody;
use meshvane_shared::wire::round::{CellBody, RoundBody};
use serde::{Deserialize, Serialize};

use super::orders::Orders;

/// The ports of a server and of an agent at their default settings.
const API_PORT: u16 = 8080;
const HEALTH_PORT: u16 = 8081;
const METRICS_PORT: u16 = 8082;
const AGENT_PORT: u16 = 6100;
/// Invented nodes in a refused round: one below the most that a plan may have.
const INVENTED: usize = 19_900;
/// Bytes of a nested body after decompression: the most that the server unpacks.
const NESTED_BYTES: usize = 4 << 20;
/// Bytes of a body that never ends: the most that the server accepts.
const UNFINISHED_BYTES: usize = 1 << 20;
/// Bytes of a head that never ends.
const HEAD_BYTES: usize = 3_000;

/// One attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Blow {
    /// 256 silent connections from one address to the port of `/livez`.
    HealthSilence,
    /// Silent connections from two addresses to the port of `/metrics`.
    MetricsSilence,
    /// 32 connections from each of 375 addresses to the API, silent or with a head that never ends.
    ApiPlaces,
    /// 2,000 silent connections to one agent's port.
    AgentSilence,
    /// Requests of `/metrics`, 20 a second.
    Scrapes,
    /// Rounds that are refused and name 19,900 invented nodes.
    RefusedRounds,
    /// Rounds with deeply branched content that no version knows.
    NestedBodies,
    /// 400 bodies of 1 MiB that never end.
    UnfinishedBodies,
    /// Heartbeats with a token that is not one.
    ForgedTokens,
    /// Heartbeats of one node, each as another start of its agent.
    NewBoots,
}

/// How an attack is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Manner {
    /// Where.
    pub(super) port: u16,
    /// From how many source addresses, in turn.
    pub(super) sources: u16,
    /// How many connections at the same time.
    pub(super) together: usize,
    /// How many new connections a second.
    pub(super) per_second: u32,
    /// Whether a connection is held until the other side closes it.
    pub(super) held: bool,
}

impl Blow {
    pub(super) const ALL: [Self; 10] = [
        Self::HealthSilence,
        Self::MetricsSilence,
        Self::ApiPlaces,
        Self::AgentSilence,
        Self::Scrapes,
        Self::RefusedRounds,
        Self::NestedBodies,
        Self::UnfinishedBodies,
        Self::ForgedTokens,
        Self::NewBoots,
    ];

    pub(super) fn manner(self) -> Manner {
        let held =
            |port, sources, together, per_second| Manner { port, sources, together, per_second, held: true };
        let asked =
            |port, together, per_second| Manner { port, sources: 1, together, per_second, held: false };
        match self {
            Self::HealthSilence => held(HEALTH_PORT, 1, 256, 200),
            Self::MetricsSilence => held(METRICS_PORT, 2, 128, 100),
            Self::ApiPlaces => held(API_PORT, 375, 375 * 32, 1_500),
            Self::AgentSilence => held(AGENT_PORT, 1, 2_000, 500),
            Self::Scrapes => asked(METRICS_PORT, 8, 20),
            Self::RefusedRounds => asked(API_PORT, 4, 4),
            Self::NestedBodies => asked(API_PORT, 4, 2),
            Self::UnfinishedBodies => held(API_PORT, 1, 400, 100),
            Self::ForgedTokens => asked(API_PORT, 32, 300),
            Self::NewBoots => asked(API_PORT, 16, 100),
        }
    }

    /// The name in arguments and figures.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    pub(super) fn target(self, orders: &Orders) -> SocketAddr {
        let Manner { port, .. } = self.manner();
        let address: IpAddr = match self {
            Self::AgentSilence => orders.agent,
            Self::HealthSilence
            | Self::MetricsSilence
            | Self::ApiPlaces
            | Self::Scrapes
            | Self::RefusedRounds
            | Self::NestedBodies
            | Self::UnfinishedBodies
            | Self::ForgedTokens
            | Self::NewBoots => orders.server,
        };
        SocketAddr::new(address, port)
    }
}

/// The bytes of attacks, made once where they are large.
#[derive(Debug)]
pub(super) struct Bytes {
    token: String,
    refused: Vec<u8>,
    nested: Vec<u8>,
    unfinished: Vec<u8>,
    head: Vec<u8>,
}

impl Bytes {
    pub(super) fn new(orders: &Orders) -> Self {
        let post = |path: &str, extra: &str, body: &[u8]| request(path, &orders.token, extra, body);
        let gzip = "Content-Encoding: gzip\r\n";
        let rounds = meshvane_shared::paths::ROUNDS;
        let mut unfinished = head(rounds, &orders.token, "", UNFINISHED_BYTES);
        unfinished.resize(unfinished.len() + UNFINISHED_BYTES - 1, b' ');
        let mut endless = b"GET /api/v1/health HTTP/1.1\r\nHost: server\r\nX-Endless: ".to_vec();
        endless.resize(HEAD_BYTES, b'a');
        Self {
            token: orders.token.clone(),
            refused: post(rounds, gzip, &zipped(&refused_round(orders))),
            nested: post(rounds, gzip, &zipped(&nested_round(orders))),
            unfinished,
            head: endless,
        }
    }

    /// What the n-th connection of an attack sends.
    pub(super) fn of(&self, blow: Blow, number: u64) -> Vec<u8> {
        match blow {
            Blow::HealthSilence | Blow::MetricsSilence | Blow::AgentSilence => Vec::new(),
            Blow::ApiPlaces if number.is_multiple_of(2) => Vec::new(),
            Blow::ApiPlaces => self.head.clone(),
            Blow::Scrapes => b"GET /metrics HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n".to_vec(),
            Blow::RefusedRounds => self.refused.clone(),
            Blow::NestedBodies => self.nested.clone(),
            Blow::UnfinishedBodies => self.unfinished.clone(),
            Blow::ForgedTokens => {
                let forged = format!("forged-{number}-{}", "x".repeat(900));
                request(meshvane_shared::paths::HEARTBEAT, &forged, "", &heartbeat("attacker-3", number))
            }
            Blow::NewBoots => {
                let body = heartbeat("attacker-2", number);
                request(meshvane_shared::paths::HEARTBEAT, &self.token, "", &body)
            }
        }
    }
}

fn head(path: &str, token: &str, extra: &str, length: usize) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: server\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Authorization: Bearer {token}\r\n{extra}Content-Length: {length}\r\n\r\n"
    )
    .into_bytes()
}

fn request(path: &str, token: &str, extra: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = head(path, token, extra, body.len());
    bytes.extend_from_slice(body);
    bytes
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("writing to memory does not fail")
}

fn name(text: &str) -> NodeName {
    NodeName::parse(text).expect("letters, digits and hyphens are a name")
}

fn boot(text: &str) -> BootId {
    BootId::parse(text).expect("letters, digits and hyphens are a boot id")
}

/// Names the present plan, so that its cells can be judged, and a target that no plan has, so that it is refused.
fn refused_round(orders: &Orders) -> Vec<u8> {
    let plan = PlanVersion { epoch: orders.epoch, generation: orders.generation };
    let cell = CellBody {
        target: u32::MAX,
        check: CheckKind::Icmp.into(),
        port: None,
        outcome: OutcomeBody::from(Outcome::reached(1)),
        age_ms: 0,
        suspect: false,
        failing_for_ms: None,
    };
    let invented = |number: usize| {
        let [.., high, low] = number.to_be_bytes();
        Target {
            node: name(&format!("invented-{number}")),
            plane: Plane::Host,
            address: Ipv4Addr::new(10, 83, high, low).into(),
            port: None,
            zone: None,
        }
    };
    let round = RoundBody {
        interval_ms: 5_000,
        targets: Some((0..INVENTED).map(invented).collect()),
        cells: vec![cell],
        ..RoundBody::empty(name("attacker-1"), boot("attacker-1"), plan)
    };
    serde_json::to_vec(&round).expect("a round is JSON")
}

/// A round with a member that no version knows, whose value has as many parts as fit.
fn nested_round(orders: &Orders) -> Vec<u8> {
    let mut text = format!(
        r#"{{"node":"attacker-1","boot_id":"attacker-1","sequence":1,"plan":{{"epoch":"{}","generation":{}}},"interval_ms":5000,"cells":[{{"target":0,"check":"icmp","outcome":"reached","age_ms":0,"unknown":[[]"#,
        orders.epoch, orders.generation
    );
    while text.len() + 16 < NESTED_BYTES {
        text.push_str(",[]");
    }
    text.push_str("]}]}");
    text.into_bytes()
}

fn heartbeat(node: &str, number: u64) -> Vec<u8> {
    // The place of the attacker, which answers echo requests and no port.
    let own = Ipv4Addr::new(10, 82, 255, 2);
    let body = HeartbeatBody {
        namespace: "kube-system".to_owned(),
        node_ip: own.to_string(),
        pod_ip: own.to_string(),
        pod_name: node.to_owned(),
        node: Some(name(node)),
        client_port: Some(AGENT_PORT),
        interval_ms: Some(5_000),
        probe_interval_ms: Some(5_000),
        boot_id: Some(boot(&format!("boot-{number}"))),
        uptime_ms: Some(0),
        version: Some("0.1.0".to_owned()),
        ..HeartbeatBody::default()
    };
    serde_json::to_vec(&body).expect("a heartbeat is JSON")
}

#[cfg(test)]
mod tests;
