//! What the clients post. Each body carries a mark of its number, by which the newest is known again in what the server shows.
//! Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::go_duration::GoDuration;
use meshvane_shared::name::{BootId, NodeName};
use meshvane_shared::outcome::{Outcome, Reached};
use meshvane_shared::plan::{PlanVersion, Target};
use meshvane_shared::wire::compat::{
    ConnectivityResult, OPEN, REACHABLE, ServiceResultBody, TestResultsBody, ZERO_TIME,
};
use meshvane_shared::wire::heartbeat::HeartbeatBody;
use meshvane_shared::wire::outcome::OutcomeBody;
use meshvane_shared::wire::plan::PlanBody;
use meshvane_shared::wire::round::{CellBody, RoundBody};
use serde::Serialize;

/// The interval that the clients claim, the default one.
const INTERVAL_MS: u64 = 5000;
/// The port that hosts are said to answer on.
const HOST_PORT: u16 = 22;
/// Marks of rounds repeat after this many; a client posts fewer.
const ROUND_MARKS: u64 = 1_000_000;

/// A client's node, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node(pub(super) u8);

impl Node {
    /// Its name.
    pub(super) fn name(self) -> NodeName {
        NodeName::parse(&format!("client-{}", self.0))
            .expect("lower-case letters, a hyphen and digits are a name")
    }

    fn boot(self) -> BootId {
        BootId::parse(&format!("boot-{}", self.0)).expect("letters, a hyphen and digits are a boot id")
    }

    /// Its node's address.
    pub(super) fn host(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 90, 0, self.0)
    }

    /// Its pod's address.
    pub(super) fn pod(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 91, 0, self.0)
    }

    /// The address under which it posts as an original agent does: one that no member has, so that both rows are shown.
    pub(super) fn source(self) -> Ipv4Addr {
        Ipv4Addr::new(10, 92, 0, self.0)
    }

    /// Its address on a plane.
    pub(super) fn address(self, plane: Plane) -> Ipv4Addr {
        match plane {
            Plane::Host => self.host(),
            Plane::Pod => self.pod(),
        }
    }
}

/// The mark of a client's n-th post as an original agent: an address that nobody has, which repeats after 65,536 posts.
pub(super) fn mark_address(number: u64) -> Ipv4Addr {
    let [.., high, low] = number.to_be_bytes();
    Ipv4Addr::new(10, 93, high, low)
}

/// The mark of a client's n-th round in the cell of one check of one target: its time.
pub(super) fn mark_rtt_us(number: u64, target: usize, check: CheckKind) -> u32 {
    let target = u64::try_from(target).unwrap_or(0) % 1000;
    let check = match check {
        CheckKind::Icmp => 0,
        CheckKind::Tcp | CheckKind::Dns => 1,
    };
    u32::try_from(number % ROUND_MARKS * 2000 + target * 2 + check)
        .expect("a million numbers of two thousand marks are below 2^31")
}

/// A heartbeat.
pub(super) fn heartbeat(node: Node) -> Vec<u8> {
    json(&HeartbeatBody {
        namespace: "kube-system".to_owned(),
        node_ip: node.host().to_string(),
        pod_ip: node.pod().to_string(),
        pod_name: format!("agent-{}", node.0),
        node: Some(node.name()),
        client_port: Some(6100),
        interval_ms: Some(INTERVAL_MS),
        probe_interval_ms: Some(INTERVAL_MS),
        boot_id: Some(node.boot()),
        uptime_ms: Some(1000),
        version: Some("0.1.0".to_owned()),
        ..HeartbeatBody::default()
    })
}

/// A whole round in which everything answers.
pub(super) fn round(node: Node, number: u64, plan: &PlanBody) -> Vec<u8> {
    let own = node.name();
    let targets = plan.targets.as_deref().unwrap_or_default();
    let others = targets.iter().enumerate().filter(|(_, target)| target.node != own);
    let cells = others
        .flat_map(|(index, target)| CheckKind::ON_PLANES.map(|check| cell(number, index, target, check)))
        .collect();
    json(&RoundBody {
        sequence: number,
        interval_ms: INTERVAL_MS,
        took_ms: 100,
        cells,
        ..RoundBody::empty(own, node.boot(), PlanVersion { epoch: plan.epoch, generation: plan.generation })
    })
}

fn cell(number: u64, index: usize, target: &Target, check: CheckKind) -> CellBody {
    let port = (check == CheckKind::Tcp).then_some(target.port.unwrap_or(HOST_PORT));
    let rtt_us = Some(mark_rtt_us(number, index, check));
    let outcome = Outcome::Reached(Reached { rtt_us, late: false, retransmitted: false });
    CellBody {
        target: u32::try_from(index).expect("a plan has at most 20,000 targets"),
        check: check.into(),
        port,
        outcome: OutcomeBody::from(outcome),
        age_ms: 0,
        suspect: false,
        failing_for_ms: None,
    }
}

/// The addresses that an original agent's n-th post names: those of the other nodes, and the mark.
pub(super) fn original_targets(node: Node, number: u64, plane: Plane, nodes: &[Node]) -> BTreeSet<Ipv4Addr> {
    let others = nodes.iter().filter(|other| **other != node);
    others.map(|other| other.address(plane)).chain([mark_address(number)]).collect()
}

/// The n-th post of results on a plane, as an original agent sends it.
pub(super) fn original_results(node: Node, number: u64, plane: Plane, nodes: &[Node]) -> Vec<u8> {
    let targets = original_targets(node, number, plane, nodes);
    let results = targets.into_iter().map(|target| original_result(node, target)).collect();
    json(&TestResultsBody { source_ip: node.source().to_string(), results: Some(results) })
}

/// The n-th post of a service's result, as an original agent sends it.
pub(super) fn original_service(node: Node, number: u64) -> Vec<u8> {
    let result = original_result(node, mark_address(number));
    json(&ServiceResultBody { source_ip: node.source().to_string(), result: Some(result) })
}

fn original_result(node: Node, target: Ipv4Addr) -> ConnectivityResult {
    ConnectivityResult {
        source_ip: node.source().to_string(),
        target_ip: IpAddr::from(target).to_string(),
        ping_status: REACHABLE.to_owned(),
        port_status: Some(BTreeMap::from([(i64::from(HOST_PORT), OPEN.to_owned())])),
        latency: GoDuration(Duration::from_millis(685)),
        test_duration: GoDuration(Duration::from_millis(2060)),
        timestamp: ZERO_TIME.to_owned(),
        services: BTreeMap::new(),
    }
}

fn json(body: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("bodies hold texts and numbers, which JSON can hold")
}
