//! What hostile clients can break: a mesh of honest agents, one hostile client with many addresses and the agents' token, and
//! what the honest ones see meanwhile, beside the same client aimed at a server of nothing.
//!
//! ```text
//!   mesh full ─> client at a server of nothing ─> client at the server ─> again ─> rest ─> what is there now?
//!                 └ /livez and heartbeats of the real server, each 50 ms, in all three
//! ```

pub(crate) mod attacker;
mod blow;
pub(crate) mod dummy;
pub(crate) mod honest;
mod judge;
pub(crate) mod mesh;
mod orders;

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use lab::{Cluster, Environment, Families, NodeId, Outsider, Process, Spec, Where};

use crate::api::Api;
use crate::parts;
use crate::problem::Problem;
use crate::start::{self, Findings, TOKEN, say};
use blow::Blow;
use judge::{Measured, Wave};
use orders::Orders;

/// A mesh is full so long after its start, with reserve for a slow machine.
const FULL_AFTER: Duration = Duration::from_secs(15);
/// Rest after a wave: connections end and the allocator gives back.
const REST: Duration = Duration::from_secs(10);
/// Rest at the end: two heartbeats and rounds of every agent.
const LAST_REST: Duration = Duration::from_secs(12);
/// The attacker ends so long after its time at the latest.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// Measures what hostile clients do to a mesh: its memory, what is answered meanwhile, and whether a round is lost.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "attack")]
struct Cli {
    /// How long each of the three waves lasts.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(5..=120))]
    seconds: u64,
    /// How many honest nodes.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u8).range(2..=30))]
    nodes: u8,
    /// Only these attacks; all of them without this.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    only: Vec<Blow>,
    /// Attack this server instead of the one within this program.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// With these agents instead of those within this program.
    #[arg(long, value_name = "PATH")]
    agent: Option<PathBuf>,
}

/// Runs the program.
pub fn main() -> ExitCode {
    start::main(measure)
}

/// Where everything is.
struct Ground {
    cluster: Cluster,
    outsider: Outsider,
    server: Arc<Process>,
    /// The address of the server of nothing.
    dummy: IpAddr,
    environment: Environment,
}

async fn measure(cli: Cli) -> Result<Findings, Problem> {
    let ground = Ground::build(&cli)?;
    tokio::time::sleep(FULL_AFTER).await;
    let nodes = usize::from(cli.nodes);
    let before = ground.cluster.run_in(Where::Server, mesh::look).await??;
    if before.fresh != nodes {
        return Err(Problem::NotThere(format!(
            "{} of {nodes} agents report after {FULL_AFTER:?}",
            before.fresh
        )));
    }
    mesh::forget_peak(ground.server.pid())?;
    let idle = ground.server.usage()?.resident_bytes;

    say(&format!("the same at a server of nothing, {} s", cli.seconds));
    let baseline = ground.wave(&cli, &before, ground.dummy).await?;
    tokio::time::sleep(REST).await;
    let mut waves = Vec::new();
    for number in 1..=2 {
        say(&format!("wave {number} at the server, {} s", cli.seconds));
        waves.push(ground.wave(&cli, &before, ground.cluster.server_addresses().primary()).await?);
        if !ground.server.is_running() {
            break;
        }
        tokio::time::sleep(REST).await;
    }
    if !ground.server.is_running() {
        return Ok(judge::judge(Measured { idle, baseline, waves, after: None, lost: Vec::new() }));
    }
    tokio::time::sleep(LAST_REST).await;
    let after = ground.cluster.run_in(Where::Server, mesh::look).await??;
    let lost = mesh::lost(&ground.cluster, nodes).await?;
    Ok(judge::judge(Measured { idle, baseline, waves, after: Some((after, nodes)), lost }))
}

impl Ground {
    /// A cluster with a node more than there are agents: its pod has the server of nothing.
    fn build(cli: &Cli) -> Result<Self, Problem> {
        let spec = Spec { families: Families::V4, ..Spec::nodes(usize::from(cli.nodes) + 1) };
        let cluster = Cluster::build(&spec)?;
        let outsider = cluster.add_outsider()?;
        let environment = start::environment(&cluster)?;
        let server = cluster.start_server(&parts::server(cli.server.clone())?, &environment)?;
        let agent = parts::agent(cli.agent.clone())?;
        for number in 1..=cli.nodes {
            cluster.start_agent(NodeId(number), &agent, &environment)?;
        }
        let apart = NodeId(cli.nodes + 1);
        cluster.start_agent(apart, &parts::dummy()?, &Environment::new())?;
        let dummy = pod_of(&cluster, apart)?;
        Ok(Self { cluster, outsider, server, dummy, environment })
    }

    /// Lets the hostile client loose at an address, and sees what honest ones see of the server.
    async fn wave(&self, cli: &Cli, mesh: &mesh::Look, at: IpAddr) -> Result<Wave, Problem> {
        let is_dummy = at == self.dummy;
        let orders = Orders {
            server: at,
            agent: if is_dummy { self.dummy } else { pod_of(&self.cluster, NodeId(1))? },
            token: TOKEN.to_owned(),
            epoch: mesh.epoch,
            generation: mesh.generation,
            seconds: cli.seconds,
            blows: if cli.only.is_empty() { Blow::ALL.to_vec() } else { cli.only.clone() },
        };
        let text = serde_json::to_string(&orders)
            .map_err(|source| Problem::Answer { path: "orders".into(), source })?;
        let attacker = self.outsider.start("attacker", &parts::attacker(&text)?, &self.environment)?;
        let (address, url) = (self.cluster.server_addresses().primary(), self.cluster.server_url());
        let time = Duration::from_secs(cli.seconds);
        let looking = self.cluster.run_in(Where::Fabric, move || async move {
            let api = Api::new(&url)?;
            honest::look(address, &api, time).await
        });
        let seen = looking.await??;
        let ended = attacker.clone();
        let ended = tokio::task::spawn_blocking(move || ended.wait(ENDS_WITHIN));
        if !matches!(ended.await, Ok(Some(status)) if status.success()) {
            return Err(Problem::NotThere(format!("the attacker did not end well: {}", attacker.log()?)));
        }
        let log = attacker.log()?;
        let outcomes = serde_json::from_str(log.trim())
            .map_err(|source| Problem::Answer { path: "the attacker's figures".to_owned(), source })?;
        let peak = mesh::peak(self.server.pid()).unwrap_or_default();
        Ok(Wave { seen, outcomes, peak, alive: self.server.is_running() })
    }
}

fn pod_of(cluster: &Cluster, node: NodeId) -> Result<IpAddr, Problem> {
    let pods = cluster.node(node)?.pods;
    let pod = pods.first().ok_or_else(|| Problem::NotThere(format!("{node} has no pod")))?;
    Ok(pod.addresses.primary())
}
