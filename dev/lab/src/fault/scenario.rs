//! Applies the faults of the catalogue to a cluster.

use std::time::Duration;

use faults::Scenario;

use super::{Asker, Block, Broken, CutPlane, DnsAnswer, FamilyAt, IcmpAt, PortAt, Server, Side};
use crate::LabError;
use crate::address::Family;
use crate::cluster::Cluster;
use crate::spec::{NodeId, Zone};

/// Later than answers come from a network that is well, and sooner than askers commonly give up, 5 s.
const LATE: Duration = Duration::from_secs(2);

impl Cluster {
    /// Applies a fault of the catalogue; `node` is the victim where there is one. A second node is the one
    /// after it, a third is the first other one. Faults of names and services need a backend, see
    /// [`Cluster::add_backend`]. Blocks for milliseconds, or for as long as a terminated agent takes.
    pub fn apply(&self, scenario: Scenario, node: NodeId) -> Result<Broken, LabError> {
        match scenario {
            Scenario::NodeDown => self.node_down(node),
            Scenario::HostLinkDown => self.host_link_down(node),
            Scenario::CablePulled => self.cable_pulled(node),
            Scenario::NodeSilent => self.silence(&[node], Server::CutOff),
            Scenario::NodeDeaf => self.node_deaf(node),
            Scenario::NodeMute => self.node_mute(node),
            Scenario::HostPlaneCut => self.host_plane_cut(node),
            Scenario::PodPlaneCut => self.pod_plane_cut(node),
            Scenario::PodsIsolated => self.pods_isolated(node),
            Scenario::PodLinkDown => self.pod_link_down(node),
            Scenario::PairCut => self.pair_cut(node, second(self, node)?, None),
            Scenario::PairCutPod => self.pair_cut(node, second(self, node)?, Some(CutPlane::Pod)),
            Scenario::FlowsBlocked => self.flows_blocked(node, second(self, node)?),
            Scenario::PacketsLost => self.packets_lost(node, second(self, node)?),
            Scenario::BlockCut => {
                let second = second(self, node)?;
                self.block_cut(&[node, second], &[third(self, [node, second])?])
            }
            Scenario::ZoneCut => self.zone_cut(self.node(node)?.zone, Side::Outside),
            Scenario::ZoneCutServerInside => {
                let zone = self.node(node)?.zone;
                self.zone_cut(zone, Side::Inside(other_zone(self, zone)?))
            }
            Scenario::ZoneDown => self.zone_down(self.node(node)?.zone),
            Scenario::ServerCutOff => self.server_cut_off(),
            Scenario::IcmpDropped => self.icmp_dropped(IcmpAt::Node(node)),
            Scenario::IcmpDroppedOnPods => self.icmp_dropped(IcmpAt::Plane(CutPlane::Pod)),
            Scenario::IcmpDroppedEverywhere => self.icmp_dropped(IcmpAt::Everywhere),
            Scenario::EchoSessionsDead => self.echo_sessions_dead(node),
            Scenario::AgentMasqueraded => self.masqueraded(node),
            Scenario::PortRefused => self.port_blocked(PortAt::Node(node), Block::Refuse),
            Scenario::PortDropped => self.port_blocked(PortAt::Node(node), Block::Drop),
            Scenario::PortRefusedEverywhere => self.port_blocked(PortAt::Everywhere, Block::Refuse),
            Scenario::PortDroppedEverywhere => self.port_blocked(PortAt::Everywhere, Block::Drop),
            Scenario::Ipv6Cut => self.family_cut(FamilyAt::Node(node), Family::V6),
            Scenario::Ipv6CutEverywhere => self.family_cut(FamilyAt::Everywhere, Family::V6),
            Scenario::IcmpNotPermitted => self.icmp_not_permitted(node),
            Scenario::NameNxdomain => self.names_answer(&DnsAnswer::NxDomain),
            Scenario::NameServfail => self.names_answer(&DnsAnswer::ServFail),
            Scenario::ResolversSilent => self.names_answer(&DnsAnswer::Silent),
            Scenario::TruncatedThenUdpDead => self.names_answer(&DnsAnswer::TruncatedThenSilent),
            Scenario::Ipv6AnswersDropped => self.names_answer(&DnsAnswer::Ipv4Alone),
            Scenario::ResolversSlow => self.names_answer(&DnsAnswer::Slow(LATE)),
            Scenario::OneResolverDead => self.one_name_server_answers(DnsAnswer::Silent),
            Scenario::NameWrongOnOneNode => self.names_answer_node(node, &DnsAnswer::NxDomain),
            Scenario::NameLiesOnOneNode => self.names_lie_to(node),
            Scenario::ServiceRefused => self.service_blocked(Asker::Everybody, Block::Refuse),
            Scenario::ServiceSilent => self.service_blocked(Asker::Everybody, Block::Drop),
            Scenario::ServiceRefusedFromOneNode => self.service_blocked(Asker::Node(node), Block::Refuse),
            Scenario::ServiceSilentFromOneNode => self.service_blocked(Asker::Node(node), Block::Drop),
            Scenario::Loss1 => self.random_loss(1),
            Scenario::Loss3 => self.random_loss(3),
            Scenario::OneLostProbe => self.one_lost_probe(node),
            Scenario::AgentKilled => self.agent_killed(node),
            Scenario::AgentStopped => self.agent_stopped(node),
            Scenario::AddressTaken => self.address_taken(node, second(self, node)?),
            Scenario::AgentRestart => self.agent_restarted(node),
            Scenario::PodRestart => self.pod_restart(node),
            Scenario::ScaleDown => self.scale_down(node),
            Scenario::ServerDown => self.server_killed(),
            Scenario::ServerRestart => self.server_restart(),
        }
    }

    /// [`apply`](Cluster::apply) for asynchronous code: does not block a thread of the runtime.
    pub async fn break_in(&self, scenario: Scenario, node: NodeId) -> Result<Broken, LabError> {
        let cluster = self.clone();
        elsewhere(move || cluster.apply(scenario, node)).await
    }

    /// Applies a fault of the catalogue, waits, and heals it.
    ///
    /// If the returned future is dropped while it waits, the fault is healed then.
    pub async fn play(&self, scenario: Scenario, node: NodeId, hold: Duration) -> Result<(), LabError> {
        let broken = self.break_in(scenario, node).await?;
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
