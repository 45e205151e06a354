use std::net::SocketAddr;
use std::time::Duration;

use meshvane_shared::wire::health::AgentHealthBody;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use crate::server::{Agent, Server, config};

/// Asks as the simplest of clients does, and reads until the other side closes.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn get(address: SocketAddr, path: &str) -> String {
    ask(address, &format!("GET {path} HTTP/1.1\r\nhost: agent\r\n\r\n")).await
}

#[tokio::test]
async fn health_names_who_answers_and_everything_else_is_not_found() {
    let server = Server::start(Vec::new(), false).await;
    let agent = Agent::start(config(server.address));
    let answer = get(agent.client, "/health").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let body: AgentHealthBody = serde_json::from_str(body).unwrap();
    assert_eq!((body.status.as_str(), body.boot_id), ("healthy", None), "the answer is open to everybody");
    assert_eq!(body.node.unwrap().as_str(), "node-1");
    for path in ["/livez", "/readyz"] {
        assert!(get(agent.client, path).await.starts_with("HTTP/1.1 200"), "{path}");
    }
    assert!(get(agent.client, "/metrics").await.starts_with("HTTP/1.1 404"));
    assert!(get(agent.metrics, "/health").await.starts_with("HTTP/1.1 404"));
    let metrics = get(agent.metrics, "/metrics").await;
    assert!(metrics.contains("meshvane_agent_heartbeats_total{result=\"sent\"}"), "{metrics}");
    assert!(agent.ledger().produced <= 3);
    agent.stop().await;
}

#[tokio::test]
async fn a_client_that_does_not_finish_its_header_is_shown_out() {
    let server = Server::start(Vec::new(), false).await;
    let agent = Agent::start(config(server.address));
    let mut slow = TcpStream::connect(agent.client).await.unwrap();
    slow.write_all(b"GET /health HTTP/1.1\r\nhost:").await.unwrap();
    let begun = Instant::now();
    let mut rest = Vec::new();
    timeout(Duration::from_secs(12), slow.read_to_end(&mut rest))
        .await
        .expect("closed within the limit")
        .unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(4));
    assert!(get(agent.client, "/health").await.starts_with("HTTP/1.1 200"));
    agent.stop().await;
}

#[tokio::test]
async fn more_peers_than_are_served_still_connect() {
    let server = Server::start(Vec::new(), false).await;
    let agent = Agent::start(config(server.address));
    let mut silent = Vec::new();
    for _ in 0..meshvane_agent::responder::CONNECTIONS_MAX * 2 {
        silent.push(TcpStream::connect(agent.client).await.unwrap());
    }
    drop(silent);
    assert!(get(agent.client, "/health").await.starts_with("HTTP/1.1 200"));
    agent.stop().await;
}
