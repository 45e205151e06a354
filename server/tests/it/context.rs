//! What Kubernetes says beside the agents, as the API shows it.

use std::time::Duration;

use axum::http::StatusCode;
use meshvane_server::check::check;
use meshvane_server::config::{CheckConfig, CheckUrl};
use serde_json::{Value, json};

use crate::fake_kube::{FakeKube, node, pod_address, token};
use crate::support::{Server, client_builder};

/// Reads the agents until they are as expected, which the test's own time limit bounds.
async fn agents_until(server: &Server, expected: impl Fn(&Value) -> bool) -> Value {
    loop {
        let agents = server.json("/api/v1/agents").await;
        if expected(&agents) {
            return agents;
        }
        tokio::task::yield_now().await;
    }
}

/// Lets an agent's pod send a heartbeat.
async fn hear(server: &Server, number: u8, token: &str) {
    let mut body = crate::support::heartbeat(number);
    body["pod_ip"] = json!(pod_address(number));
    post(server, number, token, "/api/v1/heartbeat", &body).await;
}

/// Lets an agent's pod send a round.
async fn report(server: &Server, number: u8, token: &str) {
    let body = json!({
        "node": format!("node-{number}"), "boot_id": format!("boot-{number}"), "sequence": 1,
        "plan": {"epoch": "0000000000000000", "generation": 1}, "interval_ms": 5000, "targets": [], "cells": []
    });
    post(server, number, token, "/api/v1/rounds", &body).await;
}

async fn post(server: &Server, number: u8, token: &str, path: &str, body: &Value) {
    let client = client_builder().local_address(Some(pod_address(number).parse().unwrap())).build().unwrap();
    let request = client.post(server.url(path)).bearer_auth(token).body(body.to_string());
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_label_of_the_node_is_the_zone_and_its_state_is_context() {
    let kube = FakeKube::start().await;
    let token = kube.agent(1);
    let server = Server::start(kube.config()).await;
    hear(&server, 1, &token).await;
    let agents = agents_until(&server, |agents| agents["agents"][0]["zone"] == "zone-1").await;
    assert_eq!(agents["agents"][0]["context"], json!([]));
    let mut drained = node(1);
    drained["spec"] = json!({"unschedulable": true, "taints": [{"key": "gone-soon"}]});
    drained["status"]["conditions"][0]["status"] = json!("Unknown");
    drained["metadata"]["labels"]["topology.kubernetes.io/zone"] = json!("zone-9");
    kube.put("nodes", drained);
    let context = json!(["cordoned", "not_ready", "terminating"]);
    agents_until(&server, |agents| agents["agents"][0]["context"] == context).await;
    agents_until(&server, |agents| agents["agents"][0]["zone"] == "zone-9").await;
}

#[tokio::test]
async fn nodes_without_an_agent_are_listed_by_whether_they_need_one() {
    let kube = FakeKube::start().await;
    let token = kube.agent(1);
    kube.put("nodes", node(2));
    let mut windows = node(3);
    windows["metadata"]["labels"] = json!({"os": "windows"});
    kube.put("nodes", windows);
    let server = Server::start(kube.config()).await;
    hear(&server, 1, &token).await;
    let agents = agents_until(&server, |agents| agents["cluster"]["nodes"]["state"] == "live").await;
    let cluster = &agents["cluster"];
    assert_eq!(cluster["pods"], json!({"state": "live"}));
    assert_eq!(
        (&cluster["awaited"], &cluster["not_covered"], &cluster["uncovered"]),
        (&json!(["node-2"]), &json!(["node-3"]), &json!([])),
        "the server has just begun"
    );
}

#[tokio::test]
async fn a_check_waits_for_every_agent_and_says_who_is_missing() {
    let kube = FakeKube::start().await;
    let (one, two) = (kube.agent(1), kube.agent(2));
    kube.let_read("system:serviceaccount:monitoring:test");
    let reader = token(
        &json!({"aud": ["meshvane"], "exp": 4_000_000_000_u64, "sub": "system:serviceaccount:monitoring:test"}),
    );
    kube.confirm(&reader, "system:serviceaccount:monitoring:test", &json!({}), &["meshvane"]);
    let server = Server::start(kube.config()).await;
    let config = |token: &str, seconds| CheckConfig {
        url: CheckUrl { tls: false, host: "127.0.0.1".to_owned(), port: server.addresses.api.port() },
        token_file: Some(crate::support::file(token)),
        ca_file: None,
        wait: Duration::from_secs(seconds),
    };
    hear(&server, 1, &one).await;
    let wrong = check(&config("garbage", 1)).await.unwrap_err();
    assert!(wrong.contains("the server answers 401"), "{wrong}");
    let missing = check(&config(&reader, 1)).await;
    assert_eq!(missing, Err("after 1 s: no agent on: node-2".to_owned()));
    hear(&server, 2, &two).await;
    report(&server, 1, &one).await;
    let missing = check(&config(&reader, 1)).await;
    assert_eq!(missing, Err("after 1 s: no round from: node-2".to_owned()));
    report(&server, 2, &two).await;
    assert_eq!(check(&config(&reader, 60)).await, Ok("all 2 agents report".to_owned()));
}

#[tokio::test]
async fn a_member_whose_node_is_deleted_leaves() {
    let kube = FakeKube::start().await;
    let token = kube.agent(1);
    let server = Server::start(kube.config()).await;
    hear(&server, 1, &token).await;
    agents_until(&server, |agents| agents["agents"][0]["zone"] == "zone-1").await;
    let mut deleting = node(1);
    deleting["metadata"]["deletionTimestamp"] = json!("2026-11-21T10:00:00Z");
    kube.put("nodes", deleting);
    agents_until(&server, |agents| agents["agents"][0]["state"] == "leaving").await;
    hear(&server, 1, &token).await;
    let agents = server.json("/api/v1/agents").await;
    assert_eq!(agents["agents"][0]["state"], "leaving", "a heartbeat does not bring it back");
}

#[tokio::test]
async fn a_member_whose_pod_is_deleted_leaves() {
    let kube = FakeKube::start().await;
    let token = kube.agent(1);
    let server = Server::start(kube.config()).await;
    hear(&server, 1, &token).await;
    kube.delete("pods", "agent-1");
    let mut agents = server.json("/api/v1/agents").await;
    while agents["agents"][0]["pod"] != "agent-1" {
        agents = server.json("/api/v1/agents").await;
    }
    agents_until(&server, |agents| agents["agents"][0]["state"] == "leaving").await;
}

#[tokio::test]
async fn a_view_that_grows_old_or_is_forbidden_says_so() {
    let kube = FakeKube::start().await;
    let token = kube.agent(1);
    let server = Server::start(kube.config()).await;
    hear(&server, 1, &token).await;
    agents_until(&server, |agents| agents["cluster"]["nodes"]["state"] == "live").await;
    kube.break_down(Some(StatusCode::SERVICE_UNAVAILABLE));
    let agents = agents_until(&server, |agents| agents["cluster"]["nodes"]["state"] == "old").await;
    assert!(agents["cluster"]["nodes"]["age_ms"].is_u64(), "{agents}");
    assert_eq!(agents["agents"][0]["zone"], "zone-1", "the last view is kept");
    kube.break_down(None);
    agents_until(&server, |agents| agents["cluster"]["nodes"]["state"] == "live").await;

    let kube = FakeKube::start().await;
    kube.forbid_nodes();
    let token = kube.agent(1);
    let server = Server::start(kube.config()).await;
    hear(&server, 1, &token).await;
    let agents = agents_until(&server, |agents| agents["cluster"]["nodes"]["state"] == "forbidden").await;
    assert_eq!(agents["agents"][0]["zone"], "a", "what the agent says");
    let metrics =
        server.client.get(format!("http://{}/metrics", server.addresses.metrics)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for line in [
        "meshvane_kubernetes_view{what=\"nodes\",state=\"forbidden\"} 1",
        "meshvane_kubernetes_view{what=\"nodes\",state=\"live\"} 0",
        "meshvane_kubernetes_view{what=\"pods\",state=\"live\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
}
