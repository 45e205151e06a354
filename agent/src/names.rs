//! Names: asks the system's name servers as a program on this node does.
//!
//! Every question has a UDP socket and a port of its own, and an identifier drawn at random. TCP is used for
//! a truncated answer and for nothing else, on a connection that is closed after that one answer. Nothing is
//! cached and nothing is kept open: what was true of the last question says nothing about this one.
//!
//! ```text
//!   resolv_conf   the file                           pure
//!   hosts         /etc/hosts                         pure
//!   message       one question, what is its answer   pure, the only place that knows hickory
//!   exchange      one name server, A and AAAA        sockets
//!   search        the search list
//!   host          every name server in turn          for the server's own name
//! ```

use std::io::{self, Read};
use std::net::IpAddr;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::OFlag;

mod exchange;
mod host;
mod hosts;
mod message;
mod resolv_conf;
#[cfg(test)]
pub(crate) mod script;
mod search;

pub use exchange::{Failure, Said, ask};
pub use host::{HostLookup, LOOKUP_MAX};
pub use message::CompleteName;
pub use resolv_conf::{ResolvConf, SEARCH_MAX};
pub use search::{Ask, Found, Walked, walk};

/// Where the system keeps its name servers.
pub const SYSTEM_RESOLVERS: &str = "/etc/resolv.conf";
/// Where the system keeps the names that it knows without a name server.
pub const SYSTEM_HOSTS: &str = "/etc/hosts";
/// The port of name servers (RFC 1035 section 4.2).
pub const NAME_SERVER_PORT: u16 = 53;
/// Most of a system file that is read. Kubernetes limits a pod's search list to 2,048 bytes; `hostAliases` of
/// a thousand lines fit into `/etc/hosts`.
pub const SYSTEM_FILE_MAX: usize = 64 << 10;

/// Response codes of RFC 1035 section 4.1.1.
pub(crate) const NO_ERROR: u16 = 0;
pub(crate) const SERVER_FAILURE: u16 = 2;
pub(crate) const NAME_ERROR: u16 = 3;
const NOT_IMPLEMENTED: u16 = 4;
const REFUSED: u16 = 5;

/// A file in the form of `resolv.conf`, read again when it changes.
#[derive(Debug)]
pub struct System {
    path: PathBuf,
    /// The port at which its name servers are asked.
    pub port: u16,
    // A std mutex: held while a file of a few lines is looked at, never across an await.
    current: Mutex<Option<(Fingerprint, Arc<ResolvConf>)>>,
}

/// Tells one state of a file from another.
type Fingerprint = (u64, u64, i64, i64);

impl System {
    /// Reads name servers from this file, and asks them at a port.
    pub fn new(path: impl Into<PathBuf>, port: u16) -> Self {
        Self { path: path.into(), port, current: Mutex::new(None) }
    }

    /// What the file says now; `None` when it cannot be read.
    pub fn current(&self) -> Option<Arc<ResolvConf>> {
        match self.read() {
            Ok(conf) => Some(conf),
            Err(error) => {
                tracing::debug!(%error, path = %self.path.display(), "no name servers");
                None
            }
        }
    }

    fn read(&self) -> io::Result<Arc<ResolvConf>> {
        let metadata = std::fs::metadata(&self.path)?;
        let fingerprint = (metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec());
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, conf)) = &*current
            && *known == fingerprint
        {
            return Ok(Arc::clone(conf));
        }
        let conf = Arc::new(ResolvConf::parse(&read_system_file(&self.path)?));
        *current = Some((fingerprint, Arc::clone(&conf)));
        Ok(conf)
    }
}

/// Reads the beginning of a file. What is not a regular file is an error: a pipe in its place would hold up
/// the whole program.
fn read_system_file(path: &Path) -> io::Result<String> {
    let file = std::fs::File::options().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(SYSTEM_FILE_MAX as u64).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Addresses in order, each once. An IPv4 address in IPv6 form is the IPv4 address.
fn each_once(addresses: impl IntoIterator<Item = IpAddr>) -> Vec<IpAddr> {
    let unique: std::collections::BTreeSet<IpAddr> =
        addresses.into_iter().map(|address| address.to_canonical()).collect();
    unique.into_iter().collect()
}

#[cfg(test)]
mod tests;
