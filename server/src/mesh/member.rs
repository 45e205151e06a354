//! Members: the agents that the server knows, and what their silence means.
//!
//! ```text
//!              interval + 1 s         TTL              FORGET_AFTER
//!   alive ───────────────────> late ───────> lost ─────────────────> (gone)
//!     ^ │                       │              │
//!     │ └── goodbye ──> leaving ┼──────────────┼── LEAVING_KEPT ────> (gone)
//!     └───────── heartbeat ─────┴──────────────┘
//! ```
//! A member that stops without a goodbye gets louder: it stays in the plan, in lists and in findings until it is
//! forgotten.

use std::net::IpAddr;
use std::time::Duration;

use meshvane_shared::address::Family;
use meshvane_shared::check::Plane;
use meshvane_shared::limits;
use meshvane_shared::name::{BootId, NodeName, Zone};
use meshvane_shared::plan::{Epoch, Target};
use meshvane_shared::wire::agents::MemberState;

use super::time::Moment;

mod boots;
mod heartbeat;

pub use heartbeat::{Heartbeat, HeartbeatError};

/// A member that said goodbye is shown as leaving for this long, so that an operator who looks after a scale-down
/// sees why it is not there.
pub const LEAVING_KEPT: Duration = Duration::from_mins(1);
/// The heartbeat interval of agents that do not state theirs: the original's default.
pub const ORIGINAL_INTERVAL: Duration = Duration::from_secs(5);
/// The longest that a member's own interval stretches its TTL to: an agent's longest heartbeat interval is an hour.
pub const TTL_STRETCHED_MAX: Duration = Duration::from_hours(2).saturating_add(limits::LATE_GRACE);
/// The responder's port of agents that do not state theirs: the original's fixed one.
pub const ORIGINAL_CLIENT_PORT: u16 = 6100;

/// When silence becomes lateness, loss and oblivion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// A member is lost when nothing was heard for this long.
    pub ttl: Duration,
    /// A member is gone when nothing was heard for this long.
    pub forget_after: Duration,
}

/// How the server came to know a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// By its own heartbeat.
    Native,
    /// By the heartbeat of an original agent, which does not say its node.
    Original,
    /// By the target lists of other agents, after a restart of the server. It has not been heard itself.
    Recalled,
}

/// One start of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// Its id.
    pub id: BootId,
    /// When it began, by the agent's own count of its uptime.
    pub started: Moment,
}

/// One agent that the server knows; there is one for each node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The node, or a stand-in for an original agent.
    pub node: NodeName,
    /// The failure domain, when known.
    pub zone: Option<Zone>,
    /// The node's addresses, at most one of each family.
    pub host_addresses: Vec<IpAddr>,
    /// The pod's addresses, at most one of each family.
    pub pod_addresses: Vec<IpAddr>,
    /// Port of the agent's responder.
    pub client_port: u16,
    /// The pod's name.
    pub pod: Option<String>,
    /// The pod's namespace.
    pub namespace: Option<String>,
    /// The agent's version.
    pub version: Option<String>,
    /// The start that speaks for the node.
    pub boot: Option<Boot>,
    /// The heartbeat interval.
    pub interval: Duration,
    /// The probe interval, when the agent states it.
    pub probe_interval: Option<Duration>,
    /// When the newest heartbeat arrived.
    pub heard: Option<Moment>,
    /// When the newest heartbeat or round arrived.
    pub received: Option<Moment>,
    /// When the first heartbeat of the present run of them arrived, that is, after the last time the member was late.
    pub steady_since: Moment,
    /// When the server first knew of it. Who was named by others and then speaks within one TTL is known since it speaks.
    pub known_since: Moment,
    /// When it said goodbye.
    pub left: Option<Moment>,
    /// The agent's wall clock minus ours at the newest heartbeat.
    pub clock_offset_ms: Option<i64>,
    /// Starts of the server that answer the agent in turn, as it says itself.
    pub epochs_in_turn: Vec<Epoch>,
    /// How the server came to know it.
    pub origin: Origin,
}

impl Member {
    /// The member's state, or `None` when it is gone.
    pub fn state(&self, now: Moment, timing: &Timing) -> Option<MemberState> {
        if let Some(left) = self.left {
            return (now.since(left) < LEAVING_KEPT).then_some(MemberState::Leaving);
        }
        let silence = now.since(self.heard.unwrap_or(self.known_since));
        let stretched = self.ttl(timing).saturating_sub(timing.ttl);
        if silence >= timing.forget_after + stretched {
            None
        } else if silence >= timing.ttl + stretched {
            Some(MemberState::Lost)
        } else if self.heard.is_none() || silence > self.late_after() {
            Some(MemberState::Late)
        } else {
            Some(MemberState::Alive)
        }
    }

    /// Silence from this on is loss: the TTL, or as long as one lost heartbeat takes to be followed by the next. An agent that
    /// states an interval near the TTL, or above it, would be lost and found again and again. An original agent states none.
    pub fn ttl(&self, timing: &Timing) -> Duration {
        match self.origin {
            Origin::Native => timing.ttl.max((2 * self.interval + limits::LATE_GRACE).min(TTL_STRETCHED_MAX)),
            Origin::Original | Origin::Recalled => timing.ttl,
        }
    }

    /// Silence above this is lateness.
    pub fn late_after(&self) -> Duration {
        self.interval + limits::LATE_GRACE
    }

    /// An agent that lives has tried again within this: a try takes up to an interval to give up, and the next one comes after the
    /// longest wait.
    pub fn tries_again_within(&self) -> Duration {
        self.interval + limits::RETRY_CAP + limits::LATE_GRACE
    }

    /// A member that has not been heard itself: somebody named it, or its round came before its heartbeat.
    pub fn unheard(node: NodeName, now: Moment) -> Self {
        Self {
            node,
            zone: None,
            host_addresses: Vec::new(),
            pod_addresses: Vec::new(),
            client_port: ORIGINAL_CLIENT_PORT,
            pod: None,
            namespace: None,
            version: None,
            boot: None,
            interval: ORIGINAL_INTERVAL,
            probe_interval: None,
            heard: None,
            received: None,
            steady_since: now,
            known_since: now,
            left: None,
            clock_offset_ms: None,
            epochs_in_turn: Vec::new(),
            origin: Origin::Recalled,
        }
    }

    /// A member that others remember from before a restart of the server, with the addresses they remember.
    pub fn recalled(node: NodeName, targets: &[Target], now: Moment) -> Self {
        let mut member = Self::unheard(node, now);
        // The failure that the others report is older than this server: their word must count.
        member.steady_since = Moment::from_millis(i64::MIN);
        for target in targets {
            let address = target.address.to_canonical();
            match target.plane {
                Plane::Host => member.host_addresses.push(address),
                Plane::Pod => member.pod_addresses.push(address),
            }
            member.client_port = target.port.unwrap_or(member.client_port);
            member.zone = target.zone.clone().or(member.zone);
        }
        member
    }

    /// The addresses of a plane.
    pub fn addresses(&self, plane: Plane) -> &[IpAddr] {
        match plane {
            Plane::Host => &self.host_addresses,
            Plane::Pod => &self.pod_addresses,
        }
    }

    /// The address that stands for a plane in the compatible lists: IPv4 first, as the original knows no other.
    pub fn main_address(&self, plane: Plane) -> Option<IpAddr> {
        let addresses = self.addresses(plane);
        addresses.iter().find(|address| Family::of(**address) == Family::Ipv4).or(addresses.first()).copied()
    }

    /// Takes a heartbeat: the member as it is afterwards, or `None` when another boot speaks for the node (`member/boots.rs`).
    pub fn hear(prior: Option<&Self>, heartbeat: Heartbeat, now: Moment, timing: &Timing) -> Option<Self> {
        let mut member = heartbeat.member;
        let Some(prior) = prior else { return Some(member) };
        if !boots::speaks(prior, &member, now) {
            return None;
        }
        let was_steady = matches!(prior.state(now, timing), Some(MemberState::Alive))
            && prior.boot_id() == member.boot_id();
        // Who was named by others a moment ago speaks for the first time: that is no return after a silence.
        let only_named =
            prior.heard.is_none() && prior.state(now, timing).is_some_and(|state| state == MemberState::Late);
        if !only_named {
            member.known_since = prior.known_since;
        }
        if was_steady {
            member.steady_since = prior.steady_since;
        }
        Some(member)
    }

    /// The id of the boot that speaks for the node.
    pub fn boot_id(&self) -> Option<&BootId> {
        self.boot.as_ref().map(|boot| &boot.id)
    }

    /// What is wrong with the member's settings, in sentences.
    pub fn problems(&self, timing: &Timing) -> Vec<String> {
        let mut problems = Vec::new();
        if timing.ttl < 2 * self.interval {
            problems.push(format!(
                "the server's CACHE_KEY_SECOND ({} s) is below twice this agent's HEARTBEAT_INTERVAL ({} s): it is lost after {} s without a heartbeat",
                timing.ttl.as_secs(),
                self.interval.as_secs_f64(),
                self.ttl(timing).as_secs_f64(),
            ));
        }
        problems
    }
}

#[cfg(test)]
mod tests;
