//! What the server carries: many clients at once, each of them a node of its own that posts and reads in turn without a pause,
//! beside the same clients asking a trivial question.
//!
//! ```text
//!   all heartbeat ─> plan of all ─> load ─> what is there now? ─> trivial load ─> figures
//!                                    └ the server's memory, each second
//! ```

mod body;
mod client;
mod judge;
mod memory;
mod posted;
mod route;
mod tally;
mod verify;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use lab::{Cluster, Families, Process, Spec, Where};
use meshvane_shared::paths;
use meshvane_shared::wire::plan::PlanBody;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::api::{Api, Method};
use crate::clock::Stopwatch;
use crate::parts;
use crate::problem::Problem;
use crate::start::{self, Findings, say};
use body::Node;
use client::Client;
use judge::{Measured, Phase};
use memory::Curve;
use posted::Posted;
use route::Route;
use tally::Tally;
use verify::Seen;

/// Shortest load, in seconds: below it the times at which memory is compared would overlap.
const SECONDS_MIN: u64 = 30;
/// Longest load, in seconds.
const SECONDS_MAX: u64 = 600;
/// How long the clients ask the trivial question.
const BASELINE_TIME: Duration = Duration::from_secs(5);
/// The plan of all clients must be there after so many long polls, each of which ends when the plan moved.
const PLAN_POLLS_MAX: usize = 20;
/// Distance between two looks at the memory.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Measures the server under many clients at once: what it answers, how fast, whether a row is lost, and its memory.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "parallel")]
struct Cli {
    /// How long the load lasts.
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(SECONDS_MIN..=SECONDS_MAX))]
    seconds: u64,
    /// How many clients, each of them a node.
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u8).range(2..=200))]
    clients: u8,
}

/// Runs the program.
pub fn main() -> ExitCode {
    start::main(measure)
}

async fn measure(cli: Cli) -> Result<Findings, Problem> {
    // No nodes: the clients are at the router, one hop from the server.
    let cluster = Cluster::build(&Spec { families: Families::V4, ..Spec::nodes(0) })?;
    let server = cluster.start_server(&parts::server(None)?, &start::environment(&cluster)?)?;
    let base = cluster.server_url();
    let told = server.clone();
    let measured = cluster.run_in(Where::Fabric, move || drive(cli, base, told)).await??;
    let mut found = judge::judge(measured);
    if !server.is_running() {
        found.broken.push("the server has ended".to_owned());
    }
    Ok(found)
}

async fn drive(cli: Cli, base: String, server: Arc<Process>) -> Result<Measured, Problem> {
    let api = Api::new(&base)?;
    api.wait_until_up().await?;
    let nodes: Arc<[Node]> = (1..=cli.clients).map(Node).collect();
    let plan = Arc::new(plan_of(&api, &nodes).await?);
    let mut clients = Vec::new();
    for node in nodes.iter() {
        clients.push(Client::new(Api::new(&base)?, *node, Arc::clone(&nodes), Arc::clone(&plan)));
    }

    say(&format!("{} clients for {} s", cli.clients, cli.seconds));
    let sampling = tokio::spawn(sample(Arc::clone(&server), cli.seconds));
    let time = Duration::from_secs(cli.seconds);
    let (clients, load) = run(clients, &server, time, &Route::CYCLE).await?;
    let posted: Vec<Posted> = clients.iter().map(Client::posted).collect();
    let lost = verify::lost(&plan, &posted, &Seen::look(&api).await?);
    let curve =
        sampling.await.map_err(|error| Problem::NotThere(format!("the memory's samples: {error}")))??;

    say(&format!("the same clients on {} for {} s", paths::HEALTH, BASELINE_TIME.as_secs()));
    let (_, baseline) = run(clients, &server, BASELINE_TIME, &[Route::Health]).await?;
    Ok(Measured { load, baseline, curve, lost, rows: posted.len() })
}

/// Makes every node known and waits for the plan with all of them.
async fn plan_of(api: &Api, nodes: &[Node]) -> Result<PlanBody, Problem> {
    for node in nodes {
        let answer = api.ask(Method::Post(body::heartbeat(*node)), paths::HEARTBEAT).await;
        let answer =
            answer.map_err(|source| Problem::Request { path: paths::HEARTBEAT.to_owned(), source })?;
        if answer.status != 200 {
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(Problem::Refused { path: paths::HEARTBEAT.to_owned(), status: answer.status, body });
        }
    }
    let mut plan: PlanBody = api.get(paths::PLAN).await?;
    for _ in 0..PLAN_POLLS_MAX {
        if plan.targets.as_ref().is_some_and(|targets| targets.len() == 2 * nodes.len()) {
            return Ok(plan);
        }
        // Shorter than the client's limit, and longer than a generation may take.
        let path = format!("{}?epoch={}&generation={}&wait=5s", paths::PLAN, plan.epoch, plan.generation);
        let moved: PlanBody = api.get(&path).await?;
        if moved.targets.is_some() {
            plan = moved;
        }
    }
    Err(Problem::NotThere(format!("no plan of {} nodes came", nodes.len())))
}

/// Lets the clients ask in parallel for this long.
async fn run(
    clients: Vec<Client>,
    server: &Process,
    time: Duration,
    cycle: &'static [Route],
) -> Result<(Vec<Client>, Phase), Problem> {
    let before = server.usage()?;
    let clock = Stopwatch::start();
    let mut running = JoinSet::new();
    for mut client in clients {
        running.spawn(async move {
            let tally = client.run(clock, time, cycle).await;
            (client, tally)
        });
    }
    let mut tally = Tally::default();
    let mut clients = Vec::new();
    while let Some(ended) = running.join_next().await {
        let (client, of_client) =
            ended.map_err(|error| Problem::NotThere(format!("a client ended early: {error}")))?;
        clients.push(client);
        tally.merge(of_client);
    }
    let elapsed = clock.elapsed();
    let cpu = server.usage()?.cpu.saturating_sub(before.cpu);
    clients.sort_by_key(Client::node);
    Ok((clients, Phase { tally, elapsed, cpu }))
}

/// Looks at the server's memory now and each second.
async fn sample(server: Arc<Process>, seconds: u64) -> Result<Curve, Problem> {
    let mut curve = Curve::default();
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for _ in 0..seconds {
        ticks.tick().await;
        curve.push(server.usage()?.resident_bytes);
    }
    Ok(curve)
}
