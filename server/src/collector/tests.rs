use chrono::{DateTime, Utc};
use meshvane_shared::check::CheckKind;
use meshvane_shared::name::BootId;
use meshvane_shared::outcome::{Cause, Outcome};
use meshvane_shared::plan::PlanVersion;
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::compat::{ConnectivityResult, TestResultsBody};
use meshvane_shared::wire::heartbeat::HeartbeatBody;
use meshvane_shared::wire::outcome::OutcomeBody;
use meshvane_shared::wire::round::{CellBody, RoundBody, RoundStatus};

use super::*;
use crate::mesh::time::Moment;

mod addresses;
mod former_plans;
mod speakers;

const EPOCH: Epoch = Epoch(7);

fn at(millis: i64) -> Now {
    let wall = DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::milliseconds(millis);
    Now { moment: Moment::from_millis(millis), wall }
}

fn collector(epoch: Epoch) -> Collector {
    let settings =
        CollectorSettings { ttl: Duration::from_secs(15), forget_after: Duration::from_hours(1), epoch };
    Collector::new(settings, at(0))
}

fn name(number: u8) -> NodeName {
    NodeName::parse(&format!("node-{number}")).unwrap()
}

fn heartbeat(number: u8) -> HeartbeatBody {
    HeartbeatBody {
        namespace: "kube-system".into(),
        node_ip: format!("10.0.0.{number}"),
        pod_ip: format!("10.1.0.{number}"),
        pod_name: format!("agent-{number}"),
        node: Some(name(number)),
        client_port: Some(6100),
        interval_ms: Some(5_000),
        boot_id: Some(BootId::parse("boot").unwrap()),
        ..HeartbeatBody::default()
    }
}

/// A whole round of a node over the present plan: `dead` does not answer, the others do.
fn round(collector: &Collector, number: u8, sequence: u64, dead: Option<u8>) -> RoundBody {
    let plan = lock(&collector.plans).book.current().clone();
    let mut cells = Vec::new();
    for (place, target) in plan.targets.iter().enumerate().filter(|(_, target)| target.node != name(number)) {
        let failed = dead.is_some_and(|dead| target.node == name(dead));
        let outcome = if failed { Outcome::Unreached(Cause::Timeout) } else { Outcome::reached(300) };
        for check in CheckKind::ON_PLANES {
            cells.push(CellBody {
                target: u32::try_from(place).unwrap(),
                check: check.into(),
                port: None,
                outcome: OutcomeBody::from(outcome),
                age_ms: 0,
                suspect: false,
                failing_for_ms: failed.then_some(2_000),
            });
        }
    }
    RoundBody {
        sequence,
        interval_ms: 5_000,
        took_ms: 4_000,
        cells,
        ..RoundBody::empty(name(number), BootId::parse("boot").unwrap(), plan.version.clone())
    }
}

/// A mesh of three that has been judged healthy at 3 s.
fn healthy() -> Collector {
    let collector = collector(EPOCH);
    for number in 1..=3 {
        collector.heartbeat(heartbeat(number), at(0)).unwrap();
    }
    collector.judge(at(100));
    for number in 1..=3 {
        let body = round(&collector, number, 1, None);
        assert_eq!(collector.round(&body, at(3_000)).unwrap().status, RoundStatus::Accepted);
    }
    collector.judge(at(3_000));
    collector
}

fn open_ids(collector: &Collector, millis: i64) -> Vec<String> {
    collector
        .findings(FindingsFilter::Open, at(millis))
        .findings
        .into_iter()
        .map(|finding| finding.id)
        .collect()
}

fn states(collector: &Collector, millis: i64) -> Vec<(String, MemberState)> {
    collector
        .agents(at(millis))
        .agents
        .into_iter()
        .map(|agent| (agent.node.to_string(), agent.state))
        .collect()
}

#[test]
fn a_node_that_dies_is_named_and_its_return_resolves_it() {
    let collector = healthy();
    assert_eq!(open_ids(&collector, 3_000), [""; 0]);
    for (number, sequence) in [(1, 2), (2, 2)] {
        collector.heartbeat(heartbeat(number), at(5_000)).unwrap();
        collector.round(&round(&collector, number, sequence, Some(3)), at(5_500)).unwrap();
    }
    collector.judge(at(5_600));
    assert_eq!(open_ids(&collector, 5_600), [""; 0], "its heartbeat is not overdue yet");
    collector.judge(at(6_100));
    assert_eq!(open_ids(&collector, 6_100), ["node_down/node-3"]);
    for number in 1..=3 {
        collector.heartbeat(heartbeat(number), at(9_000)).unwrap();
    }
    collector.judge(at(9_100));
    assert_eq!(open_ids(&collector, 9_100), ["node_down/node-3"], "nobody has looked since it came back");
    for number in 1..=3 {
        collector.round(&round(&collector, number, 3, None), at(10_000)).unwrap();
    }
    collector.judge(at(10_000));
    assert_eq!(open_ids(&collector, 10_000), [""; 0]);
}

#[test]
fn a_port_that_refuses_where_nobody_answered_is_the_beginning_of_a_return_and_no_pair_that_fails() {
    let collector = healthy();
    let all_silent = |number, sequence, millis| {
        collector.heartbeat(heartbeat(number), at(millis)).unwrap();
        let mut body = round(&collector, number, sequence, Some(3));
        for cell in &mut body.cells {
            cell.failing_for_ms = cell.failing_for_ms.map(|_| u64::try_from(millis - 4_000).unwrap());
        }
        body
    };
    let mut sequence = 1;
    for millis in (5_500..60_000).step_by(5_000) {
        sequence += 1;
        for number in 1..=2 {
            collector.round(&all_silent(number, sequence, millis), at(millis)).unwrap();
        }
        collector.judge(at(millis + 2_000));
        assert_eq!(open_ids(&collector, millis + 2_000), ["node_down/node-3"]);
    }
    // Its power is back: a connect of node 2, whose SYN was sent again meanwhile, is refused; an echo was lost before.
    collector.round(&all_silent(1, 40, 64_000), at(64_000)).unwrap();
    let mut first = all_silent(2, 40, 64_500);
    let host = lock(&collector.plans)
        .book
        .current()
        .targets
        .iter()
        .position(|target| target.node == name(3) && target.plane == Plane::Host);
    let port = first
        .cells
        .iter_mut()
        .find(|cell| usize::try_from(cell.target).ok() == host && cell.check == CheckKind::Tcp.into());
    port.unwrap().outcome = OutcomeBody::from(Outcome::Unreached(Cause::Refused));
    collector.round(&first, at(64_500)).unwrap();
    collector.judge(at(64_500));
    assert_eq!(open_ids(&collector, 64_500), ["node_down/node-3"], "the others have not looked since");
}

#[test]
fn a_suspicion_makes_others_look_and_is_fetched_once() {
    let collector = healthy();
    let version = lock(&collector.plans).book.current().version.clone();
    let ask = |look| PlanAsk {
        node: None,
        have: Some((version.epoch, version.generation)),
        look: Some(look),
        delta: false,
    };
    assert!(collector.plan(&ask(0), at(3_500)).is_none());
    let mut part = round(&collector, 1, 2, None);
    part.partial = true;
    part.cells.retain(|cell| cell.target == 4);
    part.cells[0].suspect = true;
    collector.round(&part, at(4_000)).unwrap();
    let news = collector.plan(&ask(0), at(4_000)).unwrap();
    assert_eq!((news.look, news.look_number), (vec![name(3)], 1));
    assert!(matches!(news.part, PlanPart::Nothing));
    assert!(collector.plan(&ask(1), at(4_000)).is_none());
}

#[test]
fn a_confirmed_failure_makes_both_sides_look_at_everybody_while_they_live() {
    let collector = healthy();
    let version = lock(&collector.plans).book.current().version.clone();
    let asked = |agent: u8, seen: u64, millis| {
        let have = Some((version.epoch, version.generation));
        let ask = PlanAsk { node: Some(name(agent)), have, look: Some(seen), delta: false };
        collector.plan(&ask, at(millis)).map_or_else(Vec::new, |body| body.look)
    };
    collector.round(&round(&collector, 1, 2, Some(3)), at(4_000)).unwrap();
    assert_eq!(asked(1, 0, 4_000), [name(2), name(3)], "who confirmed it looks at all");
    assert_eq!(asked(2, 0, 4_000), [name(1), name(3)], "the others look at both");
    assert_eq!(asked(3, 0, 4_000), [name(1), name(2)], "whom it is about looks at all");
    collector.round(&round(&collector, 1, 3, None), at(7_000)).unwrap();

    let seen = lock(&collector.looks).newest();
    collector.heartbeat(heartbeat(1), at(9_500)).unwrap();
    collector.round(&round(&collector, 1, 4, Some(3)), at(9_500)).unwrap();
    assert_eq!(asked(3, seen, 9_500), [name(1)], "a silent agent is not asked to look at all");
}

#[test]
fn an_agent_that_names_the_newest_look_has_read_an_answer_that_was_made_after_it() {
    let collector = healthy();
    let version = lock(&collector.plans).book.current().version.clone();
    let answered = || collector.snapshot(at(5_000)).nodes[1].answered;
    let question = |have, look| {
        collector.note_question(&PlanAsk { node: Some(name(2)), have: Some(have), look, delta: false });
    };
    let have = (version.epoch, version.generation);
    collector.round(&round(&collector, 1, 2, Some(3)), at(4_000)).unwrap();
    let newest = lock(&collector.looks).newest();
    question(have, None);
    question(have, Some(newest + 1));
    question((Epoch(1), version.generation), Some(newest));
    assert_eq!(answered(), None);
    question(have, Some(newest));
    assert_eq!(answered(), Some(at(4_000).moment));
    collector.heartbeat(heartbeat(2), at(4_500)).unwrap();
    collector.round(&round(&collector, 2, 2, None), at(4_500)).unwrap();
    assert_eq!(answered(), Some(at(4_000).moment), "what arrives later leaves it");
}

#[test]
fn the_plan_is_given_whole_to_a_caller_of_another_epoch_and_not_again_to_one_that_has_it() {
    let collector = healthy();
    let other = PlanAsk { have: Some((Epoch(1), 1)), delta: true, ..PlanAsk::default() };
    let news = collector.plan(&other, at(3_000)).unwrap();
    assert!(matches!(news.part, PlanPart::Whole));
    assert_eq!(news.plan.targets.len(), 6);
    let version = &news.plan.version;
    let ask = PlanAsk { have: Some((version.epoch, version.generation)), ..PlanAsk::default() };
    assert!(collector.plan(&ask, at(3_000)).is_none());
}

#[test]
fn a_caller_that_reads_deltas_gets_one_from_a_plan_that_is_still_known() {
    let collector = healthy();
    let version = lock(&collector.plans).book.current().version.clone();
    collector.heartbeat(heartbeat(4), at(5_000)).unwrap();
    collector.judge(at(5_000));
    let part = |generation: u64, delta: bool| {
        let ask = PlanAsk { have: Some((version.epoch, generation)), delta, ..PlanAsk::default() };
        collector.plan(&ask, at(5_000)).unwrap().part
    };
    let PlanPart::Since(known) = part(version.generation, true) else { panic!("it is known") };
    assert_eq!(known.version, version);
    assert!(matches!(part(version.generation, false), PlanPart::Whole), "it did not say that it reads one");
    assert!(matches!(part(4_711, true), PlanPart::Whole));
}

#[test]
fn a_round_on_an_unknown_plan_is_refused_until_it_brings_its_targets() {
    let collector = healthy();
    let targets = lock(&collector.plans).book.current().targets.clone();
    let mut body = round(&collector, 1, 2, None);
    body.plan = PlanVersion { epoch: Epoch(1), generation: 9 };
    assert!(matches!(collector.round(&body, at(4_000)), Err(Refusal::UnknownPlan(_))));
    body.targets = Some(targets);
    assert_eq!(collector.round(&body, at(4_000)).unwrap().status, RoundStatus::Accepted);
    assert_eq!(collector.round(&body, at(4_000)).unwrap().status, RoundStatus::Duplicate);
}

#[test]
fn what_is_refused_changes_nothing() {
    let collector = healthy();
    let before = collector.agents(at(3_000));
    let mut body = round(&collector, 1, 2, None);
    body.cells[0].target = 99;
    assert!(
        matches!(collector.round(&body, at(3_000)), Err(Refusal::InvalidField(text)) if text.starts_with("cells[0].target"))
    );
    let wrong = HeartbeatBody { node_ip: "-c1".into(), ..heartbeat(4) };
    assert!(collector.heartbeat(wrong, at(3_000)).is_err());
    assert_eq!(collector.agents(at(3_000)), before);
}

#[test]
fn after_a_restart_nothing_is_judged_until_all_have_reported_and_a_dead_node_keeps_its_since() {
    agents_come_back_after(0);
}

#[test]
fn agents_that_come_back_long_after_a_restart_are_believed_what_they_remember_all_the_same() {
    agents_come_back_after(120);
}

fn agents_come_back_after(seconds: i64) {
    let late = seconds * 1_000;
    let former = healthy();
    let targets = lock(&former.plans).book.current().targets.clone();
    let collector = collector(Epoch(8));
    if late > 0 {
        collector.judge(at(late));
        assert!(collector.findings(FindingsFilter::Open, at(late)).judging, "there is nobody to wait for");
    }
    // Node 3 died 60 s before; nodes 1 and 2 come back with what they know.
    for number in 1..=2 {
        collector.heartbeat(heartbeat(number), at(late + 1_000)).unwrap();
        let mut body = round(&former, number, 40, Some(3));
        body.targets = Some(targets.clone());
        for cell in &mut body.cells {
            cell.failing_for_ms = cell.failing_for_ms.map(|_| 60_000);
        }
        collector.round(&body, at(late + 1_000)).unwrap();
        collector.judge(at(late + 1_000));
    }
    assert!(!collector.findings(FindingsFilter::Open, at(late + 1_000)).judging);
    assert_eq!(states(&collector, late + 2_000)[2], ("node-3".to_owned(), MemberState::Late));
    assert_eq!(collector.plan(&PlanAsk::default(), at(late + 2_000)).unwrap().plan.targets.len(), 6);
    for number in 1..=2 {
        collector.heartbeat(heartbeat(number), at(late + 6_000)).unwrap();
        let mut body = round(&collector, number, 41, Some(3));
        for cell in &mut body.cells {
            cell.failing_for_ms = cell.failing_for_ms.map(|_| 65_000);
        }
        collector.round(&body, at(late + 6_000)).unwrap();
    }
    // Whoever lives tries again within 7 s of the first report, and nobody reaches node 3.
    collector.judge(at(late + 7_900));
    assert!(!collector.findings(FindingsFilter::Open, at(late + 7_900)).judging);
    collector.judge(at(late + 8_000));
    let findings = collector.findings(FindingsFilter::Open, at(late + 8_000)).findings;
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].id, "node_down/node-3");
    assert_eq!(findings[0].since, at(late - 59_000).wall);
}

#[test]
fn an_agent_that_went_silent_stays_a_member_and_then_is_forgotten() {
    let collector = healthy();
    collector.judge(at(20_000));
    assert!(states(&collector, 20_000).iter().all(|(_, state)| *state == MemberState::Lost));
    assert_eq!(collector.clients_count(at(20_000)).active_client_count, 0);
    assert_eq!(collector.plan(&PlanAsk::default(), at(20_000)).unwrap().plan.targets.len(), 6);
    collector.judge(at(3_600_001));
    assert_eq!(states(&collector, 3_600_001), []);
}

#[test]
fn an_original_agents_words_stand_in_the_maps_as_it_said_them_for_one_ttl() {
    let collector = collector(EPOCH);
    let result = ConnectivityResult {
        target_ip: "10.0.0.9".into(),
        ping_status: "reachable".into(),
        port_status: Some([(443, "closed".to_owned()), (22, "open".to_owned())].into()),
        ..ConnectivityResult::default()
    };
    let nameless = ConnectivityResult { target_ip: String::new(), ..result.clone() };
    let body = TestResultsBody { source_ip: "10.1.0.7".into(), results: Some(vec![result, nameless]) };
    collector.original_results(Plane::Host, body, at(0)).unwrap();
    let map = collector.test_results(Plane::Host, at(14_999)).results;
    assert_eq!(map["10.1.0.7"].len(), 1);
    assert_eq!(map["10.1.0.7"]["10.0.0.9"].port_status, "open");
    assert!(collector.test_results(Plane::Pod, at(0)).results.is_empty());
    assert!(collector.test_results(Plane::Host, at(15_000)).results.is_empty());
}

#[test]
fn native_rows_stand_in_the_maps_beside_it() {
    let collector = healthy();
    let results = collector.results(at(3_000));
    assert_eq!(results.active_client_count, 3);
    assert_eq!(results.host_ips, ["10.0.0.1", "10.0.0.2", "10.0.0.3"]);
    assert_eq!(results.pod_test_results["10.1.0.1"]["10.1.0.2"].ping, "reachable");
    assert_eq!(results.host_test_summary.total_tests, 6);
    assert!((results.host_test_summary.success_rate - 100.0).abs() < 1e-9);
    assert_eq!(results.service_test_summary, None);
    // Stale cells are neither successes nor failures.
    collector.heartbeat(heartbeat(1), at(19_000)).unwrap();
    let stale = collector.results(at(20_000));
    assert_eq!((stale.host_test_summary.total_tests, stale.host_test_summary.unmeasured_tests), (0, 2));
    assert_eq!(stale.host_test_results["10.1.0.1"]["10.0.0.2"].ping, "stale");
}

#[tokio::test]
async fn a_change_between_the_call_and_the_wait_is_not_missed() {
    let collector = collector(EPOCH);
    let changed = collector.changed();
    collector.heartbeat(heartbeat(1), at(0)).unwrap();
    changed.await;
}
