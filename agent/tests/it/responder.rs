use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use meshvane_shared::wire::health::AgentHealthBody;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout};

use crate::server::{Agent, Server, config};

/// Longer than any step here takes.
const PATIENCE: Duration = Duration::from_secs(20);

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

/// Silent connections of some sources, in turn.
async fn silent(to: SocketAddr, count: usize, sources: usize) -> Vec<TcpStream> {
    let mut silent = Vec::new();
    for number in 0..count {
        let socket = TcpSocket::new_v4().unwrap();
        let source = [127, 0, 5, u8::try_from(number % sources + 1).unwrap()];
        socket.bind(SocketAddr::from((source, 0))).unwrap();
        silent.push(timeout(PATIENCE, socket.connect(to)).await.expect("a peer's connect succeeds").unwrap());
    }
    silent
}

#[tokio::test]
async fn silent_connections_yield_to_peers_and_their_source_is_held_to_few() {
    let server = Server::start(Vec::new(), false).await;
    let agent = Agent::start(config(server.address));
    for (count, sources) in [(200, 1), (600, 20)] {
        let mut held = silent(agent.client, count, sources).await;
        for path in ["/health", "/livez", "/readyz"] {
            // A prober waits for one second.
            let answer = timeout(Duration::from_secs(1), get(agent.client, path)).await;
            assert!(answer.expect("answered in a prober's time").starts_with("HTTP/1.1 200"), "{path}");
        }
        let closed = timeout(PATIENCE, held[0].read_u8()).await;
        assert!(closed.expect("the oldest one yields").is_err());
    }
    let scraper = silent(agent.metrics, 100, 2).await;
    assert!(get(agent.metrics, "/metrics").await.starts_with("HTTP/1.1 200"));
    drop(scraper);
    agent.stop().await;
}

/// What a probe of the chart's agent allows: its timeout.
fn probe_timeout(probe: &str) -> Duration {
    let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../chart/meshvane/templates/agent.yaml");
    let template = std::fs::read_to_string(template).unwrap();
    let (_, probe) = template.split_once(&format!("{probe}:")).unwrap();
    let (port, rest) = probe.split_once("timeoutSeconds: ").unwrap();
    assert!(port.contains("port: health"), "{probe}");
    Duration::from_secs(rest.lines().next().unwrap().parse().unwrap())
}

/// Probes as a kubelet does, on a connection of its own and within the chart's time. Blocks this thread, on which all
/// but health of the agent runs.
fn probe(health: SocketAddr, path: &str, allowed: Duration) -> String {
    let begun = Instant::now();
    let mut stream = std::net::TcpStream::connect_timeout(&health, allowed).unwrap();
    stream.set_read_timeout(Some(allowed)).unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: agent\r\n\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(begun.elapsed() < allowed, "{path} took {:?}", begun.elapsed());
    answer
}

#[tokio::test]
async fn health_answers_a_kubelet_beside_silent_connections_and_a_busy_main_thread() {
    let server = Server::start(Vec::new(), false).await;
    let agent = Agent::start(config(server.address));
    // The agent is up when it has said so to the server.
    server.until(|told| told.heartbeats.first().map(|_| ())).await;
    let (live, ready) = (probe_timeout("livenessProbe"), probe_timeout("readinessProbe"));
    for sources in [1, 20] {
        let held = silent(agent.health, 256, sources).await;
        assert!(probe(agent.health, "/livez", live).starts_with("HTTP/1.1 200"), "{sources}");
        assert!(probe(agent.health, "/readyz", ready).starts_with("HTTP/1.1 200"), "{sources}");
        drop(held);
    }
    assert!(get(agent.health, "/health").await.starts_with("HTTP/1.1 404"));
    agent.stop().await;
}
