//! `GET /api/v1/findings?state=open|resolved|all`: judged statements with their evidence.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::outcome::CauseWord;
use crate::address::Family;
use crate::check::{CheckKind, Plane};
use crate::name::{NodeName, Zone};

/// The closed set of finding kinds, in the order in which the judge looks for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The server itself is cut off.
    MonitorBlind,
    /// Two groups of nodes do not reach each other.
    GroupCut,
    /// A node answers nobody and its agent is silent.
    NodeDown,
    /// A node reaches nobody, or is reached by nobody, while the other way works.
    NodeOneWay,
    /// One plane of a node answers nobody while the other answers.
    PlaneCut,
    /// Another agent answers at a node's address.
    AgentReplaced,
    /// The agent is silent while its addresses answer.
    AgentDown,
    /// Two nodes do not reach each other.
    PairCut,
    /// One node does not reach another, the other way works.
    PairOneWay,
    /// One address family fails where the other works.
    FamilyCut,
    /// Echo fails where TCP answers.
    IcmpFiltered,
    /// The address answers, the port refuses.
    PortRefused,
    /// The address answers, the port is silent.
    PortFiltered,
    /// A name does not resolve.
    NameFailed,
    /// A name resolves, its port does not answer.
    ServiceUnreachable,
    /// A check that cannot be done.
    NotMeasurable,
    /// No round for three intervals though the agent heartbeats.
    Stale,
    /// Three rounds running withheld by an overloaded agent.
    AgentOverloaded,
    /// Loss above what its peers see.
    LossOutlier,
    /// Latency above its own past and its peers.
    LatencyOutlier,
    /// Four edges in ten minutes.
    Flapping,
    /// A Node that should have an agent and has none.
    Uncovered,
}

impl FindingKind {
    /// Every kind, in judging order.
    pub const ALL: [Self; 22] = [
        Self::MonitorBlind,
        Self::GroupCut,
        Self::NodeDown,
        Self::NodeOneWay,
        Self::PlaneCut,
        Self::AgentReplaced,
        Self::AgentDown,
        Self::PairCut,
        Self::PairOneWay,
        Self::FamilyCut,
        Self::IcmpFiltered,
        Self::PortRefused,
        Self::PortFiltered,
        Self::NameFailed,
        Self::ServiceUnreachable,
        Self::NotMeasurable,
        Self::Stale,
        Self::AgentOverloaded,
        Self::LossOutlier,
        Self::LatencyOutlier,
        Self::Flapping,
        Self::Uncovered,
    ];

    /// The name as it stands in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MonitorBlind => "monitor_blind",
            Self::GroupCut => "group_cut",
            Self::NodeDown => "node_down",
            Self::NodeOneWay => "node_one_way",
            Self::PlaneCut => "plane_cut",
            Self::AgentReplaced => "agent_replaced",
            Self::AgentDown => "agent_down",
            Self::PairCut => "pair_cut",
            Self::PairOneWay => "pair_one_way",
            Self::FamilyCut => "family_cut",
            Self::IcmpFiltered => "icmp_filtered",
            Self::PortRefused => "port_refused",
            Self::PortFiltered => "port_filtered",
            Self::NameFailed => "name_failed",
            Self::ServiceUnreachable => "service_unreachable",
            Self::NotMeasurable => "not_measurable",
            Self::Stale => "stale",
            Self::AgentOverloaded => "agent_overloaded",
            Self::LossOutlier => "loss_outlier",
            Self::LatencyOutlier => "latency_outlier",
            Self::Flapping => "flapping",
            Self::Uncovered => "uncovered",
        }
    }
}

/// How loud a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A node, a plane, a group or the monitor itself.
    Critical,
    /// Everything else that is broken.
    Warning,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// The name as it stands in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// Whether a finding still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingState {
    /// It holds.
    Open,
    /// It held until `until`.
    Resolved,
}

/// What a finding is about. Which fields are there is fixed by the kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Subject {
    /// Two nodes: sorted when both directions fail, otherwise as it fails.
    Pair {
        /// Who looks.
        from: NodeName,
        /// Who is looked at.
        to: NodeName,
    },
    /// Two groups of nodes.
    Groups {
        /// The members of either group, sorted.
        groups: Vec<Vec<NodeName>>,
        /// The zones that are groups as a whole.
        zones: Vec<Zone>,
    },
    /// One node.
    Node {
        /// The node.
        node: NodeName,
    },
    /// A name or a service.
    Name {
        /// The name.
        name: String,
    },
    /// The whole mesh, or the server.
    Scope {
        /// Which.
        scope: Scope,
    },
}

/// A subject that is not a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The server.
    Server,
    /// Everywhere.
    All,
}

/// Which way traffic fails, seen from the subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// What the subject sends.
    Out,
    /// What the subject should receive.
    In,
    /// Both.
    Both,
}

/// Who saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObserversBody {
    /// How many nodes saw it.
    pub saw: u32,
    /// How many looked.
    pub of: u32,
    /// In how many zones those that saw it are; 0 when no zone is known.
    pub zones: u32,
}

/// One failing cell behind a finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceBody {
    /// Who looked.
    pub from: NodeName,
    /// A node, or a service.
    pub to: String,
    /// Which of the node's addresses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plane: Option<Plane>,
    /// What was checked.
    pub check: CheckKind,
    /// In which family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseWord>,
    /// Age of the outcome.
    pub age_ms: u64,
}

/// Evidence that one finding carries: enough to see the pattern, and a finding about 5,000 observers stays readable.
pub const EVIDENCE_MAX: usize = 20;

/// A finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingBody {
    /// Names the fault: the same fault has the same id while it lasts.
    pub id: String,
    /// What was seen.
    pub kind: FindingKind,
    /// Whether it still holds.
    pub state: FindingState,
    /// How loud it is.
    pub severity: Severity,
    /// What it is about.
    pub subject: Subject,
    /// On which plane; absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plane: Option<Plane>,
    /// By which check; absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckKind>,
    /// Which way; absent where it does not apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direction: Option<Direction>,
    /// In which family; absent means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// On which port; absent where it does not apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Who saw it; absent where nobody needs to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observers: Option<ObserversBody>,
    /// When the fault began, as far as was measured.
    pub since: DateTime<Utc>,
    /// When it was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<DateTime<Utc>>,
    /// What Kubernetes says beside it.
    #[serde(default)]
    pub context: Vec<String>,
    /// The sentence a person reads.
    pub message: String,
    /// Failing cells behind it, at most [`EVIDENCE_MAX`].
    pub evidence: Vec<EvidenceBody>,
}

/// The findings: open ones first, the loudest and oldest first among them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FindingsBody {
    /// Whether the server judges yet: after its start it waits until the agents it knows have reported.
    #[serde(default = "yes")]
    pub judging: bool,
    /// One entry for each finding.
    pub findings: Vec<FindingBody>,
}

fn yes() -> bool {
    true
}
