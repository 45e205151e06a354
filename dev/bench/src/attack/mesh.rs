//! What the mesh says of itself, and what the kernel says of the server.

use std::fs;

use lab::{Cluster, NodeId, Where};
use meshvane_shared::paths;
use meshvane_shared::plan::Epoch;
use meshvane_shared::wire::agents::{AgentsBody, MemberState};
use meshvane_shared::wire::findings::FindingsBody;
use meshvane_shared::wire::matrix::{CellWord, MatrixBody};
use meshvane_shared::wire::plan::PlanBody;

use crate::api::Api;
use crate::problem::Problem;

/// Where an agent shows what it counted.
const AGENT_METRICS_PORT: u16 = 6101;

/// What the server says of the mesh.
#[derive(Debug)]
pub(super) struct Look {
    pub(super) epoch: Epoch,
    pub(super) generation: u64,
    /// Honest agents that are alive and whose whole row of pods is reached now.
    pub(super) fresh: usize,
    /// Findings about honest nodes, of all time.
    pub(super) findings: Vec<String>,
}

/// Asks the server, from its own machine.
pub(super) async fn look() -> Result<Look, Problem> {
    let api = Api::on_loopback()?;
    let plan: PlanBody = api.get(paths::PLAN).await?;
    let agents: AgentsBody = api.get(paths::AGENTS).await?;
    let matrix: MatrixBody = api.get(&format!("{}?plane=pod&check=icmp", paths::MATRIX)).await?;
    let findings: FindingsBody = api.get(&format!("{}?state=all", paths::FINDINGS)).await?;
    let is_honest = |name: &str| name.starts_with("node-");
    let whole = |node: &str| {
        let row =
            matrix.from.iter().position(|from| from.as_str() == node).and_then(|row| matrix.cells.get(row));
        let mut cells = row.into_iter().flat_map(|row| row.iter().zip(&matrix.to));
        cells.all(|(cell, to)| {
            let is_reached =
                matches!(cell.outcome, CellWord::Reached | CellWord::Itself | CellWord::NotPlanned);
            is_reached || !is_honest(to.as_str())
        })
    };
    let alive = |state: MemberState| state == MemberState::Alive;
    let honest = agents.agents.iter().filter(|agent| is_honest(agent.node.as_str()) && alive(agent.state));
    let about = |message: &&String| message.contains("node-");
    Ok(Look {
        epoch: plan.epoch,
        generation: plan.generation,
        fresh: honest.filter(|agent| whole(agent.node.as_str())).count(),
        findings: findings.findings.iter().map(|finding| &finding.message).filter(about).cloned().collect(),
    })
}

/// Rounds of honest agents that the server does not have, each as a sentence.
pub(super) async fn lost(cluster: &Cluster, nodes: usize) -> Result<Vec<String>, Problem> {
    let mut lost = Vec::new();
    for number in (1..=nodes).filter_map(|number| u8::try_from(number).ok()) {
        let node = cluster.node(NodeId(number))?;
        let address = super::pod_of(cluster, node.id)?;
        let base = format!("http://{address}:{AGENT_METRICS_PORT}");
        let text =
            cluster.run_in(Where::Fabric, move || async move { Api::new(&base)?.text(paths::METRICS).await });
        let text = text.await??;
        for state in ["refused", "dropped"] {
            let count = outbox(&text, state);
            if count != Some(0) {
                lost.push(format!("{}: {count:?} rounds were {state}", node.name));
            }
        }
    }
    Ok(lost)
}

/// The count of rounds in one state of an agent's outbox.
fn outbox(text: &str, state: &str) -> Option<u64> {
    let name = format!("meshvane_agent_outbox_rounds_total{{state=\"{state}\"}} ");
    text.lines().find_map(|line| line.strip_prefix(&name))?.parse().ok()
}

/// The most memory that was resident since [`forget_peak`]: `VmHWM` in `proc_pid_status(5)`.
pub(crate) fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// Sets the peak to what is resident now: 5 in `proc_pid_clear_refs(5)`.
pub(crate) fn forget_peak(pid: u32) -> Result<(), Problem> {
    let path = format!("/proc/{pid}/clear_refs");
    fs::write(&path, "5").map_err(Problem::system(format!("writing {path}")))
}
