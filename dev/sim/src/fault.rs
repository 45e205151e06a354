//! What can break, and what it does to the mesh. A fault is a value: which of them are active is the script of an incident.

use std::fmt;
use std::time::Duration;

use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};

/// Nodes that a rule speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Nodes {
    /// These.
    These(Vec<usize>),
    /// All but these.
    But(Vec<usize>),
}

impl Nodes {
    pub(crate) const ALL: Self = Self::But(Vec::new());

    pub(crate) fn one(node: usize) -> Self {
        Self::These(vec![node])
    }

    pub(crate) fn has(&self, node: usize) -> bool {
        match self {
            Self::These(nodes) => nodes.contains(&node),
            Self::But(nodes) => !nodes.contains(&node),
        }
    }
}

/// What happens to what a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Block {
    /// It is dropped without a word.
    Drop,
    /// A TCP connection is refused by a reset.
    Refuse,
}

/// A filter between nodes. Fields that are `None` match everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    pub(crate) from: Nodes,
    pub(crate) to: Nodes,
    /// The plane whose address is probed.
    pub(crate) plane: Option<Plane>,
    pub(crate) family: Option<Family>,
    pub(crate) check: Option<CheckKind>,
    /// Matches every packet from `from` to `to`, replies too, and not only what is begun that way.
    pub(crate) packets: bool,
    pub(crate) block: Block,
}

impl Rule {
    /// Drops what nodes begin towards others.
    fn begun(from: Nodes, to: Nodes) -> Self {
        Self { from, to, plane: None, family: None, check: None, packets: false, block: Block::Drop }
    }

    fn on(self, plane: Option<Plane>) -> Self {
        Self { plane, ..self }
    }

    /// Both directions of a rule.
    fn both(self) -> Vec<Self> {
        let back = Self { from: self.to.clone(), to: self.from.clone(), ..self.clone() };
        vec![self, back]
    }
}

/// What name servers answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameAnswer {
    /// The name's address.
    Right,
    /// The name's address, two seconds late.
    Slow,
    /// The name does not exist.
    NxDomain,
    /// The name server failed.
    ServFail,
    /// Nothing.
    Silent,
    /// An address at which nothing answers.
    Lie,
}

/// A broken thing, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The node loses its power.
    NodeDown(usize),
    /// The node's network is gone while its agent runs on.
    NodeSilent(usize),
    /// What others begin towards the node is dropped.
    NodeDeaf(usize),
    /// What the node begins is dropped, but for what it tells the server.
    NodeMute(usize),
    /// The node's own address answers nothing; its pods reach and are reached.
    HostPlaneCut(usize),
    /// The node's pods and the pods of others do not reach each other.
    PodPlaneCut(usize),
    /// The node's pods reach the server and nothing else; the node itself answers.
    PodsIsolated(usize),
    /// The node's pods are cut off from everything, the server included; the node itself answers.
    PodLinkDown(usize),
    /// Two nodes do not reach each other.
    PairCut(usize, usize, Option<Plane>),
    /// What the first begins towards the second is dropped.
    FlowsBlocked(usize, usize),
    /// Every packet from the first to the second is lost.
    PacketsLost(usize, usize),
    /// Two groups of nodes do not reach each other.
    BlockCut(Vec<usize>, Vec<usize>),
    /// The nodes of a zone and the others do not reach each other.
    ZoneCut { nodes: Vec<usize>, server_inside: bool },
    /// Every node of a zone loses its power.
    ZoneDown(Vec<usize>),
    /// The server and the nodes do not reach each other.
    ServerCutOff,
    /// Echo requests are dropped.
    IcmpDropped { to: Option<usize>, plane: Option<Plane> },
    /// The host port is blocked.
    PortBlocked { to: Option<usize>, block: Block },
    /// A family is dead.
    FamilyCut { at: Option<usize>, family: Family },
    /// The agent may not open ICMP sockets.
    IcmpNotPermitted(usize),
    /// Name servers answer wrongly, to one node or to all.
    NameServers { node: Option<usize>, answer: NameAnswer },
    /// The first of the name servers is silent.
    OneNameServerDead,
    /// The service's port is blocked, for one node or for all.
    ServiceBlocked { node: Option<usize>, block: Block },
    /// The agent is killed and stays away; its pod's network is still there.
    AgentKilled(usize),
    /// The first node's agent is gone, and the second one's answers at its pod address.
    AddressTaken(usize, usize),
    /// The agent's process is stopped.
    AgentStopped(usize),
    /// The node has no agent and no pod: it has not joined yet, or it has left.
    Absent(usize),
    /// The server does not accept the agent's token.
    TokenRefused(usize),
    /// The server is not running.
    ServerDown,
    /// The server's process is stopped.
    ServerStopped,
    /// Each judgement takes this long.
    ServerSlow(Duration),
}

impl Fault {
    /// The filters that it puts between nodes.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        let one = Nodes::one;
        match self {
            Self::NodeSilent(node) => vec![Rule { packets: true, ..Rule::begun(Nodes::ALL, one(*node)) }],
            Self::NodeDeaf(node) => vec![Rule::begun(Nodes::ALL, one(*node))],
            Self::NodeMute(node) => vec![Rule::begun(one(*node), Nodes::ALL)],
            Self::HostPlaneCut(node) => vec![Rule::begun(Nodes::ALL, one(*node)).on(Some(Plane::Host))],
            Self::PodPlaneCut(node) => Rule::begun(Nodes::ALL, one(*node)).on(Some(Plane::Pod)).both(),
            Self::PodsIsolated(node) | Self::PodLinkDown(node) => vec![
                Rule::begun(Nodes::ALL, one(*node)).on(Some(Plane::Pod)),
                Rule::begun(one(*node), Nodes::ALL),
            ],
            Self::PairCut(one_node, other, plane) => {
                Rule::begun(one(*one_node), one(*other)).on(*plane).both()
            }
            Self::FlowsBlocked(from, to) => vec![Rule::begun(one(*from), one(*to))],
            Self::PacketsLost(from, to) => {
                vec![Rule { packets: true, ..Rule::begun(one(*from), one(*to)) }]
            }
            Self::BlockCut(left, right) => {
                Rule::begun(Nodes::These(left.clone()), Nodes::These(right.clone())).both()
            }
            Self::ZoneCut { nodes, .. } => {
                Rule::begun(Nodes::These(nodes.clone()), Nodes::But(nodes.clone())).both()
            }
            Self::IcmpDropped { to, plane } => vec![Rule {
                check: Some(CheckKind::Icmp),
                ..Rule::begun(Nodes::ALL, to.map_or(Nodes::ALL, one)).on(*plane)
            }],
            Self::PortBlocked { to, block } => vec![Rule {
                check: Some(CheckKind::Tcp),
                block: *block,
                ..Rule::begun(Nodes::ALL, to.map_or(Nodes::ALL, one)).on(Some(Plane::Host))
            }],
            Self::FamilyCut { at, family } => {
                Rule { family: Some(*family), ..Rule::begun(Nodes::ALL, at.map_or(Nodes::ALL, one)) }.both()
            }
            Self::NodeDown(_)
            | Self::ZoneDown(_)
            | Self::ServerCutOff
            | Self::IcmpNotPermitted(_)
            | Self::NameServers { .. }
            | Self::OneNameServerDead
            | Self::ServiceBlocked { .. }
            | Self::AgentKilled(_)
            | Self::AddressTaken(..)
            | Self::AgentStopped(_)
            | Self::Absent(_)
            | Self::TokenRefused(_)
            | Self::ServerDown
            | Self::ServerStopped
            | Self::ServerSlow(_) => Vec::new(),
        }
    }

    /// Returns true when this node has no power.
    pub(crate) fn is_off(&self, node: usize) -> bool {
        matches!(self, Self::NodeDown(off) if *off == node)
            || matches!(self, Self::ZoneDown(nodes) if nodes.contains(&node))
    }

    /// Returns true when packets between this node's agent and the server are lost.
    pub(crate) fn cuts_server_path(&self, node: usize) -> bool {
        *self == Self::ServerCutOff
            || self.is_off(node)
            || matches!(self, Self::NodeSilent(cut) | Self::PodLinkDown(cut) if *cut == node)
            || matches!(
                self,
                Self::ZoneCut { nodes, server_inside } if nodes.contains(&node) != *server_inside
            )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}
