//! What invented members cost honest agents: a token's holder tells the server of thousands of members, all at one address
//! that is not theirs or each at its own, and none of them answers. Beside the same mesh without them.
//!
//! ```text
//!   mesh full ─> none invented ──> members are told of ─> the plan has them ─> all of them are asked
//!                └ packets at the victim's addresses; memory and processor time of the agents, in both ┘
//! ```

mod judge;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use lab::{Cluster, Families, NodeId, Outsider, Process, Spec, Where};
use meshvane_shared::paths;
use meshvane_shared::wire::plan::PlanBody;

use crate::api::{Api, Method};
use crate::attack::mesh;
use crate::member::Member;
use crate::parts;
use crate::problem::Problem;
use crate::start::{self, Findings, say};
use judge::{AgentCost, Measured, Phase};

/// A mesh is full so long after its start, with reserve for a slow machine.
const FULL_AFTER: Duration = Duration::from_secs(12);
/// From the last invented heartbeat to the measurement: the plan moved, and the agents made their first rounds.
const TAKEN_AFTER: Duration = Duration::from_secs(15);

/// Where invented members are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum At {
    /// All at one address, the victim's.
    One,
    /// Each at two of its own.
    Own,
}

/// Measures what invented members that do not answer cost: packets at their addresses, memory and processor time of agents.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "crowd")]
struct Cli {
    /// How many members are invented.
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u16).range(1..=9_900))]
    members: u16,
    /// Where they are.
    #[arg(long, value_enum, default_value_t = At::One)]
    at: At,
    /// How many honest agents.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=10))]
    nodes: u8,
    /// How long each of the two phases lasts.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(5..=120))]
    seconds: u64,
    /// With these agents instead of those within this program.
    #[arg(long, value_name = "PATH")]
    agent: Option<PathBuf>,
    /// With this server instead of the one within this program.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
}

/// Runs the program.
pub fn main() -> ExitCode {
    start::main(measure)
}

async fn measure(cli: Cli) -> Result<Findings, Problem> {
    let cluster = Cluster::build(&Spec { families: Families::V4, ..Spec::nodes(usize::from(cli.nodes)) })?;
    let outsider = cluster.add_outsider()?;
    outsider.silence()?;
    let environment = start::environment(&cluster)?;
    let server = cluster.start_server(&parts::server(cli.server.clone())?, &environment)?;
    let program = parts::agent(cli.agent.clone())?;
    let start = |number| cluster.start_agent(NodeId(number), &program, &environment);
    let agents = (1..=cli.nodes).map(start).collect::<Result<Vec<_>, _>>()?;
    tokio::time::sleep(FULL_AFTER).await;

    say(&format!("{} agents, no member is invented, {} s", cli.nodes, cli.seconds));
    let quiet = phase(&cli, &agents, &outsider).await?;
    say(&format!("{} members are invented", cli.members));
    let (url, members, at) = (cluster.server_url(), cli.members, cli.at);
    let telling = move || async move { invent(&Api::new(&url)?, members, at).await };
    cluster.run_in(Where::Fabric, telling).await??;
    tokio::time::sleep(TAKEN_AFTER).await;
    let url = cluster.server_url();
    let asking = move || async move { planned(&Api::new(&url)?).await };
    let planned = cluster.run_in(Where::Fabric, asking).await??;
    say(&format!("{planned} of their targets are in the plan, {} s", cli.seconds));
    let loud = phase(&cli, &agents, &outsider).await?;
    let alive = server.is_running() && agents.iter().all(|agent| agent.is_running());
    Ok(judge::judge(&Measured {
        members,
        nodes: cli.nodes,
        is_one: at == At::One,
        planned,
        quiet,
        loud,
        alive,
    }))
}

/// What happens for so long.
async fn phase(cli: &Cli, agents: &[Arc<Process>], outsider: &Outsider) -> Result<Phase, Problem> {
    for agent in agents {
        mesh::forget_peak(agent.pid())?;
    }
    let usage = |agent: &Arc<Process>| agent.usage().map(|usage| usage.cpu);
    let before = agents.iter().map(usage).collect::<Result<Vec<_>, _>>()?;
    let packets = outsider.received()?;
    let elapsed = Duration::from_secs(cli.seconds);
    tokio::time::sleep(elapsed).await;
    let packets = outsider.received()? - packets;
    let mut costs = Vec::new();
    for (agent, before) in agents.iter().zip(before) {
        let cpu = agent.usage()?.cpu.saturating_sub(before);
        costs.push(AgentCost { cpu, peak: mesh::peak(agent.pid()).unwrap_or_default() });
    }
    Ok(Phase { elapsed, packets, costs })
}

/// The n-th invented member: at addresses that the outsider has.
fn member(number: u16, at: At) -> Member {
    let [high, low] = number.to_be_bytes();
    let (host, pod) = match at {
        At::One => (Ipv4Addr::new(10, 82, 1, 1), Ipv4Addr::new(10, 82, 1, 1)),
        // 9,900 members are below 39 times 256, so the halves of the range do not meet.
        At::Own => (Ipv4Addr::new(10, 82, 1 + high, low), Ipv4Addr::new(10, 82, 128 + high, low)),
    };
    Member { number, host, pod }
}

/// Tells the server of all of them, once: it plans members for an hour after they are lost.
async fn invent(api: &Api, members: u16, at: At) -> Result<(), Problem> {
    for number in 0..members {
        let body = Method::Post(member(number, at).heartbeat());
        let answer = api.ask(body, paths::HEARTBEAT).await;
        let answer =
            answer.map_err(|source| Problem::Request { path: paths::HEARTBEAT.to_owned(), source })?;
        if answer.status != 200 {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(Problem::Refused { path: paths::HEARTBEAT.to_owned(), status: answer.status, body });
        }
    }
    Ok(())
}

/// How many targets the plan has at the outsider's addresses.
async fn planned(api: &Api) -> Result<usize, Problem> {
    let plan: PlanBody = api.get(paths::PLAN).await?;
    let targets = plan.targets.unwrap_or_default();
    let [one, two, ..] = Ipv4Addr::new(10, 82, 0, 0).octets();
    let invented = targets.iter().filter(|target| match target.address {
        std::net::IpAddr::V4(address) => address.octets()[..2] == [one, two],
        std::net::IpAddr::V6(_) => false,
    });
    Ok(invented.count())
}
