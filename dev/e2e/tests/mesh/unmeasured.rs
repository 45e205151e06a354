//! Agents that cannot measure: real kernels that refuse them, and what becomes of the findings that they made.

use std::net::{IpAddr, SocketAddr};
use std::process::Command;
use std::time::Duration;

use e2e::api::VIEWS;
use e2e::mesh::{FULL_MESH_WITHIN, Mesh};
use lab::{Broken, Families, NodeId, PodId, Spec, Where};
use meshvane_agent::probe::{Answer, icmp, tcp};
use meshvane_shared::address::Family;
use meshvane_shared::outcome::{Cause, Reason};
use meshvane_shared::wire::matrix::CellWord;

e2e::tests!(
    a_node_that_died_stays_named_while_no_agent_can_measure_it,
    what_the_kernel_refuses_us_is_unmeasured_with_its_reason,
);

/// Agents that look at the node that dies.
const OBSERVERS: [NodeId; 3] = [NodeId(1), NodeId(2), NodeId(4)];
/// What a firewall of an agent's own machine may drop: all echo requests.
const ECHO_DROPPED: &str = "chain output {\ntype filter hook output priority filter; policy accept;\n\
                            icmp type echo-request drop\n}\n";

/// Sets the soft limit of descriptors of a node's agent: those that are open stay, no other can be had.
fn limit_descriptors(mesh: &Mesh, node: NodeId, limit: &str) {
    let pid = mesh.cluster.agents(node).pop().unwrap().pid().to_string();
    let done = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={limit}:")]).status();
    assert!(done.unwrap().success(), "prlimit of util-linux sets limits");
}

/// What the observers say of the third node, in all views.
async fn said_of_the_dead(mesh: &Mesh) -> Vec<CellWord> {
    let mut said = Vec::new();
    for view in VIEWS {
        let matrix = mesh.api.matrix(view).await.unwrap();
        let dead = matrix.to.iter().position(|name| name == "node-3").unwrap();
        for observer in ["node-1", "node-2", "node-4"] {
            let row = matrix.from.iter().position(|name| name.as_str() == observer).unwrap();
            said.push(matrix.cells[row][dead].outcome);
        }
    }
    said
}

async fn a_node_that_died_stays_named_while_no_agent_can_measure_it() {
    // Of IPv4 alone: the kernel does not tell an ICMPv6 socket that a rule dropped what it sent.
    let mesh = Mesh::build(&Spec { families: Families::V4, ..Spec::nodes(4) });
    mesh.start_server();
    mesh.start_agents();
    mesh.until("a full mesh", FULL_MESH_WITHIN, async |mesh| {
        mesh.api.is_full_mesh_in(4, &[Family::Ipv4]).await
    })
    .await;
    let dead = mesh.cluster.node_down(NodeId(3)).unwrap();
    mesh.open_are(&["node_down/node-3"], Duration::from_secs(8)).await;
    let since = mesh.watch.find("node_down/node-3").unwrap().body.since;
    let blind: Vec<Broken> = OBSERVERS
        .iter()
        .map(|node| {
            limit_descriptors(&mesh, *node, "3");
            mesh.cluster.filter(Where::Pod(mesh.pod(*node)), ECHO_DROPPED).unwrap()
        })
        .collect();
    mesh.until("all say that they cannot measure it", Duration::from_secs(16), async |mesh| {
        said_of_the_dead(mesh).await.iter().all(|word| *word == CellWord::Unmeasured)
    })
    .await;
    // Longer than everything takes to become stale.
    for _ in 0..40 {
        mesh.pass(Duration::from_millis(500)).await;
        assert!(mesh.watch.open().contains(&"node_down/node-3".to_owned()), "{:?}", mesh.watch.open());
        let said = said_of_the_dead(&mesh).await;
        assert!(said.iter().all(|word| *word == CellWord::Unmeasured), "{said:?}");
    }
    // They see again: it is the same failure, and nothing answered in between.
    for broken in blind {
        broken.heal_soon().await.unwrap();
    }
    for node in OBSERVERS {
        limit_descriptors(&mesh, node, "1024");
    }
    mesh.open_are(&["node_down/node-3"], Duration::from_secs(20)).await;
    mesh.pass(Duration::from_secs(11)).await;
    assert_eq!(mesh.watch.open(), ["node_down/node-3"]);
    let moved = mesh.watch.find("node_down/node-3").unwrap().body.since - since;
    assert!(
        moved.num_milliseconds().abs() < 500,
        "{moved}: an age is told in milliseconds, and arrives a little later"
    );
    dead.heal_soon().await.unwrap();
    mesh.open_are(&[], Duration::from_secs(20)).await;
    let named = mesh.watch.ids_since(Duration::ZERO);
    assert!(
        named.iter().all(|id| id == "node_down/node-3" || id.starts_with("not_measurable/")),
        "{named:?}"
    );
}

/// What an engine gives in a pod.
async fn asked(mesh: &Mesh, pod: PodId, question: Engine, address: IpAddr) -> Answer {
    let ask = async move || match question {
        Engine::Icmp => icmp::Pingers::new(icmp::open_socket, 1).ask(address).await,
        Engine::Tcp => tcp::ask(SocketAddr::new(address, lab::HOST_PORT)).await,
    };
    mesh.cluster.run_in(Where::Pod(pod), ask).await.unwrap()
}

#[derive(Clone, Copy)]
enum Engine {
    Icmp,
    Tcp,
}

async fn what_the_kernel_refuses_us_is_unmeasured_with_its_reason() {
    let mesh = Mesh::build(&Spec::nodes(2));
    let pod = mesh.cluster.add_pod(NodeId(1), lab::Ping::Permitted).unwrap();
    let other = mesh.cluster.node(NodeId(2)).unwrap().host.primary();
    for engine in [Engine::Icmp, Engine::Tcp] {
        let answer = asked(&mesh, pod, engine, other).await;
        assert!(matches!(answer, Answer::Reached { .. }), "{answer:?}");
    }
    let dropped = mesh.cluster.filter(Where::Pod(pod), ECHO_DROPPED).unwrap();
    assert_eq!(asked(&mesh, pod, Engine::Icmp, other).await, Answer::Unmeasured(Reason::Blocked));
    dropped.heal_soon().await.unwrap();
    // Every local port is taken.
    let no_ports = || {
        std::fs::write("/proc/sys/net/ipv4/ip_local_port_range", "40000 40001").unwrap();
        std::fs::write("/proc/sys/net/ipv4/ip_local_reserved_ports", "40000-40001").unwrap();
    };
    mesh.cluster.in_namespace(Where::Pod(pod), no_ports).unwrap();
    assert_eq!(asked(&mesh, pod, Engine::Tcp, other).await, Answer::Unmeasured(Reason::NoResource));
    // A route that is missing, or leads nowhere, is the network's.
    let route = |kind: &str| {
        let done = Command::new("ip").args(["route", "add", kind, "203.0.113.9"]).status().unwrap();
        assert!(done.success(), "ip of iproute2 adds routes");
    };
    let nowhere = "203.0.113.9".parse().unwrap();
    for kind in ["blackhole", "unreachable"] {
        mesh.cluster.in_namespace(Where::Pod(pod), || route(kind)).unwrap();
        for engine in [Engine::Icmp, Engine::Tcp] {
            assert_eq!(asked(&mesh, pod, engine, nowhere).await, Answer::Failed(Cause::NoRoute), "{kind}");
        }
        let undo = || Command::new("ip").args(["route", "del", kind, "203.0.113.9"]).status().unwrap();
        assert!(mesh.cluster.in_namespace(Where::Pod(pod), undo).unwrap().success());
    }
}
