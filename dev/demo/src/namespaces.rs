//! The mesh in the lab's network namespaces.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use lab::{Broken, Cluster, Environment, LabError, Process, Program, Relay, SERVER_PORT, Scenario, Spec};

use crate::expect::{SERVICE, SERVICE_PORT, VICTIM};
use crate::ground::{AGENTS_GRACE, GroundError, SERVER_GRACE, tail, write_token};
use crate::parts::Part;

/// A cluster and the doors to its server.
#[derive(Debug)]
pub(crate) struct Namespaces {
    // Before the cluster: they end first.
    _doors: [Relay; 2],
    api: SocketAddr,
    executable: PathBuf,
    environment: Environment,
    // A std Mutex: held to add or look, never across an await.
    started: Mutex<Vec<Arc<Process>>>,
    cluster: Cluster,
}

impl Namespaces {
    /// Builds the cluster. `listener` is the user's door to the API.
    pub(crate) fn build(nodes: u8, listener: TcpListener) -> Result<Self, GroundError> {
        let cluster = Cluster::build(&Spec::nodes(nodes.into()))?;
        cluster.add_backend(SERVICE, SERVICE_PORT)?;
        let token = cluster.log_dir().join("token");
        write_token(&token)?;
        // This process is in a network of its own, where the user's door is not: it has one of its own.
        let own = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .map_err(GroundError::system("listening on loopback in the sandbox"))?;
        let api = own.local_addr().map_err(GroundError::system("reading a socket's address"))?;
        let doors = [cluster.relay(listener, SERVER_PORT)?, cluster.relay(own, SERVER_PORT)?];
        let executable =
            std::env::current_exe().map_err(GroundError::system("finding this program's own file"))?;
        let environment = Environment::new().with("MESHVANE_TOKEN_FILE", token);
        Ok(Namespaces { _doors: doors, api, executable, environment, started: Mutex::default(), cluster })
    }

    pub(crate) fn api(&self) -> SocketAddr {
        self.api
    }

    pub(crate) fn logs(&self) -> &Path {
        self.cluster.log_dir()
    }

    pub(crate) fn start_server(&self) -> Result<(), GroundError> {
        let server = self.cluster.start_server(&self.program(Part::Server), &self.environment)?;
        self.started.lock().unwrap_or_else(PoisonError::into_inner).push(server);
        Ok(())
    }

    pub(crate) fn start_agents(&self) -> Result<(), GroundError> {
        let program = self.program(Part::Agent);
        for node in self.cluster.nodes() {
            let agent = self.cluster.start_agent(node.id, &program, &self.environment)?;
            self.started.lock().unwrap_or_else(PoisonError::into_inner).push(agent);
        }
        Ok(())
    }

    fn program(&self, part: Part) -> Program {
        Program { path: self.executable.clone(), args: part.arguments() }
    }

    /// What ended of what was started first, with the end of its log.
    pub(crate) fn ended(&self) -> Option<String> {
        let started = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = started.iter().find(|process| !process.is_running())?;
        let status = ended.status().map_or_else(String::new, |status| format!(" ({status})"));
        let log = ended.log().unwrap_or_default();
        Some(format!("{} ended by itself{status}{}", ended.launch().name, tail(&log)))
    }

    pub(crate) fn break_in(
        &self,
        scenario: Scenario,
    ) -> impl Future<Output = Result<Broken, LabError>> + use<> {
        let cluster = self.cluster.clone();
        async move { cluster.break_in(scenario, VICTIM).await }
    }

    pub(crate) async fn stop(&self) {
        let agents: Vec<Arc<Process>> =
            self.cluster.nodes().iter().flat_map(|node| self.cluster.agents(node.id)).collect();
        for agent in &agents {
            agent.terminate();
        }
        let goodbyes = async {
            for agent in &agents {
                agent.ended().await;
            }
        };
        // Whatever is not over by then is killed with the cluster.
        let _late = tokio::time::timeout(AGENTS_GRACE, goodbyes).await;
        if let Some(server) = self.cluster.server() {
            server.terminate();
            let _late = tokio::time::timeout(SERVER_GRACE, server.ended()).await;
        }
    }
}
