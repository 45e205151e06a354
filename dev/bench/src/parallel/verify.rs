//! Whether a row was lost: the server must show the newest post of each client, and count each of its rounds. Pure but for
//! the look.

use std::collections::{BTreeMap, BTreeSet};

use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::paths;
use meshvane_shared::wire::agents::{AgentBody, AgentsBody, MemberState};
use meshvane_shared::wire::compat::{OPEN, REACHABLE, ServiceResultsAnswer, TestResultsAnswer};
use meshvane_shared::wire::findings::FindingsBody;
use meshvane_shared::wire::matrix::{CellWord, MatrixBody};
use meshvane_shared::wire::plan::PlanBody;

use crate::api::Api;
use crate::problem::Problem;

use super::body::{Node, mark_address, mark_rtt_us, original_targets};
use super::posted::Posted;

/// All that the server shows of rows.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// The members.
    pub(super) agents: AgentsBody,
    /// Both planes by both checks.
    pub(super) matrices: Vec<(Plane, MatrixBody)>,
    /// The compatible maps.
    pub(super) results: Vec<(Plane, TestResultsAnswer)>,
    /// The compatible map of services.
    pub(super) services: ServiceResultsAnswer,
    /// The findings; nothing was wrong, so there are none.
    pub(super) findings: FindingsBody,
}

impl Seen {
    /// Asks for all of it.
    pub(super) async fn look(api: &Api) -> Result<Self, Problem> {
        let mut matrices = Vec::new();
        for plane in Plane::ALL {
            for check in CheckKind::ON_PLANES {
                let path = format!("{}?plane={plane}&check={check}", paths::MATRIX);
                matrices.push((plane, api.get(&path).await?));
            }
        }
        let hosts = api.get(paths::TEST_RESULTS_HOSTS).await?;
        let pods = api.get(paths::TEST_RESULTS_PODS).await?;
        Ok(Self {
            agents: api.get(paths::AGENTS).await?,
            matrices,
            results: vec![(Plane::Host, hosts), (Plane::Pod, pods)],
            services: api.get(paths::TEST_RESULTS_SERVICE).await?,
            findings: api.get(&format!("{}?state=all", paths::FINDINGS)).await?,
        })
    }
}

/// What the server does not show as it was posted, each a sentence.
pub(super) fn lost(plan: &PlanBody, posted: &[Posted], seen: &Seen) -> Vec<String> {
    let mut lost = Vec::new();
    for client in posted {
        lost.extend(lost_rounds(client, &seen.agents));
        for (plane, matrix) in &seen.matrices {
            lost.extend(lost_cells(client, posted, *plane, plan, matrix));
        }
        for (plane, results) in &seen.results {
            lost.extend(lost_results(client, posted, *plane, results));
        }
        lost.extend(lost_service(client, &seen.services));
    }
    if seen.agents.agents.len() != posted.len() {
        lost.push(format!("/agents shows {} members of {}", seen.agents.agents.len(), posted.len()));
    }
    lost.extend(seen.findings.findings.iter().map(|finding| format!("a false finding: {}", finding.message)));
    lost
}

fn lost_rounds(client: &Posted, agents: &AgentsBody) -> Option<String> {
    let name = client.node.name();
    let Some(agent) = agents.agents.iter().find(|agent| agent.node == name) else {
        return Some(format!("/agents does not show {name}"));
    };
    let AgentBody { rounds, last_sequence, state, .. } = agent;
    let whole = *rounds == client.round && last_sequence.unwrap_or(0) == client.round;
    if whole && *state == MemberState::Alive {
        return None;
    }
    let (state, last) = (state.as_str(), last_sequence.unwrap_or(0));
    Some(format!("{name} posted {} rounds; /agents shows {rounds}, the last {last}, {state}", client.round))
}

/// The cells of the client's row that do not carry the mark of its newest round; only the first is named.
fn lost_cells(
    client: &Posted,
    posted: &[Posted],
    plane: Plane,
    plan: &PlanBody,
    matrix: &MatrixBody,
) -> Option<String> {
    let name = client.node.name();
    let row = matrix.from.iter().position(|from| from == name.as_str()).and_then(|row| matrix.cells.get(row));
    let Some(row) = row else {
        return Some(format!("/matrix of {plane} has no row of {name}"));
    };
    let cells: BTreeMap<&str, _> = matrix.to.iter().map(String::as_str).zip(row).collect();
    let targets = plan.targets.as_deref().unwrap_or_default();
    let mut wrong = Vec::new();
    for other in posted.iter().filter(|other| other.node != client.node) {
        let to = other.node.name();
        let target = targets.iter().position(|target| target.node == to && target.plane == plane);
        let expected = target.map(|target| mark_rtt_us(client.round, target, matrix.check));
        let cell = cells.get(to.as_str());
        if !cell.is_some_and(|cell| cell.outcome == CellWord::Reached && cell.rtt_us == expected) {
            wrong.push(format!("to {to}: {:?} where {expected:?} was posted", cell.map(|cell| cell.rtt_us)));
        }
    }
    let first = wrong.first()?;
    Some(format!("/matrix of {plane} by {}: {} cells of {name} are old, {first}", matrix.check, wrong.len()))
}

fn lost_results(client: &Posted, posted: &[Posted], plane: Plane, answer: &TestResultsAnswer) -> Vec<String> {
    let nodes: Vec<Node> = posted.iter().map(|posted| posted.node).collect();
    let number = match plane {
        Plane::Host => client.hosts,
        Plane::Pod => client.pods,
    };
    let original = original_targets(client.node, number, plane, &nodes);
    let others = nodes.iter().filter(|other| **other != client.node);
    let native: BTreeSet<_> = others.map(|other| other.address(plane)).collect();
    let mut lost = Vec::new();
    for (source, targets) in [(client.node.source(), original), (client.node.pod(), native)] {
        let expected: BTreeSet<String> = targets.iter().map(ToString::to_string).collect();
        let row = answer.results.get(&source.to_string());
        let reached = row.into_iter().flatten();
        let reached = reached.filter(|(_, status)| status.ping == REACHABLE && status.port_status == OPEN);
        let found: BTreeSet<String> = reached.map(|(target, _)| target.clone()).collect();
        if row.map_or(0, BTreeMap::len) != expected.len() || found != expected {
            lost.push(format!("/test-results of {plane} does not show the newest row of {source}"));
        }
    }
    lost
}

fn lost_service(client: &Posted, answer: &ServiceResultsAnswer) -> Option<String> {
    let source = client.node.source().to_string();
    let expected = mark_address(client.service).to_string();
    let found = answer.results.get(&source).map(|result| result.target_ip.as_str());
    (found != Some(expected.as_str()))
        .then(|| format!("/test-results/service shows {found:?} of {source} where {expected} was posted"))
}

#[cfg(test)]
mod tests;
