//! What the server should find in each scenario.

#[cfg(test)]
mod tests;

use std::fmt;

use lab::{HOST_PORT, NodeId, Scenario};
use meshvane_shared::address::Family;
use meshvane_shared::check::Plane;
use meshvane_shared::name::NodeName;
use meshvane_shared::wire::findings::{Direction, FindingKind, Scope, Subject};

use crate::edges::Record;

/// The node that scenarios break: every mesh has it, and it is not the first, which people look at first.
pub(crate) const VICTIM: NodeId = NodeId(2);

/// The victim's name.
pub(crate) const VICTIM_NAME: &str = "node-2";
/// The second victim, where a scenario has two.
const SECOND: &str = "node-3";
/// The third, where it has three.
const THIRD: &str = "node-1";
/// The victim's zone: the lab puts nodes into two, in turn.
const ZONE: &str = "zone-2";

/// The name of the service that agents check, where there is one: in namespaces.
pub(crate) const SERVICE: &str = "api.shop.test";
/// Its port.
pub(crate) const SERVICE_PORT: u16 = 8443;

/// A finding that should open. A field that is `None` should be absent, but for `direction`, and for the plane of a
/// port, which a finding may name beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Its kind.
    pub(crate) kind: FindingKind,
    /// Who or what it is about.
    pub(crate) subject: Whom,
    /// Its plane, where the kind has one.
    pub(crate) plane: Option<Plane>,
    /// Its direction, where it must say one.
    pub(crate) direction: Option<Direction>,
    /// Its address family, where it is about one.
    pub(crate) family: Option<Family>,
    /// Its port, where it is about one.
    pub(crate) port: Option<u16>,
}

/// Who or what a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Whom {
    /// One node.
    Node(&'static str),
    /// Two nodes, by name, or as it fails.
    Pair(&'static str, &'static str),
    /// Two groups of nodes, in either order.
    Groups(&'static [&'static str], &'static [&'static str]),
    /// Two groups of nodes, of which one is this zone.
    Zone(&'static str),
    /// A name.
    Name(&'static str),
    /// The whole mesh.
    All,
    /// The server.
    Server,
}

impl Whom {
    fn is(self, subject: &Subject) -> bool {
        match (self, subject) {
            (Whom::Node(name), Subject::Node { node }) => node.as_str() == name,
            (Whom::Pair(first, second), Subject::Pair { from, to }) => {
                (from.as_str(), to.as_str()) == (first, second)
            }
            (Whom::Groups(first, second), Subject::Groups { groups, .. }) => {
                let same = |group: &[NodeName], names: &[&str]| {
                    group.iter().map(NodeName::as_str).eq(names.iter().copied())
                };
                match groups.as_slice() {
                    [one, other] => {
                        same(one, first) && same(other, second) || same(one, second) && same(other, first)
                    }
                    _ => false,
                }
            }
            (Whom::Zone(name), Subject::Groups { zones, .. }) => {
                zones.iter().any(|zone| zone.as_str() == name)
            }
            (Whom::Name(expected), Subject::Name { name }) => name == expected,
            (Whom::All, Subject::Scope { scope }) => *scope == Scope::All,
            (Whom::Server, Subject::Scope { scope }) => *scope == Scope::Server,
            (
                Whom::Node(_)
                | Whom::Pair(..)
                | Whom::Groups(..)
                | Whom::Zone(_)
                | Whom::Name(_)
                | Whom::All
                | Whom::Server,
                Subject::Node { .. }
                | Subject::Pair { .. }
                | Subject::Groups { .. }
                | Subject::Name { .. }
                | Subject::Scope { .. },
            ) => false,
        }
    }
}

impl Expected {
    /// Of this kind and about this, with nothing else to say.
    pub(crate) const fn of(kind: FindingKind, subject: Whom) -> Self {
        Expected { kind, subject, plane: None, direction: None, family: None, port: None }
    }

    /// Whether this is the finding.
    pub(crate) fn is(&self, record: &Record) -> bool {
        let plane = record.plane.filter(|_| self.port.is_none());
        record.kind == self.kind
            && self.subject.is(&record.subject)
            && plane == self.plane
            && self.direction.is_none_or(|direction| record.direction == Some(direction))
            && record.family == self.family
            && record.port == self.port
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whom::Node(name) | Whom::Zone(name) | Whom::Name(name) => f.write_str(name),
            Whom::Pair(first, second) => write!(f, "{first} to {second}"),
            Whom::Groups(first, second) => write!(f, "{} from {}", first.join(" and "), second.join(" and ")),
            Whom::All => f.write_str("all nodes"),
            Whom::Server => f.write_str("the server"),
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.kind.as_str(), self.subject)?;
        if let Some(plane) = self.plane {
            write!(f, " on {plane}")?;
        }
        match self.direction {
            Some(Direction::In) => f.write_str(", inwards")?,
            Some(Direction::Out) => f.write_str(", outwards")?,
            Some(Direction::Both) => f.write_str(", both ways")?,
            None => {}
        }
        if let Some(family) = self.family {
            write!(f, " in {family}")?;
        }
        match self.port {
            Some(port) => write!(f, " on port {port}"),
            None => Ok(()),
        }
    }
}

/// IPv6 is dead where IPv4 works.
fn ipv6(subject: Whom) -> Expected {
    Expected { family: Some(Family::Ipv6), ..Expected::of(FindingKind::FamilyCut, subject) }
}

/// The one finding that a scenario should open; `None` where none may open.
pub(crate) fn finding(scenario: Scenario) -> Option<Expected> {
    let of = |kind, subject| Some(Expected::of(kind, subject));
    let (victim, pair) = (Whom::Node(VICTIM_NAME), Whom::Pair(VICTIM_NAME, SECOND));
    let plane = |kind, subject, plane| Some(Expected { plane: Some(plane), ..Expected::of(kind, subject) });
    let one_way = |direction| {
        Some(Expected { direction: Some(direction), ..Expected::of(FindingKind::NodeOneWay, victim) })
    };
    let port = |kind, subject, port| Some(Expected { port: Some(port), ..Expected::of(kind, subject) });
    match scenario {
        // However a node went away, what can be seen of it is the same: nothing.
        Scenario::NodeDown | Scenario::HostLinkDown | Scenario::CablePulled | Scenario::NodeSilent => {
            of(FindingKind::NodeDown, victim)
        }
        Scenario::NodeDeaf => one_way(Direction::In),
        Scenario::NodeMute => one_way(Direction::Out),
        Scenario::HostPlaneCut => plane(FindingKind::PlaneCut, victim, Plane::Host),
        Scenario::PodPlaneCut | Scenario::PodsIsolated | Scenario::PodLinkDown => {
            plane(FindingKind::PlaneCut, victim, Plane::Pod)
        }
        // What is lost one way breaks what is begun the other way too.
        Scenario::PairCut | Scenario::PacketsLost => of(FindingKind::PairCut, pair),
        Scenario::PairCutPod => plane(FindingKind::PairCut, pair, Plane::Pod),
        Scenario::FlowsBlocked => of(FindingKind::PairOneWay, pair),
        Scenario::BlockCut => of(FindingKind::GroupCut, Whom::Groups(&[THIRD], &[VICTIM_NAME, SECOND])),
        Scenario::ZoneCut | Scenario::ZoneCutServerInside | Scenario::ZoneDown => {
            of(FindingKind::GroupCut, Whom::Zone(ZONE))
        }
        Scenario::ServerCutOff => of(FindingKind::MonitorBlind, Whom::Server),
        Scenario::IcmpDropped => of(FindingKind::IcmpFiltered, victim),
        Scenario::IcmpDroppedOnPods => plane(FindingKind::IcmpFiltered, Whom::All, Plane::Pod),
        Scenario::IcmpDroppedEverywhere => of(FindingKind::IcmpFiltered, Whom::All),
        Scenario::PortRefused => port(FindingKind::PortRefused, victim, HOST_PORT),
        Scenario::PortDropped => port(FindingKind::PortFiltered, victim, HOST_PORT),
        Scenario::PortRefusedEverywhere => port(FindingKind::PortRefused, Whom::All, HOST_PORT),
        Scenario::PortDroppedEverywhere => port(FindingKind::PortFiltered, Whom::All, HOST_PORT),
        Scenario::Ipv6Cut => Some(ipv6(victim)),
        Scenario::Ipv6CutEverywhere => Some(ipv6(Whom::All)),
        Scenario::AgentKilled | Scenario::AgentStopped => of(FindingKind::AgentDown, victim),
        Scenario::AddressTaken => of(FindingKind::AgentReplaced, victim),
        Scenario::IcmpNotPermitted => of(FindingKind::NotMeasurable, victim),
        Scenario::NameNxdomain
        | Scenario::NameServfail
        | Scenario::ResolversSilent
        | Scenario::TruncatedThenUdpDead
        | Scenario::Ipv6AnswersDropped
        | Scenario::OneResolverDead
        | Scenario::NameWrongOnOneNode => of(FindingKind::NameFailed, Whom::Name(SERVICE)),
        // The name servers are believed: what they lie of is found where the lie leads to.
        Scenario::NameLiesOnOneNode
        | Scenario::ServiceRefused
        | Scenario::ServiceSilent
        | Scenario::ServiceRefusedFromOneNode
        | Scenario::ServiceSilentFromOneNode => Some(Expected {
            port: Some(SERVICE_PORT),
            ..Expected::of(FindingKind::ServiceUnreachable, Whom::Name(SERVICE))
        }),
        // No faults, or too little of one; a server that is away finds nothing; a shared token counts from any address.
        Scenario::AgentMasqueraded
        | Scenario::EchoSessionsDead
        | Scenario::ResolversSlow
        | Scenario::Loss1
        | Scenario::Loss3
        | Scenario::OneLostProbe
        | Scenario::AgentRestart
        | Scenario::PodRestart
        | Scenario::ScaleDown
        | Scenario::ServerDown
        | Scenario::ServerRestart => None,
    }
}

/// Whether a scenario lasts until it is mended; others are over by themselves.
pub(crate) fn lasts(scenario: Scenario) -> bool {
    !matches!(scenario, Scenario::AgentRestart | Scenario::PodRestart | Scenario::ServerRestart)
}

/// What a scenario breaks.
pub(crate) fn victim(scenario: Scenario) -> String {
    match (finding(scenario), scenario) {
        (Some(expected), _) => expected.subject.to_string(),
        (None, Scenario::ServerDown | Scenario::ServerRestart) => Whom::Server.to_string(),
        (None, Scenario::Loss1 | Scenario::Loss3) => Whom::All.to_string(),
        (None, Scenario::ResolversSlow) => SERVICE.to_owned(),
        (None, _) => VICTIM_NAME.to_owned(),
    }
}

/// Fewest nodes with which a scenario is what its expectation says.
pub(crate) fn least_nodes(scenario: Scenario) -> u8 {
    match finding(scenario).map(|expected| (expected.kind, expected.subject)) {
        // A zone of one is a node, and with two zones in turn the second has its second node from four on.
        Some((_, Whom::Zone(_))) => 4,
        Some((_, Whom::Pair(..) | Whom::Groups(..)) | (FindingKind::NodeOneWay, _)) => 3,
        Some((_, Whom::Node(_) | Whom::Name(_) | Whom::All | Whom::Server)) | None => 2,
    }
}

/// Why a scenario cannot be played on loopback addresses; `None` when it can.
pub(crate) fn needs_namespaces(scenario: Scenario) -> Option<&'static str> {
    match scenario {
        Scenario::NodeDown
        | Scenario::HostLinkDown
        | Scenario::CablePulled
        | Scenario::PodLinkDown
        | Scenario::ZoneDown => Some("it sets links down, and all nodes share the one loopback link"),
        Scenario::NodeSilent
        | Scenario::NodeDeaf
        | Scenario::NodeMute
        | Scenario::HostPlaneCut
        | Scenario::PodPlaneCut
        | Scenario::PodsIsolated
        | Scenario::PairCut
        | Scenario::PairCutPod
        | Scenario::FlowsBlocked
        | Scenario::PacketsLost
        | Scenario::BlockCut
        | Scenario::ZoneCut
        | Scenario::ZoneCutServerInside
        | Scenario::ServerCutOff
        | Scenario::IcmpDropped
        | Scenario::IcmpDroppedOnPods
        | Scenario::IcmpDroppedEverywhere
        | Scenario::EchoSessionsDead
        | Scenario::AgentMasqueraded
        | Scenario::PortRefused
        | Scenario::PortDropped
        | Scenario::PortRefusedEverywhere
        | Scenario::PortDroppedEverywhere
        | Scenario::Ipv6Cut
        | Scenario::Ipv6CutEverywhere
        | Scenario::Loss1
        | Scenario::Loss3
        | Scenario::OneLostProbe => Some("it filters packets, which only a network of the program's own may"),
        Scenario::AddressTaken => {
            Some("it puts one node's agent at the address of another, where each has its own there")
        }
        Scenario::NameNxdomain
        | Scenario::NameServfail
        | Scenario::ResolversSilent
        | Scenario::TruncatedThenUdpDead
        | Scenario::Ipv6AnswersDropped
        | Scenario::ResolversSlow
        | Scenario::OneResolverDead
        | Scenario::NameWrongOnOneNode
        | Scenario::NameLiesOnOneNode
        | Scenario::ServiceRefused
        | Scenario::ServiceSilent
        | Scenario::ServiceRefusedFromOneNode
        | Scenario::ServiceSilentFromOneNode => {
            Some("it needs a service and name servers beside the nodes, for which there is no place there")
        }
        Scenario::PodRestart | Scenario::IcmpNotPermitted => {
            Some("its new pod needs a new address, and a node has one of each kind there")
        }
        Scenario::AgentKilled
        | Scenario::AgentStopped
        | Scenario::AgentRestart
        | Scenario::ScaleDown
        | Scenario::ServerDown
        | Scenario::ServerRestart => None,
    }
}
