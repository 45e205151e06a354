//! A second server behind the same Service: two replicas, by mistake.
//!
//! Each server hears a part of the heartbeats and rounds, and both judge what they do not hear. An agent whose answers come
//! from two starts of the server in turn says so (`epochs_in_turn`); two such agents are believed.

use meshvane_shared::plan::Epoch;
use meshvane_shared::wire::agents::MemberState;

use super::member::Member;
use super::snapshot::Snapshot;

/// Agents that must report it: one alone may be wrong, or lie.
const REPORTED_BY: usize = 2;

/// What is said of it.
pub const SECOND_SERVER: &str = "another server answers agents in turn with this one, so that each hears a part of the mesh: \
     one replica is meant to run";

/// The other server, when enough agents that are heard report one.
pub fn second_server(snapshot: &Snapshot) -> Option<Epoch> {
    let own = snapshot.plan.version.epoch;
    let alive = snapshot.nodes.iter().filter(|view| view.state == MemberState::Alive);
    let mut others = alive.filter_map(|view| reported(&view.member, own));
    others.nth(REPORTED_BY - 1)
}

/// The other server that a member reports. What it saw before this one started says nothing of this one.
pub fn reported(member: &Member, own: Epoch) -> Option<Epoch> {
    let epochs = &member.epochs_in_turn;
    epochs.iter().copied().find(|epoch| *epoch != own).filter(|_| epochs.contains(&own))
}
