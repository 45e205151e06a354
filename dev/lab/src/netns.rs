//! A network namespace that exists as long as somebody holds it.

use std::fs::{self, File};
use std::os::fd::{AsRawFd, RawFd};
use std::path::Path;
use std::sync::Arc;

use nix::sched::{CloneFlags, setns, unshare};

use crate::LabError;
use crate::netlink::Netlink;
use crate::spec::Ping;

/// A network namespace, kept alive by an open file and by nothing in the file system: when the last holder
/// drops it, and the last process in it has ended, the kernel takes its links away.
#[derive(Clone, Debug)]
pub(crate) struct Netns {
    file: Arc<File>,
}

/// Settings of a namespace, per `Documentation/networking/ip-sysctl.rst`; `all` counts for links there are
/// (only `lo` yet), `default` for links to come.
const SETTINGS: [(&str, &str); 20] = [
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv4/conf/all/send_redirects", "0"),
    ("ipv4/conf/default/send_redirects", "0"),
    ("ipv4/conf/all/accept_redirects", "0"),
    ("ipv4/conf/default/accept_redirects", "0"),
    ("ipv6/conf/all/disable_ipv6", "0"),
    ("ipv6/conf/default/disable_ipv6", "0"),
    ("ipv6/conf/all/accept_redirects", "0"),
    ("ipv6/conf/default/accept_redirects", "0"),
    ("ipv6/conf/all/accept_ra", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
    // No duplicate address detection: addresses are usable at once.
    ("ipv6/conf/all/accept_dad", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/all/dad_transmits", "0"),
    ("ipv6/conf/default/dad_transmits", "0"),
    // IPv6 addresses would be lost when a link goes down, IPv4 ones would not.
    ("ipv6/conf/all/keep_addr_on_down", "1"),
    ("ipv6/conf/default/keep_addr_on_down", "1"),
    // Otherwise a namespace's link-local traffic of startup delays the first datagrams.
    ("ipv6/conf/default/router_solicitations", "0"),
    ("ipv6/conf/all/router_solicitations", "0"),
];

/// Settings of a namespace that passes packets on. Last, because they reset others.
const FORWARDING: [(&str, &str); 3] =
    [("ipv4/ip_forward", "1"), ("ipv6/conf/all/forwarding", "1"), ("ipv6/conf/default/forwarding", "1")];

/// Whether a namespace passes packets on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forwarding {
    On,
    Off,
}

impl Netns {
    /// Makes a namespace with loopback up and the lab's settings.
    pub(crate) fn create(forwarding: Forwarding, ping: Ping) -> Result<Self, LabError> {
        on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET).map_err(LabError::system("making a network namespace"))?;
            let path = "/proc/thread-self/ns/net";
            let file = File::open(path).map_err(LabError::system(format!("opening {path}")))?;
            for (name, value) in SETTINGS {
                set(name, value)?;
            }
            if forwarding == Forwarding::On {
                for (name, value) in FORWARDING {
                    set(name, value)?;
                }
            }
            match ping {
                Ping::Permitted => permit_ping()?,
                // A new namespace permits nobody.
                Ping::Refused => {}
            }
            Netlink::open()?.loopback_up()?;
            Ok(Netns { file: Arc::new(file) })
        })?
    }

    /// Permits ICMP sockets from now on. There is no way back: the kernel's empty range names groups that the sandbox has not.
    pub(crate) fn permit_ping(&self) -> Result<(), LabError> {
        self.run(permit_ping)?
    }

    pub(crate) fn descriptor(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Moves the calling thread into the namespace, for good.
    pub(crate) fn join(&self) -> Result<(), LabError> {
        setns(&*self.file, CloneFlags::CLONE_NEWNET).map_err(LabError::system("joining a network namespace"))
    }

    /// Runs the closure on a thread inside the namespace; a panic of it goes on in the caller.
    pub(crate) fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, LabError> {
        on_a_thread(|| self.join().map(|()| work()))?
    }

    /// Runs the closure inside with a netlink connection.
    pub(crate) fn netlink<T: Send>(
        &self,
        work: impl FnOnce(&Netlink) -> Result<T, LabError> + Send,
    ) -> Result<T, LabError> {
        self.run(|| Netlink::open().and_then(|netlink| work(&netlink)))?
    }
}

/// A namespace belongs to a thread; one of its own changes nothing for the caller's.
fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, LabError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new()
            .name("lab-namespace".to_owned())
            .spawn_scoped(scope, work)
            .map_err(LabError::system("starting a thread"))?;
        Ok(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

fn permit_ping() -> Result<(), LabError> {
    // The one group there is in the sandbox.
    set("ipv4/ping_group_range", "0 0")
}

/// Writes a setting of the calling thread's namespace. A kernel without IPv6 has no such settings; giving an
/// address then fails with a plain error.
fn set(name: &str, value: &str) -> Result<(), LabError> {
    let path = Path::new("/proc/sys/net").join(name);
    if name.starts_with("ipv6/") && !path.exists() {
        return Ok(());
    }
    fs::write(&path, value).map_err(LabError::system(format!("writing {value:?} to {}", path.display())))
}
