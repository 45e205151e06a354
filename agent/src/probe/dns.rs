//! Names: A and AAAA by the resolvers of the system.
//!
//! Nothing is cached: a cached answer measures nothing. The resolvers are read from `resolv.conf`, again when it changes.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::system_conf::parse_resolv_conf;
use meshvane_shared::name::DnsName;
use meshvane_shared::outcome::{Cause, Reason};

use super::Answer;

/// Where the system keeps its resolvers.
pub const SYSTEM_RESOLVERS: &str = "/etc/resolv.conf";
/// How long one name server has. With one repetition the whole stays below the hard limit of a probe (3.5 s).
const TRY_LIMIT: Duration = Duration::from_millis(1_500);
/// Repetitions of a question that was not answered.
const REPETITIONS: usize = 1;

/// The resolvers of the system.
#[derive(Debug)]
pub struct Resolvers {
    path: PathBuf,
    // A std mutex: held while a file of a few lines is looked at, never across an await.
    current: Mutex<Option<(Fingerprint, Arc<TokioResolver>)>>,
}

/// Tells one state of a file from another.
type Fingerprint = (u64, u64, i64, i64);

impl Resolvers {
    /// Makes resolvers that read their servers from a file in the form of `resolv.conf`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), current: Mutex::new(None) }
    }

    /// Resolves a name.
    pub async fn ask(&self, name: &DnsName) -> Answer {
        let resolver = match self.current() {
            Ok(resolver) => resolver,
            Err(error) => {
                tracing::debug!(%error, path = %self.path.display(), "no resolvers");
                return Answer::Unmeasured(Reason::NoResource);
            }
        };
        resolve(&resolver, name).await
    }

    fn current(&self) -> Result<Arc<TokioResolver>, NetError> {
        let metadata = std::fs::metadata(&self.path)?;
        let fingerprint = (metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec());
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, resolver)) = &*current
            && *known == fingerprint
        {
            return Ok(Arc::clone(resolver));
        }
        let (config, options) = parse_resolv_conf(std::fs::read(&self.path)?)?;
        let resolver = Arc::new(build(config, options)?);
        *current = Some((fingerprint, Arc::clone(&resolver)));
        Ok(resolver)
    }
}

/// Makes a resolver that asks each time and gives up in time.
fn build(config: ResolverConfig, system: ResolverOpts) -> Result<TokioResolver, NetError> {
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    let options = builder.options_mut();
    *options = system;
    options.cache_size = 0;
    options.timeout = TRY_LIMIT;
    options.attempts = REPETITIONS;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    builder.build()
}

async fn resolve(resolver: &TokioResolver, name: &DnsName) -> Answer {
    let asked = now();
    match resolver.lookup_ip(name.as_str()).await {
        Ok(found) => {
            let took = now().saturating_duration_since(asked);
            let addresses: BTreeSet<IpAddr> = found.iter().map(|address| address.to_canonical()).collect();
            if addresses.is_empty() {
                return Answer::Failed(Cause::Name { rcode: 0 });
            }
            Answer::Resolved { took, addresses: addresses.into_iter().collect() }
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
