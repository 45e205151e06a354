//! A cluster: nodes, pods and a server in network namespaces, and what runs in them.

mod acceptor;
mod beside;
mod build;
mod logs;
mod namespace;
mod outsider;
mod relay;
mod roster;
mod state;

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub(crate) use build::{POD_BRIDGE, UPLINK, default_routes};
pub use outsider::Outsider;
pub use relay::{MAX_RELAYED, Relay};
pub use roster::GRACE;

use crate::LabError;
use crate::address::{Addresses, Place};
use crate::fault::Backend;
use crate::netns::{Forwarding, Netns};
use crate::process::Process;
use crate::spec::{Families, NodeId, NodePlan, NodeSpec, Ping, PodId, ServerPlace, Spec, Where, Zone};
use acceptor::Acceptor;
use logs::LogDir;

/// Where the server listens: the product's default.
pub const SERVER_PORT: u16 = 8080;
/// Where every node has a listener: the port of kube-proxy's health answer, which every real node has.
pub const HOST_PORT: u16 = 10256;

/// A running cluster; a clone is another handle to the same one.
///
/// When the last handle is dropped, its processes are killed and its namespaces go away.
/// Its calls block for milliseconds; they may be made from asynchronous code.
#[derive(Clone, Debug)]
pub struct Cluster {
    pub(crate) inner: Arc<Inner>,
}

/// A node as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeInfo {
    /// Its number.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: Zone,
    /// The node's own addresses.
    pub host: Addresses,
    /// The pods for agents, oldest first.
    pub pods: Vec<PodInfo>,
}

/// A pod as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PodInfo {
    /// Its node and number.
    pub id: PodId,
    /// Its addresses.
    pub addresses: Addresses,
    /// Whether it may open ICMP sockets.
    pub ping: Ping,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) families: Families,
    pub(crate) fabric: Netns,
    acceptor: Acceptor,
    logs: LogDir,
    /// Numbers log files and filter tables.
    sequence: AtomicU32,
    /// Held while namespaces are being added, so that numbers are given out in turn. Taken before `state`.
    building: Mutex<()>,
    /// What there is. Held for look-ups and entries alone, never while the kernel is asked for something.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    zones: BTreeSet<Zone>,
    nodes: Vec<Node>,
    server: Option<ServerSeat>,
    /// Whether there is a bridge of zone 0, where the server and what else is beside the zones are.
    has_bridge_beside: bool,
    /// How many there are beside the server.
    beside: u8,
    /// What agents find instead of the machine's own `/etc/resolv.conf`.
    resolv_conf: Option<PathBuf>,
    /// The service by name that agents are told to check.
    backend: Option<Arc<Backend>>,
    processes: Vec<Arc<Process>>,
}

#[derive(Debug)]
struct Node {
    plan: NodePlan,
    host: Netns,
    addresses: Addresses,
    pods: Vec<Pod>,
    next_pod: u8,
}

#[derive(Clone, Debug)]
struct Pod {
    info: PodInfo,
    netns: Netns,
    purpose: Purpose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Agent,
    Server,
}

#[derive(Clone, Debug)]
struct ServerSeat {
    netns: Netns,
    addresses: Addresses,
    /// The node it is behind, if it is.
    node: Option<NodeId>,
}

impl Cluster {
    /// Builds the cluster; the program must be in the sandbox, or be root in a network it may lose.
    pub fn build(spec: &Spec) -> Result<Cluster, LabError> {
        let inner = Inner {
            families: spec.families,
            fabric: Netns::create(Forwarding::On, Ping::Permitted)?,
            acceptor: Acceptor::start()?,
            logs: LogDir::create()?,
            sequence: AtomicU32::new(0),
            building: Mutex::default(),
            state: Mutex::default(),
        };
        let cluster = Cluster { inner: Arc::new(inner) };
        for node in &spec.nodes {
            cluster.add_node(node)?;
        }
        cluster.seat_server(spec.server)?;
        Ok(cluster)
    }

    /// Adds a node with its first pod.
    pub fn add_node(&self, spec: &NodeSpec) -> Result<NodeId, LabError> {
        let inner = &*self.inner;
        let _turn = lock(&inner.building);
        let (plan, new_zone) = {
            let state = lock(&inner.state);
            let plan = NodePlan::new(spec, state.nodes.iter().map(|node| node.plan.name.as_str()))?;
            let new_zone = !state.zones.contains(&plan.zone);
            (plan, new_zone)
        };
        let zone = Place::zone(plan.zone);
        let addresses = zone.host(plan.id, inner.families);
        let host = Netns::create(Forwarding::On, Ping::Permitted)?;
        build::plug(&build::Plug {
            parent: &inner.fabric,
            bridge: &plan.zone.to_string(),
            new_bridge: new_zone,
            port: &fabric_port(plan.id),
            number: plan.id.0,
            child: &host,
            place: zone,
            addresses,
            families: inner.families,
        })?;
        build::route_pods(&inner.fabric, plan.id, addresses)?;
        inner.acceptor.listen(&host, HOST_PORT)?;
        let (id, ping) = (plan.id, plan.ping);
        {
            let mut state = lock(&inner.state);
            state.zones.insert(plan.zone);
            state.nodes.push(Node { plan, host, addresses, pods: Vec::new(), next_pod: build::FIRST_POD });
        }
        self.add_pod_in_turn(id, ping, Purpose::Agent)?;
        Ok(id)
    }

    /// Adds a pod for an agent; it gets the next address of its node.
    pub fn add_pod(&self, node: NodeId, ping: Ping) -> Result<PodId, LabError> {
        let _turn = lock(&self.inner.building);
        self.add_pod_in_turn(node, ping, Purpose::Agent).map(|pod| pod.info.id)
    }

    /// Takes a pod away: from now on its address answers nobody.
    pub fn remove_pod(&self, pod: PodId) -> Result<(), LabError> {
        let _turn = lock(&self.inner.building);
        let host = self.inner.netns(Where::Host(pod.node))?;
        host.netlink(|netlink| netlink.delete(&build::pod_port(pod.number)))?;
        let mut state = lock(&self.inner.state);
        let node = state.node_mut(pod.node)?;
        node.pods.retain(|other| other.info.id != pod);
        Ok(())
    }

    /// Permits processes that start in the pod from now on to open ICMP sockets.
    pub(crate) fn permit_ping(&self, pod: PodId) -> Result<(), LabError> {
        self.inner.netns(Where::Pod(pod))?.permit_ping()?;
        let mut state = lock(&self.inner.state);
        let pods = state.node_mut(pod.node)?.pods.iter_mut();
        pods.filter(|held| held.info.id == pod).for_each(|held| held.info.ping = Ping::Permitted);
        Ok(())
    }

    fn add_pod_in_turn(&self, node: NodeId, ping: Ping, purpose: Purpose) -> Result<Pod, LabError> {
        let inner = &*self.inner;
        let (host, number) = {
            let mut state = lock(&inner.state);
            let node = state.node_mut(node)?;
            let number = node.take_pod_number()?;
            (node.host.clone(), number)
        };
        let place = Place::pods(node);
        let addresses = place.member(number, inner.families);
        let netns = Netns::create(Forwarding::Off, ping)?;
        build::plug(&build::Plug {
            parent: &host,
            bridge: POD_BRIDGE,
            new_bridge: number == build::FIRST_POD,
            port: &build::pod_port(number),
            number,
            child: &netns,
            place,
            addresses,
            families: inner.families,
        })?;
        let info = PodInfo { id: PodId { node, number }, addresses, ping };
        let pod = Pod { info, netns, purpose };
        lock(&inner.state).node_mut(node)?.pods.push(pod.clone());
        Ok(pod)
    }

    fn seat_server(&self, place: ServerPlace) -> Result<(), LabError> {
        let inner = &*self.inner;
        let _turn = lock(&inner.building);
        let seat = match place {
            ServerPlace::BehindNode(node) => {
                let pod = self.add_pod_in_turn(node, Ping::Permitted, Purpose::Server)?;
                ServerSeat { netns: pod.netns, addresses: pod.info.addresses, node: Some(node) }
            }
            ServerPlace::Own => {
                let addresses = Place::server().server_address(inner.families);
                let spot = beside::Spot { port: "server", number: 0, addresses, new_bridge: true };
                let netns = self.plug_beside(&spot)?;
                ServerSeat { netns, addresses, node: None }
            }
        };
        let mut state = lock(&inner.state);
        state.has_bridge_beside = seat.node.is_none();
        state.server = Some(seat);
        Ok(())
    }

    /// The address families.
    pub fn families(&self) -> Families {
        self.inner.families
    }

    /// All nodes, by number.
    pub fn nodes(&self) -> Vec<NodeInfo> {
        lock(&self.inner.state).nodes.iter().map(Node::info).collect()
    }

    /// One node.
    pub fn node(&self, id: NodeId) -> Result<NodeInfo, LabError> {
        lock(&self.inner.state).node(id).map(Node::info)
    }

    /// The node of this name.
    pub fn node_named(&self, name: &str) -> Result<NodeId, LabError> {
        let state = lock(&self.inner.state);
        let found = state.nodes.iter().find(|node| node.plan.name == name);
        found.map(|node| node.plan.id).ok_or_else(|| LabError::Unknown(format!("node named {name}")))
    }

    /// The server's addresses, whether or not it runs.
    pub fn server_addresses(&self) -> Addresses {
        self.inner.server_seat().addresses
    }

    /// Where agents find the server.
    pub fn server_url(&self) -> String {
        match self.server_addresses().primary() {
            IpAddr::V4(address) => format!("http://{address}:{SERVER_PORT}"),
            IpAddr::V6(address) => format!("http://[{address}]:{SERVER_PORT}"),
        }
    }

    /// Where the logs of the processes are, until the cluster is dropped.
    pub fn log_dir(&self) -> &Path {
        self.inner.logs.path()
    }
}

/// The name, in the fabric, of the link to a node: what a network card is plugged into.
pub(crate) fn fabric_port(node: NodeId) -> String {
    format!("node{}", node.0)
}

impl Inner {
    pub(crate) fn next_number(&self) -> u32 {
        self.sequence.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn netns(&self, place: Where) -> Result<Netns, LabError> {
        let state = lock(&self.state);
        match place {
            Where::Fabric => Ok(self.fabric.clone()),
            Where::Server => state.seat().map(|seat| seat.netns.clone()),
            Where::Host(node) => state.node(node).map(|node| node.host.clone()),
            Where::Pod(pod) => state.node(pod.node)?.pod(pod).map(|pod| pod.netns.clone()),
        }
    }

    fn server_seat(&self) -> ServerSeat {
        lock(&self.state).seat().cloned().expect("a cluster is handed out with its server seated")
    }
}

impl Drop for Inner {
    /// All are told to end before any is waited for.
    fn drop(&mut self) {
        let processes = std::mem::take(&mut lock(&self.state).processes);
        for process in &processes {
            process.kill_later();
        }
        for process in &processes {
            process.kill();
        }
    }
}

/// Locks for data that a panic cannot leave half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
