//! The other parts that this executable plays: started again by itself, it is the server or an agent.

use std::ffi::OsString;
use std::process::ExitCode;

use nix::sys::signal::Signal;

/// The first argument of a server.
const SERVER: &str = "__server";
/// The first argument of an agent.
const AGENT: &str = "__agent";

/// A part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The server.
    Server,
    /// An agent.
    Agent,
}

impl Part {
    /// The arguments that make this executable play it.
    pub(crate) fn arguments(self) -> Vec<OsString> {
        vec![self.word().into()]
    }

    /// The same, for a process that shall die with the one that started it, however that dies. Where there is a
    /// sandbox, its end sees to that.
    pub(crate) fn bound_arguments(self) -> Vec<OsString> {
        vec![self.word().into(), std::process::id().to_string().into()]
    }

    fn word(self) -> &'static str {
        match self {
            Part::Server => SERVER,
            Part::Agent => AGENT,
        }
    }
}

/// Plays the part that the arguments name; `None` when they name none.
pub(crate) fn play(mut arguments: impl Iterator<Item = OsString>) -> Option<ExitCode> {
    let first = arguments.next()?;
    let part = [Part::Server, Part::Agent].into_iter().find(|part| first == part.word())?;
    if arguments.next().is_some_and(|parent| !dies_with(&parent)) {
        return Some(ExitCode::FAILURE);
    }
    Some(match part {
        Part::Server => meshvane_server::main_from_env(),
        Part::Agent => meshvane_agent::main_from_env(),
    })
}

/// Binds this process to its parent's life; false when the parent is gone already.
fn dies_with(parent: &OsString) -> bool {
    let bound = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).is_ok();
    bound && *parent == *std::os::unix::process::parent_id().to_string()
}
