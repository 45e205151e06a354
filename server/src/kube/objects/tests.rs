use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;
use crate::config::ApiServer;
use crate::mesh::context::Selector;

fn config() -> KubernetesConfig {
    KubernetesConfig {
        api: ApiServer {
            url: String::new(),
            ca_file: None,
            token_file: None,
            namespace_file: PathBuf::new(),
        },
        audience: "meshvane".to_owned(),
        namespace: None,
        agent_account: "meshvane-agent".to_owned(),
        agent_nodes: Selector::parse("kubernetes.io/os=linux").unwrap(),
        agent_tolerations: serde_json::from_str(r#"[{"key": "dedicated", "operator": "Exists"}]"#).unwrap(),
        terminating_taints: vec!["karpenter.sh/disrupted".to_owned()],
    }
}

fn reduced<T: Object>(object: Value) -> Option<T::Kept> {
    serde_json::from_value::<T>(object).unwrap().reduce(&config())
}

fn node(spec: &Value, ready: &str) -> Node {
    let object = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {
            "name": "node-1", "uid": "u", "creationTimestamp": "2026-11-21T10:00:00Z", "resourceVersion": "7",
            "labels": {"kubernetes.io/os": "linux", "topology.kubernetes.io/zone": "zone-1"},
            "managedFields": [{"manager": "kubelet"}]
        },
        "spec": spec,
        "status": {"conditions": [{"type": "MemoryPressure", "status": "False"}, {"type": "Ready", "status": ready}], "images": [{}]}
    });
    reduced::<NodeObject>(object).unwrap()
}

#[test]
fn a_node_is_reduced_to_what_we_use() {
    let plain = node(&json!({}), "True");
    assert_eq!(plain.zone, Some(Zone::parse("zone-1").unwrap()));
    assert_eq!(plain.created.to_rfc3339(), "2026-11-21T10:00:00+00:00");
    assert!(plain.selected && !plain.deleting && !plain.cordoned && !plain.not_ready && !plain.terminating);
    let taint = |key: &str| json!({"taints": [{"key": key, "effect": "NoSchedule"}]});
    for (spec, ready, expected) in [
        (json!({"unschedulable": true}), "True", (true, false, false)),
        (json!({}), "False", (false, true, false)),
        (json!({}), "Unknown", (false, true, false)),
        (taint("node.kubernetes.io/unreachable"), "True", (false, true, false)),
        (taint("karpenter.sh/disrupted"), "True", (false, false, true)),
        (taint("dedicated"), "True", (false, false, false)),
    ] {
        let node = node(&spec, ready);
        assert_eq!((node.cordoned, node.not_ready, node.terminating), expected, "{spec} {ready}");
    }
    assert!(node(&taint("dedicated"), "True").selected, "the agents tolerate it");
    assert!(!node(&taint("gpu"), "True").selected);
}

fn pod(phase: &str, account: &str) -> Value {
    json!({
        "metadata": {"name": "agent-1", "uid": "p"},
        "spec": {"nodeName": "node-1", "serviceAccountName": account},
        "status": {"phase": phase, "podIPs": [{"ip": "10.1.0.1"}, {"ip": "fd00::1"}], "hostIPs": [{"ip": "10.0.0.1"}]}
    })
}

#[test]
fn a_pod_of_the_agents_is_kept_with_its_addresses() {
    let kept = reduced::<PodObject>(pod("Running", "meshvane-agent")).unwrap();
    assert_eq!(kept.node.as_str(), "node-1");
    assert_eq!(kept.addresses, ["10.1.0.1", "fd00::1"].map(|text| text.parse::<IpAddr>().unwrap()));
    assert!(!kept.changing);
    assert!(reduced::<PodObject>(pod("Pending", "meshvane-agent")).unwrap().changing);
    let mut deleted = pod("Running", "meshvane-agent");
    deleted["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:00:00Z");
    assert!(reduced::<PodObject>(deleted).unwrap().changing);
}

#[test]
fn a_pod_that_ended_has_no_address_any_more() {
    for phase in ["Succeeded", "Failed"] {
        assert!(reduced::<PodObject>(pod(phase, "meshvane-agent")).unwrap().addresses.is_empty(), "{phase}");
    }
}

#[test]
fn other_pods_and_those_without_a_node_are_not_kept() {
    assert_eq!(reduced::<PodObject>(pod("Running", "default")), None);
    let mut waiting = pod("Pending", "meshvane-agent");
    waiting["spec"] = json!({"serviceAccountName": "meshvane-agent"});
    assert_eq!(reduced::<PodObject>(waiting), None);
}

#[test]
fn an_empty_page_may_be_null_or_missing() {
    for text in
        [r#"{"metadata":{"resourceVersion":"1"},"items":null}"#, r#"{"metadata":{"resourceVersion":"1"}}"#]
    {
        let page: Page<PodObject> = serde_json::from_str(text).unwrap();
        assert!(page.items.is_none());
    }
}
