//! What an idle mesh costs: a server and some agents at their default settings, measured while nobody asks them anything,
//! beside a process of the same runtime that only sleeps.

mod cost;
mod judge;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use lab::{Cluster, Ping, Process, Spec, Where};
use meshvane_shared::paths;
use meshvane_shared::wire::agents::AgentsBody;
use meshvane_shared::wire::findings::FindingsBody;
use meshvane_shared::wire::matrix::MatrixBody;

use crate::api::Api;
use crate::clock::Stopwatch;
use crate::parts;
use crate::problem::Problem;
use crate::start::{self, Findings, say};
use cost::{Cost, Peak};
use judge::{Kind, Measured, Proof};

/// Longest measurement, in seconds: an hour, in which a slow leak of a page a minute shows.
const SECONDS_MAX: u64 = 3600;
/// A mesh must be full this long after its start (the promise to the user, and reserve for a slow machine); it is looked at
/// then.
const FULL_AFTER: Duration = Duration::from_secs(12);
/// From there to the measurement: what the look woke has gone to rest.
const REST: Duration = Duration::from_secs(8);
/// Distance between two looks at the memory. They cost the process nothing.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// All that is asked of a mesh of both planes and both checks.
const VIEWS: [&str; 4] =
    ["plane=host&check=icmp", "plane=host&check=tcp", "plane=pod&check=icmp", "plane=pod&check=tcp"];

/// Measures what an idle mesh costs: memory and processor time of server and agents, beside a process that only sleeps.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "idle")]
struct Cli {
    /// How long to measure, after 20 s of settling.
    #[arg(long, value_name = "N", default_value_t = 120, value_parser = clap::value_parser!(u64).range(10..=SECONDS_MAX))]
    seconds: u64,
    /// How many nodes.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=50))]
    nodes: u8,
    /// Measure this server instead of the one within this program, which is larger by all that it holds beside.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Measure this agent instead of the one within this program.
    #[arg(long, value_name = "PATH")]
    agent: Option<PathBuf>,
}

/// Runs the program.
pub fn main() -> ExitCode {
    start::main(measure)
}

async fn measure(cli: Cli) -> Result<Findings, Problem> {
    let cluster = Cluster::build(&Spec::nodes(usize::from(cli.nodes)))?;
    let processes = start_all(&cluster, &cli)?;
    say(&format!("{} nodes started; settling", cli.nodes));
    tokio::time::sleep(FULL_AFTER).await;
    let before = cluster.run_in(Where::Server, look).await??;
    if let Some(missing) = before.missing(usize::from(cli.nodes)) {
        return Err(Problem::NotThere(format!(
            "the mesh is not full {FULL_AFTER:?} after its start: {missing}"
        )));
    }
    tokio::time::sleep(REST).await;

    say(&format!("measuring for {} s; nothing is asked meanwhile", cli.seconds));
    let measured = watch(&processes, Duration::from_secs(cli.seconds)).await?;

    let after = cluster.run_in(Where::Server, look).await??;
    let proof = Proof { before, after, nodes: usize::from(cli.nodes), seconds: cli.seconds };
    Ok(judge::judge(&measured, &proof))
}

/// A process and what it is.
struct Watched {
    kind: Kind,
    process: Arc<Process>,
}

fn start_all(cluster: &Cluster, cli: &Cli) -> Result<Vec<Watched>, Problem> {
    let environment = start::environment(cluster)?;
    let server = cluster.start_server(&parts::server(cli.server.clone())?, &environment)?;
    let mut watched = vec![Watched { kind: Kind::Server, process: server }];
    let agent = parts::agent(cli.agent.clone())?;
    for node in cluster.nodes() {
        let process = cluster.start_agent(node.id, &agent, &environment)?;
        watched.push(Watched { kind: Kind::Agent(node.name), process });
    }
    let first = cluster.nodes().first().map(|node| node.id);
    let node = first.ok_or_else(|| Problem::NotThere("the cluster has no nodes".to_owned()))?;
    let pod = cluster.add_pod(node, Ping::Permitted)?;
    let process = cluster.start_agent_in(pod, &parts::sleeper()?, &environment)?;
    watched.push(Watched { kind: Kind::Sleeper, process });
    Ok(watched)
}

/// What the server says of the mesh.
#[derive(Debug)]
struct Look {
    agents: AgentsBody,
    matrices: Vec<MatrixBody>,
    findings: FindingsBody,
}

async fn look() -> Result<Look, Problem> {
    let api = Api::on_loopback()?;
    let mut matrices = Vec::new();
    for view in VIEWS {
        for family in ["ipv4", "ipv6"] {
            matrices.push(api.get(&format!("{}?{view}&family={family}", paths::MATRIX)).await?);
        }
    }
    Ok(Look {
        agents: api.get(paths::AGENTS).await?,
        matrices,
        findings: api.get(&format!("{}?state=all", paths::FINDINGS)).await?,
    })
}

/// Measures all processes over the same time.
async fn watch(processes: &[Watched], time: Duration) -> Result<Vec<Measured>, Problem> {
    let mut before = Vec::new();
    for watched in processes {
        before.push((Cost::read(watched.process.pid())?, Stopwatch::start()));
    }
    let mut peaks = vec![Peak::default(); processes.len()];
    let clock = Stopwatch::start();
    while clock.elapsed() < time {
        tokio::time::sleep(LOOK_EVERY.min(time.saturating_sub(clock.elapsed()))).await;
        for (watched, peak) in processes.iter().zip(&mut peaks) {
            peak.see(watched.process.usage()?.resident_bytes);
        }
    }
    let mut measured = Vec::new();
    for ((watched, (before, clock)), peak) in processes.iter().zip(before).zip(peaks) {
        let after = Cost::read(watched.process.pid())?;
        let elapsed = clock.elapsed();
        measured.push(Measured { kind: watched.kind.clone(), before, after, peak, elapsed });
    }
    Ok(measured)
}
