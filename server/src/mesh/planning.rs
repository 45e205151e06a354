//! The plan: whom every agent probes, and which plans are still known.
//!
//! Today the plan is the full mesh, one list for all: every address of every member that has not said goodbye. An agent
//! leaves out itself. Lost members stay in it, because their peers' probes tell a dead agent from a dead node.
//!
//! Two limits leave something out, and [`LeftOut`] says what: one address is planned for few members, and the whole has
//! so many targets. Members that are not lost come before those that are, and then those known for longest: a member
//! that is invented later takes no place of an earlier one.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::check::Plane;
use meshvane_shared::limits::{GENERATION_PERIOD, TARGETS_MAX};
use meshvane_shared::name::NodeName;
use meshvane_shared::plan::{Epoch, Plan, PlanVersion, Target, TargetKey};
use meshvane_shared::wire::agents::MemberState;

use super::member::{Member, Origin};
use super::time::Moment;

mod foreign;

pub(in crate::mesh) use foreign::bytes_of;
pub use foreign::{FOREIGN_PER_WRITER_MAX_BYTES, ForeignPlans, Offered, TooManyPlans};

/// Plans that rounds may still refer to: at one generation in 2 s, two minutes of them. An agent that comes with an older
/// one sends its targets.
pub const PLANS_KEPT: usize = 64;

/// Members that are planned at one address: a node that was renamed or rebuilt stands there twice, an original agent and the
/// native one that replaces it as well, and twice that is room. An agent's turns for one address
/// ([decision 22](../../../docs/decisions/0022-an-address-has-turns.md)) are made for as many.
pub const MEMBERS_PER_ADDRESS_MAX: usize = 4;

/// What the plan leaves out is logged at most this often: members that come and go all the time are one line a minute.
pub const LEFT_OUT_LOGGED_EVERY: Duration = Duration::from_mins(1);

/// What the plan leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Nodes with an address that enough other members have, and the first such address. They are not probed there.
    pub crowded: BTreeMap<NodeName, IpAddr>,
    /// Nodes that are not probed at all, for the plan has as many targets as it may.
    pub no_room: BTreeSet<NodeName>,
    /// Targets that are left out for their address.
    pub crowded_targets: usize,
    /// Targets that are left out for want of room.
    pub no_room_targets: usize,
}

impl LeftOut {
    /// What of a member is left out, in sentences for its problems.
    pub fn problems(&self, node: &NodeName) -> Vec<String> {
        let crowded = self.crowded.get(node).map(|address| {
            format!(
                "{MEMBERS_PER_ADDRESS_MAX} other members have the address {address} and were known before: this one is not probed there"
            )
        });
        let no_room = self.no_room.contains(node).then(|| {
            format!("the plan has {TARGETS_MAX} targets, as many as it may: this member is not probed")
        });
        crowded.into_iter().chain(no_room).collect()
    }
}

/// The present plan and the ones before it.
#[derive(Debug)]
pub struct PlanBook {
    current: Arc<Plan>,
    former: VecDeque<Arc<Plan>>,
    moved: Option<Moment>,
    left_out: Arc<LeftOut>,
    /// What was last told of that, and when.
    told: Arc<LeftOut>,
    told_at: Option<Moment>,
}

impl PlanBook {
    /// Opens the book with an empty plan of generation 0.
    pub fn new(epoch: Epoch) -> Self {
        let plan = Plan { version: PlanVersion { epoch, generation: 0 }, targets: Vec::new() };
        Self {
            current: Arc::new(plan),
            former: VecDeque::new(),
            moved: None,
            left_out: Arc::default(),
            told: Arc::default(),
            told_at: None,
        }
    }

    /// The present plan.
    pub fn current(&self) -> &Arc<Plan> {
        &self.current
    }

    /// What the present plan leaves out.
    pub fn left_out(&self) -> &Arc<LeftOut> {
        &self.left_out
    }

    /// What the plan leaves out, when it changed since it was last told and [`LEFT_OUT_LOGGED_EVERY`] is over.
    pub fn left_out_news(&mut self, now: Moment) -> Option<Arc<LeftOut>> {
        let is_early = self.told_at.is_some_and(|told| now.since(told) < LEFT_OUT_LOGGED_EVERY);
        if is_early || self.left_out == self.told {
            return None;
        }
        self.told_at = Some(now);
        self.told = self.left_out.clone();
        Some(self.told.clone())
    }

    /// The plan of a version, when it is still known.
    pub fn find(&self, version: &PlanVersion) -> Option<&Arc<Plan>> {
        std::iter::once(&self.current).chain(self.former.iter().rev()).find(|plan| plan.version == *version)
    }

    /// Makes the plan follow the members. Returns whether the generation moved; it moves at most once in
    /// [`GENERATION_PERIOD`], so a change may wait for a later call.
    pub fn follow<'a>(
        &mut self,
        members: impl Iterator<Item = (&'a Member, MemberState)>,
        now: Moment,
    ) -> bool {
        if self.moved.is_some_and(|moved| now.since(moved) < GENERATION_PERIOD) {
            return false;
        }
        let (targets, left_out) = full_mesh(members);
        if *self.left_out != left_out {
            self.left_out = Arc::new(left_out);
        }
        if targets == self.current.targets {
            return false;
        }
        let version = PlanVersion {
            epoch: self.current.version.epoch,
            generation: self.current.version.generation + 1,
        };
        let former = std::mem::replace(&mut self.current, Arc::new(Plan { version, targets }));
        self.former.push_back(former);
        while self.former.len() > PLANS_KEPT {
            self.former.pop_front();
        }
        self.moved = Some(now);
        true
    }
}

/// Every address of every member that has not said goodbye, ordered by key, within the two limits.
///
/// An original agent that is lost while a native one reports from its node has been replaced: it is no target any more.
fn full_mesh<'a>(members: impl Iterator<Item = (&'a Member, MemberState)>) -> (Vec<Target>, LeftOut) {
    let mut members: Vec<_> = members.filter(|(_, state)| *state != MemberState::Leaving).collect();
    let native_hosts: Vec<_> = members
        .iter()
        .filter(|(member, _)| member.origin != Origin::Original)
        .flat_map(|(member, _)| &member.host_addresses)
        .collect();
    let replaced = |member: &Member, state: MemberState| {
        member.origin == Origin::Original
            && state == MemberState::Lost
            && member.host_addresses.iter().any(|address| native_hosts.contains(&address))
    };
    members.retain(|(member, state)| !replaced(member, *state));
    members.sort_by_key(|(member, state)| (*state == MemberState::Lost, member.known_since, &member.node));
    let mut draft = Draft::default();
    for (member, _) in members {
        draft.add(member);
    }
    (draft.targets.into_values().collect(), draft.left_out)
}

/// A plan that is being made.
#[derive(Debug, Default)]
struct Draft {
    targets: BTreeMap<TargetKey, Target>,
    /// How many members are planned at an address.
    members_at: HashMap<IpAddr, usize>,
    left_out: LeftOut,
}

impl Draft {
    /// Adds a member's targets, all that the limits allow: those of a member that has no room are left out together.
    fn add(&mut self, member: &Member) {
        let is_crowded = |address: &IpAddr| {
            self.members_at.get(address).is_some_and(|count| *count >= MEMBERS_PER_ADDRESS_MAX)
        };
        let (crowded, targets): (Vec<Target>, Vec<Target>) =
            targets_of(member).partition(|target| is_crowded(&target.address));
        if self.targets.len() + targets.len() > TARGETS_MAX {
            self.left_out.no_room_targets += targets.len();
            self.left_out.no_room.insert(member.node.clone());
            return;
        }
        if let Some(first) = crowded.first() {
            self.left_out.crowded_targets += crowded.len();
            self.left_out.crowded.insert(member.node.clone(), first.address);
        }
        let addresses: BTreeSet<IpAddr> = targets.iter().map(|target| target.address).collect();
        for address in addresses {
            *self.members_at.entry(address).or_default() += 1;
        }
        self.targets.extend(targets.into_iter().map(|target| (target.key(), target)));
    }
}

fn targets_of(member: &Member) -> impl Iterator<Item = Target> {
    Plane::ALL.into_iter().flat_map(move |plane| {
        let port = match plane {
            Plane::Host => None,
            Plane::Pod => Some(member.client_port),
        };
        member.addresses(plane).iter().map(move |address| Target {
            node: member.node.clone(),
            plane,
            address: *address,
            port,
            zone: member.zone.clone(),
        })
    })
}

#[cfg(test)]
mod tests;
