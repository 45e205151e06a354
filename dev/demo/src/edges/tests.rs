//! Edges from lists of findings and members.

use chrono::DateTime;

use meshvane_shared::wire::findings::Subject;

use super::*;
use crate::picture::tests::{full, set_state};

/// A finding about a node.
pub(crate) fn finding(kind: FindingKind, node: &str, state: FindingState) -> FindingBody {
    FindingBody {
        id: format!("{}/{node}", kind.as_str()),
        kind,
        state,
        severity: Severity::Critical,
        subject: Subject::Node { node: NodeName::parse(node).unwrap() },
        plane: None,
        check: None,
        direction: None,
        family: None,
        port: None,
        observers: None,
        since: DateTime::UNIX_EPOCH,
        until: None,
        context: Vec::new(),
        message: format!("{node} is not well"),
        evidence: Vec::new(),
    }
}

fn body(findings: &[&FindingBody]) -> FindingsBody {
    FindingsBody { judging: true, findings: findings.iter().copied().cloned().collect() }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_finding_opens_once_and_resolves_once() {
    let open = finding(FindingKind::NodeDown, "node-2", FindingState::Open);
    let resolved = finding(FindingKind::NodeDown, "node-2", FindingState::Resolved);
    let mut chronicle = Chronicle::default();
    assert_eq!(chronicle.take_findings(at(1), &body(&[&open])), [Edge::Opened(open.clone())]);
    assert_eq!(chronicle.take_findings(at(2), &body(&[&open])), []);
    assert_eq!(chronicle.take_findings(at(3), &body(&[&resolved])), [Edge::Resolved(resolved.clone())]);
    assert_eq!(chronicle.take_findings(at(4), &body(&[&resolved])), []);
    assert_eq!((chronicle.records[0].opened, chronicle.records[0].closed), (at(1), Some(at(3))));
}

#[test]
fn a_finding_that_lived_between_two_polls_is_told() {
    let resolved = finding(FindingKind::PlaneCut, "node-1", FindingState::Resolved);
    let mut chronicle = Chronicle::default();
    let edges = chronicle.take_findings(at(1), &body(&[&resolved]));
    assert_eq!(edges, [Edge::Opened(resolved.clone()), Edge::Resolved(resolved)]);
}

#[test]
fn a_finding_that_a_new_server_does_not_know_is_dropped_once_it_judges() {
    let open = finding(FindingKind::NodeDown, "node-2", FindingState::Open);
    let mut chronicle = Chronicle::default();
    chronicle.take_findings(at(1), &body(&[&open]));
    let waiting = FindingsBody { judging: false, findings: Vec::new() };
    assert_eq!(chronicle.take_findings(at(2), &waiting), []);
    let dropped = Edge::Dropped(FindingKind::NodeDown, "node_down/node-2".to_owned());
    assert_eq!(chronicle.take_findings(at(3), &body(&[])), [dropped]);
    assert_eq!(chronicle.take_findings(at(4), &body(&[&open])), [Edge::Opened(open.clone())]);
    assert_eq!(chronicle.records.len(), 2);
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut chronicle = Chronicle::default();
    for number in 0..RECORDS_MAX + 5 {
        let name = format!("node-{number}");
        chronicle.take_findings(at(1), &body(&[&finding(FindingKind::Stale, &name, FindingState::Open)]));
    }
    assert_eq!(chronicle.records.len(), RECORDS_MAX);
    assert_eq!(chronicle.records[0].id, "stale/node-5");
}

#[test]
fn members_come_change_and_go() {
    let mut chronicle = Chronicle::default();
    let mut seen = full(2);
    assert_eq!(chronicle.take_members(&seen.agents).len(), 2);
    assert_eq!(chronicle.take_members(&seen.agents), []);
    set_state(&mut seen, "node-2", MemberState::Late);
    let node = NodeName::parse("node-2").unwrap();
    let late =
        Edge::Member { node: node.clone(), before: Some(MemberState::Alive), after: Some(MemberState::Late) };
    assert_eq!(chronicle.take_members(&seen.agents), [late]);
    seen.agents.agents.pop();
    let gone = Edge::Member { node, before: Some(MemberState::Late), after: None };
    assert_eq!(chronicle.take_members(&seen.agents), [gone]);
}
