//! The sentences that a person reads.

use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::name::NodeName;
use meshvane_shared::wire::findings::Subject;

use super::Observers;
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

pub(super) fn agent_down(node: &NodeName, pod: Option<&str>, answers: bool) -> Sentence {
    let pod = pod.map_or_else(String::new, |pod| format!(" ({pod})"));
    let tail = if answers {
        "; the node's addresses answer, so look at the pod: it may have crashed or be stopped"
    } else {
        "; nobody is there to tell whether the node itself answers"
    };
    Sentence { head: format!("the agent on {node}{pod} is silent"), tail: tail.to_owned() }
}

pub(super) fn not_measurable(subject: &Subject, check: CheckKind, family: Option<Family>) -> Sentence {
    let who = match subject {
        Subject::Node { node } => node.to_string(),
        Subject::Pair { .. } | Subject::Groups { .. } | Subject::Name { .. } | Subject::Scope { .. } => {
            "every agent".to_owned()
        }
    };
    let over = family.map_or_else(String::new, |family| format!(" over {family}"));
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
