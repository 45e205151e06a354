//! Connections: how many, and how slow.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{AGENTS_TOKEN, Server, open, raw, read_all, with_tokens};

const SHORT: Duration = Duration::from_millis(50);
/// Longer than any step here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Asks for something on a connection that stays open; returns the first bytes of the answer.
async fn ask(stream: &mut TcpStream, path: &str, more: &str) -> std::io::Result<String> {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut start = [0; 12];
    stream.read_exact(&mut start).await?;
    Ok(String::from_utf8_lossy(&start).into_owned())
}

#[tokio::test]
async fn a_source_that_nobody_believes_gets_few_connections_and_the_others_are_closed() {
    let mut config = with_tokens();
    config.limits.connections_per_source = 2;
    let server = Server::start(config).await;
    let connect = async || TcpStream::connect(server.addresses.api).await.unwrap();
    let (mut first, mut second) = (connect().await, connect().await);
    for stream in [&mut first, &mut second] {
        assert_eq!(ask(stream, "/api/v1/hosts", "").await.unwrap(), "HTTP/1.1 200");
    }
    let mut third = connect().await;
    assert!(ask(&mut third, "/api/v1/hosts", "").await.is_err(), "a third connection was served");
    let rest = read_rest(&mut first).await;
    assert!(rest.contains("HTTP/1.1 200"), "{rest}");
    let mut fourth = connect().await;
    assert_eq!(ask(&mut fourth, "/api/v1/hosts", "").await.unwrap(), "HTTP/1.1 200");
}

/// Asks for a last answer, and reads until the server has closed the connection and so given up its place.
async fn read_rest(stream: &mut TcpStream) -> String {
    let last = "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(last.as_bytes()).await.unwrap();
    read_all(stream).await
}

#[tokio::test]
async fn a_believed_connection_does_not_count_against_its_source() {
    let mut config = with_tokens();
    config.limits.connections_per_source = 1;
    let server = Server::start(config).await;
    let mut believed = Vec::new();
    for _ in 0..5 {
        let mut stream = TcpStream::connect(server.addresses.api).await.unwrap();
        let token = format!("Authorization: Bearer {AGENTS_TOKEN}\r\n");
        assert_eq!(ask(&mut stream, "/api/v1/hosts", &token).await.unwrap(), "HTTP/1.1 200");
        believed.push(stream);
    }
    let mut wrong = TcpStream::connect(server.addresses.api).await.unwrap();
    let token = "Authorization: Bearer wrong\r\n";
    assert_eq!(ask(&mut wrong, "/api/v1/hosts", token).await.unwrap(), "HTTP/1.1 401");
    let mut next = TcpStream::connect(server.addresses.api).await.unwrap();
    assert!(ask(&mut next, "/api/v1/hosts", token).await.is_err(), "a wrong token was believed");
}

#[tokio::test]
async fn the_health_listener_holds_no_source_to_few() {
    let mut config = with_tokens();
    config.limits.connections_per_source = 1;
    let server = Server::start(config).await;
    let mut open = Vec::new();
    for _ in 0..40 {
        let mut stream = TcpStream::connect(server.addresses.health).await.unwrap();
        assert_eq!(ask(&mut stream, "/livez", "").await.unwrap(), "HTTP/1.1 200");
        open.push(stream);
    }
}

#[tokio::test]
async fn above_all_connections_the_next_one_waits_for_a_place() {
    let mut config = open();
    config.limits.connections = 1;
    let server = Server::start(config).await;
    let mut first = TcpStream::connect(server.addresses.api).await.unwrap();
    assert_eq!(ask(&mut first, "/api/v1/health", "").await.unwrap(), "HTTP/1.1 200");
    let mut second = TcpStream::connect(server.addresses.api).await.unwrap();
    assert!(
        timeout(SHORT, ask(&mut second, "/api/v1/health", "")).await.is_err(),
        "it was served without a place"
    );
    drop(first);
    let mut start = [0; 12];
    timeout(PATIENCE, second.read_exact(&mut start)).await.unwrap().unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
}

#[tokio::test]
async fn a_head_that_does_not_end_is_cut_off() {
    let mut config = open();
    config.limits.header_time = SHORT;
    let server = Server::start(config).await;
    let answer =
        timeout(PATIENCE, raw(server.addresses.api, "GET /api/v1/health HTTP/1.1\r\nHost: a")).await.unwrap();
    assert!(!answer.contains("200"), "{answer}");
}

#[tokio::test]
async fn an_idle_connection_is_closed_after_its_time_and_not_by_the_heads() {
    let mut config = open();
    config.limits.header_time = Duration::from_mins(10);
    config.limits.idle_time = SHORT;
    let server = Server::start(config).await;
    let mut fresh = TcpStream::connect(server.addresses.api).await.unwrap();
    assert_eq!(timeout(PATIENCE, read_all(&mut fresh)).await.unwrap(), "");
    let answer =
        timeout(PATIENCE, raw(server.addresses.api, "GET /api/v1/health HTTP/1.1\r\nHost: a\r\n\r\n"))
            .await
            .unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_long_poll_outlives_the_idle_and_the_header_time() {
    let mut config = open();
    (config.limits.header_time, config.limits.idle_time) = (SHORT, SHORT);
    let server = Server::start(config).await;
    let plan = server.json("/api/v1/plan").await;
    let path = format!(
        "/api/v1/plan?epoch={}&generation={}&wait=300ms",
        plan["epoch"].as_str().unwrap(),
        plan["generation"]
    );
    assert_eq!(server.get(&path).await.status(), 304);
}
