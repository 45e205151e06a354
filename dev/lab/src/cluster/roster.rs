//! Starting servers and agents in the cluster, and finding those that run.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Cluster, Inner, Purpose, lock};
use crate::LabError;
use crate::launch::{AgentSeat, Environment, Launch, Program, Role, agent_environment, base_environment};
use crate::netns::Netns;
use crate::process::Process;
use crate::spec::{NodeId, Ping, PodId, Where};

/// How long a terminated agent may take to say goodbye before it is killed; Kubernetes gives 30 s by default,
/// and an agent that needs more than a third of it has a fault that a test shall see.
pub const GRACE: Duration = Duration::from_secs(10);

/// Where a stranger looks for a server: an address of nobody's (RFC 5737, section 3).
const NO_SERVER: &str = "http://192.0.2.1:8080";

impl Cluster {
    /// Starts the server at its place. Its environment is `environment` beside `PATH`, `RUST_BACKTRACE` and `NAMESPACE`.
    pub fn start_server(
        &self,
        program: &Program,
        environment: &Environment,
    ) -> Result<Arc<Process>, LabError> {
        self.start(Role::Server, Where::Server, "meshvane-server".to_owned(), program, environment)
    }

    /// Starts an agent in the node's newest pod.
    pub fn start_agent(
        &self,
        node: NodeId,
        program: &Program,
        environment: &Environment,
    ) -> Result<Arc<Process>, LabError> {
        let newest = self.node(node)?.pods.last().map(|pod| pod.id);
        let pod = newest.ok_or_else(|| LabError::Unknown(format!("pod on {node}")))?;
        self.start_agent_in(pod, program, environment)
    }

    /// Starts an agent in this pod, with what a `DaemonSet` would tell it, changed by `environment`.
    pub fn start_agent_in(
        &self,
        pod: PodId,
        program: &Program,
        environment: &Environment,
    ) -> Result<Arc<Process>, LabError> {
        let name = format!("meshvane-agent-{}-{}", self.node(pod.node)?.name, pod.number - 1);
        self.start(Role::Agent(pod), Where::Pod(pod), name, program, environment)
    }

    /// Kills the process if it runs and starts its program again in the same place with the same environment.
    pub fn restart(&self, process: &Process) -> Result<Arc<Process>, LabError> {
        process.kill();
        let launch = process.launch();
        match launch.role {
            Role::Server => self.start_server(&launch.program, &launch.environment),
            Role::Agent(pod) => self.start_agent_in(pod, &launch.program, &launch.environment),
            Role::Stranger(pod) => self.start(
                launch.role,
                Where::Pod(pod),
                launch.name.clone(),
                &launch.program,
                &launch.environment,
            ),
            Role::Outsider => Err(LabError::Unknown(format!("place of {} to restart it in", launch.name))),
        }
    }

    /// Starts the agent's program again in its pod as a stranger, which says that it is an agent of node `by` and has
    /// no server to talk to.
    pub(crate) fn start_stranger(&self, agent: &Process, by: NodeId) -> Result<Arc<Process>, LabError> {
        let launch = agent.launch();
        let pod = match launch.role {
            Role::Agent(pod) => pod,
            Role::Server | Role::Stranger(_) | Role::Outsider => {
                return Err(LabError::Unknown(format!("agent called {}", launch.name)));
            }
        };
        let by = self.node(by)?;
        let name = format!("stranger-of-{}-in-{}", by.name, launch.name);
        let environment = launch
            .environment
            .clone()
            .with("NODE_NAME", by.name.as_str())
            .with("NODE_IP", by.host.primary().to_string())
            .with("HOST_IPS", by.host.to_string())
            .with("MESHVANE_ZONE", by.zone.to_string())
            .with("SERVER_URL", NO_SERVER);
        self.start(Role::Stranger(pod), Where::Pod(pod), name, &launch.program, &environment)
    }

    /// Deletes an agent's pod as Kubernetes does: terminates the agent, kills it after [`GRACE`], takes its
    /// address away.
    pub fn delete_pod(&self, agent: &Process) -> Result<(), LabError> {
        agent.terminate();
        if agent.wait(GRACE).is_none() {
            agent.kill();
        }
        match agent.launch().role {
            Role::Agent(pod) | Role::Stranger(pod) => self.remove_pod(pod),
            Role::Server | Role::Outsider => {
                Err(LabError::Unknown(format!("pod to delete: {} has none", agent.launch().name)))
            }
        }
    }

    /// Starts the agent's program again in a new pod, with a new address, of the same node.
    pub fn start_in_new_pod(&self, agent: &Process) -> Result<Arc<Process>, LabError> {
        self.start_in_new_pod_that(agent, agent.launch().ping)
    }

    /// [`Cluster::start_in_new_pod`] where the new pod may open ICMP sockets, or may not.
    pub(crate) fn start_in_new_pod_that(
        &self,
        agent: &Process,
        ping: Ping,
    ) -> Result<Arc<Process>, LabError> {
        let launch = agent.launch();
        match launch.role {
            Role::Agent(old) => {
                let pod = self.add_pod(old.node, ping)?;
                self.start_agent_in(pod, &launch.program, &launch.environment)
            }
            Role::Server | Role::Stranger(_) | Role::Outsider => {
                Err(LabError::Unknown(format!("new pod for {}", launch.name)))
            }
        }
    }

    /// The agents that run on the node, oldest first.
    pub fn agents(&self, node: NodeId) -> Vec<Arc<Process>> {
        self.running(|role| match role {
            Role::Agent(pod) => pod.node == node,
            Role::Server | Role::Stranger(_) | Role::Outsider => false,
        })
    }

    /// The server, if it runs.
    pub fn server(&self) -> Option<Arc<Process>> {
        self.running(|role| role == Role::Server).pop()
    }

    /// The node that the server is behind, if it is behind one.
    pub fn server_node(&self) -> Option<NodeId> {
        self.inner.server_seat().node
    }

    fn running(&self, wanted: impl Fn(Role) -> bool) -> Vec<Arc<Process>> {
        let state = lock(&self.inner.state);
        state.processes.iter().filter(|p| wanted(p.launch().role) && p.is_running()).cloned().collect()
    }

    fn start(
        &self,
        role: Role,
        place: Where,
        name: String,
        program: &Program,
        changes: &Environment,
    ) -> Result<Arc<Process>, LabError> {
        let (mut told, mut ping, mut resolv_conf) = (base_environment(), Ping::Permitted, None);
        match role {
            Role::Server | Role::Outsider => {}
            Role::Agent(pod) | Role::Stranger(pod) => {
                let (seat, of_pod) = self.agent_seat(pod, &name)?;
                told = agent_environment(told, &seat);
                ping = of_pod;
                resolv_conf.clone_from(&lock(&self.inner.state).resolv_conf);
            }
        }
        let netns = self.inner.netns(place)?;
        self.inner.start(Start { role, name, program, changes, told, ping, netns, resolv_conf })
    }

    fn agent_seat(&self, pod: PodId, name: &str) -> Result<(AgentSeat, Ping), LabError> {
        let server_url = self.server_url();
        let state = lock(&self.inner.state);
        let node = state.node(pod.node)?;
        let found = node.pod(pod)?;
        if found.purpose != Purpose::Agent {
            return Err(LabError::Unknown(format!("agent's place in {pod}: it is the server's")));
        }
        let seat = AgentSeat {
            node_name: node.plan.name.clone(),
            pod_name: name.to_owned(),
            zone: node.plan.zone,
            host: node.addresses,
            pod: found.info.addresses,
            server_url,
            service: state.backend.as_ref().map(|backend| backend.checked().to_owned()),
        };
        Ok((seat, found.info.ping))
    }
}

/// A process that is to be started.
pub(super) struct Start<'a> {
    pub(super) role: Role,
    pub(super) name: String,
    pub(super) program: &'a Program,
    /// The caller's changes to the environment.
    pub(super) changes: &'a Environment,
    /// The environment that they change.
    pub(super) told: BTreeMap<OsString, OsString>,
    pub(super) ping: Ping,
    pub(super) netns: Netns,
    /// The file that stands for `/etc/resolv.conf`.
    pub(super) resolv_conf: Option<PathBuf>,
}

impl Inner {
    /// Starts a process, and ends it with the cluster.
    pub(super) fn start(&self, start: Start<'_>) -> Result<Arc<Process>, LabError> {
        let Start { role, name, program, changes, told, ping, netns, resolv_conf } = start;
        let log = self.logs.path().join(format!("{name}.{}.log", self.next_number()));
        let launch = Launch { name, role, program: program.clone(), environment: changes.clone(), ping, log };
        let process = Process::start(launch, &told, netns, resolv_conf)?;
        let mut state = lock(&self.state);
        state.processes.retain(|process| process.is_running());
        state.processes.push(Arc::clone(&process));
        Ok(process)
    }
}
