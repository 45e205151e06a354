//! A place outside of the cluster that speaks with many addresses, as clients of the whole network do.

use std::sync::{Arc, Weak};

use super::{Cluster, Inner, UPLINK};
use crate::LabError;
use crate::address::{Addresses, OUTSIDE};
use crate::fault::nft;
use crate::launch::{Environment, Program, Role, base_environment};
use crate::netns::Netns;
use crate::process::Process;
use crate::spec::Ping;

/// Where the kernel lists the network cards of a thread's namespace: `proc_pid_net(5)`.
const CARDS: &str = "/proc/thread-self/net/dev";

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

    /// Swallows all that arrives from now on, without a word. [`Outsider::received`] counts it still.
    pub fn silence(&self) -> Result<(), LabError> {
        let chain = "chain prerouting {\ntype filter hook prerouting priority raw; policy drop;\n}";
        nft::run(&self.netns, &format!("table inet lab_silence {{\n{chain}\n}}\n"))
    }

    /// How many packets have arrived so far, by the count of the place's network card.
    pub fn received(&self) -> Result<u64, LabError> {
        let list = self.netns.run(|| std::fs::read_to_string(CARDS))?;
        let list = list.map_err(LabError::system(format!("reading {CARDS}")))?;
        received_by(UPLINK, &list).ok_or_else(|| LabError::Unknown(format!("{UPLINK} in {CARDS}")))
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

/// The packets that a card received, in a list of cards: `name: bytes packets ...`.
fn received_by(card: &str, list: &str) -> Option<u64> {
    let counts = list.lines().find_map(|line| line.trim_start().strip_prefix(card)?.strip_prefix(':'))?;
    counts.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_stand_in_the_second_column() {
        let list = "Inter-|   Receive    |  Transmit\n face |bytes    packets errs\n\
                    \x20   lo:       0       0    0\n  eth0: 1234567      89    0\n";
        assert_eq!(received_by("eth0", list), Some(89));
        assert_eq!(received_by("eth", list), None);
    }
}
