//! Starting the next process of the sandbox, passing signals to it and waiting for its end.

use std::io;
use std::process::{Command, ExitCode};

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

use super::EnterError;

/// What is passed on: the signals a terminal, a shell or a service manager sends to the program it started.
const PASSED_ON: [Signal; 5] =
    [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGWINCH];

/// The shell's convention for a program that a signal ended: 128 plus its number (POSIX `sh`, section 2.8.2).
const SIGNAL_BASE: u8 = 128;

/// Whose deaths are collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reap {
    /// Those of the child started here; the caller may have others.
    OwnChild,
    /// Anybody's: pid 1 inherits every orphan of its namespace.
    Everyone,
}

/// Starts the command and waits for its end, passing signals on meanwhile.
///
/// Signals are blocked before the child exists, so none is lost in between; the child inherits the blocked
/// set and clears it when it is ready for signals.
pub(super) fn run(mut command: Command, reap: Reap) -> Result<ExitCode, EnterError> {
    let mut awaited = SigSet::empty();
    awaited.add(Signal::SIGCHLD);
    for signal in PASSED_ON {
        awaited.add(signal);
    }
    let before = awaited.thread_swap_mask(SigmaskHow::SIG_BLOCK).map_err(wait_error)?;
    let child = command.spawn().map_err(EnterError::Spawn)?;
    // The command holds the listener's descriptor; only the child shall.
    drop(command);
    let id = i32::try_from(child.id()).map_err(|_| EnterError::Wait(io::ErrorKind::InvalidData.into()))?;
    let code = wait(Pid::from_raw(id), &awaited, reap);
    before.thread_set_mask().map_err(wait_error)?;
    code
}

fn wait(child: Pid, awaited: &SigSet, reap: Reap) -> Result<ExitCode, EnterError> {
    loop {
        match awaited.wait() {
            Ok(Signal::SIGCHLD) => {
                if let Some(code) = collect(child, reap)? {
                    return Ok(code);
                }
            }
            // The child is not reaped yet, so its number is still its own.
            Ok(signal) => kill(child, signal).map_err(wait_error)?,
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(wait_error(errno)),
        }
    }
}

/// Collects the dead; answers the code when the child is among them. One SIGCHLD may stand for several deaths.
fn collect(child: Pid, reap: Reap) -> Result<Option<ExitCode>, EnterError> {
    let whom = match reap {
        Reap::OwnChild => child,
        Reap::Everyone => Pid::from_raw(-1),
    };
    let mut code = None;
    loop {
        let status = match waitpid(whom, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(code),
            Ok(status) => status,
            Err(Errno::EINTR) => continue,
            Err(errno) => return Err(wait_error(errno)),
        };
        if status.pid() == Some(child) {
            code = ended(status).or(code);
            if code.is_some() && reap == Reap::OwnChild {
                return Ok(code);
            }
        }
    }
}

fn ended(status: WaitStatus) -> Option<ExitCode> {
    match status {
        // The kernel keeps the low eight bits of an exit code: wait(2).
        WaitStatus::Exited(_, code) => Some(ExitCode::from(u8::try_from(code & 0xff).unwrap_or(u8::MAX))),
        WaitStatus::Signaled(_, signal, _) => {
            Some(ExitCode::from(SIGNAL_BASE.saturating_add(u8::try_from(signal as i32).unwrap_or(0))))
        }
        WaitStatus::Stopped(..)
        | WaitStatus::PtraceEvent(..)
        | WaitStatus::PtraceSyscall(_)
        | WaitStatus::Continued(_)
        | WaitStatus::StillAlive => None,
    }
}

fn wait_error(errno: Errno) -> EnterError {
    EnterError::Wait(errno.into())
}
