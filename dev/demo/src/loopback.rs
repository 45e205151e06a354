//! The mesh on loopback addresses, for machines that forbid namespaces: the processes are real, the network is not.
//!
//! Node N has 127.0.1.N as its own address, with a listener of this program's on the port that every node has, and
//! 127.0.2.N as its pod's. All of 127.0.0.0/8 is this machine (RFC 1122 section 3.2.1.3), so faults of the network cannot
//! be made; those of processes can.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use lab::{HOST_PORT, NodeId, Scenario};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::expect::{VICTIM, needs_namespaces};
use crate::ground::{AGENTS_GRACE, GroundError, SERVER_GRACE, tail, write_token};
use crate::listen;
use crate::parts::Part;

/// How long accepting rests when there are no descriptors left, rather than spin.
const PAUSE: Duration = Duration::from_millis(20);

/// What a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Server,
    Agent(NodeId),
}

/// Processes on loopback addresses.
#[derive(Debug)]
pub(crate) struct Loopback {
    settings: Arc<Settings>,
    nodes: u8,
    // A tokio Mutex: held while a process is waited for.
    running: Arc<Mutex<BTreeMap<Role, Child>>>,
    /// The nodes' listeners; they end with this.
    _listeners: JoinSet<()>,
}

/// What every process is started with.
#[derive(Debug)]
struct Settings {
    executable: PathBuf,
    directory: TempDir,
    api_port: u16,
    health_port: u16,
    metrics_port: u16,
}

/// How to mend what was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mend {
    /// It mended itself.
    Nothing,
    /// By starting this again.
    Start(Restart),
    /// By letting the victim's agent go on.
    Resume,
}

/// What is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Restart {
    /// The server.
    Server,
    /// The victim's agent.
    Agent,
}

/// The node's own address.
fn host_address(node: NodeId) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, node.0)
}

/// Its pod's address.
fn pod_address(node: NodeId) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 2, node.0)
}

impl Loopback {
    /// Readies addresses, ports and files. The API will be on `api_port`, which must be free.
    pub(crate) fn build(nodes: u8, api_port: u16) -> Result<Self, GroundError> {
        let mut listeners = JoinSet::new();
        for node in (1..=nodes).map(NodeId) {
            listeners.spawn(accept_and_close(listen_on(node)?));
        }
        let directory = tempfile::Builder::new()
            .prefix("meshvane-demo-")
            .tempdir()
            .map_err(GroundError::system("making a directory"))?;
        write_token(&directory.path().join("token"))?;
        let port = || listen::free_port().map_err(GroundError::system("looking for a free port"));
        let settings = Settings {
            executable: std::env::current_exe()
                .map_err(GroundError::system("finding this program's own file"))?,
            directory,
            api_port,
            health_port: port()?,
            metrics_port: port()?,
        };
        Ok(Loopback { settings: Arc::new(settings), nodes, running: Arc::default(), _listeners: listeners })
    }

    pub(crate) fn api(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.settings.api_port).into()
    }

    pub(crate) fn logs(&self) -> &Path {
        self.settings.directory.path()
    }

    pub(crate) async fn start_server(&self) -> Result<(), GroundError> {
        self.settings.start(Role::Server, &mut *self.running.lock().await)
    }

    pub(crate) async fn start_agents(&self) -> Result<(), GroundError> {
        let mut running = self.running.lock().await;
        (1..=self.nodes).try_for_each(|number| self.settings.start(Role::Agent(NodeId(number)), &mut running))
    }

    /// What ended, with the end of its log.
    pub(crate) async fn ended(&self) -> Option<String> {
        let mut running = self.running.lock().await;
        running.iter_mut().find_map(|(role, child)| {
            let status = child.try_wait().ok().flatten()?;
            let log = std::fs::read_to_string(self.settings.log(*role)).unwrap_or_default();
            Some(format!("{} ended by itself ({status}){}", role.name(), tail(&log)))
        })
    }

    pub(crate) fn break_in(
        &self,
        scenario: Scenario,
    ) -> impl Future<Output = Result<Mend, GroundError>> + use<> {
        let (settings, running) = (Arc::clone(&self.settings), Arc::clone(&self.running));
        async move { settings.break_in(scenario, &mut *running.lock().await).await }
    }

    pub(crate) fn mend(&self, mend: Mend) -> impl Future<Output = Result<(), GroundError>> + use<> {
        let (settings, running) = (Arc::clone(&self.settings), Arc::clone(&self.running));
        async move {
            let mut running = running.lock().await;
            match mend {
                Mend::Nothing => Ok(()),
                Mend::Resume => signal(&running, Role::Agent(VICTIM), Signal::SIGCONT),
                Mend::Start(Restart::Server) => settings.start(Role::Server, &mut running),
                Mend::Start(Restart::Agent) => settings.start(Role::Agent(VICTIM), &mut running),
            }
        }
    }

    pub(crate) async fn stop(&self) {
        let mut running = self.running.lock().await;
        let server = running.remove(&Role::Server);
        end_all(running.values_mut(), AGENTS_GRACE).await;
        end_all(server.into_iter().collect::<Vec<_>>().iter_mut(), SERVER_GRACE).await;
    }
}

impl Settings {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "which scenarios can be played here is said in one place, by a full match"
    )]
    async fn break_in(
        &self,
        scenario: Scenario,
        running: &mut BTreeMap<Role, Child>,
    ) -> Result<Mend, GroundError> {
        if let Some(reason) = needs_namespaces(scenario) {
            return Err(GroundError::NotHere { scenario, reason });
        }
        let victim = Role::Agent(VICTIM);
        match scenario {
            Scenario::AgentKilled => {
                end(running, victim, Signal::SIGKILL).await?;
                Ok(Mend::Start(Restart::Agent))
            }
            Scenario::ScaleDown => {
                end(running, victim, Signal::SIGTERM).await?;
                Ok(Mend::Start(Restart::Agent))
            }
            Scenario::AgentRestart => {
                end(running, victim, Signal::SIGKILL).await?;
                self.start(victim, running)?;
                Ok(Mend::Nothing)
            }
            Scenario::AgentStopped => {
                signal(running, victim, Signal::SIGSTOP)?;
                Ok(Mend::Resume)
            }
            Scenario::ServerDown => {
                end(running, Role::Server, Signal::SIGKILL).await?;
                Ok(Mend::Start(Restart::Server))
            }
            Scenario::ServerRestart => {
                end(running, Role::Server, Signal::SIGKILL).await?;
                self.start(Role::Server, running)?;
                Ok(Mend::Nothing)
            }
            _ => unreachable!("refused above: each needs namespaces"),
        }
    }

    fn start(&self, role: Role, running: &mut BTreeMap<Role, Child>) -> Result<(), GroundError> {
        let log = self.log(role);
        let opening = || GroundError::system(format!("opening {}", log.display()));
        let output = File::options().append(true).create(true).open(&log).map_err(opening())?;
        let errors = output.try_clone().map_err(opening())?;
        let part = match role {
            Role::Server => Part::Server,
            Role::Agent(_) => Part::Agent,
        };
        let child = Command::new(&self.executable)
            .args(part.bound_arguments())
            .env_clear()
            .envs(self.environment(role))
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C in the terminal is for this program, which ends them in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(GroundError::system(format!("starting {}", self.executable.display())))?;
        running.insert(role, child);
        Ok(())
    }

    fn log(&self, role: Role) -> PathBuf {
        self.directory.path().join(format!("{}.log", role.name()))
    }

    fn environment(&self, role: Role) -> Vec<(&'static str, String)> {
        let token = self.directory.path().join("token").display().to_string();
        let mut variables = vec![("MESHVANE_TOKEN_FILE", token)];
        match role {
            Role::Server => variables.extend([
                ("MESHVANE_BIND_ADDRESS", Ipv4Addr::LOCALHOST.to_string()),
                ("HTTP_PORT", self.api_port.to_string()),
                ("MESHVANE_HEALTH_PORT", self.health_port.to_string()),
                ("MESHVANE_METRICS_PORT", self.metrics_port.to_string()),
            ]),
            Role::Agent(node) => variables.extend([
                ("NODE_NAME", format!("node-{}", node.0)),
                ("NODE_IP", host_address(node).to_string()),
                ("POD_IP", pod_address(node).to_string()),
                ("POD_NAME", role.name()),
                ("NAMESPACE", "kube-system".to_owned()),
                ("MESHVANE_ZONE", if node.0 % 2 == 1 { "zone-1" } else { "zone-2" }.to_owned()),
                ("MESHVANE_BIND_ADDRESS", pod_address(node).to_string()),
                ("SERVER_URL", format!("http://127.0.0.1:{}", self.api_port)),
                ("TEST_PORT", HOST_PORT.to_string()),
            ]),
        }
        variables
    }
}

impl Role {
    fn name(self) -> String {
        match self {
            Role::Server => "meshvane-server".to_owned(),
            Role::Agent(node) => format!("meshvane-agent-node-{}", node.0),
        }
    }
}

fn listen_on(node: NodeId) -> Result<tokio::net::TcpListener, GroundError> {
    let address = SocketAddr::from((host_address(node), HOST_PORT));
    let bound = std::net::TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        tokio::net::TcpListener::from_std(listener)
    });
    bound.map_err(GroundError::system(format!("listening on {address}, as every node does")))
}

async fn accept_and_close(listener: tokio::net::TcpListener) {
    loop {
        match listener.accept().await {
            Ok((connection, _)) => drop(connection),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Sends a signal to a child that has not been waited for, so that its number is still its own.
fn signal(running: &BTreeMap<Role, Child>, role: Role, signal: Signal) -> Result<(), GroundError> {
    let child = running.get(&role).and_then(Child::id).and_then(|id| i32::try_from(id).ok());
    match child {
        // A child that is dead and not waited for takes it in silence.
        Some(id) => kill(Pid::from_raw(id), signal)
            .map_err(|errno| GroundError::system(format!("signalling {}", role.name()))(errno.into())),
        None => Err(GroundError::Ended(format!("{} does not run", role.name()))),
    }
}

async fn end(running: &mut BTreeMap<Role, Child>, role: Role, how: Signal) -> Result<(), GroundError> {
    signal(running, role, how)?;
    if let Some(mut child) = running.remove(&role) {
        let ended = tokio::time::timeout(lab::GRACE, child.wait()).await;
        if ended.is_err() {
            child.kill().await.map_err(GroundError::system(format!("killing {}", role.name())))?;
        }
    }
    Ok(())
}

/// Asks all of them to end, and kills those that have not by then.
async fn end_all<'a>(children: impl Iterator<Item = &'a mut Child>, grace: Duration) {
    let mut children: Vec<&mut Child> = children.collect();
    for id in children.iter().filter_map(|child| child.id()).filter_map(|id| i32::try_from(id).ok()) {
        // One that is dead already needs no asking.
        let _dead = kill(Pid::from_raw(id), Signal::SIGTERM);
    }
    let goodbyes = async {
        for child in &mut children {
            let _status = child.wait().await;
        }
    };
    if tokio::time::timeout(grace, goodbyes).await.is_err() {
        for child in children {
            let _killed = child.kill().await;
        }
    }
}

#[cfg(test)]
mod tests;
