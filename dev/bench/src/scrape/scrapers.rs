//! Scrapers: a process of its own, at the lowest priority. Each connection asks again as soon as it has an answer.

use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use meshvane_shared::paths;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::clock::Stopwatch;
use crate::samples::Samples;
use crate::start::say;

/// Connections of one source address: as many as the server lets one have.
pub(super) const PER_SOURCE: u16 = 8;
/// Where the server shows its metrics.
const METRICS_PORT: u16 = 8082;
/// The limit of a scrape, as Prometheus has it by default.
const SCRAPE_LIMIT: Duration = Duration::from_secs(10);
/// A scrape that fails is made again after this, so that it becomes no busy loop.
const AGAIN_AFTER: Duration = Duration::from_millis(100);

/// What to scrape, and how long.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Orders {
    /// The server.
    pub(super) server: IpAddr,
    /// Connections at the same time.
    pub(super) connections: u16,
    /// How long, in seconds.
    pub(super) seconds: u64,
}

/// What came of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Scraped {
    /// Scrapes with a whole answer.
    pub(super) answered: u64,
    /// Scrapes without one.
    pub(super) failed: u64,
    /// Bytes of all answers.
    pub(super) bytes: u64,
    /// Half of the answers came within this, in microseconds.
    pub(super) p50_us: u64,
    /// All but one of a hundred came within this, in microseconds.
    pub(super) p99_us: u64,
}

/// Follows orders, and prints what came of them as one line of JSON.
pub(crate) fn main(orders: &str) -> ExitCode {
    let (Ok(orders), Ok(runtime)) =
        (serde_json::from_str(orders), Builder::new_current_thread().enable_all().build())
    else {
        return ExitCode::FAILURE;
    };
    match serde_json::to_string(&runtime.block_on(scrape(orders))) {
        Ok(line) => {
            say(&line);
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}

async fn scrape(orders: Orders) -> Scraped {
    let clock = Stopwatch::start();
    let time = Duration::from_secs(orders.seconds);
    let mut running = JoinSet::new();
    for connection in 0..orders.connections {
        running.spawn(async move {
            let (mut scraped, mut times) = (Scraped::default(), Samples::default());
            while clock.elapsed() < time {
                let begun = clock.elapsed();
                let asked = once(super::source(connection), orders.server);
                if let Ok(Ok(bytes)) = timeout(SCRAPE_LIMIT, asked).await {
                    scraped.answered += 1;
                    scraped.bytes += bytes;
                    times.add(clock.elapsed().saturating_sub(begun));
                } else {
                    scraped.failed += 1;
                    sleep(AGAIN_AFTER).await;
                }
            }
            (scraped, times)
        });
    }
    let (mut all, mut times) = (Scraped::default(), Samples::default());
    for (scraped, of_one) in running.join_all().await {
        all.answered += scraped.answered;
        all.failed += scraped.failed;
        all.bytes += scraped.bytes;
        times.extend(of_one);
    }
    let mut micros = |percent| {
        let time = times.percentile(percent).unwrap_or_default();
        u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
    };
    Scraped { p50_us: micros(50), p99_us: micros(99), ..all }
}

/// One scrape on a connection of its own: the length of its answer.
async fn once(source: IpAddr, server: IpAddr) -> std::io::Result<u64> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(source, 0))?;
    let mut stream = socket.connect(SocketAddr::new(server, METRICS_PORT)).await?;
    let request = format!("GET {} HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n", paths::METRICS);
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    if answer.starts_with(b"HTTP/1.1 200") {
        Ok(u64::try_from(answer.len()).unwrap_or(u64::MAX))
    } else {
        Err(std::io::ErrorKind::InvalidData.into())
    }
}
