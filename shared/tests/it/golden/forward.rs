//! What other versions say: fields that are missing, words that nobody here knows.

use meshvane_shared::outcome::{Cause, Outcome, Reached, Reason};
use meshvane_shared::wire::agents::{AgentsBody, MemberState};
use meshvane_shared::wire::compat::{ConnectivityResult, ServiceResultBody, TestResultsBody, ZERO_TIME};
use meshvane_shared::wire::findings::{FindingKind, FindingsBody, Subject};
use meshvane_shared::wire::health::AgentHealthBody;
use meshvane_shared::wire::heartbeat::{HeartbeatAnswer, HeartbeatBody};
use meshvane_shared::wire::matrix::MatrixBody;
use meshvane_shared::wire::plan::PlanBody;
use meshvane_shared::wire::problem::{ErrorBody, Problem};
use meshvane_shared::wire::report::ReportBody;
use meshvane_shared::wire::round::{CellBody, RoundAnswer, RoundBody, RoundStatus, TimedOutcome};
use meshvane_shared::wire::tolerant::Tolerant;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// Reads a body that has only what it must have, and writes it: nothing that was missing may appear as null.
fn read_least<T: Serialize + DeserializeOwned>(least: Value) -> T {
    let read: T = serde_json::from_value(least).unwrap();
    let written = serde_json::to_string(&read).unwrap();
    assert!(!written.contains("null"), "{written}");
    read
}

#[test]
fn a_heartbeat_of_an_original_agent_has_five_fields_at_most() {
    let heartbeat: HeartbeatBody = read_least(json!({"node_ip": "192.168.1.1"}));
    assert_eq!(heartbeat, HeartbeatBody { node_ip: "192.168.1.1".to_owned(), ..HeartbeatBody::default() });
}

#[test]
fn the_original_answer_to_a_heartbeat_names_no_epoch() {
    let answer: HeartbeatAnswer = read_least(json!({"message": "心跳接收成功", "status": "success"}));
    assert_eq!((answer.server_epoch, answer.plan_generation), (None, None));
}

#[test]
fn a_plan_without_targets_is_none_and_one_with_no_target_is_empty() {
    let plan: PlanBody = read_least(json!({"epoch": "00c0ffee12345678", "generation": 7}));
    assert_eq!((plan.targets, plan.look.len(), plan.look_number), (None, 0, 0));
    let plan: PlanBody = read_least(json!({"epoch": "00c0ffee12345678", "generation": 7, "targets": []}));
    assert_eq!(plan.targets, Some(Vec::new()));
}

#[test]
fn a_round_needs_its_names_its_interval_and_its_cells() {
    let least = json!({
        "node": "node-1", "boot_id": "b", "sequence": 1, "interval_ms": 5000, "cells": [],
        "plan": {"epoch": "00c0ffee12345678", "generation": 7},
    });
    let round: RoundBody = read_least(least.clone());
    assert_eq!((round.partial, round.overrun, round.took_ms, round.age_ms), (false, false, 0, 0));
    assert_eq!((round.targets, round.services.len()), (None, 0));
    for field in ["node", "boot_id", "sequence", "interval_ms", "cells", "plan"] {
        let mut without = least.clone();
        without.as_object_mut().unwrap().remove(field);
        let error = serde_json::from_value::<RoundBody>(without).unwrap_err().to_string();
        assert!(error.contains(field), "{error}");
    }
}

#[test]
fn a_cell_needs_its_target_check_outcome_and_age() {
    let cell: CellBody = read_least(json!({"target": 0, "check": "icmp", "outcome": "reached", "age_ms": 0}));
    let expected = Outcome::Reached(Reached { rtt_us: None, late: false, retransmitted: false });
    assert_eq!(cell.outcome.read(), expected);
    assert_eq!((cell.port, cell.suspect, cell.failing_for_ms), (None, false, None));
}

#[test]
fn readers_bodies_are_read_without_what_is_optional() {
    read_least::<AgentsBody>(json!({"agents": [
        {"node": "node-1", "state": "lost", "context": [], "host_addresses": [], "pod_addresses": []}
    ]}));
    read_least::<MatrixBody>(json!({
        "plane": "host", "check": "tcp", "from": ["a"], "to": ["a"], "cells": [[{"outcome": "self"}]]
    }));
    read_least::<AgentHealthBody>(json!({"status": "healthy"}));
    read_least::<Problem>(json!({"type": "about:blank", "title": "Not Found", "status": 404}));
    read_least::<ErrorBody>(json!({"code": "CACHE_ERROR", "message": "x"}));
    read_least::<ReportBody>(json!({
        "timestamp": "2026-11-21T12:05:00Z", "judging": false, "members": {}, "notable_members": [], "findings": [],
        "totals": [{"plane": "pod", "check": "tcp", "reached": 0, "unreached": 0, "unmeasured": 0, "stale": 0}],
        "slowest": [],
    }));
    let findings: FindingsBody = read_least(json!({"findings": [{
        "id": "x", "kind": "node_down", "state": "open", "severity": "critical", "subject": {"node": "node-7"},
        "since": "2026-11-21T12:03:07Z", "message": "x", "evidence": [],
    }]}));
    assert!(findings.judging, "a server that does not say whether it judges does so");
}

#[test]
fn a_subject_is_told_by_its_fields() {
    let check = |subject: Value, expected: fn(&Subject) -> bool| {
        let read: Subject = serde_json::from_value(subject.clone()).unwrap();
        assert!(expected(&read), "{subject} is read as {read:?}");
    };
    check(json!({"node": "node-7"}), |subject| matches!(subject, Subject::Node { .. }));
    check(json!({"from": "a", "to": "b"}), |subject| matches!(subject, Subject::Pair { .. }));
    check(json!({"groups": [["a"], ["b"]], "zones": []}), |subject| {
        matches!(subject, Subject::Groups { .. })
    });
    check(json!({"name": "api"}), |subject| matches!(subject, Subject::Name { .. }));
    check(json!({"scope": "all"}), |subject| matches!(subject, Subject::Scope { .. }));
}

#[test]
fn a_result_of_an_original_agent_may_leave_out_everything() {
    let result: ConnectivityResult = serde_json::from_value(json!({})).unwrap();
    assert_eq!((result.timestamp.as_str(), result.port_status), (ZERO_TIME, None));
    let body: TestResultsBody = serde_json::from_value(json!({})).unwrap();
    assert_eq!(body.results, None, "which the server refuses; an empty list it takes");
    let body: ServiceResultBody = serde_json::from_value(json!({"source_ip": "10.0.0.1"})).unwrap();
    assert_eq!(body.result, None);
}

#[test]
fn nanoseconds_are_read_where_durations_are_written_as_texts() {
    let result: ConnectivityResult =
        serde_json::from_value(json!({"latency": 685_700_000, "test_duration": "2.06s"})).unwrap();
    assert_eq!((result.latency.0.as_micros(), result.test_duration.0.as_millis()), (685_700, 2_060));
}

#[test]
fn an_unknown_word_in_a_cell_claims_nothing_that_is_not_known() {
    let check = |fields: Value, expected: Outcome| {
        let read: TimedOutcome = serde_json::from_value(fields.clone()).unwrap();
        assert_eq!(read.outcome.read(), expected, "{fields}");
    };
    // An outcome of a newer version says nothing about the network.
    check(json!({"outcome": "postponed", "age_ms": 1}), Outcome::Unmeasured(Reason::Unspecified));
    // A failure stays a failure, whatever its cause; what could not be measured stays unmeasured.
    check(
        json!({"outcome": "unreached", "cause": "throttled", "age_ms": 1}),
        Outcome::Unreached(Cause::Unspecified),
    );
    check(json!({"outcome": "unreached", "age_ms": 1}), Outcome::Unreached(Cause::Unspecified));
    check(
        json!({"outcome": "unmeasured", "reason": "asleep", "age_ms": 1}),
        Outcome::Unmeasured(Reason::Unspecified),
    );
    check(json!({"outcome": "unmeasured", "age_ms": 1}), Outcome::Unmeasured(Reason::Unspecified));
}

#[test]
fn a_check_of_a_newer_version_costs_one_cell_and_not_the_round() {
    let cell: CellBody =
        serde_json::from_value(json!({"target": 0, "check": "mtu", "outcome": "reached", "age_ms": 0}))
            .unwrap();
    assert_eq!(cell.check, Tolerant::Unknown("mtu".into()));
}

#[test]
fn a_status_of_a_newer_version_is_an_answer() {
    let answer: RoundAnswer =
        serde_json::from_value(json!({"status": "queued", "server_epoch": "00c0ffee12345678"})).unwrap();
    assert_eq!(answer.status, RoundStatus::Other);
}

#[test]
fn a_word_is_spelled_on_the_wire_as_in_metrics_and_logs() {
    for kind in FindingKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
    }
    for state in MemberState::ALL {
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
    }
}
