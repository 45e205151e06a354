//! Health, readiness and metrics, each on its own listener.

use reqwest::Method;
use serde_json::json;

use crate::support::{AGENTS_TOKEN, Server, heartbeat, open, with_tokens};

async fn metrics(server: &Server) -> String {
    let response =
        server.client.get(format!("http://{}/metrics", server.addresses.metrics)).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("application/openmetrics-text"));
    response.text().await.unwrap()
}

fn has(text: &str, line: &str) {
    assert!(text.lines().any(|other| other == line), "{line:?} is not in\n{text}");
}

#[tokio::test]
async fn health_is_open_on_its_own_port_and_nowhere_else() {
    let server = Server::start(with_tokens()).await;
    for (path, expected) in [("/livez", 200), ("/readyz", 200), ("/api/v1/hosts", 404), ("/metrics", 404)] {
        let url = format!("http://{}{path}", server.addresses.health);
        let response = server.client.get(url).header("host", "evil.example").send().await.unwrap();
        assert_eq!(response.status(), expected, "{path}");
    }
    let url = format!("http://{}/livez", server.addresses.health);
    assert_eq!(server.client.post(url).send().await.unwrap().status(), 405);
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let server = Server::start(with_tokens()).await;
    let write =
        |path: &str, body: String| server.request(Method::POST, path).bearer_auth(AGENTS_TOKEN).body(body);
    write("/api/v1/heartbeat", heartbeat(1).to_string()).send().await.unwrap();
    write("/api/v1/heartbeat", "{}".to_owned()).send().await.unwrap();
    let round = json!({"node": "node-1", "boot_id": "boot-1", "sequence": 1,
        "plan": {"epoch": "00000000000000ab", "generation": 1}, "interval_ms": 5000,
        "targets": [{"node": "node-2", "plane": "host", "address": "10.0.0.2"}], "cells": []});
    for body in [round.to_string(), round.to_string(), "{}".to_owned()] {
        write("/api/v1/rounds", body).send().await.unwrap();
    }
    write("/api/v1/test-results/hosts", json!({"source_ip": "10.0.0.9", "results": []}).to_string())
        .send()
        .await
        .unwrap();
    server.post("/api/v1/heartbeat", "{}").await;
    server.get("/api/v1/unknown").await;
    let text = metrics(&server).await;
    for line in [
        "meshvane_heartbeats_total{result=\"accepted\"} 1",
        "meshvane_heartbeats_total{result=\"refused\"} 1",
        "meshvane_rounds_total{result=\"accepted\"} 1",
        "meshvane_rounds_total{result=\"duplicate\"} 1",
        "meshvane_rounds_total{result=\"refused\"} 1",
        "meshvane_original_results_total{result=\"accepted\"} 1",
        "meshvane_auth_refusals_total{reason=\"writer_without_token\"} 1",
        "meshvane_auth_refusals_total{reason=\"foreign_host\"} 0",
        "meshvane_http_requests_total{route=\"/api/v1/heartbeat\",method=\"POST\",class=\"2xx\"} 1",
        "meshvane_http_requests_total{route=\"/api/v1/heartbeat\",method=\"POST\",class=\"4xx\"} 2",
        "meshvane_http_requests_total{route=\"none\",method=\"other\",class=\"4xx\"} 1",
        "meshvane_connections{listener=\"metrics\"} 1",
        "meshvane_log_lines_dropped_total{reason=\"unread\"} 0",
        "meshvane_log_lines_dropped_total{reason=\"limited\"} 0",
        "# EOF",
    ] {
        has(&text, line);
    }
    assert!(text.contains("meshvane_build_info{version=\""), "{text}");
}

#[tokio::test]
async fn metrics_count_what_is_there_and_never_mix_outcomes() {
    let server = Server::start(open()).await;
    for number in 1..=3 {
        server.take("/api/v1/heartbeat", &heartbeat(number)).await;
    }
    let plan = crate::parallel::plan_of(&server, 3).await;
    let mut round = crate::parallel::round(&plan, 1, 1);
    for cell in round["cells"].as_array_mut().unwrap() {
        if cell["check"] == "tcp" {
            *cell = json!({"target": cell["target"], "check": "tcp", "port": 22, "outcome": "unreached", "cause": "refused", "age_ms": 0});
        }
    }
    server.take("/api/v1/rounds", &round).await;
    let text = metrics(&server).await;
    for line in [
        "meshvane_members{state=\"alive\"} 3",
        "meshvane_members{state=\"lost\"} 0",
        "meshvane_cells_reached{plane=\"host\",check=\"icmp\"} 2",
        "meshvane_cells_reached{plane=\"host\",check=\"tcp\"} 0",
        "meshvane_cells_unreached{plane=\"host\",check=\"tcp\",cause=\"refused\"} 2",
        "meshvane_cells_stale{plane=\"host\",check=\"icmp\"} 0",
        "meshvane_findings_open{kind=\"node_down\",severity=\"critical\"} 0",
    ] {
        has(&text, line);
    }
    let generation = format!("meshvane_plan_generation {}", plan["generation"]);
    has(&text, &generation);
    assert!(text.lines().any(|line| line.starts_with("meshvane_judging ")), "{text}");
}
