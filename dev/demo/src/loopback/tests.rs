//! Addresses and settings of processes on loopback.

use std::collections::BTreeSet;

use super::*;

fn settings() -> Settings {
    Settings {
        executable: "/demo".into(),
        directory: tempfile::tempdir().unwrap(),
        api_port: 8080,
        health_port: 40001,
        metrics_port: 40002,
    }
}

fn variable(settings: &Settings, role: Role, name: &str) -> Option<String> {
    settings.environment(role).into_iter().find(|(other, _)| *other == name).map(|(_, value)| value)
}

#[test]
fn every_node_and_pod_has_an_address_of_its_own_in_127() {
    let nodes = (1..=12).map(NodeId);
    let all: BTreeSet<_> = nodes.flat_map(|node| [host_address(node), pod_address(node)]).collect();
    assert_eq!(all.len(), 24);
    assert!(all.iter().all(|address| address.is_loopback() && *address != Ipv4Addr::LOCALHOST));
}

#[test]
fn an_agent_is_told_its_own_addresses_and_listens_on_its_pods() {
    let settings = settings();
    let agent = Role::Agent(NodeId(3));
    let told = |name: &str| variable(&settings, agent, name).unwrap();
    assert_eq!(told("NODE_NAME"), "node-3");
    assert_eq!(told("NODE_IP"), "127.0.1.3");
    assert_eq!(told("POD_IP"), "127.0.2.3");
    assert_eq!(told("MESHVANE_BIND_ADDRESS"), "127.0.2.3");
    assert_eq!(told("SERVER_URL"), "http://127.0.0.1:8080");
    assert_eq!(told("TEST_PORT"), "10256");
}

#[test]
fn server_and_agents_share_a_token_and_nobody_opens_the_door_without() {
    let settings = settings();
    for role in [Role::Server, Role::Agent(NodeId(1))] {
        assert_eq!(
            variable(&settings, role, "MESHVANE_TOKEN_FILE").unwrap(),
            settings.directory.path().join("token").display().to_string()
        );
        assert_eq!(variable(&settings, role, "MESHVANE_AUTH"), None);
    }
}

#[test]
fn the_server_is_reached_from_this_machine_alone() {
    let settings = settings();
    assert_eq!(variable(&settings, Role::Server, "MESHVANE_BIND_ADDRESS").unwrap(), "127.0.0.1");
    assert_eq!(variable(&settings, Role::Server, "HTTP_PORT").unwrap(), "8080");
}

#[test]
fn the_token_is_random_and_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let directory = tempfile::tempdir().unwrap();
    let (first, second) = (directory.path().join("first"), directory.path().join("second"));
    write_token(&first).unwrap();
    write_token(&second).unwrap();
    assert_eq!(std::fs::metadata(&first).unwrap().permissions().mode() & 0o777, 0o600);
    let tokens = [first, second].map(|path| std::fs::read_to_string(path).unwrap());
    assert_eq!(tokens[0].trim().len(), 64);
    assert_ne!(tokens[0], tokens[1]);
}

#[tokio::test]
async fn scenarios_of_the_network_are_refused_with_the_reason() {
    for scenario in Scenario::ALL {
        let mut nobody = BTreeMap::new();
        let refused = settings().break_in(scenario, &mut nobody).await.unwrap_err().to_string();
        let named = format!("scenario {scenario} cannot be played on loopback addresses: ");
        assert_eq!(refused.starts_with(&named), needs_namespaces(scenario).is_some(), "{refused}");
    }
}
