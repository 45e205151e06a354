//! Names, parsed at the edge: nodes, pods, namespaces, zones, services, boots.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

use crate::address::check_probe_address;

/// Longest RFC 1123 subdomain, the form of Node, Pod and DNS names in Kubernetes.
pub const SUBDOMAIN_MAX_BYTES: usize = 253;
/// Longest RFC 1123 label, the form of a namespace and of a label value such as a zone.
pub const LABEL_MAX_BYTES: usize = 63;
/// Longest boot id that is taken: a UUID has 36 bytes, other schemes fit twice.
pub const BOOT_ID_MAX_BYTES: usize = 72;

/// Says why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} {text:?} is not valid: {rule}")]
pub struct NameError {
    /// What the text was meant to be, as "node name".
    pub kind: &'static str,
    /// The text, cut to 64 characters.
    pub text: String,
    /// What is accepted.
    pub rule: &'static str,
}

fn name_error(kind: &'static str, text: &str, rule: &'static str) -> NameError {
    NameError { kind, text: text.chars().take(64).collect(), rule }
}

/// Tells whether a text is an RFC 1123 subdomain: labels of lower-case letters, digits and `-`, joined by dots.
fn is_subdomain(text: &str) -> bool {
    text.len() <= SUBDOMAIN_MAX_BYTES && text.split('.').all(is_label)
}

fn is_label(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inner = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-';
    !bytes.is_empty()
        && bytes.len() <= LABEL_MAX_BYTES
        && bytes.iter().all(inner)
        && bytes[0] != b'-'
        && bytes[bytes.len() - 1] != b'-'
}

/// Tells whether a text is a Kubernetes label value: at most 63 of `A-Z a-z 0-9 - _ .`, alphanumeric at both ends.
fn is_label_value(text: &str) -> bool {
    let bytes = text.as_bytes();
    let inner = |b: &u8| b.is_ascii_alphanumeric() || matches!(*b, b'-' | b'_' | b'.');
    !bytes.is_empty()
        && bytes.len() <= LABEL_MAX_BYTES
        && bytes.iter().all(inner)
        && bytes[0].is_ascii_alphanumeric()
        && bytes[bytes.len() - 1].is_ascii_alphanumeric()
}

/// Returns true for an IP address, and for a DNS name that a resolver can be asked for: labels may hold upper
/// case and `_` (RFC 2181 section 11), and one trailing dot makes it absolute.
fn is_dns_name(text: &str) -> bool {
    if text.parse::<IpAddr>().is_ok() {
        return true;
    }
    let name = text.strip_suffix('.').unwrap_or(text);
    let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    name.len() <= SUBDOMAIN_MAX_BYTES
        && name.split('.').all(|label| {
            !label.is_empty()
                && label.len() <= LABEL_MAX_BYTES
                && label.bytes().all(inner)
                && !label.starts_with('-')
        })
}

fn is_boot_id(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= BOOT_ID_MAX_BYTES
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// Reads a name where it stands: however long the text is, it is not copied before it is known to be a name.
struct TextVisitor<T> {
    kind: &'static str,
    parse: fn(&str) -> Result<T, NameError>,
}

impl<T> Visitor<'_> for TextVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a {}", self.kind)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.parse)(text).map_err(E::custom)
    }
}

macro_rules! name_type {
    ($(#[$doc:meta])* $type:ident, $kind:literal, $test:path, $rule:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(into = "String")]
        pub struct $type(std::sync::Arc<str>);

        impl $type {
            /// Parses a name.
            ///
            /// # Errors
            /// A [`NameError`] that says what is accepted.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                if $test(text) { Ok(Self(text.into())) } else { Err(name_error($kind, text, $rule)) }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.pad(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(TextVisitor { kind: $kind, parse: Self::parse })
            }
        }

        impl TryFrom<String> for $type {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::parse(&text)
            }
        }

        impl From<$type> for String {
            fn from(name: $type) -> String {
                name.0.as_ref().to_owned()
            }
        }
    };
}

name_type!(
    /// A Kubernetes Node's name. Cloning is cheap: the text is shared.
    NodeName, "node name", is_subdomain,
    "lower-case letters, digits, '-' and '.', at most 253 bytes, each part beginning and ending with a letter or digit (RFC 1123)"
);
name_type!(
    /// A Kubernetes Pod's name.
    PodName, "pod name", is_subdomain,
    "lower-case letters, digits, '-' and '.', at most 253 bytes, each part beginning and ending with a letter or digit (RFC 1123)"
);
name_type!(
    /// A Kubernetes namespace's name.
    Namespace, "namespace", is_label,
    "lower-case letters, digits and '-', at most 63 bytes, beginning and ending with a letter or digit (RFC 1123)"
);
name_type!(
    /// A failure domain, the value of `topology.kubernetes.io/zone`. An unknown zone is `None`, never an empty name.
    Zone, "zone", is_label_value,
    "letters, digits, '-', '_' and '.', at most 63 bytes, beginning and ending with a letter or digit (a Kubernetes label value)"
);
name_type!(
    /// A name that a resolver is asked for, or an IP address, which needs none. A trailing dot makes a name
    /// absolute.
    DnsName, "DNS name", is_dns_name,
    "labels of letters, digits, '-' and '_', each at most 63 bytes, joined by dots, at most 253 bytes in all, or an IP address"
);
name_type!(
    /// One start of an agent process. Rounds are numbered within it.
    BootId, "boot id", is_boot_id, "letters, digits and '-', at most 72 bytes"
);

impl NodeName {
    /// Makes the name under which an original agent is kept: it does not say its node, so its pod's name stands in.
    ///
    /// Characters that a node name may not hold become `-`; a name of nothing else is refused.
    ///
    /// # Errors
    /// A [`NameError`] when nothing usable is left.
    pub fn from_pod_name(text: &str) -> Result<Self, NameError> {
        let replaced: String = text
            .chars()
            .map(|c| c.to_ascii_lowercase())
            .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '.' { c } else { '-' })
            .collect();
        Self::parse(replaced.trim_matches(['-', '.']))
    }
}

impl DnsName {
    /// The address, when the name is one: nothing is to be resolved then.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.parse().ok()
    }
}

/// A service to check: a name or an address, and the port when the setting gave one (`name:port`,
/// `[fd00::1]:port`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceAddress {
    /// The name to resolve, or the address to connect to.
    pub name: DnsName,
    /// The TCP port to connect to.
    pub port: u16,
}

impl ServiceAddress {
    /// Parses `name` or `name:port`. An address may stand for the name, one of IPv6 in brackets when a port
    /// follows.
    ///
    /// # Errors
    /// A sentence that says which part is wrong.
    pub fn parse(text: &str, default_port: u16) -> Result<Self, String> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                bracketed(rest).ok_or_else(|| format!("{text:?} is not an IPv6 address in brackets"))?
            }
            None if text.parse::<Ipv6Addr>().is_ok() => (text, None),
            None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(default_port), parse_port)?;
        if let Ok(address) = host.parse() {
            // One spelling of each address: the same service twice is the same one.
            let address = check_probe_address(address)?;
            let name = DnsName::parse(&address.to_string()).map_err(|error| error.to_string())?;
            return Ok(Self { name, port });
        }
        if ends_in_a_number(host) {
            return Err(format!("{host:?} is neither a name nor a whole IP address"));
        }
        let name = DnsName::parse(host).map_err(|error| error.to_string())?;
        Ok(Self { name, port })
    }
}

impl fmt::Display for ServiceAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.address() {
            Some(address) => SocketAddr::new(address, self.port).fmt(formatter),
            None => write!(formatter, "{}:{}", self.name, self.port),
        }
    }
}

/// An IPv6 address and the port behind its brackets, of a text whose first bracket is taken away.
fn bracketed(text: &str) -> Option<(&str, Option<&str>)> {
    let (host, after) = text.split_once(']')?;
    host.parse::<Ipv6Addr>().ok()?;
    match after {
        "" => Some((host, None)),
        _ => Some((host, Some(after.strip_prefix(':')?))),
    }
}

/// No top-level domain is a number (RFC 3696 section 2): what ends in one was meant to be an address.
fn ends_in_a_number(host: &str) -> bool {
    let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
    !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit())
}

/// Parses a TCP or UDP port, 1 to 65535.
///
/// # Errors
/// A sentence that says what is accepted.
pub fn parse_port(text: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(port) if port > 0 => Ok(port),
        _ => Err(format!("{text:?} is not a port: a number from 1 to 65535 is accepted")),
    }
}

#[cfg(test)]
mod tests;
