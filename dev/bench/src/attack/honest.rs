//! What an honest client sees meanwhile: how long `/livez` and a heartbeat take, as a kubelet and an agent ask.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use meshvane_shared::name::{BootId, NodeName};
use meshvane_shared::paths;
use meshvane_shared::wire::heartbeat::HeartbeatBody;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::api::{Api, Method};
use crate::clock::Stopwatch;
use crate::problem::Problem;
use crate::samples::Samples;

/// Where the server answers `/livez`.
const HEALTH_PORT: u16 = 8081;
/// Distance between two questions of a kind.
const EVERY: Duration = Duration::from_millis(50);
/// An answer that takes longer has failed: the chart's kubelet waits no longer.
const ANSWER_LIMIT: Duration = Duration::from_secs(5);

/// What an honest client saw.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// Times of `/livez`, each on a connection of its own.
    pub(crate) livez: Samples,
    /// Times of heartbeats on one connection.
    pub(crate) heartbeats: Samples,
    /// Questions that were not answered with 200 in time.
    pub(crate) failed: Vec<String>,
}

/// Asks the server at this address for so long.
pub(crate) async fn look(server: IpAddr, api: &Api, time: Duration) -> Result<Seen, Problem> {
    let mut seen = Seen::default();
    let clock = Stopwatch::start();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while clock.elapsed() < time {
        ticks.tick().await;
        let (livez, beat) = tokio::join!(livez(server), beat(api));
        match livez {
            Ok(took) => seen.livez.add(took),
            Err(problem) => seen.failed.push(format!("/livez: {problem}")),
        }
        match beat {
            Ok(took) => seen.heartbeats.add(took),
            Err(problem) => seen.failed.push(format!("heartbeat: {problem}")),
        }
    }
    Ok(seen)
}

async fn livez(server: IpAddr) -> Result<Duration, String> {
    let clock = Stopwatch::start();
    let asked = async {
        let mut stream = TcpStream::connect(SocketAddr::new(server, HEALTH_PORT)).await?;
        let head = format!("GET {} HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n", paths::LIVEZ);
        stream.write_all(head.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<String, std::io::Error>(answer)
    };
    match timeout(ANSWER_LIMIT, asked).await {
        Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 200") => Ok(clock.elapsed()),
        Ok(Ok(answer)) => Err(answer.lines().next().unwrap_or("nothing").to_owned()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", ANSWER_LIMIT.as_secs())),
    }
}

/// The goodbye of a node without any other agent: it is taken like any heartbeat, and changes neither plan nor findings.
async fn beat(api: &Api) -> Result<Duration, String> {
    let body = HeartbeatBody {
        namespace: "kube-system".to_owned(),
        node_ip: "10.83.255.1".to_owned(),
        pod_ip: "10.83.255.2".to_owned(),
        pod_name: "honest".to_owned(),
        node: NodeName::parse("honest").ok(),
        boot_id: BootId::parse("honest").ok(),
        interval_ms: Some(5_000),
        leaving: true,
        ..HeartbeatBody::default()
    };
    let body = serde_json::to_vec(&body).map_err(|error| error.to_string())?;
    let clock = Stopwatch::start();
    match timeout(ANSWER_LIMIT, api.ask(Method::Post(body), paths::HEARTBEAT)).await {
        Ok(Ok(answer)) if answer.status == 200 => Ok(clock.elapsed()),
        Ok(Ok(answer)) => Err(format!("status {}", answer.status)),
        Ok(Err(error)) => Err(crate::problem::chain(&error)),
        Err(_) => Err(format!("no answer within {} s", ANSWER_LIMIT.as_secs())),
    }
}
