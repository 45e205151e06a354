//! Address families and the addresses of a member.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// An address family. The two are cells of their own: a working IPv4 never hides a broken IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4, RFC 791.
    Ipv4,
    /// IPv6, RFC 8200.
    Ipv6,
}

impl Family {
    /// The family of an address. An IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2) is IPv4.
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }

    /// The name as it stands in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Parses an address that can be probed.
///
/// # Errors
/// A sentence when the text is no IP address, or one that cannot name a single host.
pub fn parse_probe_address(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text
        .parse()
        .map_err(|_| format!("{:?} is not an IP address", text.chars().take(64).collect::<String>()))?;
    check_probe_address(address)
}

/// Refuses addresses that cannot name a single host: unspecified, multicast and broadcast.
///
/// # Errors
/// A sentence that says why.
pub fn check_probe_address(address: IpAddr) -> Result<IpAddr, String> {
    let address = address.to_canonical();
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if address.is_unspecified() || address.is_multicast() || broadcast {
        return Err(format!("{address} is unspecified, multicast or broadcast, so it names no single host"));
    }
    Ok(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_address_names_one_host() {
        for (text, expected) in [
            ("10.0.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("fd00::1", true),
            ("0.0.0.0", false),
            ("255.255.255.255", false),
            ("ff02::1", false),
            ("-c1", false),
            ("node-1", false),
            ("", false),
        ] {
            assert_eq!(parse_probe_address(text).is_ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_mapped_address_is_ipv4() {
        let address = parse_probe_address("::ffff:10.0.0.1").unwrap();
        assert_eq!((address.to_string().as_str(), Family::of(address)), ("10.0.0.1", Family::Ipv4));
    }
}
