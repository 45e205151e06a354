//! A place outside of the cluster that speaks with many addresses, as clients of the whole network do.

use std::sync::{Arc, Weak};

use super::{Cluster, Inner};
use crate::LabError;
use crate::address::{Addresses, OUTSIDE};
use crate::launch::{Environment, Program, Role, base_environment};
use crate::netns::Netns;
use crate::process::Process;
use crate::spec::Ping;

/// A place beside the zones whose programs may bind to any address of [`OUTSIDE`], in IPv4.
///
/// It stays for the cluster's life, also when this handle is dropped.
#[derive(Debug)]
pub struct Outsider {
    addresses: Addresses,
    netns: Netns,
    cluster: Weak<Inner>,
}

impl Cluster {
    /// Makes a place outside of the cluster. There may be one, since [`OUTSIDE`] leads to the last that was made.
    pub fn add_outsider(&self) -> Result<Outsider, LabError> {
        let (netns, addresses) = self.add_beside()?;
        netns.netlink(|netlink| netlink.own(OUTSIDE))?;
        self.inner.fabric.netlink(|netlink| netlink.route(OUTSIDE, addresses.primary()))?;
        Ok(Outsider { addresses, netns, cluster: Arc::downgrade(&self.inner) })
    }
}

impl Outsider {
    /// The addresses of the place itself.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Runs the closure on a thread in the place and waits for it. A panic of the closure goes on in the caller.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, LabError> {
        self.netns.run(work)
    }

    /// Starts a program in the place. Its environment is `environment` beside `PATH` and `RUST_BACKTRACE`.
    pub fn start(
        &self,
        name: &str,
        program: &Program,
        environment: &Environment,
    ) -> Result<Arc<Process>, LabError> {
        let inner = self.cluster.upgrade().ok_or(LabError::Closed)?;
        inner.start(super::roster::Start {
            role: Role::Outsider,
            name: name.to_owned(),
            program,
            changes: environment,
            told: base_environment(),
            ping: Ping::Permitted,
            netns: self.netns.clone(),
            resolv_conf: None,
        })
    }
}
