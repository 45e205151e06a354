use meshvane_shared::check::CheckKind;
use meshvane_shared::wire::agents::AgentsBody;
use meshvane_shared::wire::findings::FindingsBody;
use meshvane_shared::wire::matrix::{MatrixBody, MatrixCellBody, MatrixPlane};
use serde_json::json;

use super::*;

fn look(rounds: u64, word: CellWord) -> Look {
    let agent = |node: &str| json!({"node": node, "state": "alive", "context": [], "host_addresses": [], "pod_addresses": [], "rounds": rounds});
    let agents: AgentsBody =
        serde_json::from_value(json!({"agents": [agent("node-1"), agent("node-2")]})).unwrap();
    let itself = MatrixCellBody::bare(CellWord::Itself);
    let cell = MatrixCellBody::bare(word);
    let names = vec!["node-1".to_owned(), "node-2".to_owned()];
    let matrix = MatrixBody {
        plane: MatrixPlane::Pod,
        check: CheckKind::Icmp,
        family: None,
        from: names.clone(),
        to: names,
        cells: vec![vec![itself.clone(), cell.clone()], vec![cell, itself]],
    };
    Look { agents, matrices: vec![matrix], findings: FindingsBody { judging: true, findings: Vec::new() } }
}

fn proof(rounds: u64, word: CellWord) -> Proof {
    let (before, after) = (look(3, CellWord::Reached), look(3 + rounds, word));
    Proof { before, after, nodes: 2, seconds: 120 }
}

fn measured(kind: Kind, resident_bytes: u64, cpu_ms: u64) -> Measured {
    let before =
        Cost { resident_bytes, proportional_bytes: None, anonymous_bytes: None, cpu: Duration::ZERO };
    let after = Cost { cpu: Duration::from_millis(cpu_ms), ..before };
    Measured { kind, before, after, peak: Peak::default(), elapsed: Duration::from_mins(2) }
}

fn broken(measured: &[Measured]) -> Vec<String> {
    judge(measured, &proof(24, CellWord::Reached)).broken
}

#[test]
fn costs_at_their_promise_are_kept_and_above_it_broken() {
    let agent = || Kind::Agent("node-1".to_owned());
    let check = |kind: Kind, resident, cpu_ms, expected: &[&str]| {
        assert_eq!(broken(&[measured(kind.clone(), resident, cpu_ms)]), expected, "{kind:?}");
    };
    check(agent(), 10_000_000, 120, &[]);
    check(agent(), 10_100_000, 120, &["agent node-1 has 10.10 MB resident, 10.00 are promised"]);
    check(agent(), 10_000_000, 132, &["agent node-1 takes 1.100 mCPU, 1.0 are promised"]);
    check(Kind::Server, 16_000_000, 156, &[]);
    check(Kind::Server, 16_100_000, 156, &["server has 16.10 MB resident, 16.00 are promised"]);
    check(Kind::Sleeper, 99_000_000, 9000, &[]);
}

#[test]
fn memory_that_was_given_back_before_the_end_counts() {
    let mut server = measured(Kind::Server, 9_000_000, 0);
    server.peak.see(17_000_000);
    assert_eq!(broken(&[server]), ["server has 17.00 MB resident, 16.00 are promised"]);
}

#[test]
fn a_mesh_that_stood_still_proves_nothing() {
    let check = |proof: &Proof, expected: &[&str]| assert_eq!(judge(&[], proof).broken, expected);
    check(&proof(24, CellWord::Reached), &[]);
    check(
        &proof(23, CellWord::Reached),
        &["node-1 delivered 23 rounds of 24 or more", "node-2 delivered 23 rounds of 24 or more"],
    );
    check(&proof(24, CellWord::Stale), &["0 of 2 cells are reached on pod by icmp"]);
}

#[test]
fn a_baseline_that_took_nothing_gives_no_ratio() {
    assert_eq!(ratio(1.0, Some(0.0)), "-");
    assert_eq!(ratio(1.0, Some(0.5)), "2");
    assert_eq!(ratio(1.0, None), "-");
}
