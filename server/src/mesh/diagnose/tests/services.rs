//! What observers say of one service.

use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::name::{DnsName, ServiceAddress};
use meshvane_shared::outcome::{Cause, Outcome, Reason, ResolverDetail};

use super::*;
use crate::mesh::picture::NOW;
use crate::mesh::row::{Service, Standing, Timed};
use crate::mesh::snapshot::Snapshot;
use crate::mesh::time::Now;

const REACHED: Outcome = Outcome::reached(100);
const FAILED: Outcome = Outcome::Unreached(Cause::Timeout);
const NO_RESOURCE: Outcome = Outcome::Unmeasured(Reason::NoResource);
const NOT_YET: Outcome = Outcome::Unmeasured(Reason::NotYet);
const NOT_PERMITTED: Outcome = Outcome::Unmeasured(Reason::NotPermitted);

/// An outcome that was measured so long ago; a failure began then.
fn timed(outcome: Outcome, ago_ms: u64) -> Timed {
    let measured = NOW.before(Duration::from_millis(ago_ms));
    Timed {
        outcome,
        measured,
        failing_since: outcome.is_unreached().then_some(measured),
        standing: None,
        suspect: false,
        ever_reached: false,
        port: None,
    }
}

/// The findings, and whether any kind waits.
type Said = (Vec<String>, bool);

/// Judges three sound nodes that say this of resolving a service's name, and of connecting to it.
fn said(words: &[(Timed, Option<Timed>); 3]) -> Said {
    let diagnosis = judged(words, |_| {});
    (diagnosis.findings.iter().map(line).collect(), !diagnosis.held_kinds.is_empty())
}

/// The same, of a service that is changed before.
fn judged(words: &[(Timed, Option<Timed>); 3], change: impl Fn(&mut Service)) -> Diagnosis {
    diagnose(&observe(&drawn(words, change)))
}

fn drawn(words: &[(Timed, Option<Timed>); 3], change: impl Fn(&mut Service)) -> Snapshot {
    let mut snapshot = snapshot(
        "a alive | . + + | . + +
         b alive | + . + | + . +
         c alive | + + . | + + .",
    );
    for (view, (resolution, connect)) in snapshot.nodes.iter_mut().zip(words) {
        let connects = connect.map(|timed| ("10.96.0.80".parse().unwrap(), timed));
        let mut service = Service {
            address: ServiceAddress { name: DnsName::parse("api.shop.svc").unwrap(), port: 443 },
            resolution: *resolution,
            answers: 1,
            resolvers: Vec::new(),
            details: Vec::new(),
            resolved_as: None,
            search_us: None,
            connects: connects.into_iter().collect(),
        };
        change(&mut service);
        Arc::make_mut(view.row.as_mut().unwrap()).services = vec![service];
    }
    snapshot
}

/// What is said of a port.
fn port(words: [Timed; 3]) -> Said {
    said(&words.map(|word| (timed(REACHED, 1_000), Some(word))))
}

/// What is said of a name.
fn name(words: [Timed; 3]) -> Said {
    said(&words.map(|word| (word, None)))
}

fn found(finding: &str) -> Said {
    (vec![finding.to_owned()], false)
}

const HELD: Said = (Vec::new(), true);

/// Judges what three nodes say of one thing.
type Judge = fn([Timed; 3]) -> Said;

#[test]
fn a_failure_waits_for_those_who_looked_before_it_and_for_those_who_have_not_looked_yet() {
    let judges: [(Judge, &str); 2] =
        [(port, "service_unreachable api.shop.svc 443"), (name, "name_failed api.shop.svc")];
    for (judge, kind) in judges {
        let others = |began, b, c| judge([timed(FAILED, began), b, c]);
        let works = timed(REACHED, 500);
        assert_eq!(others(2_000, works, works), found(&format!("{kind} 1/3")));
        assert_eq!(others(2_000, works, timed(REACHED, 2_500)), HELD);
        assert_eq!(others(2_000, works, timed(NOT_YET, 0)), HELD);
        assert_eq!(others(2_000, works, timed(NOT_PERMITTED, 0)), found(&format!("{kind} 1/2")));
        // A whole probe takes no longer.
        assert_eq!(others(3_600, works, timed(REACHED, 4_000)), found(&format!("{kind} 1/3")));
        assert_eq!(others(3_600, works, timed(NOT_YET, 0)), found(&format!("{kind} 1/2")));
    }
}

#[test]
fn who_has_not_resolved_the_name_yet_has_not_looked_at_the_port_either() {
    let resolved = |connect| (timed(REACHED, 1_000), Some(connect));
    let words = |c| [resolved(timed(FAILED, 2_000)), resolved(timed(FAILED, 1_500)), c];
    let finding = found("service_unreachable api.shop.svc 443 2/2");
    assert_eq!(said(&words((timed(NOT_YET, 0), None))), HELD);
    assert_eq!(said(&words((timed(NOT_PERMITTED, 0), None))), finding);
}

#[test]
fn nobody_who_fails_is_nothing_to_wait_for() {
    let quiet = (Vec::new(), false);
    assert_eq!(port([timed(REACHED, 500), timed(NOT_YET, 0), timed(NOT_YET, 0)]), quiet);
    assert_eq!(name([timed(REACHED, 500), timed(NOT_YET, 0), timed(NOT_YET, 0)]), quiet);
}

#[test]
fn a_failure_of_a_name_or_a_port_stands_while_those_who_saw_it_cannot_ask() {
    let standing = Some(Standing { outcome: FAILED, measured: NOW.before(Duration::from_secs(3)) });
    let blind =
        Timed { standing, failing_since: Some(NOW.before(Duration::from_secs(4))), ..timed(NO_RESOURCE, 0) };
    let judges: [(Judge, &str); 2] =
        [(port, "service_unreachable api.shop.svc 443"), (name, "name_failed api.shop.svc")];
    for (judge, kind) in judges {
        assert_eq!(judge([blind; 3]), found(&format!("{kind} 3/3")));
        assert_eq!(judge([blind, timed(REACHED, 500), timed(REACHED, 500)]), found(&format!("{kind} 1/3")));
        assert_eq!(judge([timed(NO_RESOURCE, 0); 3]), (Vec::new(), false), "nothing failed before");
    }
    // The port failed, and now the name cannot be asked for either.
    assert_eq!(
        said(&[(timed(NO_RESOURCE, 0), Some(blind)); 3]),
        found("service_unreachable api.shop.svc 443 3/3")
    );
}

#[test]
fn a_failure_that_is_stale_counts_while_the_rounds_of_its_observer_are_overdue() {
    let failed = timed(FAILED, 20_000);
    let found = |is_overdue: bool| {
        let mut snapshot = drawn(&[(timed(REACHED, 500), Some(failed)); 3], |_| {});
        for view in snapshot.nodes.iter_mut().filter(|_| is_overdue) {
            let row = Arc::make_mut(view.row.as_mut().unwrap());
            row.round_ended = Some(NOW.before(Duration::from_secs(20)));
        }
        let findings = diagnose(&observe(&snapshot)).findings;
        findings.iter().map(line).filter(|line| line.starts_with("service_")).collect::<Vec<_>>()
    };
    assert_eq!(found(true), ["service_unreachable api.shop.svc 443 3/3"]);
    assert_eq!(found(false), [""; 0], "the port is not checked any more");
}

/// The one sentence that is said, without its end.
fn sentence(diagnosis: &Diagnosis) -> String {
    let [finding] = diagnosis.findings.as_slice() else { panic!("{:?}", diagnosis.findings) };
    let now = Now { moment: NOW, wall: chrono::DateTime::UNIX_EPOCH };
    let sentence = finding.sentence.render(&now, finding.since);
    sentence.split(", from").next().unwrap().to_owned()
}

#[test]
fn what_a_name_server_does_instead_of_answering_is_in_the_sentence() {
    let server = "10.96.0.10".parse().unwrap();
    for (cause, detail, expected) in [
        (Cause::ResolverTimeout, Some(ResolverDetail::NoUdpAnswer), "no name server answered by UDP in time"),
        (
            Cause::ResolverTimeout,
            Some(ResolverDetail::NoIpv6Answer),
            "the name server answers A and not AAAA",
        ),
        (
            Cause::ResolverTimeout,
            Some(ResolverDetail::NoIpv4Answer),
            "the name server answers AAAA and not A",
        ),
        (
            Cause::Refused,
            Some(ResolverDetail::NoTcpAnswer),
            "the name server's answer by UDP is truncated, and by TCP it refuses",
        ),
        (
            Cause::ResolverTimeout,
            Some(ResolverDetail::NoTcpAnswer),
            "the name server's answer by UDP is truncated, and by TCP it is silent",
        ),
        (
            Cause::Protocol,
            Some(ResolverDetail::WrongAnswers),
            "what the name server sends is no answer to the question",
        ),
        (Cause::Refused, None, "nothing listens at the name server's port (refused)"),
        (Cause::ResolverTimeout, Some(ResolverDetail::Unspecified), "no name server answered in time"),
        (Cause::ResolverTimeout, None, "no name server answered in time"),
    ] {
        let failed = timed(Outcome::Unreached(cause), 4_000);
        let diagnosis = judged(&[(failed, None); 3], |service| {
            service.resolvers = vec![(server, failed)];
            service.details = detail.map(|detail| (server, detail)).into_iter().collect();
        });
        assert_eq!(sentence(&diagnosis), format!("api.shop.svc does not resolve: {expected}"));
    }
}

#[test]
fn the_name_that_resolved_is_in_the_sentence_about_its_port() {
    let failed = timed(FAILED, 4_000);
    let diagnosis = judged(&[(timed(REACHED, 500), Some(failed)); 3], |service| {
        service.resolved_as = Some(DnsName::parse("api.shop.svc.example.net").unwrap());
    });
    assert_eq!(
        sentence(&diagnosis),
        "api.shop.svc resolves as api.shop.svc.example.net and its port 443 does not answer (timeout)"
    );
}

#[test]
fn of_an_address_the_port_is_judged_and_no_name() {
    let address = |service: &mut Service| {
        service.address.name = DnsName::parse("fd00::1").unwrap();
    };
    let failed = timed(FAILED, 4_000);
    // What is said of its resolution is worth nothing, good or bad.
    for resolution in [REACHED, FAILED, NOT_YET] {
        let diagnosis = judged(&[(timed(resolution, 500), Some(failed)); 3], address);
        assert_eq!(sentence(&diagnosis), "port 443 of the service fd00::1 does not answer (timeout)");
        let diagnosis = judged(&[(timed(resolution, 500), Some(timed(REACHED, 500))); 3], address);
        assert_eq!(diagnosis.findings.len(), 0, "{:?}", diagnosis.findings);
    }
    // An older agent asks name servers for it: that is a name like any other.
    let diagnosis = judged(&[(failed, None); 3], |service| {
        address(service);
        service.resolvers = vec![("10.96.0.10".parse().unwrap(), failed)];
    });
    assert_eq!(sentence(&diagnosis), "fd00::1 does not resolve: timeout");
}
