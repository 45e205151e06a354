//! How filter rules are written: chains at a node's network card, and matches on whole nodes. Pure.
//!
//! Every packet between two nodes arrives at the card of exactly one of them, also where the zone's bridge passes it
//! by the router; so faults are laid there, and each packet meets a rule once. Connection tracking is not used: a
//! rule says by flags and types which packets begin something, and established connections break too.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::address::{Addresses, Family, Place, Subnet};
use crate::cluster::UPLINK;

/// Neighbour discovery is how a link works, not what is sent over it: it goes on in every fault, so that no kernel
/// reports a neighbour unreachable where packets are merely lost (RFC 4861, section 7).
const NEIGHBOURS: &str = "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept";

/// A segment that opens a connection: SYN without ACK, RST or FIN (RFC 9293, section 3.5).
const OPENING: &str = "tcp flags & (fin | syn | rst | ack) == syn";

/// A chain for all that arrives at the node's card, whoever it is for.
pub(super) fn arriving(rules: &str) -> String {
    chain("prerouting", &format!("iifname != {UPLINK} accept\n{NEIGHBOURS}\n{rules}"))
}

/// A chain for all that leaves by the node's card, whoever it is from.
pub(super) fn leaving(rules: &str) -> String {
    chain("postrouting", &format!("oifname != {UPLINK} accept\n{NEIGHBOURS}\n{rules}"))
}

/// A chain at this hook. Before connection tracking where it can be, so that established connections break too.
pub(super) fn chain(hook: &str, rules: &str) -> String {
    let priority = if hook == "prerouting" { "raw" } else { "filter" };
    format!("chain {hook} {{\ntype filter hook {hook} priority {priority}; policy accept;\n{rules}}}\n")
}

/// Which packets a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// All of them.
    Everything,
    /// Echo requests and segments that open a connection.
    NewFlows,
    /// Echo requests.
    Echoes,
}

impl What {
    fn matches(self, family: Family) -> Vec<&'static str> {
        let echo = match family {
            Family::V4 => "icmp type echo-request",
            Family::V6 => "icmpv6 type echo-request",
        };
        match self {
            What::Everything => vec![""],
            What::NewFlows => vec![echo, OPENING],
            What::Echoes => vec![echo],
        }
    }
}

/// Rules that drop these packets, from anybody to anybody, in this family.
pub(super) fn drop_all(what: What, family: Family) -> String {
    dropping(&format!("meta nfproto {}", nfproto(family)), what, family)
}

/// Rules that drop these packets to these addresses.
pub(super) fn drop_to(to: &[Subnet], what: What) -> String {
    in_each_family(|family| {
        let matched = format!("{} daddr {}", word(family), set(to, family)?);
        Some(dropping(&matched, what, family))
    })
}

/// Rules that drop echo requests with one of these identifiers to these addresses.
pub(super) fn drop_echoes_of(identifiers: &BTreeSet<u16>, to: &[Subnet]) -> String {
    let identifiers = identifiers.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    in_each_family(|family| {
        let (word, to) = (word(family), set(to, family)?);
        let icmp = match family {
            Family::V4 => "icmp",
            Family::V6 => "icmpv6",
        };
        Some(format!("{word} daddr {to} {icmp} type echo-request {icmp} id {{ {identifiers} }} drop\n"))
    })
}

/// Rules that drop these packets from the one to the other.
pub(super) fn drop_between(from: &[Subnet], to: &[Subnet], what: What) -> String {
    in_each_family(|family| {
        let (from, to, word) = (set(from, family)?, set(to, family)?, word(family));
        Some(dropping(&format!("{word} saddr {from} {word} daddr {to}"), what, family))
    })
}

fn dropping(matched: &str, what: What, family: Family) -> String {
    let mut rules = String::new();
    for kind in what.matches(family) {
        push(&mut rules, &format!("{matched} {kind} drop"));
    }
    rules
}

/// A rule for segments to a port of these addresses; the verdict is `drop` or a `reject`.
pub(super) fn to_port(to: &[Subnet], port: u16, verdict: &str) -> String {
    in_each_family(|family| {
        let to = set(to, family)?;
        Some(format!("iifname {UPLINK} {} daddr {to} tcp dport {port} {verdict}\n", word(family)))
    })
}

/// Rules for segments to a port from these addresses, or from anybody.
pub(super) fn from_to_port(from: Option<&[Subnet]>, port: u16, verdict: &str) -> String {
    let rest = format!("tcp dport {port} {verdict}\n");
    let Some(from) = from else {
        return format!("iifname {UPLINK} {rest}");
    };
    in_each_family(|family| Some(format!("{} saddr {} {rest}", word(family), set(from, family)?)))
}

/// Chains that give what leaves by the node's card for these addresses the address of that card.
pub(super) fn masquerade_to(to: &[Subnet]) -> String {
    let rules = in_each_family(|family| {
        Some(format!("oifname {UPLINK} {} daddr {} masquerade\n", word(family), set(to, family)?))
    });
    // The kernel remembers connections only while a rule asks about their state.
    let remembered = chain("forward", "ct state established accept\n");
    format!(
        "{remembered}chain postrouting {{\ntype nat hook postrouting priority srcnat; policy accept;\n{rules}}}\n"
    )
}

/// Rules that accept traffic from and to these addresses.
pub(super) fn accept(addresses: &[Subnet]) -> String {
    about(addresses, "accept")
}

/// Rules with this verdict for traffic from and to these addresses.
pub(super) fn about(addresses: &[Subnet], verdict: &str) -> String {
    let mut rules = String::new();
    for subnet in addresses {
        let word = word(Family::of(subnet.address));
        push(&mut rules, &format!("{word} saddr {subnet} {verdict}"));
        push(&mut rules, &format!("{word} daddr {subnet} {verdict}"));
    }
    rules
}

/// Each of these addresses alone.
pub(super) fn single(addresses: Addresses) -> impl Iterator<Item = Subnet> {
    addresses.all().map(|address| Subnet { address, length: if address.is_ipv4() { 32 } else { 128 } })
}

/// All addresses of a place, in the families of `like`.
pub(super) fn whole(place: Place, like: Addresses) -> impl Iterator<Item = Subnet> {
    like.all().map(move |address| place.subnet(address))
}

pub(super) fn push(rules: &mut String, rule: &str) {
    // Writing to a string cannot fail.
    let _written = writeln!(rules, "{rule}");
}

fn in_each_family(rules: impl Fn(Family) -> Option<String>) -> String {
    [Family::V4, Family::V6].into_iter().filter_map(rules).collect()
}

/// Those of this family as an anonymous set; `None` if there is none.
fn set(subnets: &[Subnet], family: Family) -> Option<String> {
    let matching = subnets.iter().filter(|subnet| Family::of(subnet.address) == family);
    let texts: Vec<_> = matching.map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| format!("{{ {} }}", texts.join(", ")))
}

/// The family's name in `nft` expressions on addresses.
pub(super) fn word(family: Family) -> &'static str {
    match family {
        Family::V4 => "ip",
        Family::V6 => "ip6",
    }
}

/// The family's name in `meta nfproto`.
fn nfproto(family: Family) -> &'static str {
    match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    }
}
