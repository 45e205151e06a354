//! The addresses of the server's name: asked for at each new connection, and remembered for when nobody answers.
//!
//! Name servers may fail together with the server's node, or be what is wrong in the cluster. Agents that depend on them would
//! fall silent just then, and it would look as if the server were deaf.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::time::timeout;

use crate::clock::Clock;

/// A name server answers within milliseconds. Who remembers an answer waits no longer than this, so that most of
/// [`CONNECT_LIMIT`](meshvane_shared::limits::CONNECT_LIMIT) is left for the connection.
pub(super) const LOOKUP_LIMIT: Duration = Duration::from_millis(500);
/// An answer is remembered for so long: the address of a Service stays for as long as the Service, and names that fail for longer
/// have been noticed by everybody.
pub(super) const REMEMBERED_FOR: Duration = Duration::from_hours(1);

type Answer = io::Result<Vec<SocketAddr>>;
/// Asks for the addresses of a host.
type Lookup = fn(String) -> Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Resolves the one name that the client connects to. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    clock: Clock,
    lookup: Lookup,
    // A std mutex: held for one assignment, never across an await.
    memory: Arc<Mutex<Option<Remembered>>>,
}

/// The newest answer.
#[derive(Debug, Clone)]
struct Remembered {
    addresses: Vec<SocketAddr>,
    at: Duration,
}

impl Resolver {
    /// Resolves by the system's resolver.
    pub(super) fn new(clock: Clock) -> Self {
        Self { clock, lookup: |host| Box::pin(system(host)), memory: Arc::default() }
    }

    async fn addresses(self, host: String) -> Answer {
        let last = self.recall();
        // It goes on when nobody waits for it any more: a late answer counts for the next connection.
        let asked = tokio::spawn({
            let resolver = self.clone();
            async move { resolver.ask(host).await }
        });
        let Some(last) = last else {
            return asked.await.map_err(io::Error::other)?;
        };
        match timeout(LOOKUP_LIMIT, asked).await {
            Ok(Ok(Ok(addresses))) => Ok(addresses),
            failed => {
                tracing::debug!(?failed, "the server's name cannot be resolved: its last addresses are used");
                Ok(last)
            }
        }
    }

    async fn ask(&self, host: String) -> Answer {
        let addresses = (self.lookup)(host).await?;
        let remembered = Remembered { addresses: addresses.clone(), at: self.clock.now() };
        *self.memory.lock().unwrap_or_else(PoisonError::into_inner) = Some(remembered);
        Ok(addresses)
    }

    fn recall(&self) -> Option<Vec<SocketAddr>> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |last: &&Remembered| self.clock.now().saturating_sub(last.at) < REMEMBERED_FOR;
        memory.as_ref().filter(fresh).map(|last| last.addresses.clone())
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.clone().addresses(name.as_str().to_owned());
        Box::pin(async move {
            let addresses: Addrs = Box::new(addresses.await?.into_iter());
            Ok(addresses)
        })
    }
}

async fn system(host: String) -> Answer {
    // The port of the URL takes the place of 0.
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
    if addresses.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(addresses)
}

#[cfg(test)]
mod tests {
    use tokio::time::{Instant, advance, sleep};

    use super::*;

    /// Names of hosts say what becomes of the question about them.
    fn resolver() -> Resolver {
        let lookup: Lookup = |host| {
            Box::pin(async move {
                let (wait, last) = host.split_once('-').unwrap();
                sleep(Duration::from_millis(wait.parse().unwrap())).await;
                let last: u8 = last.parse().map_err(io::Error::other)?;
                Ok(vec![SocketAddr::from(([10, 0, 0, last], 0))])
            })
        };
        Resolver { lookup, ..Resolver::new(Clock::start()) }
    }

    /// The last byte of the address, and how long it took.
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of the test is stopped, and moves by itself when all wait"
    )]
    async fn resolve(resolver: &Resolver, host: &str) -> (Option<u8>, u128) {
        let began = Instant::now();
        let answer = resolver.clone().addresses(host.to_owned()).await.ok();
        let last = answer.map(|addresses| match addresses[0] {
            SocketAddr::V4(address) => address.ip().octets()[3],
            SocketAddr::V6(_) => panic!("none is given"),
        });
        (last, began.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_answer_is_awaited_and_the_newest_one_counts() {
        let resolver = resolver();
        assert_eq!(resolve(&resolver, "5-none").await, (None, 5));
        assert_eq!(resolve(&resolver, "2000-1").await, (Some(1), 2000));
        assert_eq!(resolve(&resolver, "5-2").await, (Some(2), 5));
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_answer_counts_while_there_is_none() {
        let resolver = resolver();
        assert_eq!(resolve(&resolver, "5-1").await.0, Some(1));
        assert_eq!(resolve(&resolver, "5-none").await, (Some(1), 5));
        assert_eq!(resolve(&resolver, "3000-2").await, (Some(1), 500));
        sleep(Duration::from_millis(2_501)).await;
        assert_eq!(resolve(&resolver, "5-none").await.0, Some(2), "an answer that came late");
        advance(REMEMBERED_FOR).await;
        assert_eq!(resolve(&resolver, "5-none").await.0, None);
    }

    #[tokio::test]
    async fn the_system_knows_this_machine() {
        let addresses = Resolver::new(Clock::start()).addresses("localhost".to_owned()).await.unwrap();
        assert!(addresses.iter().all(|address| address.ip().is_loopback()));
    }
}
