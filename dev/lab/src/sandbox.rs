//! The sandbox: namespaces of this program's own, entered before its first thread.
//!
//! Three processes, all of the same executable:
//!
//! ```text
//! outer   called by the user      unshares user, network, mount and pid; waits and passes signals on
//! init    pid 1 in the sandbox    reaps orphans, passes signals on; dies with outer (PR_SET_PDEATHSIG)
//! inner   pid 2                   the program itself: `enter` returns `Entry::Inside` here
//! ```
//!
//! When pid 1 ends the kernel kills all that lives in the sandbox, so no way of dying leaves anything behind:
//! network namespaces, links, mounts and processes end with it. The program is not pid 1 itself because the
//! kernel takes default signal actions away from pid 1 (an interrupted test would go on running), and because
//! a reaper that waits for any child would steal the exit status of the children that the program waits for.
//!
//! Outer and inner are in process groups of their own: Ctrl-C in a terminal reaches outer alone, which passes
//! it on, so inner gets it exactly once. The price: inner is not the terminal's foreground group and cannot
//! read from it (its standard input is the inherited listener, or empty).

mod inside;
mod supervise;

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::TcpListener;
use std::process::{Command, ExitCode, Stdio};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};

pub(crate) use inside::MEMORY_FILES;
use supervise::Reap;

/// The environment variable that tells a process which of the three it is, and a program started inside that
/// it need not enter again.
pub const MARKER: &str = "LAB_SANDBOX";

/// What the marker says to programs that the lab starts.
pub(crate) const MARKER_INSIDE: &str = "inside";

/// What `enter` came to.
#[derive(Debug)]
pub enum Entry {
    /// This process is in the sandbox: go on.
    Inside(Inherited),
    /// The program ran in the sandbox and ended so: return this code from `main`.
    Finished(ExitCode),
}

/// What the program finds in the sandbox.
#[derive(Debug)]
pub struct Inherited {
    /// The listener handed to `enter`, bound in the network outside.
    pub listener: Option<TcpListener>,
    /// The program was started from within a sandbox and shares that one.
    pub nested: bool,
    /// Things the sandbox lacks, each a sentence; the lab works without them.
    pub lacking: Vec<String>,
}

/// Why the sandbox could not be entered. The network of the process is unchanged when this is returned, so
/// that a program can fall back on doing without.
#[derive(Debug, thiserror::Error)]
pub enum EnterError {
    /// No user namespace, and no root rights to do without.
    #[error("the user namespace was refused: {source}{hint}")]
    UserNamespace {
        /// What the kernel said.
        source: io::Error,
        /// The setting that forbids it, where one was recognised.
        hint: String,
    },
    /// A user namespace, or root rights, but not the namespaces that need them.
    #[error("{namespaces} refused: {source}{hint}")]
    Namespaces {
        /// Which namespaces.
        namespaces: String,
        /// What the kernel said.
        source: io::Error,
        /// The setting that forbids it, where one was recognised.
        hint: String,
    },
    /// The user or group could not be mapped into the user namespace.
    #[error("the user namespace was granted but writing {path} was refused: {source}")]
    Mapping {
        /// The file of `user_namespaces(7)`.
        path: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The program could not be started anew inside.
    #[error("starting this program anew in the sandbox: {0}")]
    Spawn(#[source] io::Error),
    /// Signals or children could not be waited for.
    #[error("waiting for the program in the sandbox: {0}")]
    Wait(#[source] io::Error),
    /// Loopback could not be brought up, without which nothing works.
    #[error("the network namespace was granted but its loopback could not be brought up: {0}")]
    Loopback(String),
    /// The process that stood outside was gone before this one was ready.
    #[error("the process outside ended while the sandbox was being entered")]
    Orphaned,
    /// The marker variable holds something that this library never writes.
    #[error("{MARKER} is {value:?}; unset it: only the lab sets it, to `init`, `inner` or `inside`")]
    Marker {
        /// What it holds.
        value: String,
    },
}

/// Enters the sandbox; call it first in `main`, before any thread exists.
///
/// `listener` is a socket bound in the user's own network; it comes out of [`Inherited`], for
/// [`Cluster::relay`](crate::Cluster::relay).
pub fn enter(listener: Option<TcpListener>) -> Result<Entry, EnterError> {
    match Stage::read()? {
        Stage::Outer => outer(listener).map(Entry::Finished),
        Stage::Init { outer, listener } => init(outer.as_deref(), listener).map(Entry::Finished),
        Stage::Inner { listener } => inside::arrive(listener).map(Entry::Inside),
        Stage::Nested => Ok(Entry::Inside(Inherited { listener, nested: true, lacking: Vec::new() })),
    }
}

/// Which of the processes this one is.
enum Stage {
    Outer,
    /// Holds the pid of outer as the procfs mounted at /proc counts it.
    Init {
        outer: Option<String>,
        listener: bool,
    },
    Inner {
        listener: bool,
    },
    Nested,
}

/// The second word of the marker when standard input is a listener.
const WITH_LISTENER: &str = "listener";
/// The second word of the marker when it is not.
const WITHOUT_LISTENER: &str = "empty";

impl Stage {
    #[expect(
        clippy::disallowed_methods,
        reason = "the marker is no setting: it is how the sandbox's processes know each other"
    )]
    fn read() -> Result<Self, EnterError> {
        let Ok(value) = std::env::var(MARKER) else {
            return Ok(Stage::Outer);
        };
        let mut words = value.split(' ');
        let stage = words.next();
        let listener = words.next() == Some(WITH_LISTENER);
        match stage {
            Some("init") => Ok(Stage::Init { outer: words.next().map(str::to_owned), listener }),
            // Children inherit the marker, but only the program itself is the first child of pid 1.
            Some("inner") if std::process::id() == 2 && std::os::unix::process::parent_id() == 1 => {
                Ok(Stage::Inner { listener })
            }
            Some("inner" | MARKER_INSIDE) => Ok(Stage::Nested),
            Some(_) | None => Err(EnterError::Marker { value }),
        }
    }
}

fn outer(listener: Option<TcpListener>) -> Result<ExitCode, EnterError> {
    let own_pid = fs::read_link("/proc/self").ok().map(|pid| pid.to_string_lossy().into_owned());
    isolate()?;
    let word = if listener.is_some() { WITH_LISTENER } else { WITHOUT_LISTENER };
    let marker = format!("init {word} {}", own_pid.as_deref().unwrap_or_default());
    let mut command = again(&marker).map_err(EnterError::Spawn)?;
    command.stdin(
        listener.map_or_else(Stdio::null, |listener| Stdio::from(std::os::fd::OwnedFd::from(listener))),
    );
    supervise::run(command, Reap::OwnChild)
}

fn init(outer: Option<&str>, listener: bool) -> Result<ExitCode, EnterError> {
    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)
        .map_err(|errno| EnterError::Wait(errno.into()))?;
    // The signal is sent only for a death after the call above; one before it shows in the parent's number.
    // /proc is still the one outside here, so it counts as outer did.
    if let (Some(expected), Some(found)) = (outer.filter(|pid| !pid.is_empty()), parent_in_proc())
        && expected != found
    {
        return Err(EnterError::Orphaned);
    }
    let word = if listener { WITH_LISTENER } else { WITHOUT_LISTENER };
    let mut command = again(&format!("inner {word}")).map_err(EnterError::Spawn)?;
    command.stdin(Stdio::inherit());
    supervise::run(command, Reap::Everyone)
}

fn parent_in_proc() -> Option<String> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    Some(line.trim().to_owned())
}

/// This program with its arguments, to be started anew with the marker.
fn again(marker: &str) -> io::Result<Command> {
    use std::os::unix::process::CommandExt;
    let mut arguments = std::env::args_os();
    let own_name: Option<OsString> = arguments.next();
    let mut command = Command::new(std::env::current_exe()?);
    if let Some(name) = own_name {
        command.arg0(name);
    }
    command.args(arguments).env(MARKER, marker).process_group(0);
    Ok(command)
}

/// Unshares all four namespaces. The three that change what this process sees come in one call, which does
/// all or nothing: a program that falls back still has its network and can still start processes.
fn isolate() -> Result<(), EnterError> {
    let (user, group) = (geteuid(), getegid());
    // Read first: in a new user namespace they are that one's own.
    let spent = spent_limits();
    match unshare(CloneFlags::CLONE_NEWUSER) {
        Ok(()) => {
            write_map("/proc/self/setgroups", "deny")?;
            write_map("/proc/self/uid_map", &format!("0 {user} 1"))?;
            write_map("/proc/self/gid_map", &format!("0 {group} 1"))?;
        }
        // Root needs no user namespace for the other three.
        Err(_) if user.is_root() => {}
        Err(errno) => {
            let limits = [
                ("user.max_user_namespaces", "0"),
                ("kernel.unprivileged_userns_clone", "0"),
                ("kernel.apparmor_restrict_unprivileged_userns", "1"),
            ];
            return Err(EnterError::UserNamespace { source: errno.into(), hint: hint(&limits) });
        }
    }
    let three = CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWPID;
    unshare(three).map_err(|errno| refusal_of_three(errno, &spent))
}

/// Which of the three have a limit of zero: the namespace and the setting.
fn spent_limits() -> Vec<(&'static str, &'static str)> {
    let limits = [
        ("network", "user.max_net_namespaces"),
        ("mount", "user.max_mnt_namespaces"),
        ("process", "user.max_pid_namespaces"),
    ];
    limits.into_iter().filter(|(_, name)| setting(name).as_deref() == Some("0")).collect()
}

fn refusal_of_three(errno: Errno, spent: &[(&str, &str)]) -> EnterError {
    let (namespaces, hint) = match spent {
        [] => (
            "the network, mount and process namespaces were".to_owned(),
            hint(&[("kernel.apparmor_restrict_unprivileged_userns", "1")]),
        ),
        [(namespace, name)] => (format!("the {namespace} namespace was"), format!(" ({name} is 0)")),
        several => {
            let names: Vec<_> = several.iter().map(|(namespace, _)| *namespace).collect();
            (
                format!("the {} namespaces were", names.join(" and ")),
                " (their user.max_* limits are 0)".to_owned(),
            )
        }
    };
    EnterError::Namespaces { namespaces, source: errno.into(), hint }
}

/// Names the first of these settings that has the value which forbids namespaces.
fn hint(forbidding: &[(&str, &str)]) -> String {
    forbidding
        .iter()
        .find(|(name, value)| setting(name).as_deref() == Some(value))
        .map(|(name, value)| format!(" ({name} is {value})"))
        .unwrap_or_default()
}

fn setting(name: &str) -> Option<String> {
    let path = format!("/proc/sys/{}", name.replace('.', "/"));
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn write_map(path: &'static str, text: &str) -> Result<(), EnterError> {
    fs::write(path, text).map_err(|source| EnterError::Mapping { path, source })
}
