use std::collections::BTreeSet;
use std::time::Duration;

use allocation_counter::measure;
use chrono::{DateTime, Utc};
use meshvane_shared::check::CheckKind;
use meshvane_shared::name::BootId;
use meshvane_shared::outcome::{Cause, Outcome};
use meshvane_shared::plan::{Epoch, PlanVersion, Target};
use meshvane_shared::wire::outcome::OutcomeBody;
use meshvane_shared::wire::round::CellBody;

use super::*;
use crate::collector::CollectorSettings;

const OURS: PlanVersion = PlanVersion { epoch: Epoch(7), generation: 0 };
const FOREIGN: PlanVersion = PlanVersion { epoch: Epoch(1), generation: 9 };

fn at(millis: i64) -> Now {
    let wall = DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::milliseconds(millis);
    Now { moment: Moment::from_millis(millis), wall }
}

/// A server that has just started: no plan but the empty one of generation 0.
fn collector() -> Collector {
    let (ttl, forget_after) = (Duration::from_secs(15), Duration::from_hours(1));
    Collector::new(CollectorSettings { ttl, forget_after, epoch: Epoch(7) }, at(0))
}

fn node(name: &str) -> NodeName {
    NodeName::parse(name).unwrap()
}

/// A round of a node, with a list of so many nodes that no other agent knows.
fn round(name: &str, plan: PlanVersion, invented: u32) -> RoundBody {
    let target = |number: u32| Target {
        node: node(&format!("invented-{number:05}")),
        plane: Plane::Host,
        address: std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into(),
        port: None,
        zone: None,
    };
    let targets = (0..invented).map(target).collect();
    let empty = RoundBody::empty(node(name), BootId::parse("boot").unwrap(), plan);
    RoundBody { interval_ms: 5_000, targets: Some(targets), ..empty }
}

fn cell(target: u32) -> CellBody {
    CellBody {
        target,
        check: CheckKind::Icmp.into(),
        port: None,
        outcome: OutcomeBody::from(Outcome::reached(300)),
        age_ms: 0,
        suspect: false,
        failing_for_ms: None,
    }
}

fn members(collector: &Collector, millis: i64) -> Vec<String> {
    collector.judge(at(millis));
    collector.agents(at(millis)).agents.into_iter().map(|agent| agent.node.to_string()).collect()
}

/// What the collector holds more after `change`.
fn held(change: impl FnOnce()) -> i64 {
    measure(change).bytes_current
}

#[test]
fn refused_rounds_leave_memory_and_members_as_they_were() {
    let collector = collector();
    collector.round(&round("node-1", OURS, 0), at(1_000)).unwrap();
    let refused = |body: &RoundBody| {
        let refusal = collector.round_by(&Writer::at([10, 0, 0, 9].into()), body, at(2_000));
        assert!(matches!(refusal, Err(Refusal::InvalidField(_))), "{refusal:?}");
    };
    let bad_cell = |plan| RoundBody { cells: vec![cell(19_900)], ..round("node-1", plan, 19_900) };
    let foreign = |number| bad_cell(PlanVersion { generation: number, ..FOREIGN });
    let bodies_of_ours: Vec<RoundBody> = (0..20).map(|_| bad_cell(OURS)).collect();
    for (name, bodies) in [("ours", bodies_of_ours), ("foreign", (0..20).map(foreign).collect())] {
        let more = held(|| bodies.iter().for_each(refused));
        assert!(more.abs() < 10_000, "{name}: {more} bytes are held after 20 refused rounds");
    }
    let unnumbered = RoundBody { sequence: 0, ..round("node-1", FOREIGN, 30) };
    refused(&unnumbered);
    assert_eq!(members(&collector, 3_000), ["node-1"]);
}

#[test]
fn a_round_on_a_plan_of_ours_brings_no_targets_back() {
    let collector = collector();
    let body = round("node-1", OURS, 20);
    assert_eq!(collector.round(&body, at(1_000)).unwrap().status, RoundStatus::Accepted);
    assert_eq!(members(&collector, 2_000), ["node-1"]);
}

#[test]
fn rounds_that_are_taken_again_or_set_aside_are_not_remembered() {
    let collector = collector();
    collector.round(&round("node-1", OURS, 0), at(1_000)).unwrap();
    let again = round("node-1", FOREIGN, 20);
    assert_eq!(collector.round(&again, at(1_000)).unwrap().status, RoundStatus::Duplicate);
    assert_eq!(members(&collector, 2_000), ["node-1"]);
}

#[test]
fn targets_at_addresses_that_name_no_host_are_refused() {
    let collector = collector();
    for address in ["0.0.0.0", "ff02::1"] {
        let mut body = round("node-1", FOREIGN, 1);
        body.targets.as_mut().unwrap()[0].address = address.parse().unwrap();
        let refusal = collector.round(&body, at(1_000)).unwrap_err().to_string();
        assert!(refusal.starts_with("targets[0].address: "), "{refusal}");
    }
    let mut body = round("node-1", FOREIGN, 1);
    body.targets.as_mut().unwrap()[0].port = Some(0);
    assert_eq!(
        collector.round(&body, at(1_000)).unwrap_err().to_string(),
        "targets[0].port: 0 is not a port"
    );
    assert_eq!(members(&collector, 2_000), [""; 0]);
}

#[test]
fn one_writer_brings_back_no_more_members_than_there_may_be() {
    let collector = collector();
    for name in ["liar-1", "liar-2"] {
        collector
            .round_by(&Writer::at([10, 0, 0, 9].into()), &round(name, FOREIGN, 15_000), at(1_000))
            .unwrap();
    }
    for millis in [2_000, 3_000] {
        collector.recall(at(millis));
        assert_eq!(collector.store.entries().len() as u64, MEMBERS_MAX);
    }
}

#[test]
fn what_agents_remember_is_let_go_once_it_counts_no_longer() {
    let collector = collector();
    collector.round(&round("node-1", FOREIGN, 20), at(1_000)).unwrap();
    let heard = BTreeSet::from([node("node-1")]);
    lock(&collector.recall).heard(&node("node-1"), at(1_000).moment);
    let remembered = || lock(&collector.recall).recalled(&heard).len();
    assert_eq!(remembered(), 20);
    collector.recall(at(3_600_000));
    assert_eq!(remembered(), 0);
}

#[test]
fn one_writer_keeps_few_foreign_plans_and_its_next_round_may_be_sent_again() {
    let collector = collector();
    let writer = Writer::at([10, 0, 0, 9].into());
    let post = |number: u64| {
        let plan = PlanVersion { generation: number, ..FOREIGN };
        collector.round_by(&writer, &round(&format!("liar-{number}"), plan, 19_900), at(1_000))
    };
    let mut answers = (0..20).map(post);
    let refusal = answers.find_map(Result::err).expect("the limit is reached");
    assert!(matches!(refusal, Refusal::Busy(_)), "{refusal:?}");
    let honest = collector.round(&round("node-1", FOREIGN, 5_000), at(1_000)).unwrap();
    assert_eq!(honest.status, RoundStatus::Accepted);
}

/// A round on 20,000 nodes that no one else knows, each cell with this outcome.
fn whole(sequence: u64, outcome: Outcome) -> RoundBody {
    let one = |target| CellBody { outcome: OutcomeBody::from(outcome), ..cell(target) };
    let cells = (0..20_000).map(one).collect();
    RoundBody { sequence, cells, ..round("node-1", FOREIGN, 20_000) }
}

#[test]
fn a_round_with_a_change_on_every_node_has_no_more_of_them_looked_at_than_there_are_looks() {
    let failed = Outcome::Unreached(Cause::Timeout);
    let plan = |body: &RoundBody| {
        let targets = body.targets.clone().unwrap();
        Arc::new(Plan { version: FOREIGN, targets })
    };
    let mut held = None;
    for (sequence, outcome) in [(1, Outcome::reached(1)), (2, failed), (3, Outcome::reached(1))] {
        let body = whole(sequence, outcome);
        let plan = plan(&body);
        let round = CheckedRound::check(&plan, &body).unwrap();
        let (update, taken) = take_round(held.as_ref(), round, Moment::from_millis(5_000));
        let Update::Put(entry) = update else { panic!("{update:?}") };
        held = Some(entry);
        let (looks, recovered) =
            if sequence == 1 { (0, 0) } else { (LOOKS_MAX, 20_000 * usize::from(sequence == 3)) };
        assert_eq!(
            [taken.look_at.len(), taken.turned.len(), taken.recovered.len()],
            [looks, looks, recovered]
        );
    }
}

#[test]
fn recoveries_of_thousands_of_nodes_that_are_no_members_cost_a_look_each() {
    let collector = collector();
    collector.round(&whole(1, Outcome::Unreached(Cause::Timeout)), at(1_000)).unwrap();
    let recovers = whole(2, Outcome::reached(1));
    let taken = measure(|| {
        collector.round(&recovers, at(6_000)).unwrap();
    });
    assert!(taken.count_total < 20_000, "{} allocations", taken.count_total);
}
