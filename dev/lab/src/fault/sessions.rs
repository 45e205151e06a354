//! Dead sessions: a device on the way that remembers an echo identifier, and drops what belongs to it.

use std::collections::BTreeSet;

use super::Broken;
use super::rules::{accept, arriving, drop_echoes_of};
use crate::LabError;
use crate::cluster::Cluster;
use crate::netns::Netns;
use crate::spec::{NodeId, Where};

/// Where the kernel lists the ICMP sockets of a thread's namespace.
const SOCKETS: [&str; 2] = ["/proc/thread-self/net/icmp", "/proc/thread-self/net/icmp6"];

impl Cluster {
    /// Echo requests to the node and its pods are dropped that carry an identifier which a pod of another node uses now. A socket that is
    /// opened later has another identifier, and its requests pass. TCP goes on.
    pub fn echo_sessions_dead(&self, node: NodeId) -> Result<Broken, LabError> {
        let mut identifiers = BTreeSet::new();
        for other in self.nodes().iter().filter(|other| other.id != node) {
            for pod in &other.pods {
                identifiers.extend(echo_identifiers(&self.inner.netns(Where::Pod(pod.id))?)?);
            }
        }
        if identifiers.is_empty() {
            return Err(LabError::Unknown("ICMP socket in a pod".to_owned()));
        }
        let mut rules = accept(&self.server_subnets());
        rules.push_str(&drop_echoes_of(&identifiers, &self.machine_subnets(node)?));
        self.filter(Where::Host(node), &arriving(&rules))
    }
}

/// The identifiers of the ICMP sockets in a namespace: the kernel keeps them as local ports.
fn echo_identifiers(netns: &Netns) -> Result<BTreeSet<u16>, LabError> {
    netns.run(|| {
        // A kernel without IPv6 has one list alone.
        let lists = SOCKETS.iter().filter_map(|path| std::fs::read_to_string(path).ok());
        lists.flat_map(|list| identifiers_in(&list).collect::<Vec<_>>()).collect()
    })
}

/// The local ports in a list of sockets: `sl local_address rem_address ...`, numbers in hexadecimal.
fn identifiers_in(list: &str) -> impl Iterator<Item = u16> + '_ {
    let port = |line: &str| {
        let (_, port) = line.split_whitespace().nth(1)?.rsplit_once(':')?;
        u16::from_str_radix(port, 16).ok().filter(|port| *port != 0)
    };
    list.lines().filter_map(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identifiers_stand_in_the_second_column() {
        let list = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
                    17: 00000000:0011 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 1 2 0\n\
                    18: 00000000000000000000000000000000:BEEF 00000000000000000000000000000000:0000 07 0:0 0 0 0 0 1 2 0\n";
        assert_eq!(identifiers_in(list).collect::<Vec<_>>(), [0x11, 0xbeef]);
    }
}
