//! `/etc/hosts`, and the one name that every system knows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::each_once;

/// The addresses of a name in the text of a hosts file: those of every line that has it.
pub(super) fn addresses(text: &str, name: &str) -> Vec<IpAddr> {
    let name = name.trim_end_matches('.');
    let of_line = |line: &str| {
        let mut words = line.split('#').next()?.split_ascii_whitespace();
        let address: IpAddr = words.next()?.parse().ok()?;
        words.any(|word| word.trim_end_matches('.').eq_ignore_ascii_case(name)).then_some(address)
    };
    each_once(text.lines().filter_map(of_line))
}

/// The loopback addresses for `localhost` and the names below it, which no name server is to be asked for
/// (RFC 6761 section 6.3).
pub(super) fn loopback(name: &str) -> Option<Vec<IpAddr>> {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    (name == "localhost" || name.ends_with(".localhost"))
        .then(|| vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()])
}
