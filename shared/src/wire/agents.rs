//! `GET /api/v1/agents`: the members.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::name::{BootId, NodeName, Zone};

/// A member's state. `gone` members are forgotten and never listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// Heard in time.
    Alive,
    /// No heartbeat for the interval and one second.
    Late,
    /// No heartbeat for the whole TTL: louder, not invisible.
    Lost,
    /// Said goodbye.
    Leaving,
}

impl MemberState {
    /// Every state, as reports count them.
    pub const ALL: [Self; 4] = [Self::Alive, Self::Late, Self::Lost, Self::Leaving];

    /// The name as it stands in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alive => "alive",
            Self::Late => "late",
            Self::Lost => "lost",
            Self::Leaving => "leaving",
        }
    }
}

/// The members, sorted by node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentsBody {
    /// One entry for each member.
    pub agents: Vec<AgentBody>,
    /// What Kubernetes says of the whole cluster; absent outside of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<ClusterBody>,
}

/// What Kubernetes says of the whole cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterBody {
    /// How much the view of the agents' pods is worth.
    pub pods: ViewBody,
    /// How much the view of the Nodes is worth.
    pub nodes: ViewBody,
    /// Nodes that should have an agent and have none.
    pub uncovered: Vec<NodeName>,
    /// Nodes that should have an agent, have none, and are too young for that to mean anything.
    pub awaited: Vec<NodeName>,
    /// Nodes that need no agent, by their labels, and have none.
    pub not_covered: Vec<NodeName>,
    /// Agents that are refused though Kubernetes confirms their tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedAgentBody>,
}

/// An agent that is refused though Kubernetes confirms its token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedAgentBody {
    /// Its node.
    pub node: NodeName,
    /// Why: `other_address`, it comes from an address that is not its pod's.
    pub reason: String,
    /// The address that its requests come from.
    pub from: IpAddr,
}

/// How much a view of something in Kubernetes is worth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewBody {
    /// Where it stands.
    pub state: ViewState,
    /// Time since the API server was last heard, when that is a while ago.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
}

/// Where a view of something in Kubernetes stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewState {
    /// Never had so far.
    Unknown,
    /// The server may not look.
    Forbidden,
    /// As the API server has it.
    Live,
    /// The API server is away; what it said last is kept.
    Old,
}

impl ViewState {
    /// Every state, as metrics list them.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::Forbidden, Self::Live, Self::Old];

    /// The name as it stands in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Forbidden => "forbidden",
            Self::Live => "live",
            Self::Old => "old",
        }
    }
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentBody {
    /// The node, or the pod's name for an original agent, which does not say its node.
    pub node: NodeName,
    /// The state, by the server's receive times.
    pub state: MemberState,
    /// What Kubernetes says beside it.
    pub context: Vec<String>,
    /// The zone, when known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// The node's addresses.
    pub host_addresses: Vec<IpAddr>,
    /// The pod's addresses.
    pub pod_addresses: Vec<IpAddr>,
    /// The pod's name; absent for a member known only from other agents' plans.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// The pod's namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The agent's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The start of the agent that speaks for the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<BootId>,
    /// Time since the newest heartbeat arrived; absent when none did since the server started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_age_ms: Option<u64>,
    /// The agent's heartbeat interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_ms: Option<u64>,
    /// Time since the newest round arrived; absent when none did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub round_age_ms: Option<u64>,
    /// How many rounds and parts of this boot the server took.
    #[serde(default)]
    pub rounds: u64,
    /// The highest round number of this boot that the server took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_sequence: Option<u64>,
    /// The agent's wall clock minus the server's when the newest heartbeat arrived. Shown, never trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<i64>,
    /// The agent is an original one: it speaks the compatible part only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub original: bool,
    /// What is wrong with this agent's settings, as a TTL below twice its interval.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}
