//! What the program leaves behind: nothing.

use std::collections::BTreeSet;

use crate::command::{must, run};
use crate::installation::{Installation, uninstall};
use crate::kube::kubectl;

e2e::tests!(after_it_was_taken_out_the_cluster_is_as_before);

/// Kinds that come and go by themselves.
const ALIVE_BY_THEMSELVES: [&str; 5] = [
    "events",
    "events.events.k8s.io",
    "leases.coordination.k8s.io",
    "endpointslices.discovery.k8s.io",
    "endpoints",
];

/// Everything that is in the cluster, by kind, namespace and name.
fn everything() -> BTreeSet<String> {
    let kinds = kubectl(&["api-resources", "--verbs=list", "-o", "name"]);
    let mut found = BTreeSet::new();
    for kind in kinds.lines().filter(|kind| !ALIVE_BY_THEMSELVES.contains(kind)) {
        // A kind that was just taken out cannot be listed any more.
        let listed = run("kubectl", &["get", kind, "-A", "--no-headers", "-o", NAMES], "");
        found.extend(listed.stdout.lines().map(|line| format!("{kind} {line}")));
    }
    found
}

const NAMES: &str = "custom-columns=NAMESPACE:.metadata.namespace,NAME:.metadata.name";

async fn after_it_was_taken_out_the_cluster_is_as_before() {
    let before = everything();
    assert!(before.iter().any(|line| line.starts_with("nodes ")), "{before:?}");
    let mesh = Installation::make("mesh-traces", &[]).await;
    must("helm", &["test", "meshvane", "-n", &mesh.namespace, "--timeout", "90s"], "");
    let meanwhile = everything();
    assert!(meanwhile.len() > before.len() + 5);
    uninstall(&mesh.namespace);
    let after = everything();
    let left: Vec<&String> = after.difference(&before).collect();
    let lost: Vec<&String> = before.difference(&after).collect();
    assert!(left.is_empty() && lost.is_empty(), "left behind {left:?}, taken along {lost:?}");
}
