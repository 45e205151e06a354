//! What can go wrong while a cluster is built, run or broken.

use std::io;
use std::path::PathBuf;

/// An operation of the lab that failed; the text names what was tried and on what.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The kernel refused to change links, addresses or routes.
    #[error("{action}: {source}")]
    Netlink {
        /// What was tried.
        action: String,
        /// What the kernel said.
        source: rtnetlink::Error,
    },
    /// A system call on namespaces, threads, sockets or files.
    #[error("{action}: {source}")]
    System {
        /// What was tried.
        action: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A link did not come up.
    #[error("link {link} is not up after {waited_ms} ms, though both of its ends were set up")]
    Carrier {
        /// The link's name in its namespace.
        link: String,
        /// How long was waited.
        waited_ms: u64,
    },
    /// The description of a cluster breaks one of its rules.
    #[error("{field}: {rule}")]
    Spec {
        /// The field of the description.
        field: String,
        /// The rule it breaks.
        rule: String,
    },
    /// A node, pod or process that the cluster does not have.
    #[error("the cluster has no {0}")]
    Unknown(String),
    /// The program for packet filter rules is not installed.
    #[error(
        "the program `nft` was found neither in PATH nor in /usr/sbin or /sbin; on Debian it is in the package `nftables`"
    )]
    NftMissing,
    /// The packet filter refused rules.
    #[error("nft refused the rules: {message}\n{rules}")]
    Nft {
        /// What `nft` printed.
        message: String,
        /// The rules given to it.
        rules: String,
    },
    /// A program could not be started.
    #[error("starting {}: {source}", program.display())]
    Spawn {
        /// The program's path.
        program: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The cluster was dropped while something still used it.
    #[error("the cluster has been taken down")]
    Closed,
    /// Several things failed while undoing a fault.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Several(Vec<LabError>),
}

impl LabError {
    /// For `map_err`: a failed system call and what it was for.
    pub(crate) fn system<E: Into<io::Error>>(action: impl Into<String>) -> impl FnOnce(E) -> LabError {
        let action = action.into();
        move |source| LabError::System { action, source: source.into() }
    }
}
