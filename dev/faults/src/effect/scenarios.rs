//! Which effect each fault of the catalogue has in the simulator.

use meshvane_shared::address::Family;
use meshvane_shared::check::Plane;

use super::{Block, Effect, NameAnswer};
use crate::{Places, Scenario};

#[cfg(test)]
mod tests;

impl Scenario {
    /// The one effect that plays this fault in the simulator; `None` where no single effect does.
    ///
    /// An effect shows others the same as the fault does. A cable that is pulled, a dead network card and a
    /// node that swallows packets are one effect.
    pub fn effect(self, places: &Places) -> Option<Effect> {
        let (victim, second) = (places.victim, places.second());
        let ipv6_cut = |at| Effect::FamilyCut { at, family: Family::Ipv6 };
        let names = |node, answer| Effect::NameServers { node, answer };
        let service = |node, block| Effect::ServiceBlocked { node, block };
        Some(match self {
            Self::NodeDown => Effect::NodeDown(victim),
            Self::HostLinkDown | Self::CablePulled | Self::NodeSilent => Effect::NodeSilent(victim),
            Self::NodeDeaf => Effect::NodeDeaf(victim),
            Self::NodeMute => Effect::NodeMute(victim),
            Self::HostPlaneCut => Effect::HostPlaneCut(victim),
            Self::PodPlaneCut => Effect::PodPlaneCut(victim),
            Self::PodsIsolated => Effect::PodsIsolated(victim),
            Self::PodLinkDown => Effect::PodLinkDown(victim),
            Self::PairCut => Effect::PairCut(victim, second, None),
            Self::PairCutPod => Effect::PairCut(victim, second, Some(Plane::Pod)),
            Self::FlowsBlocked => Effect::FlowsBlocked(victim, second),
            Self::PacketsLost => Effect::PacketsLost(victim, second),
            Self::BlockCut => Effect::BlockCut(vec![victim, second], vec![places.third()]),
            // All nodes reach the server, which is in neither zone.
            Self::ZoneCut => Effect::BlockCut(places.zone(), places.others(&places.zone())),
            // The server is inside the other zone.
            Self::ZoneCutServerInside => Effect::ZoneCut { nodes: places.zone(), server_inside: false },
            Self::ZoneDown => Effect::ZoneDown(places.zone()),
            Self::ServerCutOff => Effect::ServerCutOff,
            Self::IcmpDropped => Effect::IcmpDropped { to: Some(victim), plane: None },
            Self::IcmpDroppedOnPods => Effect::IcmpDropped { to: None, plane: Some(Plane::Pod) },
            Self::IcmpDroppedEverywhere => Effect::IcmpDropped { to: None, plane: None },
            Self::PortRefused => Effect::PortBlocked { to: Some(victim), block: Block::Refuse },
            Self::PortDropped => Effect::PortBlocked { to: Some(victim), block: Block::Drop },
            Self::PortRefusedEverywhere => Effect::PortBlocked { to: None, block: Block::Refuse },
            Self::PortDroppedEverywhere => Effect::PortBlocked { to: None, block: Block::Drop },
            Self::Ipv6Cut => ipv6_cut(Some(victim)),
            Self::Ipv6CutEverywhere => ipv6_cut(None),
            Self::IcmpNotPermitted => Effect::IcmpNotPermitted(victim),
            Self::NameNxdomain => names(None, NameAnswer::NxDomain),
            Self::NameServfail => names(None, NameAnswer::ServFail),
            Self::ResolversSilent => names(None, NameAnswer::Silent),
            Self::ResolversSlow => names(None, NameAnswer::Slow),
            Self::OneResolverDead => Effect::OneNameServerDead,
            Self::NameWrongOnOneNode => names(Some(victim), NameAnswer::NxDomain),
            Self::NameLiesOnOneNode => names(Some(victim), NameAnswer::Lie),
            Self::ServiceRefused => service(None, Block::Refuse),
            Self::ServiceSilent => service(None, Block::Drop),
            Self::ServiceRefusedFromOneNode => service(Some(victim), Block::Refuse),
            Self::ServiceSilentFromOneNode => service(Some(victim), Block::Drop),
            Self::AgentKilled => Effect::AgentKilled(victim),
            Self::AgentStopped => Effect::AgentStopped(victim),
            Self::AddressTaken => Effect::AddressTaken(victim, second),
            Self::ScaleDown => Effect::Absent(victim),
            Self::ServerDown => Effect::ServerDown,
            // - Dead sessions: the simulator's network has no sockets.
            // - A masquerade: its server does not see the address that an agent sends from.
            // - Truncated and half answers: its name servers have no transports and no record types.
            // - Random loss: it belongs to the weather of an incident.
            // - One lost probe: it is an event, and an effect lasts.
            // - Restarts: a restart is a script of an incident, with an effect that ends while the incident
            //   goes on.
            Self::EchoSessionsDead
            | Self::AgentMasqueraded
            | Self::TruncatedThenUdpDead
            | Self::Ipv6AnswersDropped
            | Self::Loss1
            | Self::Loss3
            | Self::OneLostProbe
            | Self::AgentRestart
            | Self::PodRestart
            | Self::ServerRestart => return None,
        })
    }
}
