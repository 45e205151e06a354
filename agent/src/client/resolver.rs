//! The addresses of the server's name: asked for at each new connection, and remembered for when nobody answers.
//!
//! Name servers may fail together with the server's node, or be what is wrong in the cluster. Agents that depend on them would
//! fall silent just then, and it would look as if the server were deaf.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::names::{HostLookup, NAME_SERVER_PORT, SYSTEM_HOSTS, SYSTEM_RESOLVERS, System};

/// A name server answers within milliseconds. Who remembers an answer waits no longer than this, so that most of
/// [`CONNECT_LIMIT`](meshvane_shared::limits::CONNECT_LIMIT) is left for the connection.
pub(super) const LOOKUP_LIMIT: Duration = Duration::from_millis(500);
/// An answer is remembered for so long: the address of a Service stays for as long as the Service, and names that fail for longer
/// have been noticed by everybody.
pub(super) const REMEMBERED_FOR: Duration = Duration::from_hours(1);

/// The addresses, or why there are none.
type Answer = Result<Vec<SocketAddr>, Arc<io::Error>>;
/// An answer, once it is there.
type Awaited = watch::Receiver<Option<Answer>>;

/// Resolves the one name that the client connects to. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    clock: Clock,
    lookup: Lookup,
    // A std mutex: held for an assignment, never across an await.
    state: Mutex<State>,
}

/// What a test says of a host.
#[cfg(test)]
type Scripted = std::pin::Pin<Box<dyn Future<Output = io::Result<Vec<std::net::IpAddr>>> + Send>>;

/// Who is asked for a host.
#[derive(Debug)]
enum Lookup {
    /// The system, as a program on this node would ask it.
    System(HostLookup),
    /// A test.
    #[cfg(test)]
    Scripted(fn(String) -> Scripted),
}

#[derive(Debug, Default)]
struct State {
    /// The newest answer.
    remembered: Option<Remembered>,
    /// The question under way, and the host that it is about. Whoever connects meanwhile waits for the same
    /// one: name servers that are silent would otherwise be asked again by every try.
    asked: Option<(String, Awaited)>,
}

#[derive(Debug, Clone)]
struct Remembered {
    addresses: Vec<SocketAddr>,
    at: Duration,
}

impl Resolver {
    /// Resolves as the system's files say.
    pub(super) fn new(clock: Clock) -> Self {
        let system = System::new(SYSTEM_RESOLVERS, NAME_SERVER_PORT);
        Self::by(clock, Lookup::System(HostLookup::new(system, SYSTEM_HOSTS)))
    }

    fn by(clock: Clock, lookup: Lookup) -> Self {
        Self { shared: Arc::new(Shared { clock, lookup, state: Mutex::default() }) }
    }

    async fn addresses(self, host: String) -> Answer {
        let last = self.recall();
        let asked = self.ask(host);
        let Some(last) = last else {
            return answer(asked).await;
        };
        match timeout(LOOKUP_LIMIT, answer(asked)).await {
            Ok(Ok(addresses)) => Ok(addresses),
            failed => {
                tracing::debug!(?failed, "the server's name cannot be resolved: its last addresses are used");
                Ok(last)
            }
        }
    }

    /// Asks, unless a question about this host is under way. It goes on without a waiting caller: a
    /// late answer counts for the next connection.
    fn ask(&self, host: String) -> Awaited {
        let mut state = self.state();
        if let Some((asked, awaited)) = &state.asked
            && *asked == host
            && awaited.has_changed().is_ok()
        {
            return awaited.clone();
        }
        let (sender, awaited) = watch::channel(None);
        state.asked = Some((host.clone(), awaited.clone()));
        drop(state);
        let resolver = self.clone();
        tokio::spawn(async move {
            let found = resolver.look_up(host).await;
            let mut state = resolver.state();
            if let Ok(addresses) = &found {
                let at = resolver.shared.clock.now();
                state.remembered = Some(Remembered { addresses: addresses.clone(), at });
            }
            // Its end is the end of the question: the next one asks again.
            sender.send_replace(Some(found));
            drop(sender);
        });
        awaited
    }

    async fn look_up(&self, host: String) -> Answer {
        let found = match &self.shared.lookup {
            Lookup::System(system) => system.addresses(&host).await,
            #[cfg(test)]
            Lookup::Scripted(script) => script(host).await,
        };
        // The port of the URL takes the place of 0.
        found.map(|found| found.into_iter().map(|address| (address, 0).into()).collect()).map_err(Arc::new)
    }

    fn recall(&self) -> Option<Vec<SocketAddr>> {
        let fresh = |last: &&Remembered| self.shared.clock.now().saturating_sub(last.at) < REMEMBERED_FOR;
        self.state().remembered.as_ref().filter(fresh).map(|last| last.addresses.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for an answer.
async fn answer(mut awaited: Awaited) -> Answer {
    let answer = awaited.wait_for(Option::is_some).await;
    let ended = || Err(Arc::new(io::Error::other("the lookup ended without an answer")));
    answer.ok().and_then(|answer| answer.clone()).unwrap_or_else(ended)
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use tokio::time::{Instant, advance, sleep};

    use super::*;

    thread_local! {
        /// Answers that this test's resolver gave.
        static ANSWERED: Cell<u32> = const { Cell::new(0) };
    }

    /// Names of hosts say what becomes of the question about them.
    fn resolver() -> Resolver {
        let script = Lookup::Scripted(|host: String| {
            Box::pin(async move {
                let (wait, last) = host.split_once('-').unwrap();
                sleep(Duration::from_millis(wait.parse().unwrap())).await;
                let last: u8 = last.parse().map_err(io::Error::other)?;
                ANSWERED.with(|answered| answered.set(answered.get() + 1));
                Ok(vec![[10, 0, 0, last].into()])
            })
        });
        Resolver::by(Clock::start(), script)
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

    #[tokio::test(start_paused = true)]
    async fn those_who_connect_while_a_question_is_under_way_wait_for_the_same_one() {
        let resolver = resolver();
        let before = ANSWERED.get();
        let waiting: Vec<_> = (0..50).map(|_| resolver.clone().addresses("19000-7".to_owned())).collect();
        let mut tasks = tokio::task::JoinSet::new();
        for waiting in waiting {
            tasks.spawn(waiting);
        }
        for answer in tasks.join_all().await {
            assert_eq!(answer.unwrap(), [SocketAddr::from(([10, 0, 0, 7], 0))]);
        }
        assert_eq!(ANSWERED.get() - before, 1);
        assert_eq!(resolve(&resolver, "19000-7").await, (Some(7), 500), "the next one asks again");
    }
}
