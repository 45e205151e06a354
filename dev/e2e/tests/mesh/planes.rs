//! One plane of a node that is cut.

use std::time::Duration;

use e2e::mesh::Mesh;
use lab::NodeId;
use meshvane_shared::check::Plane;

e2e::tests!(
    a_pod_plane_cut_by_link_down_is_named_though_the_agent_is_silent,
    a_pod_plane_cut_is_named_while_the_agent_is_heard,
);

/// A cut plane needs no overdue heartbeat, but everybody's look.
const NAMED_WITHIN: Duration = Duration::from_secs(10);
const HEALED_WITHIN: Duration = Duration::from_secs(20);

async fn a_pod_plane_cut_by_link_down_is_named_though_the_agent_is_silent() {
    let mesh = Mesh::start(4).await;
    let broken = mesh.cluster.pod_link_down(NodeId(2)).unwrap();
    let took = mesh.open_are(&["plane_cut/node-2/pod"], NAMED_WITHIN).await;
    println!("pod plane of node-2 named after {took:?}");
    let body = mesh.watch.find("plane_cut/node-2/pod").unwrap().body;
    assert_eq!(
        (body.plane, body.observers.as_ref().map(|observers| observers.saw)),
        (Some(Plane::Pod), Some(3))
    );
    // The agent is lost by now, and it stays one finding.
    mesh.pass(Duration::from_secs(20)).await;
    broken.heal_soon().await.unwrap();
    mesh.open_are(&[], HEALED_WITHIN).await;
    mesh.full(4, HEALED_WITHIN).await;
    mesh.opened_were(&["plane_cut/node-2/pod"]).await;
}

async fn a_pod_plane_cut_is_named_while_the_agent_is_heard() {
    let mesh = Mesh::start(4).await;
    let broken = mesh.cluster.pods_isolated(NodeId(2)).unwrap();
    mesh.open_are(&["plane_cut/node-2/pod"], NAMED_WITHIN).await;
    mesh.pass(Duration::from_secs(12)).await;
    broken.heal_soon().await.unwrap();
    mesh.open_are(&[], HEALED_WITHIN).await;
    mesh.full(4, HEALED_WITHIN).await;
    mesh.opened_were(&["plane_cut/node-2/pod"]).await;
}
