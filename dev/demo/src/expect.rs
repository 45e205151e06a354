//! What the server should find in each scenario: the catalogue's expectation at the demo's places.

#[cfg(test)]
mod tests;

use faults::{Node, Places};
use lab::{HOST_PORT, NodeId, Scenario};
use meshvane_shared::finding::FindingKey;
use meshvane_shared::name::{DnsName, NodeName, ServiceAddress, Zone};
use meshvane_shared::wire::findings::{FindingKind, Scope, Subject};

/// The node that scenarios break: every mesh has it, and it is not the first, which people look at first.
pub(crate) const VICTIM: NodeId = NodeId(2);

/// The zones, to which nodes belong in turn, as in the lab.
const ZONES: [&str; 2] = ["zone-1", "zone-2"];
/// The victim's zone.
const ZONE: &str = ZONES[1];

/// The name of the service that agents check, where there is one: in namespaces.
pub(crate) const SERVICE: &str = "api.shop.test";
/// Its port.
pub(crate) const SERVICE_PORT: u16 = 8443;

/// Nodes of the mesh in which [`least_nodes`] looks at a scenario: enough for three nodes and for a zone of
/// two.
const ENOUGH_NODES: u8 = 5;

/// The mesh with this many nodes, and the place where scenarios break it.
fn places(nodes: u8) -> Places {
    let node = |number: u8| Node {
        name: NodeName::parse(&format!("node-{number}")).expect("a word and digits are a node's name"),
        zone: Some(Zone::parse(ZONES[usize::from(number + 1) % 2]).expect("the constant is a zone's name")),
    };
    let name = DnsName::parse(SERVICE).expect("the constant is a DNS name");
    Places {
        nodes: (1..=nodes).map(node).collect(),
        victim: usize::from(VICTIM.0) - 1,
        service: ServiceAddress { name, port: SERVICE_PORT },
        host_port: HOST_PORT,
    }
}

/// The one finding that a scenario should open in a mesh of this many nodes; `None` where none may open.
pub(crate) fn finding(scenario: Scenario, nodes: u8) -> Option<FindingKey> {
    scenario.expected(&places(nodes)).pop()
}

/// Returns true when a finding is the expected one.
///
/// Groups may be in either order. Of a zone only the name counts: who is left opposite depends on the moment.
/// A finding may name a direction where none is expected, and a plane beside its port.
pub(crate) fn is_expected(expected: &FindingKey, found: &FindingKey) -> bool {
    let plane = found.plane.filter(|_| expected.port.is_none());
    expected.kind == found.kind
        && is_about(&expected.subject, &found.subject)
        && expected.plane == plane
        && expected.check == found.check
        && expected.direction.is_none_or(|direction| found.direction == Some(direction))
        && expected.family == found.family
        && expected.port == found.port
}

fn is_about(expected: &Subject, found: &Subject) -> bool {
    match (expected, found) {
        (Subject::Groups { groups, zones }, Subject::Groups { groups: found, zones: found_zones }) => {
            if !zones.is_empty() {
                return found_zones.iter().any(|zone| zone.as_str() == ZONE);
            }
            found == groups || found.iter().rev().eq(groups)
        }
        (
            Subject::Node { .. }
            | Subject::Pair { .. }
            | Subject::Groups { .. }
            | Subject::Name { .. }
            | Subject::Scope { .. },
            found,
        ) => expected == found,
    }
}

/// Returns true when a scenario lasts until it is healed; others end by themselves.
pub(crate) fn lasts(scenario: Scenario) -> bool {
    !matches!(scenario, Scenario::AgentRestart | Scenario::PodRestart | Scenario::ServerRestart)
}

/// What a scenario breaks, in words.
pub(crate) fn victim(scenario: Scenario, nodes: u8) -> String {
    match (finding(scenario, nodes), scenario) {
        (Some(expected), _) => in_words(&expected.subject),
        (None, Scenario::ServerDown | Scenario::ServerRestart) => SERVER.to_owned(),
        (None, Scenario::Loss1 | Scenario::Loss3) => ALL.to_owned(),
        (None, Scenario::ResolversSlow) => SERVICE.to_owned(),
        (None, _) => format!("node-{}", VICTIM.0),
    }
}

const ALL: &str = "all nodes";
const SERVER: &str = "the server";

fn in_words(subject: &Subject) -> String {
    match subject {
        Subject::Node { node } => node.to_string(),
        Subject::Pair { from, to } => format!("{from} to {to}"),
        Subject::Groups { groups, zones } if zones.is_empty() => {
            let names = |group: &Vec<NodeName>| {
                let names: Vec<&str> = group.iter().map(NodeName::as_str).collect();
                names.join(" and ")
            };
            groups.iter().map(names).collect::<Vec<_>>().join(" from ")
        }
        Subject::Groups { .. } => ZONE.to_owned(),
        Subject::Name { name } => name.clone(),
        Subject::Scope { scope: Scope::All } => ALL.to_owned(),
        Subject::Scope { scope: Scope::Server } => SERVER.to_owned(),
    }
}

/// Fewest nodes with which a scenario is what its expectation says.
pub(crate) fn least_nodes(scenario: Scenario) -> u8 {
    let expected = finding(scenario, ENOUGH_NODES);
    match expected.map(|key| (key.kind, key.subject)) {
        // A zone of one is a node, and with two zones in turn the second has its second node from four on.
        Some((_, Subject::Groups { zones, .. })) if !zones.is_empty() => 4,
        Some((_, Subject::Pair { .. } | Subject::Groups { .. }) | (FindingKind::NodeOneWay, _)) => 3,
        Some((_, Subject::Node { .. } | Subject::Name { .. } | Subject::Scope { .. })) | None => 2,
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
