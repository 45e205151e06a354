//! Names: A and AAAA by one name server of the system at a time.
//!
//! Nothing is cached: a cached answer measures nothing. Nothing is asked twice: repetitions are the schedule's. The servers
//! and the search list are read from `resolv.conf`, again when it changes; the search list is walked as glibc does.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::system_conf::parse_resolv_conf;
use meshvane_shared::limits::RESOLVERS_MAX;
use meshvane_shared::name::DnsName;
use meshvane_shared::outcome::{Cause, Reason};

use super::Answer;

/// Where the system keeps its resolvers.
pub const SYSTEM_RESOLVERS: &str = "/etc/resolv.conf";
/// The port of name servers (RFC 1035 section 4.2).
pub const NAME_SERVER_PORT: u16 = 53;
/// Domains of the search list that are tried: as many as Kubernetes lets a pod have.
pub const SEARCH_MAX: usize = 32;
/// How long the engine itself waits: above the hard limit of a probe (3.5 s), which is the schedule's to hold.
const ENGINE_LIMIT: Duration = Duration::from_secs(5);
/// Response codes of RFC 1035 section 4.1.1.
const NO_ERROR: u16 = 0;
const SERVER_FAILURE: u16 = 2;
const NAME_ERROR: u16 = 3;

/// The resolvers of the system.
#[derive(Debug)]
pub struct Resolvers {
    path: PathBuf,
    port: u16,
    // A std mutex: held while a file of a few lines is looked at, never across an await.
    current: Mutex<Option<(Fingerprint, Arc<System>)>>,
}

/// Tells one state of a file from another.
type Fingerprint = (u64, u64, i64, i64);

/// What a `resolv.conf` says.
#[derive(Debug)]
struct System {
    servers: Vec<(IpAddr, TokioResolver)>,
    /// Domains without their last dot.
    search: Vec<String>,
    ndots: usize,
}

impl Resolvers {
    /// Makes resolvers that read their servers from a file in the form of `resolv.conf`, and ask them at a port.
    pub fn new(path: impl Into<PathBuf>, port: u16) -> Self {
        Self { path: path.into(), port, current: Mutex::new(None) }
    }

    /// The system's name servers, in its order, each once; none when they cannot be read.
    pub fn servers(&self) -> Vec<IpAddr> {
        self.current()
            .map(|system| system.servers.iter().map(|(server, _)| *server).collect())
            .unwrap_or_default()
    }

    /// Resolves a name by one of the system's name servers.
    pub async fn ask(&self, server: IpAddr, name: &DnsName) -> Answer {
        let Some(system) = self.current() else {
            return Answer::Unmeasured(Reason::NoResource);
        };
        let Some((_, resolver)) = system.servers.iter().find(|(known, _)| *known == server) else {
            // It left the file since it was listed.
            return Answer::Unmeasured(Reason::Cancelled);
        };
        walk(resolver, name.as_str(), &candidates(name.as_str(), system.ndots, &system.search)).await
    }

    fn current(&self) -> Option<Arc<System>> {
        match self.read() {
            Ok(system) => Some(system),
            Err(error) => {
                tracing::debug!(%error, path = %self.path.display(), "no resolvers");
                None
            }
        }
    }

    fn read(&self) -> Result<Arc<System>, NetError> {
        let metadata = std::fs::metadata(&self.path)?;
        let fingerprint = (metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec());
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, system)) = &*current
            && *known == fingerprint
        {
            return Ok(Arc::clone(system));
        }
        let (config, options) = parse_resolv_conf(std::fs::read(&self.path)?)?;
        let system = Arc::new(build(&config, &options, self.port)?);
        *current = Some((fingerprint, Arc::clone(&system)));
        Ok(system)
    }
}

fn build(config: &ResolverConfig, options: &ResolverOpts, port: u16) -> Result<System, NetError> {
    let mut servers: Vec<(IpAddr, TokioResolver)> = Vec::new();
    for server in config.name_servers() {
        if servers.len() < RESOLVERS_MAX && servers.iter().all(|(known, _)| *known != server.ip) {
            servers.push((server.ip, resolver(server.clone(), options.edns0, port)?));
        }
    }
    let search = config.search().iter().take(SEARCH_MAX);
    let search = search.map(|domain| domain.to_ascii().trim_end_matches('.').to_owned()).collect();
    Ok(System { servers, search, ndots: options.ndots })
}

/// Makes a resolver that asks one server, once, and looks into no file.
fn resolver(mut server: NameServerConfig, edns0: bool, port: u16) -> Result<TokioResolver, NetError> {
    for connection in &mut server.connections {
        connection.port = port;
    }
    let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    options.cache_size = 0;
    options.timeout = ENGINE_LIMIT;
    options.attempts = 0;
    options.edns0 = edns0;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.use_hosts_file = ResolveHosts::Never;
    builder.build()
}

/// The names that stand for a name, in the order of resolv.conf(5): one with at least `ndots` dots is tried as it is before
/// the search list, any other after it; one that ends in a dot is complete.
fn candidates(name: &str, ndots: usize, search: &[String]) -> Vec<String> {
    if name.ends_with('.') {
        return vec![name.to_owned()];
    }
    let as_it_is = format!("{name}.");
    let mut candidates: Vec<String> = search
        .iter()
        .map(|domain| if domain.is_empty() { as_it_is.clone() } else { format!("{name}.{domain}.") })
        .collect();
    if name.matches('.').count() >= ndots {
        candidates.insert(0, as_it_is);
    } else {
        candidates.push(as_it_is);
    }
    let mut seen = BTreeSet::new();
    candidates.retain(|candidate| seen.insert(candidate.clone()));
    candidates
}

/// Tries candidates until one has addresses. As glibc does, it goes on after a name that does not exist or has none, and
/// after a failure of the server; any other refusal ends the search list and leaves only the name as it is.
async fn walk(resolver: &TokioResolver, name: &str, candidates: &[String]) -> Answer {
    let started = now();
    let is_as_it_is = |candidate: &str| candidate.trim_end_matches('.') == name.trim_end_matches('.');
    let mut codes = Vec::new();
    let mut is_refused = false;
    for candidate in candidates {
        if is_refused && !is_as_it_is(candidate) {
            continue;
        }
        let asked = now();
        match lookup(resolver, candidate).await {
            Answer::Resolved { took, addresses, .. } => {
                let searched = asked.saturating_duration_since(started);
                return Answer::Resolved { took, searched, addresses };
            }
            Answer::Failed(Cause::Name { rcode }) => {
                let goes_on = [NO_ERROR, SERVER_FAILURE, NAME_ERROR].contains(&rcode);
                is_refused |= !goes_on && !is_as_it_is(candidate);
                codes.push(rcode);
            }
            other @ (Answer::Failed(_)
            | Answer::Unmeasured(_)
            | Answer::Reached { .. }
            | Answer::Agent(_)) => return other,
        }
    }
    Answer::Failed(Cause::Name { rcode: verdict(&codes) })
}

/// What the codes of all candidates say together: a server's trouble more than a name without addresses, and that more than
/// one that does not exist.
fn verdict(codes: &[u16]) -> u16 {
    let weight = |code: u16| match code {
        NAME_ERROR => 0,
        NO_ERROR => 1,
        SERVER_FAILURE => 2,
        _ => 3,
    };
    codes.iter().copied().max_by_key(|code| weight(*code)).unwrap_or(NAME_ERROR)
}

async fn lookup(resolver: &TokioResolver, name: &str) -> Answer {
    let asked = now();
    match resolver.lookup_ip(name).await {
        Ok(found) => {
            let took = now().saturating_duration_since(asked);
            let addresses: BTreeSet<IpAddr> = found.iter().map(|address| address.to_canonical()).collect();
            if addresses.is_empty() {
                return Answer::Failed(Cause::Name { rcode: NO_ERROR });
            }
            let addresses = addresses.into_iter().collect();
            Answer::Resolved { took, searched: Duration::ZERO, addresses }
        }
        Err(error) => judge(&error),
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "an enum of another project, which grows: what is not named here is no answer"
)]
fn judge(error: &NetError) -> Answer {
    match error {
        NetError::Dns(DnsError::ResponseCode(code)) => {
            Answer::Failed(Cause::Name { rcode: u16::from(*code) })
        }
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            Answer::Failed(Cause::Name { rcode: u16::from(none.response_code) })
        }
        NetError::Busy => Answer::Unmeasured(Reason::NoResource),
        NetError::Proto(_) | NetError::QueryCaseMismatch | NetError::Truncated => {
            Answer::Failed(Cause::Protocol)
        }
        // Whatever else went wrong on the way: no name server answered.
        _ => Answer::Failed(Cause::ResolverTimeout),
    }
}

#[expect(clippy::disallowed_methods, reason = "a probe measures its own time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
