//! Dead peers do not slow a round.

use std::time::Duration;

use e2e::mesh::Mesh;
use lab::{NodeId, Server};
use meshvane_shared::wire::matrix::CellWord;

e2e::tests!(with_half_of_the_targets_silently_dropped_rounds_end_in_time_and_healthy_cells_stay_fresh);

/// Sixteen nodes: each agent has 15 peers with two planes in two families, 60 targets.
const NODES: u8 = 16;
/// Peers that fall silent for the first eight agents: 8 of 15, above half of the 60 targets.
const SILENT: std::ops::RangeInclusive<u8> = 9..=16;
/// Full meshes of this size start on a machine of two cores within this, debug build and neighbours included.
const FULL_WITHIN: Duration = Duration::from_secs(30);
/// A cell is measured once in an interval of 5 s, and its round is posted at the end of it.
const FRESH_MS: u64 = 11_000;

async fn with_half_of_the_targets_silently_dropped_rounds_end_in_time_and_healthy_cells_stay_fresh() {
    let mesh = Mesh::build(&lab::Spec::nodes(usize::from(NODES)));
    mesh.start_server();
    mesh.start_agents();
    mesh.full(usize::from(NODES), FULL_WITHIN).await;
    let watched: Vec<NodeId> = (1..*SILENT.start()).map(NodeId).collect();
    let before = overruns(&mesh, &watched).await;
    let silent: Vec<NodeId> = SILENT.map(NodeId).collect();
    let broken = mesh.cluster.silence(&silent, Server::CutOff).unwrap();
    // Eight rounds: down, backed off, and on.
    for _ in 0..40 {
        mesh.pass(Duration::from_secs(1)).await;
        let matrix = mesh.api.matrix("plane=pod&check=icmp").await.unwrap();
        for (from, row) in matrix.from.iter().zip(&matrix.cells).filter(|(from, _)| is_watched(from)) {
            for (to, cell) in matrix.to.iter().zip(row).filter(|(to, _)| is_watched(to) && *to != from) {
                let fresh =
                    cell.outcome == CellWord::Reached && cell.age_ms.is_some_and(|age| age < FRESH_MS);
                if !fresh {
                    mesh.fail(&format!("{from} to {to} is {cell:?}")).await;
                }
            }
        }
    }
    let after = overruns(&mesh, &watched).await;
    println!("overruns of {} agents: {before} before, {after} after", watched.len());
    assert!((after - before).abs() < f64::EPSILON, "a round overran");
    for node in watched {
        let name = mesh.cluster.node(node).unwrap().name;
        let agent = mesh.api.agent(&name).await.unwrap();
        assert!(agent.round_age_ms.is_some_and(|age| age < FRESH_MS), "{name}: {:?}", agent.round_age_ms);
    }
    broken.heal_soon().await.unwrap();
}

fn is_watched(node: &str) -> bool {
    node.strip_prefix("node-").is_some_and(|number| number.parse::<u8>().unwrap() < *SILENT.start())
}

async fn overruns(mesh: &Mesh, nodes: &[NodeId]) -> f64 {
    let mut sum = 0.0;
    for node in nodes {
        sum += mesh.agent_metric(mesh.pod(*node), "meshvane_agent_rounds_overrun_total").await;
    }
    sum
}
