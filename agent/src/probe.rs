//! Asks one question of the network and says what came back.
//!
//! A probe decides nothing: limits, repetitions and verdicts are the schedule's. It ends with an [`Answer`], or it is
//! dropped by whoever waits for it. Each engine has its file:
//!
//! ```text
//!   Question::Icmp    -> icmp.rs   echo request, one socket per address family
//!   Question::Tcp     -> tcp.rs    three-way handshake, reset at the end
//!   Question::Resolve -> dns.rs    A and AAAA by one of the system's name servers
//!   Question::Health  -> health.rs who answers, by GET /health
//! ```

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use meshvane_shared::check::CheckKind;
use meshvane_shared::name::{DnsName, NodeName};
use meshvane_shared::outcome::{Cause, Reason, ResolverDetail};

pub mod dns;
pub(crate) mod errors;
pub mod health;
pub mod icmp;
pub mod tcp;

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Question {
    /// Does this address answer an echo request?
    Icmp(IpAddr),
    /// Does this port take a connection?
    Tcp(SocketAddr),
    /// What does this name server say are the addresses of this name?
    Resolve {
        /// The name server that is asked.
        server: IpAddr,
        /// The name.
        name: DnsName,
    },
    /// Which node's agent answers at this port? It is no check: what comes back is no verdict about the network.
    Health(SocketAddr),
}

impl Question {
    /// The kind of check that asks this; for [`Question::Health`], the one whose port it shares.
    pub fn check(&self) -> CheckKind {
        match self {
            Self::Icmp(_) => CheckKind::Icmp,
            Self::Tcp(_) | Self::Health(_) => CheckKind::Tcp,
            Self::Resolve { .. } => CheckKind::Dns,
        }
    }
}

/// What came back. A question that nothing answers has no answer: the schedule sees to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The target answered after this time.
    Reached {
        /// Time from the question to its answer.
        rtt: Duration,
    },
    /// The name has these addresses.
    Resolved {
        /// Time that the name server took for the name that has addresses.
        took: Duration,
        /// Time that candidates of the search list took before.
        searched: Duration,
        /// The addresses, each once, in ascending order.
        addresses: Vec<IpAddr>,
        /// The name of the search list that has them, when it is not the name itself.
        resolved_as: Option<DnsName>,
    },
    /// The name did not resolve, and there may be more to say than the cause.
    Unresolved {
        /// Why.
        cause: Cause,
        /// What the name server did.
        detail: Option<ResolverDetail>,
    },
    /// The agent of this node answers, or nobody said whose it is.
    Agent(Option<NodeName>),
    /// The network said no, or nobody answered within the engine's own limit.
    Failed(Cause),
    /// We could not ask.
    Unmeasured(Reason),
}

/// The engines behind one door.
#[derive(Debug)]
pub struct Engines {
    /// ICMP echo.
    pub icmp: icmp::Pingers,
    /// Name resolution.
    pub dns: dns::Resolvers,
}

impl Engines {
    /// Asks a question and waits for its answer.
    ///
    /// Cancel-safe: dropping the future closes what it opened and leaves nothing registered.
    pub async fn ask(&self, question: &Question) -> Answer {
        match question {
            Question::Icmp(address) => self.icmp.ask(*address).await,
            Question::Tcp(address) => tcp::ask(*address).await,
            Question::Resolve { server, name } => self.dns.ask(*server, name).await,
            Question::Health(address) => health::ask(*address).await,
        }
    }
}
