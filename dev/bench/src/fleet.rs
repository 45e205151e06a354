//! What the server sends when many agents restart: a fleet of agents that only heartbeat and keep a plan request open, of
//! which a tenth says goodbye and comes back at other addresses, beside the same news as whole plans.
//!
//! ```text
//!   all come ─> everybody has the plan of all ─> quiet ─> some leave and come back ─> everybody has the new plan
//!                                                  └──────── bytes, each second ────────┘
//! ```

mod agent;
mod judge;
mod traffic;
mod wire;

use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use lab::{Cluster, Families, Process, Spec, Where};
use tokio::task::{JoinSet, LocalSet};

use crate::clock::Stopwatch;
use crate::parts;
use crate::problem::Problem;
use crate::start::{self, Findings, say};
use agent::{Agent, Fleet};
use judge::Measured;
use traffic::Traffic;

/// Agents come in this time at first: as a `DaemonSet` would not be faster, and a server that restarted meets.
const COMING: Duration = Duration::from_secs(5);
/// All must have the plan of all this long after.
const SETTLED_WITHIN: Duration = Duration::from_secs(90);
/// Nothing happens for this long: what heartbeats and looks alone cost.
const QUIET: Duration = Duration::from_secs(5);
/// A restarted agent is back after this at the earliest: its pod is stopped, deleted, made and started.
const AWAY: Duration = Duration::from_secs(2);
/// And after this at the latest beyond it.
const SPREAD: Duration = Duration::from_secs(5);
/// Distance between two looks whether everybody has the plan.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Measures what the server sends when a share of a large fleet restarts.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "fleet")]
struct Cli {
    /// How many agents.
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u16).range(10..=5000))]
    agents: u16,
    /// How many percent of them restart.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=100))]
    percent: u16,
}

/// Runs the program.
pub fn main() -> ExitCode {
    start::main(measure)
}

async fn measure(cli: Cli) -> Result<Findings, Problem> {
    let cluster = Cluster::build(&Spec { families: Families::V4, ..Spec::nodes(0) })?;
    let server = cluster.start_server(&parts::server(None)?, &start::environment(&cluster)?)?;
    let told = server.clone();
    let fleet = async move || LocalSet::new().run_until(drive(&cli, &told)).await;
    let measured = cluster.run_in(Where::Server, fleet).await??;
    let mut found = judge::judge(&measured);
    if !server.is_running() {
        found.broken.push("the server has ended".to_owned());
    }
    Ok(found)
}

async fn drive(cli: &Cli, server: &Process) -> Result<Measured, Problem> {
    let api = crate::api::Api::on_loopback()?;
    api.wait_until_up().await?;
    let traffic = Rc::new(Traffic::new());
    let fleet = Rc::new(Fleet::new(traffic.clone()));
    let mut agents = JoinSet::new();
    for number in 0..cli.agents {
        let (fleet, after) = (fleet.clone(), COMING * u32::from(number) / u32::from(cli.agents));
        agents.spawn_local(async move { Agent::new(number, fleet).live(after).await });
    }
    say(&format!("{} agents come", cli.agents));
    settled(&fleet, &api, cli.agents, &mut agents).await?;
    let whole = fleet.whole_plan_bytes();
    let quiet = watched(&traffic, server, async { tokio::time::sleep(QUIET).await }).await?;

    let restarting = u32::from(cli.agents) * u32::from(cli.percent) / 100;
    say(&format!("{restarting} of them restart"));
    let step = usize::from(cli.agents) / usize::try_from(restarting).unwrap_or(1).max(1);
    let clock = Stopwatch::start();
    let mut ended = Ok(());
    let rollout = watched(&traffic, server, async {
        fleet.restart_every(step, AWAY, SPREAD);
        tokio::time::sleep(AWAY + SPREAD).await;
        ended = settled(&fleet, &api, cli.agents, &mut agents).await;
    })
    .await?;
    ended?;
    Ok(Measured {
        agents: cli.agents,
        restarted: fleet.restarted(),
        quiet,
        rollout,
        took: clock.elapsed(),
        whole_plan_bytes: whole,
        answers: fleet.answers(),
        resident_bytes: server.usage()?.resident_bytes,
    })
}

/// Lets something happen, and takes down what was sent meanwhile.
async fn watched(
    traffic: &Traffic,
    server: &Process,
    happens: impl Future<Output = ()>,
) -> Result<judge::Phase, Problem> {
    let before = server.usage()?.cpu;
    let begin = traffic.now();
    happens.await;
    let cpu = server.usage()?.cpu.saturating_sub(before);
    Ok(judge::Phase { seconds: traffic.seconds_since(begin), cpu })
}

/// Waits until everybody has the server's plan, and it holds everybody.
async fn settled(
    fleet: &Fleet,
    api: &crate::api::Api,
    agents: u16,
    running: &mut JoinSet<Result<(), Problem>>,
) -> Result<(), Problem> {
    let clock = Stopwatch::start();
    loop {
        if let Some(ended) = running.try_join_next() {
            ended.map_err(|error| Problem::NotThere(format!("an agent ended: {error}")))??;
        }
        if fleet.all_have_one_plan(agents) {
            let plan: meshvane_shared::wire::plan::PlanBody = api.get(meshvane_shared::paths::PLAN).await?;
            let targets = plan.targets.as_ref().map_or(0, Vec::len);
            if fleet.has(&plan) && targets == 2 * usize::from(agents) {
                return fleet.check(&plan);
            }
        }
        if clock.elapsed() > SETTLED_WITHIN {
            return Err(Problem::NotThere(format!(
                "not everybody has the plan of all {} s later: {}",
                SETTLED_WITHIN.as_secs(),
                fleet.state()
            )));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
