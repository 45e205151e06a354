//! What scrapers of `/metrics` cost: servers with many members, of which all have reported or none, and connections that
//! scrape without a pause, beside the same server without a scraper.
//!
//! ```text
//!   members heartbeat ─> they report ─> no scraper yet ─> many scrape, at the lowest priority
//!                                        └ /livez and heartbeats, each 50 ms, in both
//! ```

mod judge;
pub(crate) mod scrapers;

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use lab::{Cluster, Families, Process, Spec, Where};
use meshvane_shared::paths;
use meshvane_shared::wire::plan::PlanBody;

use crate::api::{Api, Method};
use crate::attack::{honest, mesh};
use crate::member::Member;
use crate::parts;
use crate::problem::Problem;
use crate::start::{self, Findings, say};
use judge::{Measured, Phase};
use scrapers::{Orders, Scraped};

/// Members must not age while they are measured: no second heartbeat of theirs comes.
const TTL: &str = "1h";
/// The plan of all members must be there after so many long polls, each of which ends when the plan moved.
const PLAN_POLLS_MAX: usize = 40;
/// From the last report to the measurement: findings are judged, and the allocator gives back.
const REST: Duration = Duration::from_secs(5);
/// Scrapers end so long after their time at the latest: the limit of one scrape, and reserve.
const END_WITHIN: Duration = Duration::from_secs(20);

/// A server to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Case {
    /// Members that heartbeat.
    members: u16,
    /// How many of them report a whole row.
    rows: u16,
    /// Connections that scrape.
    scrapers: u16,
}

/// A hundred and six hundred members whose rows are whole. Of five thousand the rows take a gigabyte: there a hundred report, and
/// all other cells are counted as not measured yet.
const CASES: [Case; 3] = [
    Case { members: 100, rows: 100, scrapers: 31 },
    Case { members: 600, rows: 600, scrapers: 8 },
    Case { members: 5_000, rows: 100, scrapers: 8 },
];

/// Measures what scrapers of metrics cost: heartbeats while they scrape, the processor time of a scrape, and memory.
#[derive(Debug, Clone, PartialEq, Eq, Parser)]
#[command(name = "scrape")]
struct Cli {
    /// How long each of the two phases lasts.
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u64).range(5..=120))]
    seconds: u64,
    /// Only the case with this many members: 100, 600 or 5000.
    #[arg(long, value_name = "N")]
    members: Option<u16>,
    /// Measure this server instead of the one within this program.
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
}

/// Runs the program.
pub fn main() -> ExitCode {
    start::main(measure)
}

async fn measure(cli: Cli) -> Result<Findings, Problem> {
    let mut measured = Vec::new();
    for case in CASES.into_iter().filter(|case| cli.members.is_none_or(|members| members == case.members)) {
        measured.push(play(&cli, case).await?);
    }
    if measured.is_empty() {
        return Err(Problem::NotThere("there is no case with so many members".to_owned()));
    }
    Ok(judge::judge(measured))
}

async fn play(cli: &Cli, case: Case) -> Result<Measured, Problem> {
    let Case { members, scrapers, .. } = case;
    // No nodes: members are only told of.
    let cluster = Cluster::build(&Spec { families: Families::V4, ..Spec::nodes(0) })?;
    let outsider = cluster.add_outsider()?;
    let environment = start::environment(&cluster)?.with("CACHE_KEY_SECOND", TTL);
    let server = cluster.start_server(&parts::server(cli.server.clone())?, &environment)?;
    let url = cluster.server_url();
    cluster.run_in(Where::Fabric, move || async move { fill(&Api::new(&url)?, case).await }).await??;
    tokio::time::sleep(REST).await;
    let time = Duration::from_secs(cli.seconds);
    let idle = server.usage()?.resident_bytes;

    say(&format!("{members} members, no scraper for {} s", cli.seconds));
    let quiet = phase(&cluster, &server, time).await?;
    say(&format!("{members} members, {scrapers} connections scrape for {} s", cli.seconds));
    let address = cluster.server_addresses().primary();
    let orders = Orders { server: address, connections: scrapers, seconds: cli.seconds };
    let text =
        serde_json::to_string(&orders).map_err(|source| Problem::Answer { path: "orders".into(), source })?;
    let process = outsider.start("scrapers", &parts::scrapers(&text)?, &environment)?;
    let loud = phase(&cluster, &server, time).await?;
    let ended = process.clone();
    let ended = tokio::task::spawn_blocking(move || ended.wait(END_WITHIN)).await;
    if !matches!(ended, Ok(Some(status)) if status.success()) {
        return Err(Problem::NotThere(format!("the scrapers did not end well: {}", process.log()?)));
    }
    let scraped: Scraped = serde_json::from_str(process.log()?.trim())
        .map_err(|source| Problem::Answer { path: "the scrapers' figures".to_owned(), source })?;
    let alive = server.is_running();
    Ok(Measured { members, rows: case.rows, scrapers, idle, quiet, loud, scraped, alive })
}

/// What honest clients see for so long, and what the server takes meanwhile.
async fn phase(cluster: &Cluster, server: &Process, time: Duration) -> Result<Phase, Problem> {
    mesh::forget_peak(server.pid())?;
    let before = server.usage()?.cpu;
    let (address, url) = (cluster.server_addresses().primary(), cluster.server_url());
    let looking = move || async move { honest::look(address, &Api::new(&url)?, time).await };
    let seen = cluster.run_in(Where::Fabric, looking).await??;
    let cpu = server.usage()?.cpu.saturating_sub(before);
    Ok(Phase { seen, cpu, elapsed: time, peak: mesh::peak(server.pid()).unwrap_or_default() })
}

/// The n-th member: addresses that lead nowhere.
fn member(number: u16) -> Member {
    let [high, low] = number.to_be_bytes();
    Member { number, host: Ipv4Addr::new(10, 84, high, low), pod: Ipv4Addr::new(10, 85, high, low) }
}

/// Makes all members known, waits for the plan with all of them, and lets some report.
async fn fill(api: &Api, case: Case) -> Result<(), Problem> {
    api.wait_until_up().await?;
    for number in 0..case.members {
        post(api, paths::HEARTBEAT, Method::Post(member(number).heartbeat())).await?;
    }
    let mut plan: PlanBody = api.get(paths::PLAN).await?;
    let wanted = 2 * usize::from(case.members);
    for _ in 0..PLAN_POLLS_MAX {
        if plan.targets.as_ref().is_some_and(|targets| targets.len() == wanted) {
            break;
        }
        let path = format!("{}?epoch={}&generation={}&wait=5s", paths::PLAN, plan.epoch, plan.generation);
        let moved: PlanBody = api.get(&path).await?;
        if moved.targets.is_some() {
            plan = moved;
        }
    }
    for number in 0..case.rows {
        post(api, paths::ROUNDS, Method::PostZipped(member(number).round(&plan))).await?;
    }
    Ok(())
}

async fn post(api: &Api, path: &str, method: Method) -> Result<(), Problem> {
    let answer = api.ask(method, path).await;
    let answer = answer.map_err(|source| Problem::Request { path: path.to_owned(), source })?;
    if answer.status == 200 {
        return Ok(());
    }
    let body = String::from_utf8_lossy(&answer.body).into_owned();
    Err(Problem::Refused { path: path.to_owned(), status: answer.status, body })
}

/// The n-th source address of scrapers: each address has few connections, as the server lets one have.
fn source(connection: u16) -> IpAddr {
    let [high, low] = (connection / scrapers::PER_SOURCE + 1).to_be_bytes();
    Ipv4Addr::new(10, 82, high, low).into()
}
