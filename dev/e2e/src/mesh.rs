//! A whole mesh under test.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use lab::{Cluster, Environment, NodeId, PodId, Process, Relay, SERVER_PORT, Spec, Where};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::api::{Api, agent_metrics, series_in};
use crate::clock::Stopwatch;
use crate::program;
use crate::watch::Watch;

/// The token that the agents share.
pub const TOKEN: &str = "e2e-token-of-the-agents";
/// A full mesh must be seen within this after the start: the promise to the user.
pub const FULL_MESH_WITHIN: Duration = Duration::from_secs(8);
/// Distance between two looks at a condition.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Meshes that start at the same time: dozens of processes that all begin at once measure the machine and not each other.
static STARTS: Semaphore = Semaphore::const_new(3);

/// Waits for a turn to start; it ends when what is returned is dropped.
pub async fn turn_to_start() -> SemaphorePermit<'static> {
    STARTS.acquire().await.expect("nobody closes it")
}

/// A cluster with a server and agents in it.
#[derive(Debug)]
pub struct Mesh {
    /// The namespaces.
    pub cluster: Cluster,
    /// The server's API, as a loopback reader.
    pub api: Api,
    /// The findings, from the start.
    pub watch: Watch,
    token_file: PathBuf,
    _relay: Relay,
}

impl Mesh {
    /// Builds a cluster and starts nothing in it.
    pub fn build(spec: &Spec) -> Self {
        let cluster = Cluster::build(spec).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let relay = cluster.relay(listener, SERVER_PORT).unwrap();
        let api = Api::new(address);
        let token_file = cluster.log_dir().join("token");
        let mut file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&token_file).unwrap();
        writeln!(file, "{TOKEN}").unwrap();
        Self { watch: Watch::start(api.clone()), cluster, api, token_file, _relay: relay }
    }

    /// Starts a server and an agent on each node, and waits for the full mesh.
    pub async fn start(nodes: usize) -> Self {
        let _turn = turn_to_start().await;
        let mesh = Self::build(&Spec::nodes(nodes));
        mesh.start_server();
        mesh.start_agents();
        mesh.full(nodes, FULL_MESH_WITHIN).await;
        mesh
    }

    /// What server and agents are told beside what the lab tells them.
    pub fn environment(&self) -> Environment {
        Environment::new().with("MESHVANE_TOKEN_FILE", &self.token_file)
    }

    /// Starts the server.
    pub fn start_server(&self) -> Arc<Process> {
        self.cluster.start_server(&program::server(), &self.environment()).unwrap()
    }

    /// Starts an agent on each node.
    pub fn start_agents(&self) -> Vec<Arc<Process>> {
        self.cluster.nodes().iter().map(|node| self.start_agent(node.id)).collect()
    }

    /// Starts an agent on one node.
    pub fn start_agent(&self, node: NodeId) -> Arc<Process> {
        self.cluster.start_agent(node, &program::agent(), &self.environment()).unwrap()
    }

    /// Waits until every cell of a mesh of so many nodes is reached.
    pub async fn full(&self, nodes: usize, within: Duration) -> Duration {
        self.until(&format!("a full mesh of {nodes}"), within, async |mesh| {
            mesh.api.is_full_mesh(nodes).await
        })
        .await
    }

    /// Waits for a condition; how long it took. Panics with what the mesh says when it is not met in time.
    pub async fn until(
        &self,
        what: &str,
        within: Duration,
        condition: impl AsyncFn(&Self) -> bool,
    ) -> Duration {
        let clock = Stopwatch::start();
        loop {
            if condition(self).await {
                return clock.elapsed();
            }
            if clock.elapsed() > within {
                self.fail(&format!("not within {within:?}: {what}")).await;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until exactly these findings are open; how long it took.
    pub async fn open_are(&self, expected: &[&str], within: Duration) -> Duration {
        let sorted = |mut ids: Vec<String>| {
            ids.sort_unstable();
            ids
        };
        let wanted = sorted(expected.iter().map(ToString::to_string).collect());
        self.until(&format!("open findings {expected:?}"), within, async |mesh| {
            sorted(mesh.watch.open()) == wanted
        })
        .await
    }

    /// Lets time pass during which the mesh must stay as it is; what it is, the caller asserts afterwards.
    pub async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    /// Asserts which findings ever opened, in any order.
    pub async fn opened_were(&self, expected: &[&str]) {
        let mut ids = self.watch.ids_since(Duration::ZERO);
        ids.sort_unstable();
        let mut wanted = expected.to_vec();
        wanted.sort_unstable();
        if ids != wanted {
            self.fail(&format!("findings that opened: {ids:?}, expected {wanted:?}")).await;
        }
    }

    /// Panics with all that is known of the mesh; what went wrong stands last, where the end of a long log is read.
    pub async fn fail(&self, why: &str) -> ! {
        let report = self.api.text("/api/v1/report").await.unwrap_or_else(|| "no answer".to_owned());
        let mut text = self.log_tails();
        for seen in self.watch.seen() {
            let (id, message) = (&seen.body.id, &seen.body.message);
            let _ = writeln!(text, "{:?} to {:?}: {id}: {message}", seen.opened, seen.resolved);
        }
        panic!("{text}{report}\n{why}");
    }

    /// The last lines of every log.
    fn log_tails(&self) -> String {
        const LINES: usize = 25;
        let mut text = String::new();
        let mut files: Vec<_> = std::fs::read_dir(self.cluster.log_dir()).unwrap().flatten().collect();
        files.sort_by_key(std::fs::DirEntry::file_name);
        for file in files.iter().filter(|file| file.path().extension().is_some_and(|ending| ending == "log"))
        {
            let log = std::fs::read_to_string(file.path()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let _ = writeln!(text, "--- {}", file.file_name().display());
            text += &lines[lines.len().saturating_sub(LINES)..].join("\n");
            text.push('\n');
        }
        text
    }

    /// The value of one of an agent's series, as `name` or `name{label="value"}`.
    pub async fn agent_metric(&self, pod: PodId, series: &str) -> f64 {
        let text = self
            .cluster
            .run_in(Where::Pod(pod), async || agent_metrics(Ipv4Addr::LOCALHOST.into()).await)
            .await
            .unwrap();
        series_in(&text, series)
    }

    /// The newest pod of a node.
    pub fn pod(&self, node: NodeId) -> PodId {
        self.cluster.node(node).unwrap().pods.last().unwrap().id
    }
}
