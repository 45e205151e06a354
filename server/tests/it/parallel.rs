//! Many clients at once: nothing fails, nothing is lost.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Server, heartbeat};

/// Clients at once, and what each of them does in turn.
const CLIENTS: u8 = 32;
const TURNS: u64 = 10;

/// The plan, once it holds this many nodes.
pub(crate) async fn plan_of(server: &Server, nodes: usize) -> Value {
    let mut plan = server.json("/api/v1/plan").await;
    while plan["targets"].as_array().unwrap().len() < 2 * nodes {
        let query =
            format!("epoch={}&generation={}&wait=30s", plan["epoch"].as_str().unwrap(), plan["generation"]);
        plan = server.json(&format!("/api/v1/plan?{query}")).await;
    }
    plan
}

/// A whole round of a node in which everything is reached.
pub(crate) fn round(plan: &Value, number: u8, sequence: u64) -> Value {
    let own = format!("node-{number}");
    let mut cells = Vec::new();
    for (index, target) in plan["targets"].as_array().unwrap().iter().enumerate() {
        if target["node"] == own {
            continue;
        }
        cells.push(
            json!({"target": index, "check": "icmp", "outcome": "reached", "rtt_us": 300, "age_ms": 0}),
        );
        cells.push(json!({"target": index, "check": "tcp", "port": 22, "outcome": "reached", "rtt_us": 400, "age_ms": 0}));
    }
    json!({"node": own, "boot_id": format!("boot-{number}"), "sequence": sequence,
        "plan": {"epoch": plan["epoch"], "generation": plan["generation"]}, "interval_ms": 5000, "cells": cells})
}

async fn turn(client: &reqwest::Client, base: &str, plan: &Value, number: u8, sequence: u64) {
    let post = async |path: &str, body: Value| {
        let response = client
            .request(Method::POST, format!("{base}{path}"))
            .body(body.to_string())
            .send()
            .await
            .unwrap();
        let status = response.status();
        assert_eq!(status, 200, "{path}: {}", response.text().await.unwrap());
    };
    let source = format!("10.9.0.{number}");
    let target = format!("10.8.0.{sequence}");
    let results = json!({"source_ip": source, "results": [{"target_ip": target, "ping_status": "reachable", "port_status": {"22": "open"}}]});
    post("/api/v1/heartbeat", heartbeat(number)).await;
    post("/api/v1/rounds", round(plan, number, sequence)).await;
    post("/api/v1/test-results/hosts", results.clone()).await;
    post("/api/v1/test-results/pods", results).await;
    for path in [
        "/api/v1/results",
        "/api/v1/agents",
        "/api/v1/matrix",
        "/api/v1/findings?state=all",
        "/api/v1/report",
        "/api/v1/plan",
    ] {
        let response = client.get(format!("{base}{path}")).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.bytes().await.unwrap();
    }
}

#[tokio::test]
async fn thirty_two_clients_at_once_lose_nothing() {
    let server = Server::open().await;
    for number in 1..=CLIENTS {
        server.take("/api/v1/heartbeat", &heartbeat(number)).await;
    }
    let plan = plan_of(&server, CLIENTS.into()).await;
    let mut clients = tokio::task::JoinSet::new();
    for number in 1..=CLIENTS {
        let (client, base, plan) = (server.client.clone(), server.url(""), plan.clone());
        clients.spawn(async move {
            for sequence in 1..=TURNS {
                turn(&client, &base, &plan, number, sequence).await;
            }
        });
    }
    while let Some(ended) = clients.join_next().await {
        ended.unwrap();
    }
    let agents = server.json("/api/v1/agents").await;
    let agents = agents["agents"].as_array().unwrap();
    assert_eq!(agents.len(), usize::from(CLIENTS));
    for agent in agents {
        assert_eq!(
            (&agent["rounds"], &agent["last_sequence"]),
            (&json!(TURNS), &json!(TURNS)),
            "{}",
            agent["node"]
        );
    }
    for path in ["/api/v1/test-results/hosts", "/api/v1/test-results/pods"] {
        let results = server.json(path).await;
        for number in 1..=CLIENTS {
            let newest = format!("10.8.0.{TURNS}");
            assert_eq!(
                results["results"][format!("10.9.0.{number}")][newest]["ping"],
                "reachable",
                "{path} {number}"
            );
        }
    }
    for plane in ["host", "pod"] {
        let matrix = server.json(&format!("/api/v1/matrix?plane={plane}&check=tcp")).await;
        let cells: Vec<&Value> =
            matrix["cells"].as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap()).collect();
        let reached = cells.iter().filter(|cell| cell["outcome"] == "reached").count();
        assert_eq!(reached, usize::from(CLIENTS) * usize::from(CLIENTS - 1), "{plane}");
    }
    server.stop().await.unwrap();
}
