//! The addresses of a host, as a program on this node would come by them: itself when it is an address,
//! `/etc/hosts`, and then every name server of `resolv.conf` in turn.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::name::DnsName;
use tokio::time::{Instant, timeout};

use super::hosts::{addresses, loopback};
use super::search::{Ask, Found, Walked, walk};
use super::{CompleteName, Failure, ResolvConf, Said, System, ask, read_system_file};

/// How long each name server is waited for at first. Three silent ones leave 0.9 s of the
/// [`CONNECT_LIMIT`](meshvane_shared::limits::CONNECT_LIMIT) for the connection; a healthy one answers within
/// milliseconds.
pub(super) const FIRST_WAIT: Duration = Duration::from_millis(700);
/// A lookup takes at most this, over all candidates and name servers. Name servers that need 2 s for each
/// name can answer for ten names of the search list within it.
pub const LOOKUP_MAX: Duration = Duration::from_secs(20);

/// Looks hosts up.
#[derive(Debug)]
pub struct HostLookup {
    system: System,
    hosts: PathBuf,
}

/// Every name server in turn, for the candidates of one host.
struct EveryServer<'a> {
    conf: &'a ResolvConf,
    /// Those that were silent stand last.
    servers: Vec<SocketAddr>,
    /// All were silent for a short time: the next name gets the long one at once.
    is_patient: bool,
}

impl HostLookup {
    /// Looks hosts up in this hosts file, and then by these name servers.
    pub fn new(system: System, hosts: impl Into<PathBuf>) -> Self {
        Self { system, hosts: hosts.into() }
    }

    /// The addresses of a host; at least one.
    ///
    /// # Errors
    /// Says in a sentence why there are none.
    pub async fn addresses(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        if let Ok(address) = bare.parse() {
            return Ok(vec![address]);
        }
        // Without the file the name servers know.
        let hosts = read_system_file(&self.hosts).unwrap_or_default();
        let known = addresses(&hosts, host);
        if !known.is_empty() {
            return Ok(known);
        }
        if let Some(loopback) = loopback(host) {
            return Ok(loopback);
        }
        DnsName::parse(host).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        match timeout(LOOKUP_MAX, self.ask(host)).await {
            Ok(walked) => conclude(host, walked),
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{host}: no name server answered in time"),
            )),
        }
    }

    async fn ask(&self, host: &str) -> Walked {
        let conf = self.system.current().unwrap_or_else(|| Arc::new(ResolvConf::default()));
        let mut servers: Vec<SocketAddr> =
            conf.servers.iter().map(|server| SocketAddr::new(*server, self.system.port)).collect();
        if servers.is_empty() {
            // As resolv.conf(5) has it: the name server of this machine.
            servers.push(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.system.port));
        }
        if conf.rotate {
            let first = rand::random_range(0..servers.len());
            servers.rotate_left(first);
        }
        walk(&mut EveryServer { conf: &conf, servers, is_patient: false }, host, &conf).await
    }
}

impl Ask for EveryServer<'_> {
    /// The first name server that knows something. One that is in trouble or refuses leaves the word to the
    /// next.
    async fn ask(&mut self, name: &CompleteName) -> Result<Said, Failure> {
        let (mut refusal, mut failure) = (None, Failure::Unaskable);
        let turns = if self.is_patient { 1 } else { self.conf.attempts };
        for turn in 0..turns {
            let wait = if turn > 0 || self.is_patient {
                self.conf.timeout
            } else {
                self.conf.timeout.min(FIRST_WAIT)
            };
            for server in self.servers.clone() {
                match ask(server, name, self.conf, now() + wait).await {
                    Ok(said) if said.is_refusal() => refusal = Some(said),
                    Ok(said) => return Ok(said),
                    // Half of the answer is enough to connect to.
                    Err(Failure::Silent { addresses, .. }) if !addresses.is_empty() => {
                        return Ok(Said::Addresses(addresses));
                    }
                    Err(other) => {
                        self.servers.retain(|known| *known != server);
                        self.servers.push(server);
                        failure = other;
                    }
                }
            }
            if let Some(said) = refusal {
                return Ok(said);
            }
        }
        self.is_patient = true;
        Err(failure)
    }
}

fn conclude(host: &str, walked: Walked) -> io::Result<Vec<IpAddr>> {
    let problem = match walked {
        Walked::Found(Found { addresses, .. }) => return Ok(addresses),
        Walked::Code(code) => format!("{host}: no name server knows an address (response code {code})"),
        Walked::Failed(Failure::Silent { .. }) => format!("{host}: no name server answered in time"),
        Walked::Failed(Failure::Wrong | Failure::Closed) => {
            format!("{host}: the name servers' answers cannot be read")
        }
        Walked::Failed(Failure::Opening(error) | Failure::Sending(error) | Failure::Socket { error, .. }) => {
            return Err(io::Error::new(
                error.kind(),
                format!("{host}: no name server can be asked: {error}"),
            ));
        }
        Walked::Failed(Failure::Unaskable) => format!("{host}: is no name that can be asked for"),
    };
    Err(io::Error::new(io::ErrorKind::NotFound, problem))
}

#[expect(clippy::disallowed_methods, reason = "a lookup waits for a limited time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
