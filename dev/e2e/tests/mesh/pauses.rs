//! A monitor that was stopped is never reported as a broken network: neither by its peers nor by itself.

use std::time::Duration;

use e2e::mesh::{Mesh, TOKEN};
use lab::NodeId;
use meshvane_shared::wire::matrix::CellWord;

e2e::tests!(
    an_agent_stopped_for_thirty_seconds_is_a_silent_agent_and_nothing_else,
    a_server_stopped_for_thirty_seconds_blames_nobody,
);

const STOPPED: Duration = Duration::from_secs(30);

/// Cells that say unreached, in all views.
async fn unreached(mesh: &Mesh) -> usize {
    let mut count = 0;
    for view in e2e::api::VIEWS {
        let matrix = mesh.api.matrix(view).await.unwrap();
        count += matrix.cells.iter().flatten().filter(|cell| cell.outcome == CellWord::Unreached).count();
    }
    count
}

async fn an_agent_stopped_for_thirty_seconds_is_a_silent_agent_and_nothing_else() {
    let mesh = Mesh::start(4).await;
    let stopped = mesh.cluster.agent_stopped(NodeId(2)).unwrap();
    for _ in 0..STOPPED.as_secs() * 2 {
        mesh.pass(Duration::from_millis(500)).await;
        assert_eq!(unreached(&mesh).await, 0, "its kernel answers for it");
    }
    assert_eq!(mesh.watch.open(), ["agent_down/node-2"]);
    stopped.heal_soon().await.unwrap();
    for _ in 0..30 {
        mesh.pass(Duration::from_millis(500)).await;
        assert_eq!(unreached(&mesh).await, 0, "it was not answered because it did not listen");
    }
    mesh.open_are(&[], Duration::from_secs(1)).await;
    mesh.full(4, Duration::from_secs(5)).await;
    // The longest time that anybody reports is that of a live network.
    for view in e2e::api::VIEWS {
        let matrix = mesh.api.matrix(view).await.unwrap();
        let longest = matrix.cells.iter().flatten().filter_map(|cell| cell.rtt_us).max().unwrap();
        assert!(longest < 1_000_000, "{longest} us on {view}");
    }
    mesh.opened_were(&["agent_down/node-2"]).await;
}

async fn a_server_stopped_for_thirty_seconds_blames_nobody() {
    let mesh = Mesh::start(4).await;
    let server = mesh.cluster.server().unwrap();
    server.pause();
    mesh.pass(STOPPED).await;
    server.resume();
    mesh.full(4, Duration::from_secs(15)).await;
    mesh.pass(Duration::from_secs(20)).await;
    mesh.full(4, Duration::from_secs(5)).await;
    mesh.opened_were(&[]).await;
    let (status, _) = mesh.api.post("/api/v1/heartbeat", Some(TOKEN), &serde_json::json!({})).await;
    assert_eq!(status, 400);
}
