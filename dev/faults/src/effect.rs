//! What a fault does to the mesh, as a value: an incident of the simulator is a script of these.

mod scenarios;

use std::fmt;
use std::time::Duration;

use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};

/// The nodes that a rule applies to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nodes {
    /// These.
    These(Vec<usize>),
    /// All but these.
    But(Vec<usize>),
}

impl Nodes {
    /// All nodes.
    pub const ALL: Self = Self::But(Vec::new());

    /// This node alone.
    pub fn one(node: usize) -> Self {
        Self::These(vec![node])
    }

    /// Returns true when the node is one of them.
    pub fn has(&self, node: usize) -> bool {
        match self {
            Self::These(nodes) => nodes.contains(&node),
            Self::But(nodes) => !nodes.contains(&node),
        }
    }
}

/// What happens to what a rule matches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// It is dropped without a word.
    Drop,
    /// A TCP connection is refused by a reset.
    Refuse,
}

/// A filter between nodes. Fields that are `None` match everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The nodes whose agents ask.
    pub from: Nodes,
    /// The nodes that they ask.
    pub to: Nodes,
    /// The plane whose address is probed.
    pub plane: Option<Plane>,
    /// The family of that address.
    pub family: Option<Family>,
    /// The kind of probe.
    pub check: Option<CheckKind>,
    /// Matches every packet from `from` to `to`, replies included; otherwise only connections and requests
    /// that begin that way.
    pub packets: bool,
    /// What happens to what matches.
    pub block: Block,
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
pub enum NameAnswer {
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

/// What is broken, and where. Nodes are numbers, in the order of [`Places::nodes`](crate::Places::nodes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
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
    ZoneCut {
        /// The nodes of the zone.
        nodes: Vec<usize>,
        /// The server is in the zone, which cuts it off from all other nodes; otherwise from the zone.
        server_inside: bool,
    },
    /// Every node of a zone loses its power.
    ZoneDown(Vec<usize>),
    /// The server and the nodes do not reach each other.
    ServerCutOff,
    /// Echo requests are dropped.
    IcmpDropped {
        /// To this node; to all when `None`.
        to: Option<usize>,
        /// To addresses of this plane; of both when `None`.
        plane: Option<Plane>,
    },
    /// The host port is blocked.
    PortBlocked {
        /// At this node; at all when `None`.
        to: Option<usize>,
        /// How.
        block: Block,
    },
    /// A family is dead.
    FamilyCut {
        /// At this node; between all when `None`.
        at: Option<usize>,
        /// The family.
        family: Family,
    },
    /// The agent may not open ICMP sockets.
    IcmpNotPermitted(usize),
    /// Name servers answer wrongly, to one node or to all.
    NameServers {
        /// The node that gets the answer; all when `None`.
        node: Option<usize>,
        /// The answer.
        answer: NameAnswer,
    },
    /// The first of the name servers is silent.
    OneNameServerDead,
    /// The service's port is blocked, for one node or for all.
    ServiceBlocked {
        /// For this node; for all when `None`.
        node: Option<usize>,
        /// How.
        block: Block,
    },
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

impl Effect {
    /// The filters that it puts between nodes.
    pub fn rules(&self) -> Vec<Rule> {
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
    pub fn is_off(&self, node: usize) -> bool {
        matches!(self, Self::NodeDown(off) if *off == node)
            || matches!(self, Self::ZoneDown(nodes) if nodes.contains(&node))
    }

    /// Returns true when packets between this node's agent and the server are lost.
    pub fn cuts_server_path(&self, node: usize) -> bool {
        *self == Self::ServerCutOff
            || self.is_off(node)
            || matches!(self, Self::NodeSilent(cut) | Self::PodLinkDown(cut) if *cut == node)
            || matches!(
                self,
                Self::ZoneCut { nodes, server_inside } if nodes.contains(&node) != *server_inside
            )
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}
