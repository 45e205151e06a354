//! `GET /agents`.

use meshvane_shared::wire::agents::{AgentBody, AgentsBody};

use crate::mesh::member::Origin;
use crate::mesh::snapshot::{NodeView, Snapshot};
use crate::mesh::time::Moment;

/// Draws the members.
pub fn agents(snapshot: &Snapshot) -> AgentsBody {
    AgentsBody { agents: snapshot.nodes.iter().map(|view| agent(snapshot, view)).collect() }
}

fn agent(snapshot: &Snapshot, view: &NodeView) -> AgentBody {
    let member = &view.member;
    let age = |moment: Moment| millis(snapshot.now.moment.since(moment));
    AgentBody {
        node: member.node.clone(),
        state: view.state,
        context: Vec::new(),
        zone: member.zone.clone(),
        host_addresses: member.host_addresses.clone(),
        pod_addresses: member.pod_addresses.clone(),
        pod: member.pod.clone(),
        namespace: member.namespace.clone(),
        version: member.version.clone(),
        boot_id: member.boot_id().cloned(),
        heartbeat_age_ms: member.heard.map(age),
        interval_ms: member.heard.map(|_| millis(member.interval)),
        round_age_ms: view.row.as_ref().and_then(|row| row.round_ended).map(age),
        rounds: view.row.as_ref().map_or(0, |row| row.taken),
        last_sequence: view.row.as_ref().map(|row| row.sequences.highest()).filter(|highest| *highest > 0),
        clock_offset_ms: member.clock_offset_ms,
        original: member.origin == Origin::Original,
        problems: member.problems(&snapshot.timing),
    }
}

/// Whole milliseconds of a duration.
pub fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
