use super::*;
use crate::address::Place;
use crate::spec::{Families, NodeId};

fn seat() -> AgentSeat {
    let node = NodeId(3);
    AgentSeat {
        node_name: "node-3".to_owned(),
        pod_name: "meshvane-agent-node-3-1".to_owned(),
        zone: Zone(1),
        host: Place::zone(Zone(1)).host(node, Families::Both),
        pod: Place::pods(node).member(2, Families::Both),
        server_url: "http://10.80.0.2:8080".to_owned(),
        service: Some("web.test:80".to_owned()),
    }
}

#[test]
fn an_agent_is_told_what_a_daemon_set_would_tell_it() {
    let told = agent_environment(BTreeMap::new(), &seat());
    let rows = [
        ("NODE_NAME", "node-3"),
        ("NODE_IP", "10.80.1.13"),
        ("HOST_IPS", "10.80.1.13,fd80:1::d"),
        ("POD_IP", "10.81.3.2"),
        ("POD_IPS", "10.81.3.2,fd81:3::2"),
        ("POD_NAME", "meshvane-agent-node-3-1"),
        ("MESHVANE_ZONE", "zone-1"),
        ("SERVER_URL", "http://10.80.0.2:8080"),
        ("TEST_PORT", "10256"),
        ("CUSTOM_SERVICE_NAME", "web.test:80"),
    ];
    for (name, value) in rows {
        assert_eq!(told.get(&OsString::from(name)), Some(&OsString::from(value)), "{name}");
    }
    assert_eq!(told.len(), rows.len());
    let without = agent_environment(BTreeMap::new(), &AgentSeat { service: None, ..seat() });
    assert_eq!(without.len(), rows.len() - 1);
}

#[test]
fn the_caller_may_add_replace_and_remove_variables() {
    let told = agent_environment(BTreeMap::new(), &seat());
    let changes = Environment::new().with("NODE_IP", "bad").with("EXTRA", "1").without("POD_IP");
    let all = changes.applied_to(&told);
    assert_eq!(all.get(&OsString::from("NODE_IP")), Some(&OsString::from("bad")));
    assert_eq!(all.get(&OsString::from("EXTRA")), Some(&OsString::from("1")));
    assert_eq!(all.get(&OsString::from("POD_IP")), None);
}

#[test]
fn every_process_knows_that_it_is_in_a_sandbox_and_in_which_kubernetes_namespace() {
    let told = base_environment();
    assert_eq!(told.get(&OsString::from(MARKER)), Some(&OsString::from("inside")));
    assert_eq!(told.get(&OsString::from("NAMESPACE")), Some(&OsString::from("kube-system")));
}
