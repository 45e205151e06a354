//! `meshvane-server check`: waits until every node that should have an agent has one that reports. `helm test` runs it.
//!
//! Pure but for `client`: what an answer means is decided here.

use std::time::Duration;

use meshvane_shared::wire::agents::{AgentBody, AgentsBody, ClusterBody, MemberState, ViewState};
use tokio::time::{sleep, timeout};

use crate::config::CheckConfig;
use client::Client;

mod client;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What is missing is named up to this many.
const NAMED_MAX: usize = 5;

/// Waits until all agents report, and says so; otherwise what was missing at the end.
///
/// # Errors
/// What is missing, in a sentence.
pub async fn check(config: &CheckConfig) -> Result<String, String> {
    let client = Client::open(config)?;
    let mut missing = "there was no answer".to_owned();
    let looks = async {
        loop {
            match client.agents().await {
                Ok(agents) => match judge(&agents) {
                    Ok(sentence) => return sentence,
                    Err(problem) => missing = problem,
                },
                Err(problem) => missing = problem,
            }
            sleep(LOOK_EVERY).await;
        }
    };
    match timeout(config.wait, looks).await {
        Ok(sentence) => Ok(sentence),
        Err(_) => Err(format!("after {} s: {missing}", config.wait.as_secs())),
    }
}

/// Whether all agents report; otherwise what is missing.
fn judge(body: &AgentsBody) -> Result<String, String> {
    if let Some(cluster) = &body.cluster {
        judge_cluster(cluster)?;
    }
    let present: Vec<&AgentBody> =
        body.agents.iter().filter(|agent| agent.state != MemberState::Leaving).collect();
    if present.is_empty() {
        return Err("no agent was heard".to_owned());
    }
    let silent = present.iter().filter(|agent| agent.state != MemberState::Alive);
    refuse_any("not heard in time:", silent.map(|agent| agent.node.as_str()))?;
    let unread = present.iter().filter(|agent| agent.rounds == 0);
    refuse_any("no round from:", unread.map(|agent| agent.node.as_str()))?;
    Ok(match present.len() {
        1 => "the one agent reports".to_owned(),
        count => format!("all {count} agents report"),
    })
}

fn judge_cluster(cluster: &ClusterBody) -> Result<(), String> {
    match cluster.nodes.state {
        ViewState::Unknown => return Err("the server has not seen the Nodes yet".to_owned()),
        ViewState::Forbidden | ViewState::Live | ViewState::Old => {}
    }
    let missing = cluster.uncovered.iter().chain(&cluster.awaited);
    refuse_any("no agent on:", missing.map(meshvane_shared::name::NodeName::as_str))
}

fn refuse_any<'a>(what: &str, nodes: impl Iterator<Item = &'a str>) -> Result<(), String> {
    let nodes: Vec<&str> = nodes.collect();
    if nodes.is_empty() {
        return Ok(());
    }
    let named = nodes[..nodes.len().min(NAMED_MAX)].join(", ");
    let more = nodes.len().saturating_sub(NAMED_MAX);
    Err(if more > 0 { format!("{what} {named} and {more} more") } else { format!("{what} {named}") })
}

#[cfg(test)]
mod tests;
