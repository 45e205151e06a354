//! A cluster like Kubernetes' in the network namespaces of one Linux machine: nodes, pods and a server that are
//! real processes on a real network stack, and faults to break them with. For tests and demonstrations.
//!
//! It runs as root and, the same, as an ordinary user, and leaves nothing behind: all of it lives in a
//! [`sandbox`] of the program's own, which ends with the program.
//!
//! ```text
//!                     fabric (a router)
//!        ┌─────────────────┬───────┴─────────────────┐
//!     zone-0            zone-1                    zone-2             bridges; the gateway is .1
//!  10.80.0.0/24      10.80.1.0/24              10.80.2.0/24
//!   fd80::/64         fd80:1::/64               fd80:2::/64
//!        │             │          │                  │
//!      eth0          eth0       eth0               eth0
//!     server        node-1     node-3             node-2             10.80.Z.(10+K), listening on port 10256
//!   10.80.0.2          │          │                  │
//!                    cni0       cni0               cni0              10.81.K.1, fd81:K::1
//!                      │          │                │   │
//!                    eth0       eth0             eth0 eth0
//!                     pod        pod              pod  pod           10.81.K.2, 10.81.K.3, ...
//! ```
//!
//! Every box is a network namespace, every line a pair of veth links. Both families everywhere unless told
//! otherwise. Nodes forward and nobody masquerades: a pod is seen by its own address. The fabric is a namespace of
//! the cluster's own, so that several clusters do not meet and end without traces: a namespace is kept by an open
//! file alone (no mounts), and the kernel removes its links when the last one closes.
//!
//! A program enters first and builds then:
//!
//! ```no_run
//! use lab::{Cluster, Environment, NodeId, Program, Spec, sandbox};
//!
//! fn main() -> std::process::ExitCode {
//!     match sandbox::enter(None) {
//!         Ok(sandbox::Entry::Inside(_)) => {}
//!         Ok(sandbox::Entry::Finished(code)) => return code,
//!         Err(refused) => panic!("{refused}"),
//!     }
//!     let cluster = Cluster::build(&Spec::nodes(3)).unwrap();
//!     let agent = Program { path: "/usr/bin/meshvane-agent".into(), args: Vec::new() };
//!     cluster.start_agent(NodeId(1), &agent, &Environment::new()).unwrap();
//!     let broken = cluster.node_down(NodeId(1)).unwrap();
//!     broken.heal().unwrap();
//!     std::process::ExitCode::SUCCESS
//! }
//! ```
//!
//! # Names and services
//!
//! A [`Service`] and a [`DnsServer`] are made beside the server, in zone 0, where no fault of a node is. They are made to
//! behave badly by their handles, towards everybody or towards one node. Agents ask the name servers that
//! [`Cluster::set_resolv_conf`] names, which each of them finds mounted over its `/etc/resolv.conf`.
//! [`Cluster::add_backend`] does all that for one service, which agents are then told to check, and which faults know.
//!
//! Delay is to be had from a [`DnsAnswer::Slow`] alone: kernels without the `netem` discipline delay no packets.
//!
//! # Adding a fault
//!
//! Write a method of [`Cluster`] in `fault.rs` or a file below `fault/` that returns a [`Broken`]. Most are one call
//! of [`Cluster::filter`] with `nft` rules or of [`Cluster::link_down`]; combine several with [`Broken::before`].
//! To give users a name for it, add a line to the catalogue, [`Scenario`], and apply it in
//! [`Cluster::apply`].

mod address;
mod cluster;
mod error;
mod fault;
mod launch;
mod netlink;
mod netns;
mod process;
pub mod sandbox;
mod spec;

pub use address::{Addresses, Family, OUTSIDE, Subnet};
pub use cluster::{Cluster, GRACE, HOST_PORT, MAX_RELAYED, NodeInfo, Outsider, PodInfo, Relay, SERVER_PORT};
pub use error::LabError;
pub use fault::{
    AGENT_PORT, Asker, Block, Broken, CutPlane, DnsAnswer, DnsBehaviour, DnsServer, FamilyAt, IcmpAt, PortAt,
    Server, Service, Side,
};
pub use faults::{Scenario, UnknownScenario};
pub use launch::{Environment, Launch, Program, Role};
pub use process::{Process, Usage};
pub use spec::{
    Families, MAX_NODES, MAX_PODS_PER_NODE, MAX_ZONES, NodeId, NodeSpec, Ping, PodId, ServerPlace, Spec,
    Where, Zone,
};
