//! Faults of the network between real Nodes.

use std::time::Duration;

use crate::command::{Undo, nodes};
use crate::installation::Installation;
use crate::kube;

e2e::tests!(
    a_nodes_cable_that_is_pulled_is_that_node,
    a_port_that_is_dropped_on_a_node_is_that_port,
    a_wrong_route_on_one_node_is_the_pair_of_nodes,
    an_agent_behind_a_masquerade_is_named_with_the_reason_until_it_is_repaired,
    probes_leave_no_line_in_the_logs_of_the_nodes,
);

/// At the default interval.
const NAMED_WITHIN: Duration = Duration::from_secs(15);
/// Nothing else may open in this time.
const STAYS: Duration = Duration::from_secs(10);
/// Retries end, everybody looks again.
const HEALED_WITHIN: Duration = Duration::from_secs(40);

/// A node that does not carry the server.
fn victim(mesh: &Installation) -> String {
    let server = mesh.server_node();
    kube::nodes().into_iter().find(|node| *node != server).unwrap()
}

async fn a_nodes_cable_that_is_pulled_is_that_node() {
    let mesh = Installation::make("mesh-cable", &[]).await;
    let node = victim(&mesh);
    let id = format!("node_down/{node}");
    let plug = Undo::on_nodes(&["plug", &node]);
    nodes(&["unplug", &node]);
    mesh.open_are(&[&id], NAMED_WITHIN).await;
    mesh.pass(STAYS, &[&id]).await;
    drop(plug);
    mesh.open_are(&[], HEALED_WITHIN).await;
    mesh.full(kube::nodes().len()).await;
    mesh.opened_were(&[&id]).await;
}

async fn a_port_that_is_dropped_on_a_node_is_that_port() {
    let mesh = Installation::make("mesh-port", &[]).await;
    let node = victim(&mesh);
    let id = format!("port_filtered/{node}/10256");
    let rules =
        "table inet suite { chain input { type filter hook input priority -5; tcp dport 10256 drop; }; }";
    let open = Undo::on_nodes(&["on", &node, "nft", "delete table inet suite"]);
    nodes(&["on", &node, "nft", rules]);
    mesh.open_are(&[&id], NAMED_WITHIN).await;
    mesh.pass(STAYS, &[&id]).await;
    drop(open);
    mesh.open_are(&[], HEALED_WITHIN).await;
    mesh.opened_were(&[&id]).await;
}

async fn a_wrong_route_on_one_node_is_the_pair_of_nodes() {
    let mesh = Installation::make("mesh-route", &[]).await;
    let server = mesh.server_node();
    // Agents that do not reach the server either would be another fault.
    let mut agents = kube::pods(&mesh.namespace, "agent");
    agents.retain(|agent| agent.node != server);
    let (one, other) = (&agents[0], &agents[1]);
    let range = format!("{}.0/24", other.address.rsplit_once('.').unwrap().0);
    let right = nodes(&["on", &one.node, "ip", "route", "show", &range]);
    let right: Vec<&str> = right.split_whitespace().collect();
    let replace = ["on", &one.node, "ip", "route", "replace"];
    let back = Undo::on_nodes(&[&replace, &right[..]].concat());
    // Requests and replies to the other node's pods vanish here: neither of the two pods reaches the other, nor does the other
    // pod reach this node.
    nodes(&[&replace[..], &["blackhole", &range]].concat());
    let id = format!("pair_cut/{}>{}", one.node, other.node);
    let sorted = [&one.node, &other.node];
    assert!(sorted.is_sorted());
    mesh.open_are(&[&id], NAMED_WITHIN).await;
    mesh.pass(STAYS, &[&id]).await;
    drop(back);
    mesh.open_are(&[], HEALED_WITHIN).await;
    mesh.opened_were(&[&id]).await;
}

/// The time in which open connections are reset, so that the agent makes new ones: it heartbeats every 5 s.
const RESET_FOR: Duration = Duration::from_secs(6);
/// The resets, the TTL of 15 s, and what judging takes.
const REFUSED_WITHIN: Duration = Duration::from_secs(30);

async fn an_agent_behind_a_masquerade_is_named_with_the_reason_until_it_is_repaired() {
    let mesh = Installation::make("mesh-masquerade", &[]).await;
    let node = victim(&mesh);
    let agent = kube::pods(&mesh.namespace, "agent").into_iter().find(|pod| pod.node == node).unwrap();
    let to_server = format!("ip saddr {} tcp dport 8080", agent.address);
    // Before the rules of Kubernetes, which masquerade what they marked.
    let rules = format!(
        "table ip suite_nat {{ chain postrouting {{ type nat hook postrouting priority 90; {to_server} masquerade; }}; }}"
    );
    let repair = Undo::on_nodes(&["on", &node, "nft", "delete table ip suite_nat"]);
    nodes(&["on", &node, "nft", &rules]);
    let rules = format!(
        "table ip suite_reset {{ chain forward {{ type filter hook forward priority -5; {to_server} reject with tcp reset; }}; }}"
    );
    let resets_end = Undo::on_nodes(&["on", &node, "nft", "delete table ip suite_reset"]);
    nodes(&["on", &node, "nft", &rules]);
    tokio::time::sleep(RESET_FOR).await;
    drop(resets_end);
    let id = format!("agent_down/{node}");
    let took = mesh.open_are(&[&id], REFUSED_WITHIN).await;
    println!("named {:.1} s after the masquerade began", (RESET_FOR + took).as_secs_f64());
    mesh.pass(STAYS, &[&id]).await;
    let message = mesh.watch.find(&id).unwrap().body.message;
    assert!(message.contains("is refused, since "), "{message}");
    assert!(message.contains("which is no address of its pod: exclude the way"), "{message}");
    // Connections that are open stay translated.
    drop(repair);
    mesh.open_are(&[], HEALED_WITHIN).await;
    mesh.full(kube::nodes().len()).await;
    mesh.opened_were(&[&id]).await;
}

async fn probes_leave_no_line_in_the_logs_of_the_nodes() {
    let mesh = Installation::make("mesh-logs", &[]).await;
    let names = kube::nodes();
    let logs = || -> Vec<(String, String)> {
        let of = |program: &'static str| {
            names.iter().map(move |node| (format!("{program} on {node}"), nodes(&["log", node, program])))
        };
        of("kubelet").chain(of("kube-proxy")).collect()
    };
    let addresses: Vec<String> =
        kube::pods(&mesh.namespace, "agent").into_iter().map(|pod| pod.address).collect();
    let caused = |line: &&str| {
        line.contains("10256")
            || line.contains("handshake")
            || addresses.iter().any(|address| line.contains(&**address))
    };
    // What starting pods writes is written by then.
    tokio::time::sleep(Duration::from_secs(20)).await;
    let before = logs();
    tokio::time::sleep(Duration::from_mins(1)).await;
    for ((whose, before), (_, after)) in before.into_iter().zip(logs()) {
        assert!(!before.is_empty(), "{whose}");
        let new = after.strip_prefix(&before).unwrap_or(&after);
        let lines: Vec<&str> = new.lines().filter(caused).collect();
        assert!(lines.is_empty(), "{whose}: {lines:?}");
    }
}
