//! What the mesh stands on: network namespaces, or loopback addresses where those are forbidden.

use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use lab::{Broken, LabError, Scenario};
use tokio::task::JoinSet;

use crate::loopback::{self, Loopback};
use crate::namespaces::Namespaces;
use crate::watch::AskError;

/// Agents may take this long to say goodbye at the end; Ctrl-C must be over in 3 s.
pub(crate) const AGENTS_GRACE: Duration = Duration::from_millis(1500);
/// The server may take this long after them.
pub(crate) const SERVER_GRACE: Duration = Duration::from_secs(1);
/// The server must answer this long after it was started; it takes some milliseconds.
pub(crate) const SERVER_UP_WITHIN: Duration = Duration::from_secs(10);
/// Lines of a log that are shown when its process ended unasked: errors of settings take one.
const TAIL_LINES: usize = 5;

/// What the mesh stands on.
#[derive(Debug)]
pub(crate) enum Ground {
    /// Namespaces of the lab.
    Namespaces(Namespaces),
    /// Loopback addresses.
    Loopback(Loopback),
}

/// Something broken that can be mended.
#[derive(Debug)]
pub(crate) enum Fault {
    /// By the lab.
    Lab(Broken),
    /// Among processes on loopback addresses.
    Loopback(loopback::Mend),
}

/// Something that was done in the background.
#[derive(Debug)]
pub(crate) enum Act {
    /// It was broken.
    Broke(Result<Fault, GroundError>),
    /// It was mended.
    Mended(Result<(), GroundError>),
}

/// Why the mesh could not be set up, broken or mended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GroundError {
    /// The lab failed.
    #[error("{0}")]
    Lab(#[from] LabError),
    /// The system refused.
    #[error("{action}: {source}")]
    System {
        /// What was tried.
        action: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The server did not come up.
    #[error("the server does not answer {} s after its start: {reason}", SERVER_UP_WITHIN.as_secs())]
    ServerSilent {
        /// What the newest attempt gave.
        reason: AskError,
    },
    /// A process ended unasked.
    #[error("{0}")]
    Ended(String),
    /// The scenario cannot be played here.
    #[error("scenario {scenario} cannot be played on loopback addresses: {reason}")]
    NotHere {
        /// Which.
        scenario: Scenario,
        /// Why.
        reason: &'static str,
    },
}

impl GroundError {
    /// For `map_err`: what was tried.
    pub(crate) fn system(action: impl Into<String>) -> impl FnOnce(io::Error) -> GroundError {
        let action = action.into();
        move |source| GroundError::System { action, source }
    }
}

impl Ground {
    /// Where this program reaches the API.
    pub(crate) fn api(&self) -> SocketAddr {
        match self {
            Ground::Namespaces(ground) => ground.api(),
            Ground::Loopback(ground) => ground.api(),
        }
    }

    /// In words, after "5 nodes".
    pub(crate) fn about(&self) -> &'static str {
        match self {
            Ground::Namespaces(_) => "in network namespaces",
            Ground::Loopback(_) => "on loopback addresses",
        }
    }

    /// How many services the agents check.
    pub(crate) fn services(&self) -> usize {
        match self {
            Ground::Namespaces(_) => 1,
            Ground::Loopback(_) => 0,
        }
    }

    /// Starts the server.
    pub(crate) async fn start_server(&self) -> Result<(), GroundError> {
        match self {
            Ground::Namespaces(ground) => ground.start_server(),
            Ground::Loopback(ground) => ground.start_server().await,
        }
    }

    /// Starts the agents.
    pub(crate) async fn start_agents(&self) -> Result<(), GroundError> {
        match self {
            Ground::Namespaces(ground) => ground.start_agents(),
            Ground::Loopback(ground) => ground.start_agents().await,
        }
    }

    /// Says so when a process has ended that nobody asked to.
    pub(crate) async fn check(&self) -> Result<(), GroundError> {
        let ended = match self {
            Ground::Namespaces(ground) => ground.ended(),
            Ground::Loopback(ground) => ground.ended().await,
        };
        ended.map_or(Ok(()), |text| Err(GroundError::Ended(text)))
    }

    /// Where the logs are.
    pub(crate) fn logs(&self) -> &Path {
        match self {
            Ground::Namespaces(ground) => ground.logs(),
            Ground::Loopback(ground) => ground.logs(),
        }
    }

    /// Begins to break it.
    pub(crate) fn begin_to_break(&self, acts: &mut JoinSet<Act>, scenario: Scenario) {
        match self {
            Ground::Namespaces(ground) => {
                let broken = ground.break_in(scenario);
                acts.spawn(async { Act::Broke(broken.await.map(Fault::Lab).map_err(GroundError::from)) });
            }
            Ground::Loopback(ground) => {
                let broken = ground.break_in(scenario);
                acts.spawn(async { Act::Broke(broken.await.map(Fault::Loopback)) });
            }
        }
    }

    /// Begins to mend it.
    pub(crate) fn begin_to_mend(&self, acts: &mut JoinSet<Act>, fault: Fault) {
        match (self, fault) {
            (_, Fault::Lab(broken)) => {
                acts.spawn(async { Act::Mended(broken.heal_soon().await.map_err(GroundError::from)) });
            }
            (Ground::Loopback(ground), Fault::Loopback(mend)) => {
                let mended = ground.mend(mend);
                acts.spawn(async { Act::Mended(mended.await) });
            }
            (Ground::Namespaces(_), Fault::Loopback(_)) => {
                unreachable!("a fault is mended on the ground that it was made on")
            }
        }
    }

    /// Ends all processes: the agents first, which say goodbye, then the server.
    pub(crate) async fn stop(&self) {
        match self {
            Ground::Namespaces(ground) => ground.stop().await,
            Ground::Loopback(ground) => ground.stop().await,
        }
    }

    /// Copies the logs into this directory.
    pub(crate) fn keep_logs(&self, directory: &Path) -> Result<(), GroundError> {
        let failed = |path: &Path| GroundError::system(format!("--logs: copying into {}", path.display()));
        std::fs::create_dir_all(directory).map_err(failed(directory))?;
        for entry in std::fs::read_dir(self.logs()).map_err(failed(directory))? {
            let entry = entry.map_err(failed(directory))?;
            let path = entry.path();
            // The directory holds the token too, which is nobody's.
            if path.extension().is_some_and(|extension| extension == "log") {
                std::fs::copy(&path, directory.join(entry.file_name())).map_err(failed(directory))?;
            }
        }
        Ok(())
    }
}

/// Writes a new random token, which its owner alone can read.
pub(crate) fn write_token(path: &Path) -> Result<(), GroundError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let failed = || GroundError::system(format!("writing {}", path.display()));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(failed())?;
    let token = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()].map(|part| part.simple().to_string()).concat();
    writeln!(file, "{token}").map_err(failed())
}

/// The end of a log, indented below what is said about its process.
pub(crate) fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    let skipped = lines.len().saturating_sub(TAIL_LINES);
    lines[skipped..].iter().flat_map(|line| ["\n    ", line]).collect()
}
