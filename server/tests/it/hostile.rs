//! Hostile bodies: each gets its 4xx and changes nothing.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use reqwest::Method;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Server, heartbeat, open, raw, read_all};

const POSTS: [&str; 5] = [
    "/api/v1/heartbeat",
    "/api/v1/test-results/hosts",
    "/api/v1/test-results/pods",
    "/api/v1/test-results/service",
    "/api/v1/rounds",
];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Bodies that no endpoint takes.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let nested = |open: &str, close: &str, levels: usize| {
        format!("{{\"source_ip\":\"10.0.0.1\",\"x\":{}{}}}", open.repeat(levels), close.repeat(levels))
            .into_bytes()
    };
    vec![
        ("empty", vec![]),
        ("space", b"  \n".to_vec()),
        ("null", b"null".to_vec()),
        ("an array", b"[]".to_vec()),
        ("a text", b"\"x\"".to_vec()),
        ("a number", b"1e999".to_vec()),
        ("NaN", b"{\"source_ip\":NaN}".to_vec()),
        ("no JSON", b"source_ip=10.0.0.1".to_vec()),
        ("truncated", b"{\"source_ip\":\"10.0.0.1\",\"results\":[".to_vec()),
        ("two values", b"{\"source_ip\":\"10.0.0.1\"}{}".to_vec()),
        ("not UTF-8", b"{\"source_ip\":\"\xff\xfe\"}".to_vec()),
        ("NUL", b"{\"source_ip\":\"10.0.0.1\x00\"}".to_vec()),
        ("a bare control character", b"{\"source_ip\":\"\x1b[31m\"}".to_vec()),
        ("a lone surrogate", b"{\"source_ip\":\"\\ud800\"}".to_vec()),
        ("deep arrays", nested("[", "]", 20_000)),
        ("deep objects", nested("{\"x\":", "1}", 8_000)),
        ("unclosed depth", vec![b'['; 60_000]),
        (
            "wrong types",
            b"{\"source_ip\":1,\"node\":[],\"node_ip\":{},\"pod_name\":1.5,\"results\":7,\"result\":7}"
                .to_vec(),
        ),
        ("a huge number", b"{\"source_ip\":1e400,\"sequence\":1e400,\"node_ip\":-1e400}".to_vec()),
    ]
}

#[tokio::test]
async fn no_endpoint_takes_a_hostile_body_and_nothing_changes() {
    let server = Server::open().await;
    server.take("/api/v1/heartbeat", &heartbeat(1)).await;
    let before = server.everything().await;
    for path in POSTS {
        for (name, body) in hostile() {
            let response = server.post(path, body).await;
            assert_eq!(response.status(), 400, "{path}: {name}");
            let text = response.text().await.unwrap();
            let error: Value = serde_json::from_str(&text).unwrap();
            let detail = error["details"].as_str().or(error["detail"].as_str()).unwrap_or_default();
            assert!(!detail.is_empty() && detail.len() <= 256, "{path}: {name}: {text}");
            assert!(!detail.chars().any(char::is_control), "{path}: {name}: {text}");
        }
    }
    assert_eq!(server.everything().await, before);
}

#[tokio::test]
async fn a_wrong_field_of_a_round_is_refused_and_nothing_changes() {
    let server = Server::open().await;
    server.take("/api/v1/heartbeat", &heartbeat(1)).await;
    let plan = serde_json::json!({"epoch": "00000000000000ab", "generation": 1});
    let good = serde_json::json!({"node": "node-1", "boot_id": "boot-1", "sequence": 1, "plan": plan, "interval_ms": 5000,
        "targets": [], "cells": []});
    let before = server.everything().await;
    for (name, value) in [
        ("node", serde_json::json!("Node_1")),
        ("node", serde_json::json!("")),
        ("boot_id", serde_json::json!("a b")),
        ("sequence", serde_json::json!(-1)),
        ("sequence", serde_json::json!(1.5)),
        ("sequence", serde_json::json!("1")),
        ("plan", serde_json::json!({"epoch": "ab", "generation": 1})),
        ("plan", Value::Null),
        ("interval_ms", serde_json::json!(-5)),
        ("cells", serde_json::json!({})),
        ("cells", serde_json::json!([{"target": 0}])),
        (
            "cells",
            serde_json::json!([{"target": 4_294_967_296_u64, "check": "icmp", "outcome": "reached", "age_ms": 0}]),
        ),
        ("cells", serde_json::json!([{"target": 7, "check": "icmp", "outcome": "reached", "age_ms": 0}])),
        ("targets", serde_json::json!([{"node": "node-2", "plane": "host", "address": "x"}])),
        ("targets", serde_json::json!([{"node": "node-2", "plane": "moon", "address": "10.0.0.2"}])),
    ] {
        let mut body = good.clone();
        body[name] = value.clone();
        let response = server.post("/api/v1/rounds", body.to_string()).await;
        assert_eq!(response.status(), 400, "{name}={value}");
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
    let twice = good.to_string().replacen('{', "{\"sequence\":2,", 1);
    assert_eq!(server.post("/api/v1/rounds", twice).await.status(), 400, "a field given twice");
    assert_eq!(server.everything().await, before);
    assert_eq!(server.post("/api/v1/rounds", good.to_string()).await.status(), 200, "the good one is good");
}

#[tokio::test]
async fn a_million_targets_are_refused_whole() {
    let server = Server::open().await;
    let many = format!("{{\"source_ip\":\"10.0.0.1\",\"results\":[{}]}}", vec!["{}"; 1_000_000].join(","));
    let before = server.everything().await;
    let sent =
        server.request(Method::POST, "/api/v1/test-results/hosts").body(many.clone()).send().await.unwrap();
    assert_eq!(sent.status(), 413);
    let packed =
        server.request(Method::POST, "/api/v1/test-results/hosts").header("content-encoding", "gzip");
    assert_eq!(packed.body(gzip(many.as_bytes())).send().await.unwrap().status(), 400);
    assert_eq!(server.everything().await, before);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413_before_and_after_decoding() {
    let server = Server::open().await;
    for (path, limit) in [("/api/v1/rounds", 1024 * 1024), ("/api/v1/heartbeat", 64 * 1024)] {
        let at_limit = server.post(path, vec![b' '; limit]).await;
        assert_eq!(at_limit.status(), 400, "{path}");
        let above = server.post(path, vec![b' '; limit + 1]).await;
        assert_eq!(above.status(), 413, "{path}");
        assert_eq!(above.headers()["connection"], "close");
    }
    let bomb = gzip(&vec![b' '; 64 * 1024 * 1024]);
    assert!(bomb.len() < 1024 * 1024);
    let response =
        server.request(Method::POST, "/api/v1/rounds").header("content-encoding", "gzip").body(bomb);
    assert_eq!(response.send().await.unwrap().status(), 413);
}

#[tokio::test]
async fn gzip_is_taken_and_other_encodings_are_415() {
    let server = Server::open().await;
    let body = heartbeat(1).to_string();
    let request = server.request(Method::POST, "/api/v1/heartbeat").header("content-encoding", "gzip");
    assert_eq!(request.body(gzip(body.as_bytes())).send().await.unwrap().status(), 200);
    for encoding in ["br", "zstd", "deflate", "gzip, gzip", "x"] {
        let request = server.request(Method::POST, "/api/v1/heartbeat").header("content-encoding", encoding);
        let response = request.body(body.clone()).send().await.unwrap();
        assert_eq!(response.status(), 415, "{encoding}");
        assert_eq!(response.headers()["accept-encoding"], "gzip");
    }
    let request = server.request(Method::POST, "/api/v1/heartbeat").header("content-encoding", "gzip");
    assert_eq!(request.body(body).send().await.unwrap().status(), 400, "not gzip at all");
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408_and_the_connection_closed() {
    let mut config = open();
    config.limits.body_time = std::time::Duration::from_millis(50);
    let server = Server::start(config).await;
    let head = "POST /api/v1/heartbeat HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{";
    let answer = raw(server.addresses.api, head).await;
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

#[tokio::test]
async fn a_body_that_breaks_off_changes_nothing() {
    let server = Server::open().await;
    let body = heartbeat(1).to_string();
    let mut stream = TcpStream::connect(server.addresses.api).await.unwrap();
    let head = format!(
        "POST /api/v1/heartbeat HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len() + 1
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let answer = read_all(&mut stream).await;
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    assert_eq!(server.json("/api/v1/hosts").await["count"], 0);
}

#[tokio::test]
async fn a_request_that_is_no_http_gets_a_4xx_or_nothing() {
    let server = Server::open().await;
    for request in [
        "\r\n\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\x00\x01\x00\x01\n\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".to_owned(),
        "POST /api/v1/heartbeat HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(),
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(20_000)),
        format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(20_000)),
    ] {
        let mut stream = TcpStream::connect(server.addresses.api).await.unwrap();
        // The server may hang up before all of it is sent.
        let _ = stream.write_all(request.as_bytes()).await;
        let _ = stream.shutdown().await;
        let answer = read_all(&mut stream).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{request:.60}: {answer}");
    }
    assert_eq!(server.get("/api/v1/health").await.status(), 200);
}
