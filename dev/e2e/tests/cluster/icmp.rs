//! Echo without a capability, and what is said where it is not permitted.

use std::time::Duration;

use meshvane_shared::wire::matrix::CellWord;

use crate::installation::{Installation, helm, make_namespace};
use crate::kube::{self, LOOK_EVERY, until};

e2e::tests!(
    echo_works_without_a_capability,
    echo_that_is_not_permitted_is_said_and_nobody_is_called_unreachable
);

/// Agents begin to measure within this.
const SEEN_WITHIN: Duration = Duration::from_mins(1);

async fn echo_works_without_a_capability() {
    let mesh = Installation::make("mesh-echo", &[]).await;
    let daemonset = kube::json(&["-n", &mesh.namespace, "get", "daemonset", "meshvane-agent"]);
    let container = &daemonset["spec"]["template"]["spec"]["containers"][0]["securityContext"];
    assert_eq!(container["capabilities"]["drop"][0], "ALL", "{container}");
    assert!(container["capabilities"]["add"].is_null(), "{container}");
    assert_eq!(container["allowPrivilegeEscalation"], false, "{container}");
    for view in ["plane=host&check=icmp", "plane=pod&check=icmp"] {
        let matrix = mesh.api.matrix(view).await.unwrap();
        let reached = matrix.cells.iter().flatten().filter(|cell| cell.outcome == CellWord::Reached).count();
        assert_eq!(reached, matrix.from.len() * (matrix.from.len() - 1), "{view}");
    }
}

async fn echo_that_is_not_permitted_is_said_and_nobody_is_called_unreachable() {
    let namespace = "mesh-no-echo";
    make_namespace(namespace);
    // A group that the agents are not in.
    helm(&["install"], namespace, &["agent.pingGroupRange=1 0"]);
    let mesh = Installation::attach(namespace);
    let nodes = kube::nodes().len();
    let count = async |check: &str, word: CellWord| {
        let mut count = 0;
        for plane in ["host", "pod"] {
            let matrix = mesh.api.matrix(&format!("plane={plane}&check={check}&family=ipv4")).await;
            let cells = matrix.into_iter().flat_map(|matrix| matrix.cells).flatten();
            count += cells.filter(|cell| cell.outcome == word).count();
        }
        count
    };
    let all = 2 * nodes * (nodes - 1);
    until("echo is unmeasured and TCP answers", SEEN_WITHIN, async || {
        count("icmp", CellWord::Unmeasured).await == all && count("tcp", CellWord::Reached).await == all
    })
    .await;
    mesh.open_are(&["not_measurable/all/icmp"], SEEN_WITHIN).await;
    let clock = e2e::clock::Stopwatch::start();
    while clock.elapsed() < Duration::from_secs(12) {
        assert_eq!(count("icmp", CellWord::Unreached).await, 0);
        tokio::time::sleep(LOOK_EVERY).await;
    }
    // Those that came first are named one by one, until all have said it.
    let others = mesh.watch.seen().into_iter().map(|seen| seen.body.id);
    let others: Vec<String> = others.filter(|id| !id.starts_with("not_measurable/")).collect();
    assert!(others.is_empty(), "{others:?}");
}
