//! What the server finds when one fault of the catalogue is active and nothing else is wrong.

use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::finding::FindingKey;
use meshvane_shared::name::{NodeName, Zone};
use meshvane_shared::wire::findings::{Direction, FindingKind, Scope, Subject};

use crate::{Places, Scenario};

#[cfg(test)]
pub(crate) mod tests;

/// A zone has at least this many nodes: with one, a finding names the node.
const ZONE_NODES_MIN: usize = 2;

impl Scenario {
    /// The findings that must open while this fault is active, and no others; none where the mesh stays as it
    /// is.
    ///
    /// Combinations of faults are not described here. The simulator's oracle judges those.
    pub fn expected(self, places: &Places) -> Vec<FindingKey> {
        self.finding(places).into_iter().collect()
    }

    fn finding(self, places: &Places) -> Option<FindingKey> {
        let node = |kind| FindingKey::new(kind, Subject::Node { node: places.name(places.victim) });
        let all = |kind| FindingKey::new(kind, Subject::Scope { scope: Scope::All });
        let on = |plane, key| FindingKey { plane: Some(plane), ..key };
        let going = |direction, key| FindingKey { direction: Some(direction), ..key };
        let ipv6 = |key| FindingKey { family: Some(Family::Ipv6), ..key };
        let host_port = |key| FindingKey { port: Some(places.host_port), ..key };
        Some(match self {
            // However a node went away, others see the same: nothing answers.
            Self::NodeDown | Self::HostLinkDown | Self::CablePulled | Self::NodeSilent => {
                node(FindingKind::NodeDown)
            }
            Self::NodeDeaf => going(Direction::In, node(FindingKind::NodeOneWay)),
            Self::NodeMute => going(Direction::Out, node(FindingKind::NodeOneWay)),
            Self::HostPlaneCut => on(Plane::Host, node(FindingKind::PlaneCut)),
            Self::PodPlaneCut | Self::PodsIsolated | Self::PodLinkDown => {
                on(Plane::Pod, node(FindingKind::PlaneCut))
            }
            // Packets lost one way break connections that begin the other way too.
            Self::PairCut | Self::PacketsLost => pair_cut(places),
            Self::PairCutPod => on(Plane::Pod, pair_cut(places)),
            Self::FlowsBlocked => pair_one_way(places),
            Self::BlockCut => groups_cut(places, &[places.victim, places.second()], &[places.third()]),
            Self::ZoneCut => groups_cut(places, &places.zone(), &places.others(&places.zone())),
            Self::ZoneCutServerInside | Self::ZoneDown => zone_silent(places),
            Self::ServerCutOff => {
                FindingKey::new(FindingKind::MonitorBlind, Subject::Scope { scope: Scope::Server })
            }
            Self::IcmpDropped => node(FindingKind::IcmpFiltered),
            Self::IcmpDroppedOnPods => on(Plane::Pod, all(FindingKind::IcmpFiltered)),
            Self::IcmpDroppedEverywhere => all(FindingKind::IcmpFiltered),
            Self::PortRefused => host_port(node(FindingKind::PortRefused)),
            Self::PortDropped => host_port(node(FindingKind::PortFiltered)),
            Self::PortRefusedEverywhere => host_port(all(FindingKind::PortRefused)),
            Self::PortDroppedEverywhere => host_port(all(FindingKind::PortFiltered)),
            Self::Ipv6Cut => ipv6(node(FindingKind::FamilyCut)),
            Self::Ipv6CutEverywhere => ipv6(all(FindingKind::FamilyCut)),
            Self::IcmpNotPermitted => {
                FindingKey { check: Some(CheckKind::Icmp), ..node(FindingKind::NotMeasurable) }
            }
            Self::AgentKilled | Self::AgentStopped => node(FindingKind::AgentDown),
            Self::AddressTaken => node(FindingKind::AgentReplaced),
            Self::NameNxdomain
            | Self::NameServfail
            | Self::ResolversSilent
            | Self::TruncatedThenUdpDead
            | Self::Ipv6AnswersDropped
            | Self::OneResolverDead
            | Self::NameWrongOnOneNode => name_failed(places),
            // A name server is believed: its lie shows at the address that it gives.
            Self::NameLiesOnOneNode
            | Self::ServiceRefused
            | Self::ServiceSilent
            | Self::ServiceRefusedFromOneNode
            | Self::ServiceSilentFromOneNode => service_unreachable(places),
            // Restarts, goodbyes, late answers and a little loss are no faults. A server that is away finds
            // nothing. A shared token is accepted from any address.
            Self::AgentMasqueraded
            | Self::EchoSessionsDead
            | Self::ResolversSlow
            | Self::Loss1
            | Self::Loss3
            | Self::OneLostProbe
            | Self::AgentRestart
            | Self::PodRestart
            | Self::ScaleDown
            | Self::ServerDown
            | Self::ServerRestart => return None,
        })
    }
}

fn pair_one_way(places: &Places) -> FindingKey {
    let (from, to) = (places.name(places.victim), places.name(places.second()));
    FindingKey::new(FindingKind::PairOneWay, Subject::Pair { from, to })
}

/// A cut pair has no direction: the smaller name is first.
fn pair_cut(places: &Places) -> FindingKey {
    let mut names = [places.name(places.victim), places.name(places.second())];
    names.sort();
    let [from, to] = names;
    FindingKey::new(FindingKind::PairCut, Subject::Pair { from, to })
}

/// Two groups of nodes, both heard, that do not reach each other: the smaller group is first.
fn groups_cut(places: &Places, one: &[usize], other: &[usize]) -> FindingKey {
    let mut groups = vec![names(places, one), names(places, other)];
    groups.sort_by(|one, other| (one.len(), one).cmp(&(other.len(), other)));
    let zones = groups.iter().filter_map(|group| whole_zone(places, group)).collect();
    FindingKey::new(FindingKind::GroupCut, Subject::Groups { groups, zones })
}

/// The victim's zone answers nowhere and its agents are not heard. Its zone is first, and is the only one
/// that is named.
fn zone_silent(places: &Places) -> FindingKey {
    let zone = places.zone();
    let groups = vec![names(places, &zone), names(places, &places.others(&zone))];
    let zones = whole_zone(places, &groups[0]).into_iter().collect();
    FindingKey::new(FindingKind::GroupCut, Subject::Groups { groups, zones })
}

fn name_failed(places: &Places) -> FindingKey {
    let name = places.service.name.to_string();
    FindingKey::new(FindingKind::NameFailed, Subject::Name { name })
}

fn service_unreachable(places: &Places) -> FindingKey {
    let name = places.service.name.to_string();
    let key = FindingKey::new(FindingKind::ServiceUnreachable, Subject::Name { name });
    FindingKey { port: Some(places.service.port), ..key }
}

fn names(places: &Places, nodes: &[usize]) -> Vec<NodeName> {
    let mut names: Vec<NodeName> = nodes.iter().map(|node| places.name(*node)).collect();
    names.sort();
    names
}

/// The zone that has exactly these nodes.
fn whole_zone(places: &Places, group: &[NodeName]) -> Option<Zone> {
    let zone_of = |name: &NodeName| places.nodes.iter().find(|node| node.name == *name)?.zone.clone();
    let zone = zone_of(group.first()?)?;
    let of_zone: Vec<usize> =
        (0..places.nodes.len()).filter(|node| places.nodes[*node].zone.as_ref() == Some(&zone)).collect();
    (group.len() >= ZONE_NODES_MIN && names(places, &of_zone) == group).then_some(zone)
}
