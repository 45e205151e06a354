//! `resolv.conf`, read as glibc reads it: what it does not know it skips, and no line spoils another.

use std::net::IpAddr;
use std::time::Duration;

use meshvane_shared::limits::RESOLVERS_MAX;

/// Domains of the search list that are tried: as many as Kubernetes lets a pod have.
pub const SEARCH_MAX: usize = 32;
/// The greatest values that glibc takes: `RES_MAXNDOTS`, `RES_MAXRETRANS` (seconds) and `RES_MAXRETRY` of its
/// `resolv.h`.
const NDOTS_MAX: usize = 15;
const TIMEOUT_MAX: u64 = 30;
const ATTEMPTS_MAX: u32 = 5;

/// What a `resolv.conf` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvConf {
    /// The name servers in their order, each once, at most [`RESOLVERS_MAX`].
    pub servers: Vec<IpAddr>,
    /// Domains without their last dot, at most [`SEARCH_MAX`]. The empty one is the root.
    pub search: Vec<String>,
    /// A name with at least so many dots is tried as it is before the search list.
    pub ndots: usize,
    /// How long a name server is waited for.
    pub timeout: Duration,
    /// How often every name server is asked.
    pub attempts: u32,
    /// Begin with another name server each time.
    pub rotate: bool,
    /// Announce a larger UDP payload by EDNS(0).
    pub edns0: bool,
    /// Ask by TCP at once.
    pub use_vc: bool,
}

impl Default for ResolvConf {
    fn default() -> Self {
        Self {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
            rotate: false,
            edns0: false,
            use_vc: false,
        }
    }
}

impl ResolvConf {
    /// Reads the text of a file.
    pub fn parse(text: &str) -> Self {
        let mut conf = Self::default();
        for line in text.lines() {
            let mut words = line.split_ascii_whitespace().take_while(|word| !word.starts_with(['#', ';']));
            match words.next() {
                Some("nameserver") => conf.add_server(words.next()),
                Some("domain") => conf.search = words.next().map(domain).into_iter().collect(),
                // The last line of this kind counts, as with `domain`.
                Some("search") => conf.search = words.map(domain).take(SEARCH_MAX).collect(),
                Some("options") => words.for_each(|word| conf.set(word)),
                Some(_) | None => {}
            }
        }
        conf
    }

    fn add_server(&mut self, word: Option<&str>) {
        // The scope of a link-local address is not kept: such an address is then asked without one.
        let address = word.and_then(|word| word.split('%').next()?.parse::<IpAddr>().ok());
        if let Some(address) = address
            && self.servers.len() < RESOLVERS_MAX
            && !self.servers.contains(&address)
        {
            self.servers.push(address);
        }
    }

    fn set(&mut self, option: &str) {
        match option.split_once(':') {
            Some(("ndots", value)) => set(&mut self.ndots, value, |value: usize| value.min(NDOTS_MAX)),
            Some(("timeout", value)) => {
                set(&mut self.timeout, value, |seconds: u64| {
                    Duration::from_secs(seconds.clamp(1, TIMEOUT_MAX))
                });
            }
            Some(("attempts", value)) => {
                set(&mut self.attempts, value, |value: u32| value.clamp(1, ATTEMPTS_MAX));
            }
            Some(_) => {}
            None => {
                self.rotate |= option == "rotate";
                self.edns0 |= option == "edns0";
                self.use_vc |= option == "use-vc";
            }
        }
    }
}

fn set<T: std::str::FromStr, V>(place: &mut V, text: &str, limit: impl FnOnce(T) -> V) {
    if let Ok(value) = text.parse() {
        *place = limit(value);
    }
}

fn domain(text: &str) -> String {
    text.trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests;
