//! Address families and the addresses of a member.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
/// A sentence when the text is no IP address, or one that no member can have.
pub fn parse_probe_address(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text
        .parse()
        .map_err(|_| format!("{:?} is not an IP address", text.chars().take(64).collect::<String>()))?;
    check_probe_address(address)
}

/// Refuses addresses that no member of a mesh can have, and returns the address in its canonical form.
///
/// Refused are addresses of "this network" (0.0.0.0/8, `::`), multicast, broadcast and link-local ones, and every IPv6
/// address that a translator or a tunnel turns into such an IPv4 address. Link-local ones lead to something else on
/// every node: 169.254.169.254 is the metadata service of most clouds. The [`METADATA`] addresses of other clouds are
/// refused as well. Loopback addresses pass; see [`is_loopback`].
///
/// # Errors
/// A sentence that names the address and says why.
pub fn check_probe_address(address: IpAddr) -> Result<IpAddr, String> {
    let address = address.to_canonical();
    let embedded = match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(v6) => embedded_ipv4(v6),
    };
    match (fault_of(address), embedded) {
        (Some(fault), _) => Err(format!("{address} is {fault}, so it is no address of a node or a pod")),
        (None, None) => Ok(address),
        (None, Some(inner)) => {
            let fault = fault_of(inner.into()).or(inner.is_loopback().then_some("a loopback address"));
            let refusal = |fault| {
                format!(
                    "{address} leads to {inner}, which is {fault}, so it is no address of a node or a pod"
                )
            };
            fault.map_or(Ok(address), |fault| Err(refusal(fault)))
        }
    }
}

/// Returns true for a loopback address. Each node reaches itself by one, so a target there means something only to
/// agents on the same machine.
pub fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// The source that an address counts for, where limits hold for one client: an IPv4 address, or the /64 of an IPv6 address,
/// within which one host may choose freely (RFC 4291 section 2.5.4). An IPv4 address in IPv6 form is the IPv4 address.
pub fn source_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        // One address, and no network that a host is given.
        IpAddr::V6(v6) if !v6.is_loopback() => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
        address @ (IpAddr::V4(_) | IpAddr::V6(_)) => address,
    }
}

/// Metadata services of clouds at addresses that are not link-local: Amazon EC2 and Google Compute Engine over IPv6, Alibaba
/// Cloud, and the platform address of Azure. They answer every instance, and some with its credentials.
pub const METADATA: [IpAddr; 4] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
];

/// Why no member has an address like this; `None` for an ordinary one. 240.0.0.0/4 is ordinary: some clusters use it.
fn fault_of(address: IpAddr) -> Option<&'static str> {
    match address {
        _ if address.is_multicast() => Some("a multicast address"),
        _ if METADATA.contains(&address) => Some("the metadata service of a cloud"),
        // RFC 1122 section 3.2.1.3: the whole of 0.0.0.0/8 means "this network".
        IpAddr::V4(v4) if v4.octets()[0] == 0 => Some("unspecified (0.0.0.0/8)"),
        IpAddr::V4(v4) if v4.is_broadcast() => Some("the broadcast address"),
        IpAddr::V4(v4) if v4.is_link_local() => Some("link-local (169.254.0.0/16)"),
        IpAddr::V6(v6) if v6.is_unspecified() => Some("unspecified"),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some("link-local (fe80::/10)"),
        IpAddr::V4(_) | IpAddr::V6(_) => None,
    }
}

/// The IPv4 address that a translator or a tunnel makes of an IPv6 address: IPv4-compatible (RFC 4291 section 2.5.5.1),
/// IPv4-translated (RFC 2765 section 2.1), NAT64 with its well-known and its local prefix (RFC 6052 section 2.1, RFC 8215)
/// and 6to4 (RFC 3056 section 2). IPv4-mapped addresses are IPv4 in their canonical form already.
fn embedded_ipv4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let joined = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0 | 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 1, _, _, _, high, low]
        | [0x2002, high, low, ..] => Some(joined(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_address_is_one_that_a_node_or_a_pod_can_have() {
        for (text, expected) in [
            ("10.0.0.1", true),
            ("::ffff:10.0.0.1", true),
            ("fd00::1", true),
            ("127.0.1.1", true),
            ("::1", true),
            ("240.0.0.1", true),
            ("255.255.255.254", true),
            ("100.64.0.1", true),
            ("64:ff9b::10.0.0.1", true),
            ("2002:a00:1::1", true),
            ("100.100.100.200", false),
            ("168.63.129.16", false),
            ("fd00:ec2::254", false),
            ("fd20:ce::254", false),
            ("64:ff9b::100.100.100.200", false),
            ("0.0.0.0", false),
            ("0.1.2.3", false),
            ("::", false),
            ("255.255.255.255", false),
            ("224.0.0.1", false),
            ("239.255.255.255", false),
            ("ff02::1", false),
            ("169.254.169.254", false),
            ("fe80::1", false),
            ("febf::1", false),
            ("::ffff:169.254.169.254", false),
            ("::169.254.169.254", false),
            ("::ffff:0:169.254.169.254", false),
            ("64:ff9b::169.254.169.254", false),
            ("64:ff9b:1::169.254.169.254", false),
            ("2002:a9fe:a9fe::1", false),
            ("64:ff9b::127.0.0.1", false),
            ("2002:7f00:1::1", false),
            ("::0.0.0.2", false),
            ("64:ff9b::255.255.255.255", false),
            ("2002:e000:1::", false),
            ("-c1", false),
            ("node-1", false),
            ("", false),
        ] {
            assert_eq!(parse_probe_address(text).is_ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_address_and_why() {
        let refusal = |text: &str| parse_probe_address(text).unwrap_err();
        assert_eq!(
            refusal("::ffff:169.254.169.254"),
            "169.254.169.254 is link-local (169.254.0.0/16), so it is no address of a node or a pod"
        );
        assert_eq!(
            refusal("64:ff9b::224.0.0.1"),
            "64:ff9b::e000:1 leads to 224.0.0.1, which is a multicast address, so it is no address of a node or a pod"
        );
    }

    #[test]
    fn a_source_is_an_ipv4_address_in_either_form_or_a_64_of_ipv6() {
        let source = |text: &str| source_of(text.parse().unwrap()).to_string();
        for (text, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
            ("::1", "::1"),
        ] {
            assert_eq!(source(text), expected, "{text}");
        }
    }

    #[test]
    fn a_mapped_address_is_ipv4() {
        let address = parse_probe_address("::ffff:10.0.0.1").unwrap();
        assert_eq!((address.to_string().as_str(), Family::of(address)), ("10.0.0.1", Family::Ipv4));
        assert!(is_loopback("::ffff:127.0.0.1".parse().unwrap()));
    }
}
