//! A service that agents may be told to check: a port that answers, refuses or says nothing.

use std::sync::{Arc, Weak};

use super::rules::{chain, from_to_port};
use super::{Block, nft};
use crate::LabError;
use crate::address::Addresses;
use crate::cluster::{Cluster, Inner};
use crate::netns::Netns;
use crate::spec::NodeId;

/// Whose connections are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// Those of all.
    Everybody,
    /// Those of this node's pods.
    Node(NodeId),
}

/// A port at an address of its own, beside the zones; it accepts connections and closes them.
///
/// It stays for the cluster's life, also when this handle is dropped.
#[derive(Debug)]
pub struct Service {
    addresses: Addresses,
    port: u16,
    netns: Netns,
    table: String,
    cluster: Weak<Inner>,
}

impl Cluster {
    /// Makes a service that answers everybody on this port.
    pub fn service(&self, port: u16) -> Result<Service, LabError> {
        let (netns, addresses) = self.add_beside()?;
        self.accept_in(&netns, port)?;
        let table = format!("inet lab_{}", self.inner.next_number());
        Ok(Service { addresses, port, netns, table, cluster: Arc::downgrade(&self.inner) })
    }
}

impl Service {
    /// Its addresses.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Answers everybody, from now on.
    pub fn answer(&self) -> Result<(), LabError> {
        self.replace("")
    }

    /// Refuses connections with a reset, from now on; those of others are answered.
    pub fn refuse(&self, asker: Asker) -> Result<(), LabError> {
        self.block(asker, Block::Refuse)
    }

    /// Says nothing to connections, from now on; those of others are answered.
    pub fn silent(&self, asker: Asker) -> Result<(), LabError> {
        self.block(asker, Block::Drop)
    }

    pub(super) fn block(&self, asker: Asker, block: Block) -> Result<(), LabError> {
        let from = match asker {
            Asker::Everybody => None,
            Asker::Node(node) => {
                let inner = self.cluster.upgrade().ok_or(LabError::Closed)?;
                Some(Cluster { inner }.pod_subnets(node)?)
            }
        };
        let rule = from_to_port(from.as_deref(), self.port, block.verdict());
        self.replace(&chain("input", &rule))
    }

    /// Replaces the filter in one step.
    fn replace(&self, chains: &str) -> Result<(), LabError> {
        let table = &self.table;
        let rules = format!("table {table} {{}}\ndelete table {table}\ntable {table} {{\n{chains}}}\n");
        nft::run(&self.netns, &rules)
    }
}
