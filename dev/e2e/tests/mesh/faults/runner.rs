//! Plays a case.

use std::time::Duration;

use e2e::clock::Stopwatch;
use e2e::mesh::{Mesh, turn_to_start};
use e2e::watch::Seen;
use lab::{Broken, Cluster, LabError};
use meshvane_shared::finding::FindingKey;

use super::case::{Case, Fault, Said, VICTIM};
use super::services;
use super::times;

/// How long a finding must stay as it is, and how long nothing may open after mending.
const STAYS: Duration = Duration::from_secs(5);
/// After mending: agents start, retries end, the others look at once, two answers each.
const HEALED_WITHIN: Duration = Duration::from_secs(20);
/// Several meshes start at once when all cases are played; how soon one is full is another test's.
const START_WITHIN: Duration = Duration::from_secs(12);

/// Breaks, waits for the right names, mends, waits for silence.
pub(super) async fn play(case: &Case) {
    let turn = turn_to_start().await;
    let mesh = Mesh::build(&case.layout.spec());
    if case.layout.service {
        mesh.cluster.add_backend(services::NAME, services::PORT).unwrap();
    }
    mesh.start_server();
    match case.fault {
        Fault::FromTheStart(_) => {
            mesh.start_agents();
            drop(turn);
            named(&mesh, case).await;
        }
        Fault::Plays(scenario, _) => {
            whole(&mesh, case, turn, |cluster| cluster.apply(scenario, VICTIM)).await;
        }
        Fault::Breaks(fault, _) => whole(&mesh, case, turn, fault).await,
    }
}

/// Waits for the whole mesh, breaks it, sees what is named, heals it. Other meshes may start once this one
/// has.
async fn whole(
    mesh: &Mesh,
    case: &Case,
    turn: impl Sized,
    fault: impl FnOnce(&Cluster) -> Result<Broken, LabError>,
) {
    let nodes = case.layout.nodes;
    mesh.start_agents();
    mesh.full(nodes, START_WITHIN).await;
    if case.layout.service {
        let reached = async |mesh: &Mesh| services::is_reached(mesh, nodes).await;
        mesh.until("everybody reaches the service", START_WITHIN, reached).await;
    }
    mesh.opened_were(&[]).await;
    drop(turn);
    let broken = tokio::task::block_in_place(|| fault(&mesh.cluster)).unwrap();
    named(mesh, case).await;
    broken.heal_soon().await.unwrap();
    silent(mesh, case).await;
}

/// Waits for the mesh that is whole and has no finding, and sees that it stays.
async fn silent(mesh: &Mesh, case: &Case) {
    mesh.until("no finding is open", HEALED_WITHIN, async |mesh| mesh.watch.open().is_empty()).await;
    mesh.full(case.layout.nodes, HEALED_WITHIN).await;
    mesh.pass(STAYS).await;
    if !mesh.watch.open().is_empty() {
        mesh.fail("a finding is open after mending").await;
    }
    nothing_else_opened(mesh, case).await;
}

/// Waits until exactly what is expected is open, and sees that it stays.
async fn named(mesh: &Mesh, case: &Case) {
    let expected = sorted(case.expected());
    if expected.is_empty() {
        // What need not be named gets the time in which others are.
        mesh.pass(case.within).await;
        return nothing_else_opened(mesh, case).await;
    }
    let clock = Stopwatch::start();
    let what = format!("{}: open findings {expected:?}", case.name);
    let names = names(&expected);
    let took = mesh.until(&what, case.within, async |mesh| names == self::names(&open(mesh))).await;
    println!("{}: named after {:.1} s", case.name, took.as_secs_f64());
    times::record(case.name, took);
    // The last of the observers may be heard a little later.
    let left = case.within.saturating_sub(clock.elapsed());
    mesh.until(&format!("{what}, with these observers"), left, async |mesh| open(mesh) == expected).await;
    mesh.pass(STAYS).await;
    if open(mesh) != expected {
        mesh.fail(&format!("{what}: did not stay so")).await;
    }
    nothing_else_opened(mesh, case).await;
}

/// A wrong finding that came and went is wrong; the right one may not come twice.
async fn nothing_else_opened(mesh: &Mesh, case: &Case) {
    let expected = sorted(case.expected());
    let ever = sorted(mesh.watch.seen().iter().map(|seen| Said::from(&seen.body)).collect());
    if names(&ever) != names(&expected) {
        mesh.fail(&format!("{}: opened were {ever:?}, not {expected:?}", case.name)).await;
    }
}

fn open(mesh: &Mesh) -> Vec<Said> {
    let is_open = |seen: &Seen| seen.resolved.is_none();
    sorted(mesh.watch.seen().iter().filter(|seen| is_open(seen)).map(|seen| Said::from(&seen.body)).collect())
}

fn names(said: &[Said]) -> Vec<&FindingKey> {
    said.iter().map(|said| &said.name).collect()
}

fn sorted(mut said: Vec<Said>) -> Vec<Said> {
    said.sort_unstable();
    said
}
