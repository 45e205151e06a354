//! What the server should find in each scenario.

use std::fmt;

use lab::{NodeId, Scenario};
use meshvane_shared::check::Plane;
use meshvane_shared::wire::findings::FindingKind;

/// The node that scenarios break: every mesh has it, and it is not the first, which people look at first.
pub(crate) const VICTIM: NodeId = NodeId(2);

/// The victim's name.
pub(crate) const VICTIM_NAME: &str = "node-2";

/// A finding about the victim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Its kind.
    pub(crate) kind: FindingKind,
    /// Its plane, where the kind has one.
    pub(crate) plane: Option<Plane>,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {VICTIM_NAME}", self.kind.as_str())?;
        match self.plane {
            Some(plane) => write!(f, " on {plane}"),
            None => Ok(()),
        }
    }
}

/// The one finding that a scenario should open; `None` where none may open.
pub(crate) fn finding(scenario: Scenario) -> Option<Expected> {
    let of = |kind, plane| Some(Expected { kind, plane });
    match scenario {
        // However a node went away, what can be seen of it is the same: nothing.
        Scenario::NodeDown | Scenario::HostLinkDown | Scenario::CablePulled | Scenario::NodeSilent => {
            of(FindingKind::NodeDown, None)
        }
        Scenario::PodPlaneCut | Scenario::PodsIsolated | Scenario::PodLinkDown => {
            of(FindingKind::PlaneCut, Some(Plane::Pod))
        }
        Scenario::AgentKilled | Scenario::AgentStopped => of(FindingKind::AgentDown, None),
        // Ordinary life: restarts and goodbyes are no faults, and a server that is away finds nothing.
        Scenario::AgentRestart
        | Scenario::PodRestart
        | Scenario::ScaleDown
        | Scenario::ServerDown
        | Scenario::ServerRestart => None,
    }
}

/// Whether a scenario lasts until it is mended; others are over by themselves.
pub(crate) fn lasts(scenario: Scenario) -> bool {
    match scenario {
        Scenario::NodeDown
        | Scenario::HostLinkDown
        | Scenario::CablePulled
        | Scenario::NodeSilent
        | Scenario::PodPlaneCut
        | Scenario::PodsIsolated
        | Scenario::PodLinkDown
        | Scenario::AgentKilled
        | Scenario::AgentStopped
        | Scenario::ScaleDown
        | Scenario::ServerDown => true,
        Scenario::AgentRestart | Scenario::PodRestart | Scenario::ServerRestart => false,
    }
}

/// What a scenario breaks.
pub(crate) fn victim(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::ServerDown | Scenario::ServerRestart => "the server",
        Scenario::NodeDown
        | Scenario::HostLinkDown
        | Scenario::CablePulled
        | Scenario::NodeSilent
        | Scenario::PodPlaneCut
        | Scenario::PodsIsolated
        | Scenario::PodLinkDown
        | Scenario::AgentKilled
        | Scenario::AgentStopped
        | Scenario::ScaleDown
        | Scenario::AgentRestart
        | Scenario::PodRestart => VICTIM_NAME,
    }
}

/// Why a scenario cannot be played on loopback addresses; `None` when it can.
pub(crate) fn needs_namespaces(scenario: Scenario) -> Option<&'static str> {
    match scenario {
        Scenario::NodeDown | Scenario::HostLinkDown | Scenario::CablePulled | Scenario::PodLinkDown => {
            Some("it sets links down, and all nodes share the one loopback link")
        }
        Scenario::NodeSilent | Scenario::PodPlaneCut | Scenario::PodsIsolated => {
            Some("it filters packets, which only a network of the program's own may")
        }
        Scenario::PodRestart => {
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
