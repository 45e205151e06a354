use meshvane_shared::check::Plane;
use meshvane_shared::name::{DnsName, NodeName};
use meshvane_shared::outcome::{Cause, Reached, Reason};
use meshvane_shared::plan::{Epoch, PlanVersion, Target};
use meshvane_shared::wire::outcome::OutcomeBody;
use meshvane_shared::wire::round::{
    CellBody, ResolverBody, RoundBody, ServiceAddressBody, ServiceBody, StrangerBody, TimedOutcome,
};
use proptest::prelude::*;

use super::*;

mod standing;

fn plan(generation: u64, targets: &[(&str, &str)]) -> Arc<Plan> {
    let targets = targets
        .iter()
        .map(|(node, address)| Target {
            node: NodeName::parse(node).unwrap(),
            plane: Plane::Host,
            address: address.parse().unwrap(),
            port: None,
            zone: None,
        })
        .collect();
    Arc::new(Plan { version: PlanVersion { epoch: Epoch(1), generation }, targets })
}

fn three() -> Arc<Plan> {
    plan(1, &[("node-1", "10.0.0.1"), ("node-2", "10.0.0.2"), ("node-3", "10.0.0.3")])
}

fn cell(target: u32, outcome: Outcome, age_ms: u64) -> CellBody {
    CellBody {
        target,
        check: CheckKind::Icmp.into(),
        port: None,
        outcome: OutcomeBody::from(outcome),
        age_ms,
        suspect: false,
        failing_for_ms: outcome.is_unreached().then_some(age_ms + 1_000),
    }
}

fn round(sequence: u64, plan: &Plan, cells: Vec<CellBody>) -> RoundBody {
    RoundBody {
        sequence,
        interval_ms: 5_000,
        took_ms: 4_000,
        cells,
        ..RoundBody::empty(
            NodeName::parse("node-1").unwrap(),
            BootId::parse("boot").unwrap(),
            plan.version.clone(),
        )
    }
}

fn take(prior: Option<&Row>, plan: &Arc<Plan>, body: &RoundBody, millis: i64) -> Applied {
    Row::take(prior, plan, body, Moment::from_millis(millis)).unwrap()
}

const DOWN: Outcome = Outcome::Unreached(Cause::Timeout);
const REFUSED: Outcome = Outcome::Unreached(Cause::Refused);

#[test]
fn a_cell_is_found_with_its_time_whatever_came_in_the_round_after_it() {
    let plan = three();
    let first = take(
        None,
        &plan,
        &round(1, &plan, vec![cell(1, Outcome::reached(700), 300), cell(2, DOWN, 100)]),
        10_000,
    );
    let row =
        take(Some(&first.row), &plan, &round(2, &plan, vec![cell(1, Outcome::reached(800), 200)]), 15_000)
            .row;
    let node_2 = row.get(1, CheckKind::Icmp).unwrap();
    assert_eq!((node_2.outcome, node_2.measured.millis), (Outcome::reached(800), 14_800));
    let node_3 = row.get(2, CheckKind::Icmp).unwrap();
    assert_eq!((node_3.outcome, node_3.measured.millis), (DOWN, 9_900));
    assert_eq!(node_3.failing_since, Some(Moment::from_millis(8_900)));
    assert_eq!(row.get(1, CheckKind::Tcp), None);
}

#[test]
fn each_sequence_number_is_taken_once() {
    let plan = three();
    let first = take(None, &plan, &round(1, &plan, vec![cell(1, Outcome::reached(1), 0)]), 0);
    let again = take(Some(&first.row), &plan, &round(1, &plan, vec![cell(1, DOWN, 0)]), 1_000);
    assert_eq!((again.numbered, again.row.taken, again.changes.len()), (Numbered::Repeated, 1, 0));
    assert_eq!(again.row.get(1, CheckKind::Icmp).unwrap().outcome, Outcome::reached(1));
}

#[test]
fn an_old_round_from_a_backlog_is_counted_and_changes_nothing_newer() {
    let plan = three();
    let newest = take(None, &plan, &round(9, &plan, vec![cell(1, Outcome::reached(1), 0)]), 100_000);
    let mut old = round(3, &plan, vec![cell(1, DOWN, 0), cell(2, DOWN, 0)]);
    old.age_ms = 30_000;
    let row = take(Some(&newest.row), &plan, &old, 100_500).row;
    assert_eq!(row.get(1, CheckKind::Icmp).unwrap().outcome, Outcome::reached(1));
    assert_eq!(row.get(2, CheckKind::Icmp).unwrap().measured, Moment::from_millis(70_500));
    assert_eq!((row.taken, row.round_ended), (2, Some(Moment::from_millis(100_000))));
}

#[test]
fn cells_follow_their_targets_into_a_new_plan_unless_the_address_changed() {
    let before = three();
    let cells = vec![cell(1, Outcome::reached(2), 0), cell(2, DOWN, 0)];
    let first = take(None, &before, &round(1, &before, cells), 0);
    let after = plan(2, &[("node-0", "10.0.0.9"), ("node-2", "10.0.0.22"), ("node-3", "10.0.0.3")]);
    let mut part = round(2, &after, vec![cell(0, Outcome::reached(5), 0)]);
    part.partial = true;
    let row = take(Some(&first.row), &after, &part, 1_000).row;
    assert_eq!(row.get(0, CheckKind::Icmp).unwrap().outcome, Outcome::reached(5));
    assert_eq!(row.get(1, CheckKind::Icmp), None);
    assert_eq!(row.get(2, CheckKind::Icmp).unwrap().failing_since, Some(Moment::from_millis(-1_000)));
}

#[test]
fn changes_tell_suspicion_failure_and_recovery_and_nothing_else() {
    let plan = three();
    let mut row = None;
    let mut step = |sequence, outcome, suspect| {
        let body = round(sequence, &plan, vec![CellBody { suspect, ..cell(1, outcome, 0) }]);
        let applied = take(row.as_ref(), &plan, &body, i64::try_from(sequence).unwrap() * 1_000);
        let kinds: Vec<_> = applied.changes.iter().map(|change| change.kind).collect();
        row = Some(applied.row);
        kinds
    };
    assert_eq!(step(1, Outcome::reached(1), false), []);
    assert_eq!(step(2, Outcome::reached(1), true), [ChangeKind::Suspected]);
    assert_eq!(step(3, DOWN, false), [ChangeKind::Failed]);
    assert_eq!(step(4, DOWN, false), []);
    assert_eq!(step(5, Outcome::Unmeasured(Reason::Overloaded), false), []);
    assert_eq!(step(6, DOWN, false), [], "nothing answered in between");
    assert_eq!(step(7, Outcome::reached(1), false), [ChangeKind::Recovered]);
    assert_eq!(step(8, REFUSED, false), [ChangeKind::Failed]);
    assert_eq!(step(9, DOWN, false), []);
    assert_eq!(
        step(10, REFUSED, false),
        [ChangeKind::Recovered],
        "the address answers, though the port does not"
    );
    assert_eq!(step(11, REFUSED, false), []);
    assert_eq!(step(12, Outcome::reached(1), false), [ChangeKind::Recovered]);
}

#[test]
fn what_a_node_says_of_itself_is_not_taken() {
    let plan = three();
    let applied = take(None, &plan, &round(1, &plan, vec![cell(0, DOWN, 0)]), 0);
    assert_eq!((applied.row.get(0, CheckKind::Icmp), applied.changes.len()), (None, 0));
}

#[test]
fn a_round_that_cannot_be_is_refused_with_its_field() {
    let plan = three();
    let check = |change: &dyn Fn(&mut RoundBody), expected: &str| {
        let mut body = round(1, &plan, vec![cell(1, DOWN, 0)]);
        change(&mut body);
        let error = Row::take(None, &plan, &body, Moment::default()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    };
    check(&|body| body.cells[0].target = 3, "cells[0].target: 3 is not in the plan of 3 targets");
    check(&|body| body.sequence = 0, "sequence: ");
    check(&|body| body.interval_ms = 0, "interval_ms: ");
    check(&|body| body.interval_ms = 3_600_001, "interval_ms: 1000 to 3600000 is accepted");
    check(&|body| body.cells = vec![cell(1, DOWN, 0); 7], "cells: a plan of 3 targets has at most 6 cells");
}

#[test]
fn targets_come_ordered_each_once() {
    let ordered = three().targets.clone();
    assert!(check_targets(&ordered).is_ok());
    let doubled = vec![ordered[0].clone(), ordered[0].clone()];
    assert!(check_targets(&doubled).unwrap_err().to_string().starts_with("targets[1]: "));
    let mut unspecified = ordered;
    unspecified[2].address = "0.0.0.0".parse().unwrap();
    assert!(check_targets(&unspecified).unwrap_err().to_string().starts_with("targets[2].address: "));
}

fn ever_reached(row: &Row, target: usize) -> bool {
    row.get(target, CheckKind::Icmp).unwrap().ever_reached
}

#[test]
fn a_cell_remembers_that_it_was_reached_until_its_address_or_its_port_changes() {
    let before = three();
    let cells = vec![cell(1, Outcome::reached(2), 0), cell(2, DOWN, 0)];
    let first = take(None, &before, &round(1, &before, cells), 0).row;
    assert_eq!((ever_reached(&first, 1), ever_reached(&first, 2)), (true, false));

    let failed = take(Some(&first), &before, &round(2, &before, vec![cell(1, DOWN, 0)]), 5_000).row;
    assert!(ever_reached(&failed, 1), "a failure does not undo it");

    let mut old = round(3, &before, vec![cell(2, Outcome::reached(2), 0)]);
    old.age_ms = 30_000;
    let backlog = take(Some(&failed), &before, &old, 6_000).row;
    assert!(ever_reached(&backlog, 2), "an old answer is one");
    assert_eq!(backlog.get(2, CheckKind::Icmp).unwrap().outcome, DOWN);

    let moved_port = CellBody { port: Some(7_000), ..cell(1, DOWN, 0) };
    let other = take(Some(&backlog), &before, &round(4, &before, vec![moved_port]), 7_000).row;
    assert!(!ever_reached(&other, 1), "another port is another cell");

    let after = plan(2, &[("node-2", "10.0.0.22"), ("node-3", "10.0.0.3")]);
    let cells = vec![cell(0, DOWN, 0), cell(1, DOWN, 0)];
    let moved = take(Some(&failed), &after, &round(5, &after, cells), 8_000).row;
    assert!(!ever_reached(&moved, 0), "another address is another cell");
    let moved = take(Some(&backlog), &after, &round(5, &after, vec![cell(1, DOWN, 0)]), 8_000).row;
    assert!(ever_reached(&moved, 1));
}

fn stranger(target: u32, name: &str, age_ms: u64) -> StrangerBody {
    StrangerBody { target, node: NodeName::parse(name).unwrap(), age_ms }
}

fn strangers(row: &Row) -> Vec<(usize, &str, i64)> {
    row.strangers
        .iter()
        .map(|stranger| (stranger.target, stranger.node.as_str(), stranger.measured.millis))
        .collect()
}

#[test]
fn a_whole_round_replaces_the_strangers_and_a_part_adds_to_them() {
    let plan = three();
    let with = |sequence, partial, strangers| RoundBody {
        partial,
        strangers,
        ..round(sequence, &plan, vec![cell(1, Outcome::reached(1), 0)])
    };
    let of_itself = vec![stranger(2, "x", 500), stranger(0, "x", 0), stranger(1, "node-2", 0)];
    let row = take(None, &plan, &with(1, false, of_itself), 1_000).row;
    assert_eq!(strangers(&row), [(2, "x", 500)], "a planned node is no stranger, nor is anybody at home");
    let added = vec![stranger(1, "y", 0), stranger(2, "z", 0)];
    let row = take(Some(&row), &plan, &with(2, true, added), 2_000).row;
    assert_eq!(strangers(&row), [(1, "y", 2_000), (2, "z", 2_000)]);
    let row = take(Some(&row), &plan, &with(3, true, Vec::new()), 3_000).row;
    assert_eq!(row.strangers.len(), 2);
    let row = take(Some(&row), &plan, &with(4, false, Vec::new()), 4_000).row;
    assert_eq!(strangers(&row), []);
}

#[test]
fn strangers_follow_their_targets_into_a_new_plan_unless_the_address_changed() {
    let before = three();
    let body = RoundBody {
        strangers: vec![stranger(1, "x", 0), stranger(2, "y", 0)],
        ..round(1, &before, vec![cell(1, Outcome::reached(2), 0)])
    };
    let first = take(None, &before, &body, 0).row;
    let after = plan(
        2,
        &[("node-0", "10.0.0.9"), ("node-00", "10.0.0.8"), ("node-2", "10.0.0.22"), ("node-3", "10.0.0.3")],
    );
    let part = RoundBody { partial: true, ..round(2, &after, Vec::new()) };
    assert_eq!(strangers(&take(Some(&first), &after, &part, 1_000).row), [(3, "y", 0)]);
}

fn service(resolution: Outcome, resolvers: &[(&str, Outcome)]) -> ServiceBody {
    let timed =
        |outcome| TimedOutcome { outcome: OutcomeBody::from(outcome), age_ms: 0, failing_for_ms: None };
    ServiceBody {
        name: DnsName::parse("api.example.net").unwrap(),
        port: 443,
        resolution: timed(resolution),
        resolvers: resolvers
            .iter()
            .map(|(address, outcome)| ResolverBody {
                address: address.parse().unwrap(),
                resolution: timed(*outcome),
            })
            .collect(),
        details: Vec::new(),
        resolved_as: None,
        search_us: Some(700),
        addresses: vec![ServiceAddressBody {
            address: "10.96.0.1".parse().unwrap(),
            tcp: timed(Outcome::reached(9)),
        }],
        answers: 1,
    }
}

#[test]
fn name_servers_are_told_apart_and_each_remembers_that_it_resolved() {
    let plan = three();
    let with =
        |sequence, service| RoundBody { services: vec![service], ..round(sequence, &plan, Vec::new()) };
    let silent = Outcome::Unreached(Cause::ResolverTimeout);
    let good = Outcome::reached(900);
    let row =
        take(None, &plan, &with(1, service(good, &[("10.0.0.53", good), ("10.0.0.54", silent)])), 0).row;
    let row = take(
        Some(&row),
        &plan,
        &with(2, service(silent, &[("10.0.0.53", silent), ("10.0.0.54", silent)])),
        9,
    )
    .row;
    let service = &row.services[0];
    let seen: Vec<_> = service
        .resolvers
        .iter()
        .map(|(address, timed)| (address.to_string(), timed.outcome, timed.ever_reached))
        .collect();
    assert_eq!(seen, [("10.0.0.53".to_owned(), silent, true), ("10.0.0.54".to_owned(), silent, false)]);
    assert_eq!((service.resolution.ever_reached, service.search_us), (true, Some(700)));
    assert!(service.connects[0].1.ever_reached);
}

#[test]
fn more_name_servers_or_strangers_than_there_can_be_are_refused() {
    let plan = three();
    let check = |body: &RoundBody, expected: &str| {
        let error = Row::take(None, &plan, body, Moment::default()).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error}");
    };
    let good = Outcome::reached(1);
    let four = [("10.0.0.1", good), ("10.0.0.2", good), ("10.0.0.3", good), ("10.0.0.4", good)];
    let services = vec![service(good, &four)];
    check(&RoundBody { services, ..round(1, &plan, Vec::new()) }, "services[0].resolvers: at most 3");
    let strangers = vec![stranger(3, "x", 0)];
    check(
        &RoundBody { strangers, ..round(1, &plan, Vec::new()) },
        "strangers[0].target: 3 is not in the plan",
    );
    let strangers = vec![stranger(1, "x", 0); 4];
    check(&RoundBody { strangers, ..round(1, &plan, Vec::new()) }, "strangers: a plan of 3 targets");
}

fn any_outcome() -> impl Strategy<Value = Outcome> {
    let reached = (any::<Option<u32>>(), any::<bool>(), any::<bool>())
        .prop_map(|(rtt_us, late, retransmitted)| Outcome::Reached(Reached { rtt_us, late, retransmitted }));
    let cause = prop_oneof![
        Just(Cause::Timeout),
        Just(Cause::Refused),
        Just(Cause::Reset),
        (any::<u8>(), any::<u8>())
            .prop_map(|(icmp_type, icmp_code)| Cause::Rejected { icmp_type, icmp_code }),
        Just(Cause::NoRoute),
        any::<u16>().prop_map(|rcode| Cause::Name { rcode }),
        Just(Cause::ResolverTimeout),
        Just(Cause::Tls),
        Just(Cause::Protocol),
        Just(Cause::Unspecified),
    ];
    let reason = prop_oneof![
        Just(Reason::NotPermitted),
        Just(Reason::NoResource),
        Just(Reason::Overloaded),
        Just(Reason::Cancelled),
        Just(Reason::NotYet),
        Just(Reason::Blocked),
        Just(Reason::Unspecified),
    ];
    prop_oneof![reached, cause.prop_map(Outcome::Unreached), reason.prop_map(Outcome::Unmeasured)]
}

proptest! {
    #[test]
    fn packing_a_cell_loses_nothing(outcome in any_outcome(), port in any::<Option<u16>>(), suspect: bool, offset in -1_000_000_i64..1_000_000) {
        let reference = Moment::from_millis(5_000_000);
        let measured = Moment::from_millis(5_000_000 + offset);
        let port = port.filter(|port| *port != 0);
        let cell = Cell::pack(outcome, measured, reference, port, suspect);
        prop_assert_eq!(cell.outcome(), Some(outcome));
        prop_assert_eq!((cell.measured(reference), cell.port(), cell.suspect()), (measured, port, suspect));
    }
}
