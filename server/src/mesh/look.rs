//! Looks: which nodes are under suspicion and who is asked to look at them now.
//!
//! A *look* is asked for when somebody suspects a node: some agents probe that node. A *sweep* is asked for when an agent
//! confirmed a failure: it probes every node of the plan and some agents probe it, so that whoever judges has a fresh word
//! of that agent about all and of the others about that agent, and need not guess whose fault it is.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use meshvane_shared::limits::LOOKS_MAX;
use meshvane_shared::name::NodeName;
use meshvane_shared::plan::Plan;

use super::time::Moment;

/// Observers that are asked at once beside the one that suspects: enough to tell a node from a link, few enough that a
/// suspicion at 5,000 nodes is no storm.
pub const LOOK_OBSERVERS: usize = 8;
/// A node that is under suspicion already is not looked at again sooner: a burst takes 1.6 s, or 2.2 s where nobody hurries.
pub const LOOK_PERIOD: Duration = Duration::from_secs(2);
/// A look that nobody fetched is worth nothing after this: by then every agent probed the node by its own plan.
pub const LOOK_KEPT: Duration = Duration::from_secs(10);

/// The looks that were asked for.
#[derive(Debug, Default)]
pub struct LookBook {
    newest: u64,
    looks: VecDeque<Look>,
}

#[derive(Debug)]
struct Look {
    number: u64,
    aim: Aim,
    raised: Moment,
}

#[derive(Debug, PartialEq, Eq)]
enum Aim {
    /// Some agents look at this node.
    Node(NodeName),
    /// This agent looks at everybody, and some agents at its node.
    Sweep {
        agent: NodeName,
        /// Whom it is about: looked at whatever the limit leaves out.
        about: NodeName,
    },
}

/// Who asks for looks.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The calling agent's node; without it all looks are meant.
    pub agent: Option<&'a NodeName>,
    /// The plan whose nodes there are, in the order of its targets.
    pub plan: &'a Plan,
}

impl LookBook {
    /// Asks for a look at a node. Returns whether there is a new one to fetch.
    pub fn raise(&mut self, node: &NodeName, now: Moment) -> bool {
        let same = |aim: &Aim| matches!(aim, Aim::Node(held) if held == node);
        let kind = |aim: &Aim| matches!(aim, Aim::Node(_));
        self.raise_unless(same, kind, || Aim::Node(node.clone()), now)
    }

    /// Asks an agent to look at every node, and some agents to look at its node: it confirmed a failure of `about`, or
    /// `about` confirmed one of its node. Returns whether there is something new to fetch.
    pub fn raise_sweep(&mut self, agent: &NodeName, about: &NodeName, now: Moment) -> bool {
        let same = |aim: &Aim| matches!(aim, Aim::Sweep { agent: held, .. } if held == agent);
        let kind = |aim: &Aim| matches!(aim, Aim::Sweep { .. });
        self.raise_unless(same, kind, || Aim::Sweep { agent: agent.clone(), about: about.clone() }, now)
    }

    fn raise_unless(
        &mut self,
        same: impl Fn(&Aim) -> bool,
        kind: impl Fn(&Aim) -> bool,
        aim: impl FnOnce() -> Aim,
        now: Moment,
    ) -> bool {
        self.looks.retain(|look| now.since(look.raised) < LOOK_KEPT);
        let asked = self.looks.iter().any(|look| same(&look.aim) && now.since(look.raised) < LOOK_PERIOD);
        // More of a kind than this at once are a wide outage, which every agent sees by itself.
        if asked || self.looks.iter().filter(|look| kind(&look.aim)).count() >= LOOKS_MAX {
            return false;
        }
        self.newest += 1;
        self.looks.push_back(Look { number: self.newest, aim: aim(), raised: now });
        true
    }

    /// The number of the newest look.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// When the look of this number was asked for, while it is known.
    pub fn raised(&self, number: u64) -> Option<Moment> {
        self.looks.iter().find(|look| look.number == number).map(|look| look.raised)
    }

    /// The nodes that a caller is to look at, by looks that are newer than `seen`: ordered, each once, at most [`LOOKS_MAX`].
    pub fn after(&self, seen: u64, caller: Caller<'_>, now: Moment) -> Vec<NodeName> {
        let fresh = |look: &&Look| look.number > seen && now.since(look.raised) < LOOK_KEPT;
        if !self.looks.iter().any(|look| fresh(&look)) {
            return Vec::new();
        }
        let members = members(caller.plan);
        let asked = |node: &NodeName| caller.agent.is_none_or(|agent| is_asked(agent, node, members.len()));
        let mut nodes: BTreeSet<&NodeName> = BTreeSet::new();
        let mut sweeps = Vec::new();
        for look in self.looks.iter().filter(fresh) {
            match &look.aim {
                Aim::Sweep { agent, about } if caller.agent == Some(agent) => {
                    nodes.insert(about);
                    sweeps.push(look.number);
                }
                Aim::Node(node) | Aim::Sweep { agent: node, .. } if asked(node) => {
                    nodes.insert(node);
                }
                Aim::Node(_) | Aim::Sweep { .. } => {}
            }
        }
        let agent = caller.agent;
        for node in sweeps.iter().flat_map(|number| swept(agent, &members, *number)) {
            if nodes.len() >= LOOKS_MAX {
                break;
            }
            nodes.insert(node);
        }
        nodes.into_iter().filter(|node| Some(*node) != agent).take(LOOKS_MAX).cloned().collect()
    }
}

/// The nodes of a plan, whose targets are ordered by node.
fn members(plan: &Plan) -> Vec<&NodeName> {
    let mut members: Vec<&NodeName> = plan.targets.iter().map(|target| &target.node).collect();
    members.dedup();
    members
}

/// The nodes that a sweep visits, most wanted first: in a mesh that is larger than the limit, each sweep by lot of its own.
fn swept<'a>(agent: Option<&NodeName>, members: &[&'a NodeName], number: u64) -> Vec<&'a NodeName> {
    let mut nodes: Vec<&NodeName> = members.iter().copied().filter(|node| Some(*node) != agent).collect();
    if nodes.len() > LOOKS_MAX {
        let lot = |node: &&NodeName| mix(node.as_str().bytes().chain(number.to_be_bytes()));
        nodes.sort_by_cached_key(lot);
        nodes.truncate(LOOKS_MAX);
    }
    nodes
}

/// Tells whether an agent is among those that look at a node: all of them in a small mesh, otherwise some that are chosen by
/// the two names alone, so that every node has its own.
pub fn is_asked(agent: &NodeName, node: &NodeName, members: usize) -> bool {
    if agent == node {
        return false;
    }
    if members <= LOOK_OBSERVERS + 1 {
        return true;
    }
    let share =
        u64::MAX / u64::try_from(members).unwrap_or(u64::MAX) * u64::try_from(LOOK_OBSERVERS).unwrap_or(1);
    mix(agent.as_str().bytes().chain([0]).chain(node.as_str().bytes())) < share
}

/// FNV-1a with a final avalanche: the same on every machine and in every version, which the standard hasher is not.
fn mix(bytes: impl Iterator<Item = u8>) -> u64 {
    let folded = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let spread = (folded ^ (folded >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    spread ^ (spread >> 33)
}

#[cfg(test)]
mod tests;
