//! Faults: each breaks something and returns a [`Broken`], which mends it.
//!
//! A fault is a method of [`Cluster`] of a few lines, made of three parts: [`Cluster::link_down`], [`Cluster::filter`]
//! and the processes' signals. To add one, write the method here or in a file beside, and give it a name in
//! [`Scenario`](faults::Scenario). Here are those of links and processes; those of packets are below
//! `fault/`.

mod backend;
mod blocks;
mod broken;
mod filter;
mod flows;
mod loss;
mod names;
pub(crate) mod nft;
mod planes;
mod ports;
mod rules;
mod scenario;
mod service;
mod sessions;
mod translation;

use std::sync::Arc;

pub(crate) use backend::Backend;
pub use blocks::Side;
pub use broken::Broken;
pub use names::{DnsAnswer, DnsBehaviour, DnsServer};
pub use planes::{CutPlane, FamilyAt};
pub use ports::{AGENT_PORT, Block, IcmpAt, PortAt};
pub use service::{Asker, Service};

use crate::LabError;
use crate::address::Place;
use crate::cluster::{Cluster, POD_BRIDGE, UPLINK, default_routes, fabric_port};
use crate::process::Process;
use crate::spec::{NodeId, Ping, Where};

/// Whether the server is spared by a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// Traffic with the server goes on: heartbeats arrive.
    Spared,
    /// It is cut off like all others.
    CutOff,
}

/// Links, whole nodes.
impl Cluster {
    /// Sets a link down. Mending sets it up again and restores the routes that went with it.
    pub fn link_down(&self, place: Where, link: &str) -> Result<Broken, LabError> {
        let netns = self.inner.netns(place)?;
        netns.netlink(|netlink| netlink.set_down(link))?;
        let link = link.to_owned();
        Ok(self.broken(move |cluster| {
            let gateway = cluster.uplink_place(place)?.filter(|_| link == UPLINK);
            cluster.inner.netns(place)?.netlink(|netlink| {
                netlink.set_up(&link)?;
                netlink.wait_for_carrier(&link)?;
                gateway.map_or(Ok(()), |place| default_routes(netlink, place, cluster.families()))
            })?;
            cluster.forget_neighbours()
        }))
    }

    /// In every namespace, since each may have looked for the one that was away.
    fn forget_neighbours(&self) -> Result<(), LabError> {
        let nodes = self.nodes();
        let pods = nodes.iter().flat_map(|node| node.pods.iter().map(|pod| Where::Pod(pod.id)));
        let hosts = nodes.iter().map(|node| Where::Host(node.id));
        for place in [Where::Fabric, Where::Server].into_iter().chain(hosts).chain(pods) {
            self.inner.netns(place)?.netlink(crate::netlink::Netlink::forget_neighbours)?;
        }
        Ok(())
    }

    /// The subnet that the namespace's uplink is in.
    fn uplink_place(&self, place: Where) -> Result<Option<Place>, LabError> {
        Ok(match place {
            Where::Fabric => None,
            Where::Server => Some(self.server_node().map_or(Place::server(), Place::pods)),
            Where::Host(node) => Some(Place::zone(self.node(node)?.zone)),
            Where::Pod(pod) => Some(Place::pods(pod.node)),
        })
    }

    /// The power is cut: everything that runs on the node is killed and its network card is dead. Mending
    /// boots it: the card, then what ran there.
    pub fn node_down(&self, node: NodeId) -> Result<Broken, LabError> {
        let victims = self.all_on(&[node]);
        // The card first: nothing says goodbye.
        let card = self.host_link_down(node)?;
        Ok(card.before(self.killed(victims)))
    }

    /// The node's network card is set down, by hand or by its driver: the node knows it.
    pub fn host_link_down(&self, node: NodeId) -> Result<Broken, LabError> {
        self.link_down(Where::Host(node), UPLINK)
    }

    /// The node's cable is pulled at the switch.
    pub fn cable_pulled(&self, node: NodeId) -> Result<Broken, LabError> {
        self.node(node)?;
        self.link_down(Where::Fabric, &fabric_port(node))
    }

    /// The bridge of the node's pods is down: the pods have no network at all, the agent cannot report.
    pub fn pod_link_down(&self, node: NodeId) -> Result<Broken, LabError> {
        self.link_down(Where::Host(node), POD_BRIDGE)
    }
}

/// Processes.
impl Cluster {
    /// Everything that runs on these nodes.
    fn all_on(&self, nodes: &[NodeId]) -> Vec<Arc<Process>> {
        let mut all: Vec<_> = nodes.iter().flat_map(|node| self.agents(*node)).collect();
        if self.server_node().is_some_and(|node| nodes.contains(&node)) {
            all.extend(self.server());
        }
        all
    }

    fn killed(&self, victims: Vec<Arc<Process>>) -> Broken {
        for victim in &victims {
            victim.kill_later();
        }
        for victim in &victims {
            victim.kill();
        }
        self.broken(move |cluster| victims.iter().try_for_each(|victim| cluster.restart(victim).map(drop)))
    }

    fn some_agents(&self, node: NodeId) -> Result<Vec<Arc<Process>>, LabError> {
        let agents = self.agents(node);
        if agents.is_empty() {
            Err(LabError::Unknown(format!("running agent on {node}")))
        } else {
            Ok(agents)
        }
    }

    /// The node's agents are killed. Mending starts them again in their pods.
    pub fn agent_killed(&self, node: NodeId) -> Result<Broken, LabError> {
        Ok(self.killed(self.some_agents(node)?))
    }

    /// The node's agents are stopped where they are. Mending lets them go on.
    pub fn agent_stopped(&self, node: NodeId) -> Result<Broken, LabError> {
        let agents = self.some_agents(node)?;
        for agent in &agents {
            agent.pause();
        }
        Ok(self.broken(move |_| {
            for agent in &agents {
                agent.resume();
            }
            Ok(())
        }))
    }

    /// The node's agents are gone, and at the addresses of their pods answers an agent that says it is of node `by`, as
    /// when addresses were given out again. It tells the server nothing. Mending ends it and starts the agents again in
    /// their pods.
    pub fn address_taken(&self, node: NodeId, by: NodeId) -> Result<Broken, LabError> {
        let agents = self.some_agents(node)?;
        self.node(by)?;
        let away = self.killed(agents.clone());
        let mut strangers = Vec::new();
        for agent in &agents {
            strangers.push(self.start_stranger(agent, by)?);
        }
        let taken = self.broken(move |_| {
            for stranger in &strangers {
                stranger.kill();
            }
            Ok(())
        });
        Ok(taken.before(away))
    }

    /// The node's agents are killed and started again at once, in place.
    pub fn agent_restarted(&self, node: NodeId) -> Result<Broken, LabError> {
        for agent in self.some_agents(node)? {
            self.restart(&agent)?;
        }
        Ok(self.intact())
    }

    /// The node's agents say goodbye and their pods are deleted. Mending starts them in new pods.
    pub fn scale_down(&self, node: NodeId) -> Result<Broken, LabError> {
        let agents = self.some_agents(node)?;
        for agent in &agents {
            self.delete_pod(agent)?;
        }
        Ok(self.broken(move |cluster| {
            agents.iter().try_for_each(|agent| cluster.start_in_new_pod(agent).map(drop))
        }))
    }

    /// The node's pods are deleted, and replaced at once by pods with new addresses.
    pub fn pod_restart(&self, node: NodeId) -> Result<Broken, LabError> {
        self.scale_down(node)?.heal()?;
        Ok(self.intact())
    }

    /// The node's agents say goodbye and come back in new pods, which may not open ICMP sockets. Mending permits it there, and
    /// starts the agents again.
    pub fn icmp_not_permitted(&self, node: NodeId) -> Result<Broken, LabError> {
        for agent in self.some_agents(node)? {
            self.delete_pod(&agent)?;
            self.start_in_new_pod_that(&agent, Ping::Refused)?;
        }
        Ok(self.broken(move |cluster| {
            for pod in cluster.node(node)?.pods {
                cluster.permit_ping(pod.id)?;
            }
            cluster.agents(node).iter().try_for_each(|agent| cluster.restart(agent).map(drop))
        }))
    }

    /// The server is killed. Mending starts it again.
    pub fn server_killed(&self) -> Result<Broken, LabError> {
        let server = self.server().ok_or_else(|| LabError::Unknown("running server".to_owned()))?;
        Ok(self.killed(vec![server]))
    }

    /// The server is killed and started again at once.
    pub fn server_restart(&self) -> Result<Broken, LabError> {
        self.server_killed()?.heal()?;
        Ok(self.intact())
    }
}
