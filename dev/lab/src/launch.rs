//! What a process is started with: pure.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use crate::address::Addresses;
use crate::cluster::HOST_PORT;
use crate::sandbox::{MARKER, MARKER_INSIDE};
use crate::spec::{Ping, PodId, Zone};

/// The namespace that the chart installs into by default.
const KUBERNETES_NAMESPACE: &str = "kube-system";

/// An executable and its arguments; the path is often the running program's own, with a first argument that
/// says what to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// Its arguments, without its name.
    pub args: Vec<OsString>,
}

/// Changes to the environment that the lab gives a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// The variables; `None` removes one.
    pub changes: BTreeMap<OsString, Option<OsString>>,
}

impl Environment {
    /// No changes.
    pub fn new() -> Self {
        Environment::default()
    }

    /// With this variable added or replaced.
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.changes.insert(name.into(), Some(value.into()));
        self
    }

    /// Without this variable.
    pub fn without(mut self, name: impl Into<OsString>) -> Self {
        self.changes.insert(name.into(), None);
        self
    }

    pub(crate) fn applied_to(&self, told: &BTreeMap<OsString, OsString>) -> BTreeMap<OsString, OsString> {
        let mut all = told.clone();
        for (name, value) in &self.changes {
            match value {
                Some(value) => all.insert(name.clone(), value.clone()),
                None => all.remove(name),
            };
        }
        all
    }
}

/// What a process is in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The server.
    Server,
    /// The agent in this pod.
    Agent(PodId),
    /// An agent in this pod that says it is another node's, and reaches no server.
    Stranger(PodId),
    /// A program outside of the cluster.
    Outsider,
}

/// All that is needed to start a process again.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The pod's name.
    pub name: String,
    /// What it is in the cluster.
    pub role: Role,
    /// What runs.
    pub program: Program,
    /// The caller's changes to its environment.
    pub environment: Environment,
    /// Whether its pod may ping.
    pub ping: Ping,
    /// Its standard output and error.
    pub log: PathBuf,
}

/// Where an agent is.
#[derive(Clone, Debug)]
pub(crate) struct AgentSeat {
    pub(crate) node_name: String,
    pub(crate) pod_name: String,
    pub(crate) zone: Zone,
    pub(crate) host: Addresses,
    pub(crate) pod: Addresses,
    pub(crate) server_url: String,
    /// The service by name that it shall check.
    pub(crate) service: Option<String>,
}

/// What every process gets: two variables of this process's environment, and the mark of the sandbox.
#[expect(clippy::disallowed_methods, reason = "passed through as they are, not read as settings")]
pub(crate) fn base_environment() -> BTreeMap<OsString, OsString> {
    let mut told = BTreeMap::new();
    for name in ["PATH", "RUST_BACKTRACE"] {
        if let Ok(value) = std::env::var(name) {
            told.insert(name.into(), value.into());
        }
    }
    told.insert(MARKER.into(), MARKER_INSIDE.into());
    told.insert("NAMESPACE".into(), KUBERNETES_NAMESPACE.into());
    told
}

/// What the chart's `DaemonSet` tells an agent, by the downward API and by value.
pub(crate) fn agent_environment(
    mut told: BTreeMap<OsString, OsString>,
    seat: &AgentSeat,
) -> BTreeMap<OsString, OsString> {
    let values = [
        ("NODE_NAME", seat.node_name.clone()),
        ("NODE_IP", seat.host.primary().to_string()),
        ("HOST_IPS", seat.host.to_string()),
        ("POD_IP", seat.pod.primary().to_string()),
        ("POD_IPS", seat.pod.to_string()),
        ("POD_NAME", seat.pod_name.clone()),
        ("MESHVANE_ZONE", seat.zone.to_string()),
        ("SERVER_URL", seat.server_url.clone()),
        ("TEST_PORT", HOST_PORT.to_string()),
    ];
    told.extend(values.map(|(name, value)| (name.into(), value.into())));
    told.extend(seat.service.iter().map(|service| ("CUSTOM_SERVICE_NAME".into(), service.into())));
    told
}
