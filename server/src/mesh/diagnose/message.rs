//! The sentences that a person reads.

use std::net::IpAddr;

use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::name::{DnsName, NodeName, ServiceAddress, Zone};
use meshvane_shared::outcome::{Cause, ResolverDetail};
use meshvane_shared::wire::findings::{Direction, FindingKind, Subject};

use super::{FindingKey, Observers};
use crate::mesh::time::{Moment, Now};

/// A sentence around the time at which the fault began. The time is filled in last: a finding keeps the earliest that was
/// ever measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Before the time.
    head: String,
    /// After the time.
    tail: String,
}

impl Sentence {
    /// A sentence that ends with the time.
    pub fn new(head: String) -> Self {
        Self { head, tail: String::new() }
    }

    /// A sentence with the time between two parts.
    pub fn around(head: String, tail: String) -> Self {
        Self { head, tail }
    }

    /// The whole sentence.
    pub fn render(&self, now: &Now, since: Moment) -> String {
        format!("{}, since {}{}", self.head, clock(now, since), self.tail)
    }
}

fn clock(now: &Now, moment: Moment) -> String {
    now.wall_of(moment).format("%H:%M:%S UTC").to_string()
}

/// "from 11 of 11 observers in 3 zones"; the zones only where they say something.
fn seen_by(observers: Observers) -> String {
    let Observers { saw, of, zones } = observers;
    let noun = if of == 1 { "observer" } else { "observers" };
    let zones = if zones > 1 { format!(" in {zones} zones") } else { String::new() };
    format!("from {saw} of {of} {noun}{zones}")
}

pub(super) fn node_down(now: &Now, node: &NodeName, observers: Observers, heard: Option<Moment>) -> Sentence {
    let tail = match heard {
        Some(heard) => format!("; its agent was last heard at {}", clock(now, heard)),
        None => "; its agent was not heard since this server started".to_owned(),
    };
    Sentence { head: format!("{node} is down: no address of it answers, {}", seen_by(observers)), tail }
}

pub(super) fn plane_cut(node: &NodeName, plane: Plane, observers: Observers, agent_silent: bool) -> Sentence {
    let tail = match (plane, agent_silent) {
        (Plane::Pod, true) => {
            "; its host address answers and its agent is silent: the pod may be gone, or cut off from the pod network"
        }
        (Plane::Pod, false) => {
            "; its host address answers: look at the pod network (CNI, overlay, routes) of that node"
        }
        (Plane::Host, true) => {
            "; its pod address answers, its agent is silent: look at the node's interface and routes"
        }
        (Plane::Host, false) => {
            "; its pod address answers: look at the node's interface, firewall and routes"
        }
    };
    Sentence {
        head: format!("{node} is unreachable on {plane}, {}", seen_by(observers)),
        tail: tail.to_owned(),
    }
}

/// What is known of an agent that sends nothing which could be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignOfAgent {
    /// It asks to be let in.
    Refused,
    /// Its node answers.
    NodeAnswers,
    /// None.
    Nothing,
}

pub(super) fn agent_down(node: &NodeName, pod: Option<&str>, sign: SignOfAgent) -> Sentence {
    let pod = pod.map_or_else(String::new, |pod| format!(" ({pod})"));
    let (state, tail) = match sign {
        SignOfAgent::Refused => (
            "refused",
            "; it runs, but its token has ended or cannot be reviewed: look at the node's kubelet, which renews it, and at the \
             API server",
        ),
        SignOfAgent::NodeAnswers => {
            ("silent", "; the node's addresses answer, so look at the pod: it may have crashed or be stopped")
        }
        SignOfAgent::Nothing => ("silent", "; nobody is there to tell whether the node itself answers"),
    };
    Sentence { head: format!("the agent on {node}{pod} is {state}"), tail: tail.to_owned() }
}

pub(super) fn not_measurable(
    subject: &Subject,
    check: CheckKind,
    family: Option<Family>,
    is_blocked: bool,
) -> Sentence {
    let who = match subject {
        Subject::Node { node } => node.to_string(),
        Subject::Pair { .. } | Subject::Groups { .. } | Subject::Name { .. } | Subject::Scope { .. } => {
            "every agent".to_owned()
        }
    };
    let over = family.map_or_else(String::new, |family| format!(" over {family}"));
    if is_blocked {
        return Sentence {
            head: format!(
                "{who} cannot measure {check}{over}: a rule of its own machine drops what its agent sends"
            ),
            tail: "; look at the output chains of the firewall in the agent's network namespace".to_owned(),
        };
    }
    let tail = match check {
        CheckKind::Icmp => {
            "; set the pod's sysctl net.ipv4.ping_group_range so that it includes the agent's group, or grant NET_RAW"
        }
        CheckKind::Tcp | CheckKind::Dns => "; look at the pod's security profile and the node's firewall",
    };
    Sentence { head: format!("{who} cannot measure {check}{over}: not permitted"), tail: tail.to_owned() }
}

pub(super) fn stale(node: &NodeName) -> Sentence {
    Sentence {
        head: format!("the agent on {node} heartbeats but has reported no round"),
        tail: "; what it saw is out of date".to_owned(),
    }
}

/// Names in a sentence; a large group is cut short, the finding's subject lists all.
fn list(names: &[NodeName]) -> String {
    const SHOWN: usize = 4;
    let mut text: Vec<String> = names.iter().take(SHOWN).map(ToString::to_string).collect();
    if names.len() > SHOWN {
        text.push(format!("{} more", names.len() - SHOWN));
    }
    match text.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        Some((last, _)) => last.clone(),
        None => "nobody".to_owned(),
    }
}

/// " on pod"; nothing when it is every plane.
fn on_plane(plane: Option<Plane>) -> String {
    plane.map_or_else(String::new, |plane| format!(" on {plane}"))
}

pub(super) fn monitor_blind(silent: usize, of: usize) -> Sentence {
    Sentence {
        head: format!(
            "the server is cut off: {silent} of {of} agents fell silent together and none of the others sees why"
        ),
        tail: "; nothing else is judged until they are heard: look at the server's own network".to_owned(),
    }
}

pub(super) fn group_cut(
    groups: [&[NodeName]; 2],
    zones: &[Zone],
    plane: Option<Plane>,
    both: bool,
    silent: bool,
    observers: Observers,
) -> Sentence {
    let [left, right] = groups.map(list);
    let zones: Vec<&str> = zones.iter().map(Zone::as_str).collect();
    let seen = seen_by(observers);
    if silent {
        let zone = zones.first().map_or_else(String::new, |zone| format!("{zone} "));
        return Sentence {
            head: format!("{zone}({left}) is cut off or down: none of its nodes answers, {seen}"),
            tail: "; none of its agents is heard: look at the zone's power and uplinks".to_owned(),
        };
    }
    let zones = match zones.as_slice() {
        [] => String::new(),
        [zone] => format!(" ({zone} as a whole)"),
        [one, other, ..] => format!(" ({one} and {other})"),
    };
    let verb = if both { "and" } else { "cannot reach" };
    let rest = if both { " do not reach each other" } else { "" };
    Sentence {
        head: format!("{left} {verb} {right}{rest}{}{zones}, {seen}", on_plane(plane)),
        tail: "; each reaches the others: look at what lies between them (uplinks, routes, firewalls)"
            .to_owned(),
    }
}

pub(super) fn node_one_way(node: &NodeName, direction: Direction, observers: Observers) -> Sentence {
    match direction {
        Direction::Out => Sentence {
            head: format!("{node} reaches nobody though others reach it"),
            tail: "; look at its outgoing firewall rules, routes and source addresses".to_owned(),
        },
        Direction::In | Direction::Both => Sentence {
            head: format!("nobody reaches {node} though it reaches others, {}", seen_by(observers)),
            tail: "; look at its incoming firewall rules and at who has its address".to_owned(),
        },
    }
}

pub(super) fn agent_replaced(node: &NodeName, by: &NodeName, observers: Observers) -> Sentence {
    Sentence {
        head: format!("at the pod address of {node} the agent of {by} answers, {}", seen_by(observers)),
        tail: "; the address was given away or is in use twice: look at the CNI's address pools".to_owned(),
    }
}

pub(super) fn pair(from: &NodeName, to: &NodeName, plane: Option<Plane>, both: bool) -> Sentence {
    let plane = on_plane(plane);
    if both {
        Sentence {
            head: format!("{from} and {to} do not reach each other{plane}"),
            tail: "; each reaches the others: look at the route and the tunnel between these two".to_owned(),
        }
    } else {
        Sentence {
            head: format!("{from} does not reach {to}{plane}, the other way works"),
            tail: format!(
                "; look at what may drop new flows from {from} to {to}: policies, firewalls, conntrack"
            ),
        }
    }
}

pub(super) fn filtered(key: &FindingKey, observers: Observers, never_worked: bool) -> Sentence {
    let at = match &key.subject {
        Subject::Node { node } => format!("at {node}"),
        Subject::Pair { from, to } => format!("from {from} to {to}"),
        Subject::Scope { .. } => "everywhere".to_owned(),
        Subject::Groups { .. } => "between groups".to_owned(),
        Subject::Name { name } => format!("at {name}"),
    };
    let plane = on_plane(key.plane);
    let family = key.family.map_or_else(String::new, |family| format!(" over {family}"));
    let port = key.port.unwrap_or_default();
    let seen = seen_by(observers);
    let never = if never_worked { ", and has since it was planned" } else { "" };
    let (head, tail) = if key.kind == FindingKind::FamilyCut {
        let family = key.family.map_or("a family", Family::as_str);
        (
            format!("{family} fails {at}{plane} while the other family works, {seen}"),
            "; look at the addresses, routes and firewall rules of that family",
        )
    } else if key.kind == FindingKind::IcmpFiltered {
        (
            format!("ICMP echo is filtered {at}{plane}{family} while TCP answers, {seen}"),
            "; look at firewalls and security groups: path MTU discovery needs ICMP",
        )
    } else if key.kind == FindingKind::PortRefused {
        (
            format!("TCP port {port} is refused {at}{family}{never}, {seen}"),
            "; the address answers and nothing listens: look at the program, or set TEST_PORT to a port that is open",
        )
    } else {
        (
            format!("TCP port {port} is silent {at}{family}{never}, {seen}"),
            "; the address answers: look at firewalls and policies for that port, or set TEST_PORT to one that is let through",
        )
    };
    Sentence { head, tail: tail.to_owned() }
}

/// Where a name does not resolve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameScope {
    /// From no node.
    Everywhere,
    /// From some nodes.
    Some,
    /// By this name server; another one knows it.
    Server(IpAddr),
}

/// Why a name does not resolve, and what the name server did.
fn why_unresolved(why: Option<(Cause, Option<ResolverDetail>)>) -> String {
    let Some((cause, detail)) = why else { return "cause unknown".to_owned() };
    match detail {
        Some(ResolverDetail::NoUdpAnswer) => return "no name server answered by UDP in time".to_owned(),
        Some(ResolverDetail::NoIpv4Answer) => return "the name server answers AAAA and not A".to_owned(),
        Some(ResolverDetail::NoIpv6Answer) => return "the name server answers A and not AAAA".to_owned(),
        Some(ResolverDetail::NoTcpAnswer) => {
            let by_tcp = match cause {
                Cause::ResolverTimeout => "it is silent".to_owned(),
                Cause::Refused => "it refuses".to_owned(),
                Cause::Reset => "it closes the connection".to_owned(),
                other @ (Cause::Timeout
                | Cause::Rejected { .. }
                | Cause::NoRoute
                | Cause::Name { .. }
                | Cause::Tls
                | Cause::Protocol
                | Cause::Unspecified) => format!("it cannot be asked ({})", other.as_str()),
            };
            return format!("the name server's answer by UDP is truncated, and by TCP {by_tcp}");
        }
        Some(ResolverDetail::WrongAnswers) => {
            return "what the name server sends is no answer to the question".to_owned();
        }
        Some(ResolverDetail::Unspecified) | None => {}
    }
    match cause {
        Cause::Name { rcode: 0 } => "the answer has no address".to_owned(),
        Cause::Name { rcode: 2 } => "the name server failed (SERVFAIL)".to_owned(),
        Cause::Name { rcode: 3 } => "there is no such name (NXDOMAIN)".to_owned(),
        Cause::Name { rcode: 5 } => "the name server refused (REFUSED)".to_owned(),
        Cause::Name { rcode } => format!("response code {rcode}"),
        Cause::ResolverTimeout => "no name server answered in time".to_owned(),
        Cause::Refused => "nothing listens at the name server's port (refused)".to_owned(),
        Cause::NoRoute => "there is no route to the name server".to_owned(),
        other @ (Cause::Timeout
        | Cause::Reset
        | Cause::Rejected { .. }
        | Cause::Tls
        | Cause::Protocol
        | Cause::Unspecified) => other.as_str().to_owned(),
    }
}

pub(super) fn name_failed(
    name: &str,
    why: Option<(Cause, Option<ResolverDetail>)>,
    scope: NameScope,
    observers: Observers,
) -> Sentence {
    let why = why_unresolved(why);
    let seen = seen_by(observers);
    match scope {
        NameScope::Everywhere => Sentence {
            head: format!("{name} does not resolve: {why}, {seen}"),
            tail: "; look at the cluster's DNS".to_owned(),
        },
        NameScope::Some => Sentence {
            head: format!("{name} does not resolve from some nodes: {why}, {seen}"),
            tail: "; look at those nodes' resolv.conf, node-local DNS cache and way to the name servers"
                .to_owned(),
        },
        NameScope::Server(server) => Sentence {
            head: format!("name server {server} does not resolve {name}: {why}, {seen}"),
            tail: "; another name server does, so lookups are slow and not lost".to_owned(),
        },
    }
}

pub(super) fn service_unreachable(
    service: &ServiceAddress,
    resolved_as: Option<&DnsName>,
    cause: Option<Cause>,
    observers: Observers,
) -> Sentence {
    let ServiceAddress { name, port } = service;
    let (cause, seen) = (cause.map_or("", Cause::as_str), seen_by(observers));
    if name.address().is_some() {
        return Sentence {
            head: format!("port {port} of the service {name} does not answer ({cause}), {seen}"),
            tail: "; look at what listens there and the policies in front of it".to_owned(),
        };
    }
    // A search list with a wildcard resolves what was misspelled: the name that answered shows it.
    let resolved = resolved_as.map_or_else(String::new, |other| format!(" as {other}"));
    Sentence {
        head: format!("{name} resolves{resolved} and its port {port} does not answer ({cause}), {seen}"),
        tail: "; look at the Service's endpoints, its targetPort and the policies in front of it".to_owned(),
    }
}
