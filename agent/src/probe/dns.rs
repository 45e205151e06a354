//! Names: A and AAAA by one name server of the system at a time.
//!
//! Nothing is cached: a cached answer measures nothing. Nothing is asked twice: repetitions are the
//! schedule's. How a question goes to a name server is in [`crate::names`]; here is what its answer means.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use meshvane_shared::limits::PROBE_HARD_LIMIT;
use meshvane_shared::name::DnsName;
use meshvane_shared::outcome::{Cause, Reason, ResolverDetail};

use super::{Answer, errors};
use crate::names::{Ask, CompleteName, Failure, Found, ResolvConf, Said, System, Walked, ask, walk};

/// The engine itself gives up this long before the hard limit of a probe: late enough for nearly every late
/// answer, and early enough to say which question was silent before the schedule drops it.
const BEFORE_HARD_LIMIT: Duration = Duration::from_millis(50);

/// The resolvers of the system.
#[derive(Debug)]
pub struct Resolvers {
    system: System,
}

/// One name server, and when the newest candidate was asked for.
struct OneServer<'a> {
    server: SocketAddr,
    conf: &'a ResolvConf,
    started: Instant,
    asked: Instant,
}

impl Resolvers {
    /// Makes resolvers that read their servers from a file in the form of `resolv.conf`, and ask them at a port.
    pub fn new(path: impl Into<std::path::PathBuf>, port: u16) -> Self {
        Self { system: System::new(path, port) }
    }

    /// The system's name servers, in its order, each once; none when they cannot be read.
    pub fn servers(&self) -> Vec<IpAddr> {
        self.system.current().map(|conf| conf.servers.clone()).unwrap_or_default()
    }

    /// Resolves a name by one of the system's name servers.
    pub async fn ask(&self, server: IpAddr, name: &DnsName) -> Answer {
        let Some(conf) = self.system.current() else {
            return Answer::Unmeasured(Reason::NoResource);
        };
        if !conf.servers.contains(&server) {
            // It left the file since it was listed.
            return Answer::Unmeasured(Reason::Cancelled);
        }
        self.resolve(server, name, &conf).await
    }

    async fn resolve(&self, server: IpAddr, name: &DnsName, conf: &ResolvConf) -> Answer {
        let (started, server) = (now(), SocketAddr::new(server, self.system.port));
        let mut asker = OneServer { server, conf, started, asked: started };
        match walk(&mut asker, name.as_str(), conf).await {
            Walked::Found(Found { addresses, resolved_as }) => Answer::Resolved {
                took: now().saturating_duration_since(asker.asked),
                searched: asker.asked.saturating_duration_since(started),
                addresses,
                // Always a name: it was made of one and of a domain that could be asked for.
                resolved_as: resolved_as.and_then(|text| DnsName::parse(&text).ok()),
            },
            Walked::Code(rcode) => Answer::Failed(Cause::Name { rcode }),
            Walked::Failed(failure) => meaning(failure),
        }
    }
}

impl Ask for OneServer<'_> {
    async fn ask(&mut self, name: &CompleteName) -> Result<Said, Failure> {
        self.asked = now();
        let limit = self.started + PROBE_HARD_LIMIT.saturating_sub(BEFORE_HARD_LIMIT);
        ask(self.server, name, self.conf, limit.into()).await
    }
}

/// What it means that a name server said nothing of use.
fn meaning(failure: Failure) -> Answer {
    let unresolved = |cause, detail| Answer::Unresolved { cause, detail };
    match failure {
        Failure::Silent { detail, .. } => unresolved(Cause::ResolverTimeout, Some(detail)),
        Failure::Wrong => unresolved(Cause::Protocol, Some(ResolverDetail::WrongAnswers)),
        Failure::Closed => unresolved(Cause::Reset, Some(ResolverDetail::NoTcpAnswer)),
        Failure::Opening(error) => Answer::Unmeasured(errors::of_opening(&error)),
        Failure::Sending(error) => {
            told(errors::of_sending(&error).unwrap_or(Answer::Unmeasured(Reason::NoResource)), None)
        }
        Failure::Socket { error, detail } => told(errors::of_connecting(&error), detail),
        // A fault of ours: every name that is configured can be asked for.
        Failure::Unaskable => Answer::Unmeasured(Reason::NoResource),
    }
}

/// What an error of a socket shows, and the detail beside a cause.
fn told(shown: Answer, detail: Option<ResolverDetail>) -> Answer {
    match shown {
        Answer::Failed(Cause::Timeout) => Answer::Unresolved { cause: Cause::ResolverTimeout, detail },
        Answer::Failed(cause) => Answer::Unresolved { cause, detail },
        other @ (Answer::Reached { .. }
        | Answer::Resolved { .. }
        | Answer::Unresolved { .. }
        | Answer::Agent(_)
        | Answer::Unmeasured(_)) => other,
    }
}

#[expect(clippy::disallowed_methods, reason = "a probe measures its own time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
