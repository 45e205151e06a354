//! A hostile client: a process of its own, at the lowest priority, whose rates and numbers are bounded.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use lab::OUTSIDE;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::blow::{Blow, Bytes, Manner};
use super::orders::Orders;
use crate::start::say;

/// An attempt that leads nowhere is given up after this: long enough to see an answer that a busy server gives late.
const ATTEMPT_LIMIT: Duration = Duration::from_secs(10);
/// A connection that is closed at once is made again after this, so that no attack becomes a busy loop.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// What became of the connections of one attack: how often each status was answered, or what happened instead.
pub(super) type Outcomes = BTreeMap<String, u64>;

/// Follows orders, and prints what became of them as one line of JSON.
pub(crate) fn main(orders: &str) -> ExitCode {
    let Ok(orders) = serde_json::from_str(orders) else {
        return ExitCode::FAILURE;
    };
    // Thousands of connections at a time; the usual limit is 1,024.
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard, hard));
    let (Ok(()), Ok(runtime)) = (raised, Builder::new_current_thread().enable_all().build()) else {
        return ExitCode::FAILURE;
    };
    let outcomes = runtime.block_on(attack(orders));
    match serde_json::to_string(&outcomes) {
        Ok(line) => {
            say(&line);
            ExitCode::SUCCESS
        }
        Err(_) => ExitCode::FAILURE,
    }
}

async fn attack(orders: Orders) -> BTreeMap<String, Outcomes> {
    let orders = Arc::new(orders);
    let bytes = Arc::new(Bytes::new(&orders));
    let mut running = JoinSet::new();
    for blow in orders.blows.clone() {
        let (orders, bytes) = (Arc::clone(&orders), Arc::clone(&bytes));
        running.spawn(async move { (blow.name(), strike(blow, &orders, &bytes).await) });
    }
    let mut outcomes = BTreeMap::new();
    while let Some(ended) = running.join_next().await {
        if let Ok((name, of_blow)) = ended {
            outcomes.insert(name, of_blow);
        }
    }
    outcomes
}

/// Carries out one attack until the time is over; what is open then is closed.
async fn strike(blow: Blow, orders: &Orders, bytes: &Arc<Bytes>) -> Outcomes {
    let Manner { sources, together, per_second, held, .. } = blow.manner();
    let target = blow.target(orders);
    let mut outcomes = Outcomes::new();
    let mut running = JoinSet::new();
    let over = sleep(Duration::from_secs(orders.seconds));
    tokio::pin!(over);
    let mut ticks = interval(Duration::from_secs(1) / per_second);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut number = 0_u64;
    loop {
        tokio::select! {
            () = &mut over => break,
            Some(ended) = running.join_next() => {
                let outcome = ended.unwrap_or_else(|_| "failed".to_owned());
                *outcomes.entry(outcome).or_default() += 1;
            }
            // With all the connections that it wants the attack waits until one is closed.
            _ = ticks.tick(), if running.len() < together => {
                let source = source(blow, number % u64::from(sources));
                let bytes = Arc::clone(bytes);
                running.spawn(async move { attempt(source, target, bytes.of(blow, number), held).await });
                number += 1;
            }
        }
    }
    outcomes.insert("open at the end".to_owned(), running.len() as u64);
    running.shutdown().await;
    outcomes
}

/// The n-th source address of an attack: no two attacks share one.
fn source(blow: Blow, number: u64) -> IpAddr {
    let IpAddr::V4(first) = OUTSIDE.address else { return OUTSIDE.address };
    let [_, _, high, low] = (number + 1).to_be_bytes()[4..] else { return OUTSIDE.address };
    let [one, two, ..] = first.octets();
    // Sixteen attacks of at most 4,096 addresses each.
    Ipv4Addr::new(one, two, (blow as u8) << 4 | high, low).into()
}

/// One connection: what came of it, in a word.
async fn attempt(source: IpAddr, target: SocketAddr, bytes: Vec<u8>, held: bool) -> String {
    let asked = async {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(source, 0))?;
        let mut stream = socket.connect(target).await?;
        stream.write_all(&bytes).await?;
        let mut answer = [0; 64];
        let read = stream.read(&mut answer).await?;
        Ok::<String, io::Error>(word_of(answer.get(..read).unwrap_or_default()))
    };
    let outcome = if held { Ok(asked.await) } else { timeout(ATTEMPT_LIMIT, asked).await };
    match outcome {
        Ok(Ok(word)) => word,
        Ok(Err(error)) => {
            sleep(AGAIN_AFTER).await;
            error.kind().to_string()
        }
        Err(_) => "no answer".to_owned(),
    }
}

/// The status of an answer, or that there was none.
fn word_of(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    match text.split_whitespace().nth(1) {
        Some(status) => status.to_owned(),
        None => "closed".to_owned(),
    }
}

#[cfg(test)]
mod tests;
