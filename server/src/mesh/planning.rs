//! The plan: whom every agent probes, and which plans are still known.
//!
//! Today the plan is the full mesh, one list for all: every address of every member that has not said goodbye. An agent
//! leaves out itself. Lost members stay in it, because their peers' probes tell a dead agent from a dead node.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use meshvane_shared::check::Plane;
use meshvane_shared::limits::{GENERATION_PERIOD, TARGETS_MAX};
use meshvane_shared::plan::{Epoch, Plan, PlanVersion, Target, TargetKey};
use meshvane_shared::wire::agents::MemberState;

use super::member::{Member, Origin};
use super::time::Moment;

/// Plans that rounds may still refer to: at one generation in 2 s, two minutes of them. An agent that comes with an older
/// one sends its targets.
pub const PLANS_KEPT: usize = 64;

/// The present plan and the ones before it.
#[derive(Debug)]
pub struct PlanBook {
    current: Arc<Plan>,
    former: VecDeque<Arc<Plan>>,
    moved: Option<Moment>,
}

impl PlanBook {
    /// Opens the book with an empty plan of generation 0.
    pub fn new(epoch: Epoch) -> Self {
        let plan = Plan { version: PlanVersion { epoch, generation: 0 }, targets: Vec::new() };
        Self { current: Arc::new(plan), former: VecDeque::new(), moved: None }
    }

    /// The present plan.
    pub fn current(&self) -> &Arc<Plan> {
        &self.current
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
        let targets = full_mesh(members);
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

/// Every address of every member that has not said goodbye, ordered by key, cut at [`TARGETS_MAX`].
///
/// An original agent that is lost while a native one reports from its node has been replaced: it is no target any more.
fn full_mesh<'a>(members: impl Iterator<Item = (&'a Member, MemberState)>) -> Vec<Target> {
    let members: Vec<_> = members.filter(|(_, state)| *state != MemberState::Leaving).collect();
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
    let mut targets: BTreeMap<TargetKey, Target> = BTreeMap::new();
    for (member, state) in &members {
        if replaced(member, *state) {
            continue;
        }
        for plane in Plane::ALL {
            let port = match plane {
                Plane::Host => None,
                Plane::Pod => Some(member.client_port),
            };
            for address in member.addresses(plane) {
                let target = Target {
                    node: member.node.clone(),
                    plane,
                    address: *address,
                    port,
                    zone: member.zone.clone(),
                };
                targets.insert(target.key(), target);
            }
        }
    }
    targets.into_values().take(TARGETS_MAX).collect()
}

#[cfg(test)]
mod tests;
