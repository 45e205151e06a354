//! Samples of the native bodies, each with every field that it can have.

mod judged;
mod rounds;

use std::net::IpAddr;

use meshvane_shared::check::Plane;
use meshvane_shared::name::{BootId, Namespace, NodeName, PodName, Zone};
use meshvane_shared::plan::{Epoch, PlanDelta, Target};
use meshvane_shared::wire::agents::{
    AgentBody, AgentsBody, ClusterBody, MemberState, RefusedAgentBody, ViewBody, ViewState,
};
use meshvane_shared::wire::health::AgentHealthBody;
use meshvane_shared::wire::heartbeat::{HeartbeatAnswer, HeartbeatBody};
use meshvane_shared::wire::plan::PlanBody;
use meshvane_shared::wire::problem::{ErrorBody, Problem, UNKNOWN_PLAN};

use super::compare::{Golden, golden};

pub(super) fn all() -> Vec<Golden> {
    let own = [
        golden("heartbeat_native", &heartbeat()),
        golden("heartbeat_goodbye", &goodbye()),
        golden("heartbeat_answer", &heartbeat_answer()),
        golden("heartbeat_answer_superseded", &HeartbeatAnswer { superseded: true, ..heartbeat_answer() }),
        golden("plan_whole", &plan_whole()),
        golden("plan_delta", &plan_delta()),
        golden("plan_look_only", &plan_look_only()),
        golden("agents", &agents()),
        golden("agent_health", &agent_health()),
        golden("problem", &problem()),
        golden("error", &error()),
    ];
    own.into_iter().chain(rounds::all()).chain(judged::all()).collect()
}

pub(super) const EPOCH: Epoch = Epoch(0x00c0_ffee_1234_5678);

pub(super) fn node(name: &str) -> NodeName {
    NodeName::parse(name).unwrap()
}

pub(super) fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

pub(super) fn boot() -> BootId {
    BootId::parse("6f1c9a52-58a4-4a55-9d30-6f2f6c1e2a10").unwrap()
}

pub(super) fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn heartbeat() -> HeartbeatBody {
    HeartbeatBody {
        namespace: "kube-system".to_owned(),
        node_ip: "192.168.1.1".to_owned(),
        pod_ip: "10.0.0.1".to_owned(),
        pod_name: "meshvane-agent-7x2lq".to_owned(),
        timestamp: "2026-11-21T01:51:17.077788655Z".to_owned(),
        node: Some(node("node-1.example.net")),
        zone: Some(zone("eu-central-1a")),
        client_port: Some(6100),
        interval_ms: Some(5_000),
        probe_interval_ms: Some(10_000),
        boot_id: Some(boot()),
        uptime_ms: Some(86_400_000),
        version: Some("0.1.0".to_owned()),
        host_addresses: vec![address("192.168.1.1"), address("fd00:1::1")],
        pod_addresses: vec![address("10.0.0.1"), address("fd00:2::1")],
        epochs_in_turn: vec![EPOCH, Epoch(0x00c0_ffee_8765_4321)],
        leaving: false,
    }
}

fn goodbye() -> HeartbeatBody {
    HeartbeatBody {
        leaving: true,
        zone: None,
        host_addresses: Vec::new(),
        pod_addresses: Vec::new(),
        epochs_in_turn: Vec::new(),
        ..heartbeat()
    }
}

fn heartbeat_answer() -> HeartbeatAnswer {
    HeartbeatAnswer {
        message: "heartbeat received".to_owned(),
        status: "success".to_owned(),
        server_epoch: Some(EPOCH),
        plan_generation: Some(7),
        superseded: false,
    }
}

/// Both planes of a node with two families and a zone, and of one with one family and none.
pub(super) fn targets() -> Vec<Target> {
    let target = |name: &str, plane, text: &str, port, zone: Option<Zone>| Target {
        node: node(name),
        plane,
        address: address(text),
        port,
        zone,
    };
    let known = || Some(zone("eu-central-1a"));
    vec![
        target("node-1", Plane::Host, "192.168.1.1", None, known()),
        target("node-1", Plane::Host, "fd00:1::1", None, known()),
        target("node-1", Plane::Pod, "10.0.0.1", Some(6100), known()),
        target("node-1", Plane::Pod, "fd00:2::1", Some(6100), known()),
        target("node-2", Plane::Host, "192.168.1.2", None, None),
        target("node-2", Plane::Pod, "10.0.0.2", Some(7100), None),
    ]
}

fn plan_whole() -> PlanBody {
    PlanBody {
        epoch: EPOCH,
        generation: 7,
        targets: Some(targets()),
        delta: None,
        look: vec![node("node-2")],
        look_number: 3,
    }
}

fn plan_delta() -> PlanBody {
    let delta = PlanDelta { since: 5, removed: vec![1, 4], added: targets()[..2].to_vec(), count: 6 };
    PlanBody { targets: None, delta: Some(delta), look: Vec::new(), ..plan_whole() }
}

fn plan_look_only() -> PlanBody {
    PlanBody { targets: None, look: vec![node("node-1"), node("node-2")], look_number: 4, ..plan_whole() }
}

fn agents() -> AgentsBody {
    let whole = AgentBody {
        node: node("node-1"),
        state: MemberState::Alive,
        context: vec!["cordoned".to_owned(), "rolling_out".to_owned()],
        zone: Some(zone("eu-central-1a")),
        host_addresses: vec![address("192.168.1.1"), address("fd00:1::1")],
        pod_addresses: vec![address("10.0.0.1"), address("fd00:2::1")],
        pod: Some(PodName::parse("meshvane-agent-7x2lq").unwrap().to_string()),
        namespace: Some(Namespace::parse("kube-system").unwrap().to_string()),
        version: Some("0.1.0".to_owned()),
        boot_id: Some(boot()),
        heartbeat_age_ms: Some(1_200),
        interval_ms: Some(5_000),
        round_age_ms: Some(2_300),
        rounds: 42,
        last_sequence: Some(43),
        clock_offset_ms: Some(-250),
        original: false,
        problems: vec![
            "HEARTBEAT_INTERVAL is 10 s, CACHE_KEY_SECOND is 15 s: less than twice as much".to_owned(),
        ],
    };
    let only_planned = |name: &str, state| AgentBody {
        node: node(name),
        state,
        context: Vec::new(),
        zone: None,
        pod: None,
        namespace: None,
        version: None,
        boot_id: None,
        heartbeat_age_ms: None,
        interval_ms: None,
        round_age_ms: None,
        rounds: 0,
        last_sequence: None,
        clock_offset_ms: None,
        problems: Vec::new(),
        ..whole.clone()
    };
    let original = AgentBody {
        original: true,
        heartbeat_age_ms: Some(6_500),
        ..only_planned("k8snet-checker-agent-x", MemberState::Late)
    };
    AgentsBody {
        agents: vec![
            original,
            whole.clone(),
            only_planned("node-2", MemberState::Lost),
            only_planned("node-3", MemberState::Leaving),
        ],
        cluster: Some(ClusterBody {
            pods: ViewBody { state: ViewState::Live, age_ms: None },
            nodes: ViewBody { state: ViewState::Old, age_ms: Some(90_000) },
            uncovered: vec![node("node-4")],
            awaited: vec![node("node-5")],
            not_covered: vec![node("node-6")],
            refused: vec![RefusedAgentBody {
                node: node("node-4"),
                reason: "other_address".to_owned(),
                from: address("10.80.1.1"),
            }],
        }),
    }
}

fn agent_health() -> AgentHealthBody {
    AgentHealthBody {
        status: "healthy".to_owned(),
        node: Some(node("node-1")),
        pod: Some(PodName::parse("meshvane-agent-7x2lq").unwrap()),
        boot_id: Some(boot()),
    }
}

fn problem() -> Problem {
    Problem {
        kind: UNKNOWN_PLAN.to_owned(),
        title: "The plan of this round is not known here".to_owned(),
        status: 409,
        detail: Some("00c0ffee12345678/7 is not known: post the round again with its targets".to_owned()),
    }
}

fn error() -> ErrorBody {
    ErrorBody {
        code: "INVALID_REQUEST".to_owned(),
        message: "required fields are missing".to_owned(),
        details: Some("pod_name, node_ip and pod_ip must not be empty".to_owned()),
    }
}
