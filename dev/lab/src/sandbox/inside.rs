//! What the program does on arrival in the sandbox.

use std::io;
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::path::Path;

use nix::mount::{MsFlags, mount};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::SigSet;

use super::{EnterError, Inherited};
use crate::netlink::Netlink;

/// Where the logs of a run are kept: a memory file system of the sandbox's own, gone with it.
pub(crate) const MEMORY_FILES: &str = "/dev/shm";

/// Enough for the logs of 60 agents at debug level over some minutes; memory is used only as they grow.
const MEMORY_FILES_OPTIONS: &str = "size=256m,mode=1777";

/// Readies the sandbox around this process, which is its first and has one thread.
pub(super) fn arrive(listener: bool) -> Result<Inherited, EnterError> {
    let mut lacking = Vec::new();
    private_mounts(&mut lacking);
    bring_loopback_up()?;
    if let Err(error) = raise_open_files() {
        lacking.push(format!("the limit of open files could not be raised: {error}"));
    }
    let listener = if listener { Some(inherited_listener().map_err(EnterError::Spawn)?) } else { None };
    // Signals were blocked since before this process existed; whatever came meanwhile is delivered now.
    SigSet::empty().thread_set_mask().map_err(|errno| EnterError::Wait(errno.into()))?;
    Ok(Inherited { listener, nested: false, lacking })
}

fn private_mounts(lacking: &mut Vec<String>) {
    let none: Option<&Path> = None;
    if let Err(errno) = mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none) {
        // Mounting on top of shared mounts could be seen outside: better without.
        lacking.push(format!("mounts could not be made private, so none was made: {errno}"));
        return;
    }
    let guarded = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    if let Err(errno) = mount(Some("proc"), "/proc", Some("proc"), guarded, none) {
        lacking
            .push(format!("a /proc of its own was refused ({errno}), so process figures are not to be had"));
    }
    let guarded = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    if let Err(errno) = mount(Some("tmpfs"), MEMORY_FILES, Some("tmpfs"), guarded, Some(MEMORY_FILES_OPTIONS))
    {
        lacking
            .push(format!("a {MEMORY_FILES} of its own was refused ({errno}), so logs may outlive a kill"));
    }
}

fn bring_loopback_up() -> Result<(), EnterError> {
    let loopback = |error: crate::LabError| EnterError::Loopback(error.to_string());
    let netlink = Netlink::open().map_err(loopback)?;
    netlink.loopback_up().map_err(loopback)
}

/// A mesh of many nodes needs a socket for each probe under way, and as many again in this process.
fn raise_open_files() -> io::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
    Ok(())
}

/// The listener travels as standard input, the one descriptor that can be passed and taken up again safely.
fn inherited_listener() -> io::Result<TcpListener> {
    let descriptor = io::stdin().as_fd().try_clone_to_owned()?;
    Ok(TcpListener::from(descriptor))
}
