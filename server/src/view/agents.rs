//! `GET /agents`.

use std::net::IpAddr;

use meshvane_shared::name::NodeName;
use meshvane_shared::wire::agents::{
    AgentBody, AgentsBody, ClusterBody, RefusedAgentBody, ViewBody, ViewState,
};

use crate::mesh::context::{Cluster, Contexts, OTHER_ADDRESS, Standing, words};
use crate::mesh::member::{Member, Origin};
use crate::mesh::planning::LeftOut;
use crate::mesh::second_server::{SECOND_SERVER, reported, second_server};
use crate::mesh::snapshot::{NodeView, Snapshot};
use crate::mesh::time::Moment;

/// Draws the members, with what Kubernetes says beside them.
pub fn agents(snapshot: &Snapshot, cluster: &mut Cluster, left_out: &LeftOut) -> AgentsBody {
    let contexts = cluster.contexts(snapshot.now.moment);
    let second = second_server(snapshot).is_some();
    let problems = |member: &Member| {
        let mut problems = member.problems(&snapshot.timing);
        problems.extend(left_out.problems(&member.node));
        if second && reported(member, snapshot.plan.version.epoch).is_some() {
            problems.push(SECOND_SERVER.to_owned());
        }
        problems
    };
    let agent =
        |view: &NodeView| AgentBody { problems: problems(&view.member), ..agent(snapshot, view, &contexts) };
    let agents = snapshot.nodes.iter().map(agent).collect();
    AgentsBody { agents, cluster: about_cluster(snapshot, cluster) }
}

fn about_cluster(snapshot: &Snapshot, cluster: &Cluster) -> Option<ClusterBody> {
    let now = snapshot.now;
    let coverage = cluster.coverage(now, |node| snapshot.place(node).is_some());
    Some(ClusterBody {
        pods: view(cluster.pods.standing(), now.moment)?,
        nodes: view(cluster.nodes.standing(), now.moment)?,
        uncovered: coverage.uncovered,
        awaited: coverage.awaited,
        not_covered: coverage.not_covered,
        refused: cluster.refused.all(now.moment).map(refused).collect(),
    })
}

fn refused((node, from): (&NodeName, IpAddr)) -> RefusedAgentBody {
    RefusedAgentBody { node: node.clone(), reason: OTHER_ADDRESS.to_owned(), from }
}

fn view(standing: Standing, now: Moment) -> Option<ViewBody> {
    let age_ms = match standing {
        Standing::Old { since } => Some(millis(now.since(since))),
        Standing::Unasked | Standing::Unknown | Standing::Forbidden | Standing::Live => None,
    };
    Some(ViewBody { state: view_state(standing)?, age_ms })
}

/// The word for how a view of the cluster stands; `None` where there is no such view.
pub fn view_state(standing: Standing) -> Option<ViewState> {
    match standing {
        Standing::Unasked => None,
        Standing::Unknown => Some(ViewState::Unknown),
        Standing::Forbidden => Some(ViewState::Forbidden),
        Standing::Live => Some(ViewState::Live),
        Standing::Old { .. } => Some(ViewState::Old),
    }
}

fn agent(snapshot: &Snapshot, view: &NodeView, contexts: &Contexts) -> AgentBody {
    let member = &view.member;
    let age = |moment: Moment| millis(snapshot.now.moment.since(moment));
    AgentBody {
        node: member.node.clone(),
        state: view.state,
        context: words(contexts.get(&member.node).map(Vec::as_slice).unwrap_or_default()),
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
        problems: Vec::new(),
    }
}

/// Whole milliseconds of a duration.
pub fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
