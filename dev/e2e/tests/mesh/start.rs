//! Starting: the full mesh, in either order, and who is not let in.

use std::time::Duration;

use e2e::mesh::{FULL_MESH_WITHIN, Mesh};
use lab::{NodeId, Ping, Spec};
use meshvane_shared::limits::RETRY_CAP;
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::compat::{HostsAnswer, ResultsAnswer};

e2e::tests!(
    a_mesh_of_five_is_full_within_eight_seconds_and_has_no_finding,
    agents_that_start_before_the_server_join_when_it_comes,
    an_agent_with_a_wrong_token_is_no_member_and_disturbs_nobody,
    an_agent_that_may_not_ping_says_so_and_nobody_is_called_unreachable,
);

async fn a_mesh_of_five_is_full_within_eight_seconds_and_has_no_finding() {
    let mesh = Mesh::start(5).await;
    println!("full mesh of 5 after {:?}", mesh.watch.clock.elapsed());
    let agents = mesh.api.agents().await;
    assert_eq!(agents.len(), 5);
    assert!(agents.iter().all(|agent| agent.state == MemberState::Alive && agent.zone.is_some()));
    let hosts: HostsAnswer = mesh.api.get("/api/v1/hosts").await.unwrap();
    assert_eq!(hosts.count, 5);
    let results: ResultsAnswer = mesh.api.get("/api/v1/results").await.unwrap();
    assert_eq!((results.active_client_count, results.host_test_summary.failed_tests), (5, 0));
    assert!(results.pod_test_summary.successful_tests > 0);
    let report = mesh.api.text("/api/v1/report").await.unwrap();
    assert!(report.contains("members: 5 alive, 0 late, 0 lost, 0 leaving"), "{report}");
    // Two intervals more: what is healthy stays so.
    mesh.pass(Duration::from_secs(11)).await;
    mesh.full(5, Duration::from_secs(1)).await;
    mesh.opened_were(&[]).await;
}

async fn agents_that_start_before_the_server_join_when_it_comes() {
    let mesh = Mesh::build(&Spec::nodes(3));
    mesh.start_agents();
    mesh.pass(Duration::from_secs(10)).await;
    mesh.start_server();
    mesh.full(3, FULL_MESH_WITHIN + RETRY_CAP).await;
    mesh.opened_were(&[]).await;
}

async fn an_agent_with_a_wrong_token_is_no_member_and_disturbs_nobody() {
    let mesh = Mesh::build(&Spec::nodes(3));
    mesh.start_server();
    let wrong = mesh.cluster.log_dir().join("wrong-token");
    std::fs::write(&wrong, "another").unwrap();
    let environment = mesh.environment().with("MESHVANE_TOKEN_FILE", &wrong);
    let stranger = mesh.cluster.start_agent(NodeId(3), &e2e::program::agent(), &environment).unwrap();
    mesh.start_agent(NodeId(1));
    mesh.start_agent(NodeId(2));
    mesh.full(2, FULL_MESH_WITHIN).await;
    mesh.pass(Duration::from_secs(6)).await;
    let names: Vec<String> =
        mesh.api.agents().await.into_iter().map(|agent| agent.node.to_string()).collect();
    assert_eq!(names, ["node-1", "node-2"]);
    assert!(stranger.is_running(), "a token may be mended while the agent runs");
    let log = stranger.log().unwrap();
    assert!(log.contains("401"), "the log says why: {log}");
    assert!(!log.contains("another"), "the log holds no token: {log}");
    // It is let in when its token is mended.
    std::fs::write(&wrong, e2e::mesh::TOKEN).unwrap();
    mesh.full(3, FULL_MESH_WITHIN + Duration::from_secs(10)).await;
    mesh.opened_were(&[]).await;
}

async fn an_agent_that_may_not_ping_says_so_and_nobody_is_called_unreachable() {
    let mut spec = Spec::nodes(3);
    spec.nodes[1].ping = Ping::Refused;
    let mesh = Mesh::build(&spec);
    mesh.start_server();
    let agents = mesh.start_agents();
    mesh.open_are(&["not_measurable/node-2/icmp"], Duration::from_secs(15)).await;
    mesh.pass(Duration::from_secs(6)).await;
    let matrix = mesh.api.matrix("plane=pod&check=icmp").await.unwrap();
    let words: Vec<&str> = matrix.cells[1].iter().map(|cell| cell.outcome.as_str()).collect();
    assert_eq!(words, ["unmeasured", "self", "unmeasured"]);
    let log = agents[1].log().unwrap();
    assert_eq!(log.matches("ping_group_range").count(), 2, "said once for each family: {log}");
    mesh.opened_were(&["not_measurable/node-2/icmp"]).await;
}
