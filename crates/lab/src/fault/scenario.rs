//! Faults by name, for `--scenario` and `--list`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Asker, Block, Broken, CutPlane, DnsAnswer, FamilyAt, IcmpAt, PortAt, Server, Side};
use crate::LabError;
use crate::address::Family;
use crate::cluster::Cluster;
use crate::spec::{NodeId, Zone};

/// Later than answers come from a network that is well, and sooner than askers commonly give up, 5 s.
const LATE: Duration = Duration::from_secs(2);

/// Declares the scenarios once: the enum, the list of all, and what is said of each.
macro_rules! scenarios {
    ($($variant:ident $name:literal $about:literal;)*) => {
        /// A fault that can be asked for by name.
        ///
        /// To add one: its line in the list below, and its call in `apply`; the compiler asks for the second.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scenario {
            $(#[doc = $about] $variant,)*
        }

        impl Scenario {
            const COUNT: usize = [$($name),*].len();

            /// All of them, in the order in which they are listed.
            pub const ALL: [Scenario; Self::COUNT] = [$(Scenario::$variant),*];

            /// Its name.
            pub fn name(self) -> &'static str {
                match self { $(Scenario::$variant => $name,)* }
            }

            /// What happens, in a line.
            pub fn description(self) -> &'static str {
                match self { $(Scenario::$variant => $about,)* }
            }
        }
    };
}

scenarios! {
    NodeDown "node-down" "a node loses its power: agent killed, network card dead";
    HostLinkDown "host-link-down" "a node's network card is set down; its agent runs on";
    CablePulled "cable-pulled" "a node's cable is pulled at the switch; its agent runs on";
    NodeSilent "node-silent" "a node and its pods swallow every packet that arrives";
    NodeDeaf "node-deaf" "a node is reached by nobody; what it begins itself works";
    NodeMute "node-mute" "a node reaches nobody but the server; others reach it";
    HostPlaneCut "host-plane-cut" "a node itself answers nobody; its pods reach and are reached";
    PodPlaneCut "pod-plane-cut" "a node's pods and those of others do not reach each other; heartbeats arrive";
    PodsIsolated "pods-isolated" "a node's pods reach the server and nobody else; the node itself answers";
    PodLinkDown "pod-link-down" "a node's pod bridge is down; heartbeats stop, the node answers";
    PairCut "pair-cut" "two nodes do not reach each other";
    PairCutPod "pair-cut-pod" "the pods of two nodes do not reach each other; the nodes answer them";
    FlowsBlocked "flows-blocked" "one node reaches another no more, which still reaches the first";
    PacketsLost "packets-lost" "every packet from one node to another is lost";
    BlockCut "block-cut" "two nodes and a third do not reach each other; all others reach all three";
    ZoneCut "zone-cut" "a zone and the others do not reach each other; all reach the server";
    ZoneCutServerInside "zone-cut-server-inside" "a zone is cut off from the others, and from the server among them";
    ZoneDown "zone-down" "every node of a zone loses its power";
    ServerCutOff "server-cut-off" "the server is cut off from all nodes, which reach each other";
    IcmpDropped "icmp-dropped" "echo requests to a node and its pods are dropped; TCP goes on";
    IcmpDroppedOnPods "icmp-dropped-on-pods" "echo requests to all pods are dropped; TCP goes on";
    IcmpDroppedEverywhere "icmp-dropped-everywhere" "echo requests to all nodes and pods are dropped; TCP goes on";
    EchoSessionsDead "echo-sessions-dead" "echo requests to a node by the sockets in use are dropped; those of new sockets pass";
    AgentMasqueraded "agent-masqueraded" "what a node's agent sends to the server comes from the node's address, as behind a masquerade";
    PortRefused "port-refused" "a node's port refuses connections";
    PortDropped "port-dropped" "connections to a node's port are dropped without a word";
    PortRefusedEverywhere "port-refused-everywhere" "the port of every node refuses connections";
    PortDroppedEverywhere "port-dropped-everywhere" "connections to the port of every node are dropped without a word";
    Ipv6Cut "ipv6-cut" "IPv6 of a node and its pods is dead; IPv4 works";
    Ipv6CutEverywhere "ipv6-cut-everywhere" "IPv6 is dead between all nodes; IPv4 works";
    IcmpNotPermitted "icmp-not-permitted" "a node's agent comes back in a new pod, which may not open ICMP sockets";
    NameNxdomain "name-nxdomain" "the name servers say that a service's name does not exist";
    NameServfail "name-servfail" "the name servers say that they failed to look a service's name up";
    ResolversSilent "resolvers-silent" "no name server answers";
    TruncatedThenUdpDead "truncated-then-udp-dead" "the name servers' answers are truncated, then those by UDP stay away; TCP answers";
    Ipv6AnswersDropped "ipv6-answers-dropped" "the name servers answer for IPv4 addresses, and not for IPv6 ones";
    ResolversSlow "resolvers-slow" "the name servers answer rightly, and 2 s late";
    OneResolverDead "one-resolver-dead" "of two name servers, the one that is asked first is silent";
    NameWrongOnOneNode "name-wrong-on-one-node" "the name servers tell one node that a service's name does not exist";
    NameLiesOnOneNode "name-lies-on-one-node" "the name servers tell one node an address where nobody listens";
    ServiceRefused "service-refused" "a service's port refuses connections";
    ServiceSilent "service-silent" "connections to a service are dropped without a word";
    ServiceRefusedFromOneNode "service-refused-from-one-node" "a service's port refuses the connections of one node";
    ServiceSilentFromOneNode "service-silent-from-one-node" "connections of one node to a service are dropped";
    Loss1 "loss-1" "one packet of a hundred between nodes is lost, each way";
    Loss3 "loss-3" "three packets of a hundred between nodes are lost, each way";
    OneLostProbe "one-lost-probe" "a single echo request to a node is lost";
    AgentKilled "agent-killed" "a node's agent is killed and stays away";
    AgentStopped "agent-stopped" "a node's agent is stopped (SIGSTOP), later goes on";
    AddressTaken "address-taken" "a node's agent is gone, and another node's agent answers at its address";
    AgentRestart "agent-restart" "a node's agent is killed and started again in its pod";
    PodRestart "pod-restart" "a node's agent says goodbye and comes back in a new pod";
    ScaleDown "scale-down" "a node's agent says goodbye and its pod is deleted";
    ServerDown "server-down" "the server is killed and stays away";
    ServerRestart "server-restart" "the server is killed and started again at once";
}

/// A name that no scenario has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario {name:?}; there are {}", Scenario::ALL.map(|scenario| scenario.to_string()).join(", "))]
pub struct UnknownScenario {
    /// The name.
    pub name: String,
}

impl Scenario {
    /// Breaks it; `node` is the victim where there is one. Where two are needed the second is the node after it, where
    /// three are the third is the first other one. Those of names and services need a backend, see
    /// [`Cluster::add_backend`]. Blocks for milliseconds, or for as long as a terminated agent takes.
    pub fn apply(self, cluster: &Cluster, node: NodeId) -> Result<Broken, LabError> {
        match self {
            Scenario::NodeDown => cluster.node_down(node),
            Scenario::HostLinkDown => cluster.host_link_down(node),
            Scenario::CablePulled => cluster.cable_pulled(node),
            Scenario::NodeSilent => cluster.silence(&[node], Server::CutOff),
            Scenario::NodeDeaf => cluster.node_deaf(node),
            Scenario::NodeMute => cluster.node_mute(node),
            Scenario::HostPlaneCut => cluster.host_plane_cut(node),
            Scenario::PodPlaneCut => cluster.pod_plane_cut(node),
            Scenario::PodsIsolated => cluster.pods_isolated(node),
            Scenario::PodLinkDown => cluster.pod_link_down(node),
            Scenario::PairCut => cluster.pair_cut(node, second(cluster, node)?, None),
            Scenario::PairCutPod => cluster.pair_cut(node, second(cluster, node)?, Some(CutPlane::Pod)),
            Scenario::FlowsBlocked => cluster.flows_blocked(node, second(cluster, node)?),
            Scenario::PacketsLost => cluster.packets_lost(node, second(cluster, node)?),
            Scenario::BlockCut => {
                let second = second(cluster, node)?;
                cluster.block_cut(&[node, second], &[third(cluster, [node, second])?])
            }
            Scenario::ZoneCut => cluster.zone_cut(cluster.node(node)?.zone, Side::Outside),
            Scenario::ZoneCutServerInside => {
                let zone = cluster.node(node)?.zone;
                cluster.zone_cut(zone, Side::Inside(other_zone(cluster, zone)?))
            }
            Scenario::ZoneDown => cluster.zone_down(cluster.node(node)?.zone),
            Scenario::ServerCutOff => cluster.server_cut_off(),
            Scenario::IcmpDropped => cluster.icmp_dropped(IcmpAt::Node(node)),
            Scenario::IcmpDroppedOnPods => cluster.icmp_dropped(IcmpAt::Plane(CutPlane::Pod)),
            Scenario::IcmpDroppedEverywhere => cluster.icmp_dropped(IcmpAt::Everywhere),
            Scenario::EchoSessionsDead => cluster.echo_sessions_dead(node),
            Scenario::AgentMasqueraded => cluster.masqueraded(node),
            Scenario::PortRefused => cluster.port_blocked(PortAt::Node(node), Block::Refuse),
            Scenario::PortDropped => cluster.port_blocked(PortAt::Node(node), Block::Drop),
            Scenario::PortRefusedEverywhere => cluster.port_blocked(PortAt::Everywhere, Block::Refuse),
            Scenario::PortDroppedEverywhere => cluster.port_blocked(PortAt::Everywhere, Block::Drop),
            Scenario::Ipv6Cut => cluster.family_cut(FamilyAt::Node(node), Family::V6),
            Scenario::Ipv6CutEverywhere => cluster.family_cut(FamilyAt::Everywhere, Family::V6),
            Scenario::IcmpNotPermitted => cluster.icmp_not_permitted(node),
            Scenario::NameNxdomain => cluster.names_answer(&DnsAnswer::NxDomain),
            Scenario::NameServfail => cluster.names_answer(&DnsAnswer::ServFail),
            Scenario::ResolversSilent => cluster.names_answer(&DnsAnswer::Silent),
            Scenario::TruncatedThenUdpDead => cluster.names_answer(&DnsAnswer::TruncatedThenSilent),
            Scenario::Ipv6AnswersDropped => cluster.names_answer(&DnsAnswer::Ipv4Alone),
            Scenario::ResolversSlow => cluster.names_answer(&DnsAnswer::Slow(LATE)),
            Scenario::OneResolverDead => cluster.one_name_server_answers(DnsAnswer::Silent),
            Scenario::NameWrongOnOneNode => cluster.names_answer_node(node, &DnsAnswer::NxDomain),
            Scenario::NameLiesOnOneNode => cluster.names_lie_to(node),
            Scenario::ServiceRefused => cluster.service_blocked(Asker::Everybody, Block::Refuse),
            Scenario::ServiceSilent => cluster.service_blocked(Asker::Everybody, Block::Drop),
            Scenario::ServiceRefusedFromOneNode => cluster.service_blocked(Asker::Node(node), Block::Refuse),
            Scenario::ServiceSilentFromOneNode => cluster.service_blocked(Asker::Node(node), Block::Drop),
            Scenario::Loss1 => cluster.random_loss(1),
            Scenario::Loss3 => cluster.random_loss(3),
            Scenario::OneLostProbe => cluster.one_lost_probe(node),
            Scenario::AgentKilled => cluster.agent_killed(node),
            Scenario::AgentStopped => cluster.agent_stopped(node),
            Scenario::AddressTaken => cluster.address_taken(node, second(cluster, node)?),
            Scenario::AgentRestart => cluster.agent_restarted(node),
            Scenario::PodRestart => cluster.pod_restart(node),
            Scenario::ScaleDown => cluster.scale_down(node),
            Scenario::ServerDown => cluster.server_killed(),
            Scenario::ServerRestart => cluster.server_restart(),
        }
    }

    /// [`apply`](Scenario::apply) for asynchronous code: blocks no thread of the runtime that others need.
    pub async fn break_in(self, cluster: &Cluster, node: NodeId) -> Result<Broken, LabError> {
        let cluster = cluster.clone();
        elsewhere(move || self.apply(&cluster, node)).await
    }

    /// Breaks it, waits, and mends it.
    ///
    /// If the returned future is dropped while it waits, the fault is mended then.
    pub async fn run(self, cluster: &Cluster, node: NodeId, hold: Duration) -> Result<(), LabError> {
        let broken = self.break_in(cluster, node).await?;
        tokio::time::sleep(hold).await;
        broken.heal_soon().await
    }
}

impl Broken {
    /// [`heal`](Broken::heal) for asynchronous code.
    pub async fn heal_soon(self) -> Result<(), LabError> {
        elsewhere(move || self.heal()).await
    }
}

/// The node after this one; for the last, the first.
fn second(cluster: &Cluster, node: NodeId) -> Result<NodeId, LabError> {
    let nodes = cluster.nodes();
    let after = nodes.iter().find(|other| other.id > node).or(nodes.first());
    let second = after.map(|other| other.id).filter(|other| *other != node);
    second.ok_or_else(|| LabError::Unknown("second node".to_owned()))
}

/// The first node that is neither of these.
fn third(cluster: &Cluster, two: [NodeId; 2]) -> Result<NodeId, LabError> {
    let third = cluster.nodes().iter().map(|node| node.id).find(|node| !two.contains(node));
    third.ok_or_else(|| LabError::Unknown("third node".to_owned()))
}

/// The first zone that is not this one.
fn other_zone(cluster: &Cluster, zone: Zone) -> Result<Zone, LabError> {
    let other = cluster.nodes().iter().map(|node| node.zone).find(|other| *other != zone);
    other.ok_or_else(|| LabError::Unknown("second zone".to_owned()))
}

async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LabError> + Send + 'static,
) -> Result<T, LabError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Blocking work is cancelled only when its runtime ends.
            Err(_) => Err(LabError::Closed),
        },
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, UnknownScenario> {
        let found = Scenario::ALL.into_iter().find(|scenario| scenario.name() == name);
        found.ok_or_else(|| UnknownScenario { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests;
