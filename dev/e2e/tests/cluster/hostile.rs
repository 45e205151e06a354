//! Many who mean ill, while the agents go on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use e2e::clock::Stopwatch;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::forged::self_made;
use crate::installation::Installation;
use crate::kube::{self, Pod, pods};

e2e::tests!(slow_connections_and_invented_identities_cost_the_agents_nothing);

/// Connections that send a byte now and then.
const SLOW: usize = 4000;
/// Identities that nobody has.
const INVENTED: u32 = 100_000;
/// Those who invent them at the same time.
const INVENTORS: u32 = 32;
/// What the server may need beyond what it needed before.
const MEMORY_MAX: u64 = 64 << 20;
/// 99 of 100 questions whether it lives are answered within this.
const ALIVE_WITHIN: Duration = Duration::from_millis(100);
/// Longer than any limit of a request.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often each status was answered; 0 is a connection that ended without an answer.
type Statuses = BTreeMap<u16, u64>;

async fn slow_connections_and_invented_identities_cost_the_agents_nothing() {
    let mesh = Installation::make("mesh-hostile", &[]).await;
    let server: SocketAddr = format!("{}:8080", mesh.server_address()).parse().unwrap();
    let health: SocketAddr = format!("{}:8081", mesh.server_address()).parse().unwrap();
    let idle = mesh.server_memory();
    let before = mesh.holes().await;
    let pod = pods(&mesh.namespace, "agent").remove(0);

    let clock = Stopwatch::start();
    let slow = tokio::spawn(slow_connections(server));
    let mut alive = tokio::spawn(ask_whether_it_lives(health));
    let mut inventors = JoinSet::new();
    for number in 0..INVENTORS {
        let (pod, namespace) = (pod.clone(), mesh.namespace.clone());
        inventors.spawn(async move { invent(server, &namespace, &pod, number).await });
    }
    let mut statuses = Statuses::new();
    let mut peak = idle;
    while let Some(ended) = inventors.join_next().await {
        for (status, count) in ended.unwrap() {
            *statuses.entry(status).or_default() += count;
        }
        peak = peak.max(mesh.server_memory());
    }
    let took = clock.elapsed();
    let slow = slow.await.unwrap();
    // It asks on for ever, unless an answer was late or none.
    if let Ok(ended) = tokio::time::timeout(Duration::ZERO, &mut alive).await {
        ended.unwrap();
    }
    alive.abort();
    peak = peak.max(mesh.server_memory());
    println!(
        "{INVENTED} invented identities in {:.0} s: {statuses:?}; slow connections: {slow:?}",
        took.as_secs_f64()
    );
    println!("memory {:.1} MB before, {:.1} MB at most", idle as f64 / 1e6, peak as f64 / 1e6);
    for status in statuses.keys().chain(slow.keys()) {
        assert!([0, 401, 403, 408, 413, 429].contains(status), "{statuses:?} {slow:?}");
    }
    assert!(statuses.get(&429).is_some_and(|count| *count > 0), "{statuses:?}");
    assert!(peak <= idle + MEMORY_MAX, "{idle} {peak}");
    mesh.full(kube::nodes().len()).await;
    assert_eq!(mesh.holes().await, before, "a round was lost");
    mesh.opened_were(&[]).await;
    let slowest = livez(health, 200).await;
    println!("/livez: 99 of 100 within {slowest:?} after it");
}

/// Opens them all and sends to each a byte of a head that never ends.
async fn slow_connections(server: SocketAddr) -> Statuses {
    let mut connections = JoinSet::new();
    for _ in 0..SLOW {
        connections.spawn(async move {
            let Ok(mut stream) = TcpStream::connect(server).await else { return 0 };
            let mut answer = [0; 64];
            let talk = async {
                for byte in b"POST /api/v1/rounds HTTP/1.1\r\nHost: a\r\nX: ".iter().cycle() {
                    if stream.write_all(&[*byte]).await.is_err() {
                        break;
                    }
                    let wait =
                        tokio::time::timeout(Duration::from_millis(500), stream.read(&mut answer)).await;
                    if let Ok(read) = wait {
                        return read
                            .ok()
                            .filter(|read| *read >= 12)
                            .and_then(|_| status_of(&answer))
                            .unwrap_or(0);
                    }
                }
                0
            };
            tokio::time::timeout(PATIENCE, talk).await.unwrap_or(999)
        });
    }
    let mut statuses = Statuses::new();
    while let Some(status) = connections.join_next().await {
        *statuses.entry(status.unwrap()).or_default() += 1;
    }
    statuses
}

fn status_of(head: &[u8]) -> Option<u16> {
    std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()
}

/// Posts heartbeats, each with another token that claims the right things.
async fn invent(server: SocketAddr, namespace: &str, pod: &Pod, inventor: u32) -> Statuses {
    let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
    let mut statuses = Statuses::new();
    let body = Arc::new(json!({"node": pod.node, "node_ip": "10.99.99.99"}).to_string());
    for number in 0..INVENTED / INVENTORS {
        let expires = 4_000_000_000 + u64::from(inventor * INVENTED + number);
        let token = self_made(namespace, pod, expires);
        let request = client.post(format!("http://{server}/api/v1/heartbeat")).bearer_auth(token);
        let sent = request.header("content-type", "application/json").body(body.to_string()).send().await;
        let status = sent.map_or(0, |answer| answer.status().as_u16());
        *statuses.entry(status).or_default() += 1;
    }
    statuses
}

/// Asks all the while, and fails when it is slow.
async fn ask_whether_it_lives(health: SocketAddr) {
    loop {
        let slowest = livez(health, 500).await;
        println!("/livez: 99 of 100 within {slowest:?}");
        assert!(slowest <= ALIVE_WITHIN, "{slowest:?}");
    }
}

/// The time within which 99 of 100 answers came.
async fn livez(health: SocketAddr, count: usize) -> Duration {
    let client = reqwest::Client::builder().timeout(PATIENCE).build().unwrap();
    let mut times = Vec::new();
    for _ in 0..count {
        let clock = Stopwatch::start();
        let answer = client.get(format!("http://{health}/livez")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        times.push(clock.elapsed());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    times.sort_unstable();
    times[count * 99 / 100]
}
