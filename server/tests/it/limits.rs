//! Connections: how many, and how slow.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::support::{Server, open, raw, read_all};

const SHORT: Duration = Duration::from_millis(50);
/// Longer than any step here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Writes a request in pieces, and reads all that comes back until the connection is closed.
async fn in_pieces(server: &Server, pieces: &[&str]) -> String {
    let mut stream = TcpStream::connect(server.addresses.api).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for piece in pieces {
        stream.write_all(piece.as_bytes()).await.unwrap();
        // The next piece is not to be read with this one: the server has had its turn when it has answered somebody else.
        server.get("/api/v1/health").await;
    }
    read_all(&mut stream).await
}

#[tokio::test]
async fn requests_are_answered_in_whatever_pieces_they_come() {
    let server = Server::open().await;
    let get = "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let last = "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let count = async |pieces: &[&str]| in_pieces(&server, pieces).await.matches("HTTP/1.1 200").count();
    assert_eq!(count(&[get, get, last]).await, 3, "one after the other");
    assert_eq!(count(&[&format!("{get}{get}{last}")]).await, 3, "all at once");
    let (start, end) = last.split_at(20);
    assert_eq!(count(&[&format!("{get}{start}"), end]).await, 2, "one and a half");
    assert_eq!(count(&["G", &last[1..]]).await, 1, "a byte first");
    assert_eq!(count(&[get, "\r\n", last]).await, 2, "an empty line between them");
}

#[tokio::test]
async fn a_connection_whose_request_is_not_read_to_its_end_is_closed_with_its_answer() {
    let mut config = open();
    config.limits.body_time = SHORT;
    let server = Server::start(config).await;
    let post = "POST /api/v1/heartbeat HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n{";
    let answer = timeout(PATIENCE, raw(server.addresses.api, post)).await.expect("the connection is closed");
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
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
