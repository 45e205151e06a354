//! Wall clocks that are wrong: libfaketime, preloaded, adds to what a process reads of the wall clock and leaves the
//! monotonic one alone. Processes of the lab have no capability, so the loader takes the library.

use std::path::PathBuf;

use e2e::mesh::Mesh;
use e2e::program;
use lab::{Environment, NodeId};

/// By how much a wrong clock is wrong, in seconds.
const HOUR: i64 = 3600;
/// How much of what the server sees of it may be the message's way, in milliseconds: a busy machine's, far from an hour.
const WAY_MS: i64 = 10_000;
/// The node whose clock is ahead.
const AHEAD: NodeId = NodeId(2);
/// The node whose clock is behind.
const BEHIND: NodeId = NodeId(3);

/// Whose wall clock is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clocks {
    /// Nobody's.
    Right,
    /// Those of two nodes, one ahead and one behind.
    OfTwoNodes,
    /// The server's: it is ahead.
    OfTheServer,
}

impl Clocks {
    /// Seconds by which a node's clock is ahead.
    fn of_node(self, node: NodeId) -> i64 {
        match self {
            Clocks::OfTwoNodes if node == AHEAD => HOUR,
            Clocks::OfTwoNodes if node == BEHIND => -HOUR,
            Clocks::OfTwoNodes | Clocks::Right | Clocks::OfTheServer => 0,
        }
    }

    /// Seconds by which the server's clock is ahead.
    fn of_server(self) -> i64 {
        match self {
            Clocks::OfTheServer => HOUR,
            Clocks::Right | Clocks::OfTwoNodes => 0,
        }
    }

    /// Starts the server and an agent on each node, with these clocks.
    pub(super) fn start(self, mesh: &Mesh) {
        let told = |seconds| ahead(mesh.environment(), seconds);
        mesh.cluster.start_server(&program::server(), &told(self.of_server())).unwrap();
        for node in mesh.cluster.nodes() {
            mesh.cluster.start_agent(node.id, &program::agent(), &told(self.of_node(node.id))).unwrap();
        }
    }

    /// Sees that the clocks are what they should be: otherwise nothing was tested.
    pub(super) async fn are_seen(self, mesh: &Mesh) {
        if self == Clocks::Right {
            return;
        }
        for node in mesh.cluster.nodes() {
            let expected = (self.of_node(node.id) - self.of_server()) * 1000;
            let seen = mesh.api.agent(&node.name).await.and_then(|agent| agent.clock_offset_ms);
            if seen.is_none_or(|seen| (seen - expected).abs() >= WAY_MS) {
                mesh.fail(&format!("{}: its clock is off by {seen:?} ms, not {expected}", node.name)).await;
            }
        }
    }
}

/// With a wall clock that is ahead by so many seconds.
fn ahead(environment: Environment, seconds: i64) -> Environment {
    if seconds == 0 {
        return environment;
    }
    environment
        .with("LD_PRELOAD", library())
        .with("FAKETIME", format!("{seconds:+}"))
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        // Nothing is shared with other processes, so nothing is left behind in /dev/shm; files keep their times.
        .with("FAKETIME_DISABLE_SHM", "1")
        .with("NO_FAKE_STAT", "1")
}

/// Debian keeps it in a folder of the machine's kind, others beside that.
fn library() -> PathBuf {
    let kinds = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten().map(|entry| entry.path());
    let folders = kinds.chain(["/usr/lib", "/usr/lib64"].map(PathBuf::from));
    let found = folders.map(|folder| folder.join("faketime/libfaketime.so.1")).find(|path| path.exists());
    found.expect("libfaketime.so.1 is below /usr/lib; on Debian it is in the package `libfaketime`")
}
