use meshvane_shared::plan::{Epoch, Target};
use meshvane_shared::wire::compat::{ConnectivityResult, TestStatus};
use meshvane_shared::wire::matrix::MatrixCellBody;
use serde_json::json;

use super::*;

fn posted() -> Vec<Posted> {
    [1, 2].map(|number| Posted { node: Node(number), round: 7, hosts: 3, pods: 4, service: 5 }).to_vec()
}

fn plan() -> PlanBody {
    let target = |node: &Posted, plane| Target {
        node: node.node.name(),
        plane,
        address: node.node.address(plane).into(),
        port: None,
        zone: None,
    };
    let posted = posted();
    let targets = posted.iter().flat_map(|node| Plane::ALL.map(|plane| target(node, plane))).collect();
    PlanBody {
        epoch: Epoch(1),
        generation: 1,
        targets: Some(targets),
        delta: None,
        look: Vec::new(),
        look_number: 0,
    }
}

fn matrix(plane: Plane, check: CheckKind, round: u64) -> MatrixBody {
    let names: Vec<String> = posted().iter().map(|node| node.node.name().to_string()).collect();
    let plan = plan();
    let targets = plan.targets.as_deref().unwrap();
    let cell = |from: &String, to: &String| {
        if from == to {
            return MatrixCellBody::bare(CellWord::Itself);
        }
        let target =
            targets.iter().position(|target| target.node.as_str() == to && target.plane == plane).unwrap();
        let rtt_us = Some(mark_rtt_us(round, target, check));
        MatrixCellBody { rtt_us, ..MatrixCellBody::bare(CellWord::Reached) }
    };
    let cells = names.iter().map(|from| names.iter().map(|to| cell(from, to)).collect()).collect();
    MatrixBody { plane: plane.into(), check, family: None, from: names.clone(), to: names, cells }
}

fn results(plane: Plane) -> TestResultsAnswer {
    let nodes = [Node(1), Node(2)];
    let status = TestStatus {
        ping: REACHABLE.to_owned(),
        port_status: OPEN.to_owned(),
        test_duration: meshvane_shared::go_duration::GoDuration::default(),
    };
    let mut results = BTreeMap::new();
    for client in posted() {
        let number = if plane == Plane::Host { client.hosts } else { client.pods };
        let original = original_targets(client.node, number, plane, &nodes);
        let native = nodes.iter().filter(|node| **node != client.node).map(|node| node.address(plane));
        let row = |targets: Vec<std::net::Ipv4Addr>| {
            targets.into_iter().map(|target| (target.to_string(), status.clone())).collect()
        };
        results.insert(client.node.source().to_string(), row(original.into_iter().collect()));
        results.insert(client.node.pod().to_string(), row(native.collect()));
    }
    TestResultsAnswer { results }
}

fn seen() -> Seen {
    let agent = |client: &Posted| {
        json!({"node": client.node.name(), "state": "alive", "context": [], "host_addresses": [],
            "pod_addresses": [], "rounds": client.round, "last_sequence": client.round})
    };
    let agents: Vec<_> = posted().iter().map(agent).collect();
    let service = |client: &Posted| {
        let target_ip = mark_address(client.service).to_string();
        (client.node.source().to_string(), ConnectivityResult { target_ip, ..ConnectivityResult::default() })
    };
    let matrices = Plane::ALL
        .iter()
        .flat_map(|plane| CheckKind::ON_PLANES.map(|check| (*plane, matrix(*plane, check, 7))));
    Seen {
        agents: serde_json::from_value(json!({ "agents": agents })).unwrap(),
        matrices: matrices.collect(),
        results: Plane::ALL.map(|plane| (plane, results(plane))).to_vec(),
        services: ServiceResultsAnswer { results: posted().iter().map(service).collect() },
        findings: FindingsBody { judging: true, findings: Vec::new() },
    }
}

fn check(change: impl FnOnce(&mut Seen), expected: &[&str]) {
    let mut seen = seen();
    change(&mut seen);
    assert_eq!(lost(&plan(), &posted(), &seen), expected);
}

#[test]
fn what_is_shown_as_it_was_posted_is_not_lost() {
    check(|_| {}, &[]);
}

#[test]
fn a_round_that_was_not_counted_is_lost() {
    check(
        |seen| seen.agents.agents[0].rounds = 6,
        &["client-1 posted 7 rounds; /agents shows 6, the last 7, alive"],
    );
    check(
        |seen| seen.agents.agents[1].last_sequence = Some(6),
        &["client-2 posted 7 rounds; /agents shows 7, the last 6, alive"],
    );
    check(
        |seen| drop(seen.agents.agents.pop()),
        &["/agents does not show client-2", "/agents shows 1 members of 2"],
    );
}

#[test]
fn a_cell_of_an_older_round_is_lost() {
    check(
        |seen| seen.matrices[0].1.cells[0] = matrix(Plane::Host, CheckKind::Icmp, 6).cells[0].clone(),
        &[
            "/matrix of host by icmp: 1 cells of client-1 are old, to client-2: Some(Some(12004)) where Some(14004) was posted",
        ],
    );
    check(
        |seen| {
            seen.matrices[3].1.from.pop();
        },
        &["/matrix of pod has no row of client-2"],
    );
}

#[test]
fn an_older_post_of_an_original_agent_is_lost() {
    let swap = |seen: &mut Seen, from: u64, to: u64| {
        let row = seen.results[0].1.results.get_mut("10.92.0.1").unwrap();
        let status = row.remove(&mark_address(from).to_string()).unwrap();
        row.insert(mark_address(to).to_string(), status);
    };
    check(|seen| swap(seen, 3, 2), &["/test-results of host does not show the newest row of 10.92.0.1"]);
    check(
        |seen| drop(seen.results[1].1.results.remove("10.91.0.2")),
        &["/test-results of pod does not show the newest row of 10.91.0.2"],
    );
    check(
        |seen| drop(seen.services.results.remove("10.92.0.2")),
        &["/test-results/service shows None of 10.92.0.2 where 10.93.0.5 was posted"],
    );
}

#[test]
fn marks_of_neighbouring_posts_and_cells_differ() {
    assert_ne!(mark_address(1), mark_address(2));
    let marks = [(1, 0), (1, 1), (2, 0), (2, 999)]
        .map(|(number, target)| CheckKind::ON_PLANES.map(|check| mark_rtt_us(number, target, check)));
    let different: BTreeSet<u32> = marks.iter().flatten().copied().collect();
    assert_eq!(different.len(), 8);
}
