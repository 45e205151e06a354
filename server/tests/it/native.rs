//! The native endpoints: rounds, queries, the report.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, heartbeat};

fn round(sequence: u64) -> Value {
    json!({"node": "node-1", "boot_id": "boot-1", "sequence": sequence, "plan": {"epoch": "00000000000000ab", "generation": 3},
        "interval_ms": 5000, "cells": []})
}

#[tokio::test]
async fn a_native_heartbeat_is_answered_with_epoch_and_generation() {
    let server = Server::open().await;
    let answer = server.take("/api/v1/heartbeat", &heartbeat(1)).await;
    let plan = server.json("/api/v1/plan").await;
    assert_eq!(answer["server_epoch"], plan["epoch"]);
    assert!(answer["plan_generation"].is_u64());
    let agents = server.json("/api/v1/agents").await;
    assert_eq!(
        (&agents["agents"][0]["node"], &agents["agents"][0]["state"]),
        (&json!("node-1"), &json!("alive"))
    );
}

#[tokio::test]
async fn a_round_on_an_unknown_plan_is_409_until_it_brings_its_targets_and_is_taken_once() {
    let server = Server::open().await;
    server.take("/api/v1/heartbeat", &heartbeat(1)).await;
    let response = server.post("/api/v1/rounds", round(1).to_string()).await;
    assert_eq!(response.status(), 409);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let problem: Value = response.json().await.unwrap();
    assert_eq!((&problem["type"], &problem["status"]), (&json!("/problems/unknown-plan"), &json!(409)));
    assert!(problem["detail"].as_str().unwrap().contains("00000000000000ab/3"));
    let mut with_targets = round(1);
    with_targets["targets"] = json!([{"node": "node-2", "plane": "host", "address": "10.0.0.2"}]);
    with_targets["cells"] =
        json!([{"target": 0, "check": "icmp", "outcome": "reached", "rtt_us": 300, "age_ms": 10}]);
    assert_eq!(server.take("/api/v1/rounds", &with_targets).await["status"], "accepted");
    assert_eq!(server.take("/api/v1/rounds", &with_targets).await["status"], "duplicate");
}

#[tokio::test]
async fn a_wrong_query_is_400_with_what_is_accepted_and_an_unknown_parameter_is_ignored() {
    let server = Server::open().await;
    for (path, expected) in [
        ("/api/v1/findings?state=closed", "state: \"closed\" is not known: open, resolved, all is accepted"),
        ("/api/v1/matrix?plane=node", "plane: \"node\" is not known: host, pod, service is accepted"),
        ("/api/v1/matrix?plane=pod&check=udp", "check: \"udp\" is not known: icmp, tcp is accepted"),
        ("/api/v1/matrix?plane=service&check=icmp", "check: \"icmp\" is not known: dns, tcp is accepted"),
        ("/api/v1/matrix?family=6", "family: \"6\" is not known: ipv4, ipv6 is accepted"),
        ("/api/v1/report?format=xml", "format: \"xml\" is not known: text, json is accepted"),
    ] {
        let response = server.get(path).await;
        assert_eq!(response.status(), 400, "{path}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let problem: Value = response.json().await.unwrap();
        assert_eq!(problem["detail"], expected, "{path}");
    }
    for path in [
        "/api/v1/findings",
        "/api/v1/findings?state=open&x=1",
        "/api/v1/findings?state=resolved",
        "/api/v1/findings?state=all",
        "/api/v1/matrix",
        "/api/v1/matrix?plane=pod&check=&family=",
        "/api/v1/matrix?plane=host&check=tcp&family=ipv6",
        "/api/v1/matrix?plane=service&check=dns&x=1",
        "/api/v1/agents?x=1",
    ] {
        let response = server.get(path).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["content-type"]),
            (200, &"application/json".parse().unwrap()),
            "{path}"
        );
    }
}

#[tokio::test]
async fn the_report_is_text_for_people_and_json_for_programs() {
    let server = Server::open().await;
    server.take("/api/v1/heartbeat", &heartbeat(1)).await;
    for (accept, query, expected) in [
        ("*/*", "", "text/plain; charset=utf-8"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "", "text/plain; charset=utf-8"),
        ("application/json", "", "application/json"),
        ("application/json", "?format=text", "text/plain; charset=utf-8"),
        ("*/*", "?format=json", "application/json"),
    ] {
        let request = server.request(Method::GET, &format!("/api/v1/report{query}")).header("accept", accept);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], expected, "{accept} {query}");
        let text = response.text().await.unwrap();
        if expected == "application/json" {
            let report: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(report["members"]["alive"], 1);
        } else {
            assert!(text.contains("alive"), "{text}");
        }
    }
}

#[tokio::test]
async fn every_answer_forbids_guessing_and_keeping() {
    let server = Server::open().await;
    for path in ["/api/v1/hosts", "/api/v1/plan", "/api/v1/report", "/api/v1/unknown", "/api/v1/hosts/"] {
        let response = server.get(path).await;
        assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(response.headers()["cache-control"], "no-store", "{path}");
    }
}
