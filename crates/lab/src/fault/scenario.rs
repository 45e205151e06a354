//! Faults by name, for `--scenario` and `--list`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::{Broken, Server};
use crate::LabError;
use crate::cluster::Cluster;
use crate::spec::NodeId;

/// A fault that can be asked for by name.
///
/// To add one: a variant, its line in [`Scenario::ALL`], its name and description, its call in `apply`. The
/// compiler and a test ask for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each variant's description is in `about`, where users see it")]
pub enum Scenario {
    NodeDown,
    HostLinkDown,
    CablePulled,
    NodeSilent,
    PodPlaneCut,
    PodsIsolated,
    PodLinkDown,
    AgentKilled,
    AgentStopped,
    AgentRestart,
    PodRestart,
    ScaleDown,
    ServerDown,
    ServerRestart,
}

/// A name that no scenario has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario {name:?}; there are {}", Scenario::ALL.map(|scenario| scenario.to_string()).join(", "))]
pub struct UnknownScenario {
    /// The name.
    pub name: String,
}

impl Scenario {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Scenario; 14] = [
        Scenario::NodeDown,
        Scenario::HostLinkDown,
        Scenario::CablePulled,
        Scenario::NodeSilent,
        Scenario::PodPlaneCut,
        Scenario::PodsIsolated,
        Scenario::PodLinkDown,
        Scenario::AgentKilled,
        Scenario::AgentStopped,
        Scenario::AgentRestart,
        Scenario::PodRestart,
        Scenario::ScaleDown,
        Scenario::ServerDown,
        Scenario::ServerRestart,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        self.about().0
    }

    /// What happens, in a line.
    pub fn description(self) -> &'static str {
        self.about().1
    }

    fn about(self) -> (&'static str, &'static str) {
        match self {
            Scenario::NodeDown => ("node-down", "a node loses its power: agent killed, network card dead"),
            Scenario::HostLinkDown => {
                ("host-link-down", "a node's network card is set down; its agent runs on")
            }
            Scenario::CablePulled => {
                ("cable-pulled", "a node's cable is pulled at the switch; its agent runs on")
            }
            Scenario::NodeSilent => ("node-silent", "a node and its pods swallow every packet that arrives"),
            Scenario::PodPlaneCut => (
                "pod-plane-cut",
                "a node's pods and those of others do not reach each other; heartbeats arrive",
            ),
            Scenario::PodsIsolated => {
                ("pods-isolated", "a node's pods reach the server and nobody else; the node itself answers")
            }
            Scenario::PodLinkDown => {
                ("pod-link-down", "a node's pod bridge is down; heartbeats stop, the node answers")
            }
            Scenario::AgentKilled => ("agent-killed", "a node's agent is killed and stays away"),
            Scenario::AgentStopped => ("agent-stopped", "a node's agent is stopped (SIGSTOP), later goes on"),
            Scenario::AgentRestart => {
                ("agent-restart", "a node's agent is killed and started again in its pod")
            }
            Scenario::PodRestart => {
                ("pod-restart", "a node's agent says goodbye and comes back in a new pod")
            }
            Scenario::ScaleDown => ("scale-down", "a node's agent says goodbye and its pod is deleted"),
            Scenario::ServerDown => ("server-down", "the server is killed and stays away"),
            Scenario::ServerRestart => ("server-restart", "the server is killed and started again at once"),
        }
    }

    /// Breaks it; `node` is the victim where there is one. Blocks for milliseconds, or for as long as a
    /// terminated agent takes.
    pub fn apply(self, cluster: &Cluster, node: NodeId) -> Result<Broken, LabError> {
        match self {
            Scenario::NodeDown => cluster.node_down(node),
            Scenario::HostLinkDown => cluster.host_link_down(node),
            Scenario::CablePulled => cluster.cable_pulled(node),
            Scenario::NodeSilent => cluster.silence(&[node], Server::CutOff),
            Scenario::PodPlaneCut => cluster.pod_plane_cut(node),
            Scenario::PodsIsolated => cluster.pods_isolated(node),
            Scenario::PodLinkDown => cluster.pod_link_down(node),
            Scenario::AgentKilled => cluster.agent_killed(node),
            Scenario::AgentStopped => cluster.agent_stopped(node),
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
