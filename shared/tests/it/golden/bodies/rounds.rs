//! Samples of rounds: every outcome, cause and reason.

use meshvane_shared::check::CheckKind;
use meshvane_shared::name::DnsName;
use meshvane_shared::outcome::{Cause, Outcome, Reached, Reason, ResolverDetail};
use meshvane_shared::plan::PlanVersion;
use meshvane_shared::wire::round::{
    CellBody, ResolverBody, ResolverDetailBody, RoundAnswer, RoundBody, RoundStatus, ServiceAddressBody,
    ServiceBody, StrangerBody, TimedOutcome,
};

use super::{EPOCH, address, boot, node, targets};
use crate::golden::compare::{Golden, golden};

pub(super) fn all() -> Vec<Golden> {
    vec![
        golden("round_whole", &round_whole()),
        golden("round_with_targets", &round_with_targets()),
        golden("round_partial", &round_partial()),
        golden("round_resolvers", &round_resolvers()),
        golden("round_names", &round_names()),
        golden("round_strangers", &round_strangers()),
        golden("round_answer_accepted", &answer(RoundStatus::Accepted)),
        golden("round_answer_duplicate", &answer(RoundStatus::Duplicate)),
        golden("round_answer_superseded", &answer(RoundStatus::Superseded)),
        golden("round_answer_too_late", &answer(RoundStatus::TooLate)),
    ]
}

/// Every outcome that there is, with every cause and every reason.
fn outcomes() -> Vec<Outcome> {
    let reached =
        |late, retransmitted| Outcome::Reached(Reached { rtt_us: Some(1_203_000), late, retransmitted });
    let without_time = Outcome::Reached(Reached { rtt_us: None, late: false, retransmitted: false });
    let rejected = Cause::Rejected { icmp_type: 3, icmp_code: 13 };
    let causes = [
        Cause::Timeout,
        Cause::Refused,
        Cause::Reset,
        rejected,
        Cause::NoRoute,
        Cause::Name { rcode: 3 },
        Cause::ResolverTimeout,
        Cause::Tls,
        Cause::Protocol,
        Cause::Unspecified,
    ];
    let reasons = [
        Reason::NotPermitted,
        Reason::NoResource,
        Reason::Overloaded,
        Reason::Cancelled,
        Reason::NotYet,
        Reason::Unspecified,
        Reason::Blocked,
    ];
    let reached = [Outcome::reached(312), reached(true, false), reached(false, true), without_time];
    let unreached = causes.into_iter().map(Outcome::Unreached);
    let unmeasured = reasons.into_iter().map(Outcome::Unmeasured);
    reached.into_iter().chain(unreached).chain(unmeasured).collect()
}

fn cell(target: u32, check: CheckKind, outcome: Outcome) -> CellBody {
    CellBody {
        target,
        check: check.into(),
        port: (check == CheckKind::Tcp).then_some(6100),
        outcome: outcome.into(),
        age_ms: 150,
        suspect: false,
        failing_for_ms: outcome.is_unreached().then_some(61_000),
    }
}

fn timed(outcome: Outcome) -> TimedOutcome {
    TimedOutcome {
        outcome: outcome.into(),
        age_ms: 90,
        failing_for_ms: outcome.is_unreached().then_some(5_000),
    }
}

fn services() -> Vec<ServiceBody> {
    let name = |text: &str| DnsName::parse(text).unwrap();
    let at = |text: &str, outcome| ServiceAddressBody { address: address(text), tcp: timed(outcome) };
    vec![
        ServiceBody {
            name: name("api.shop.svc.cluster.local"),
            port: 8443,
            resolution: timed(Outcome::reached(1_450)),
            resolvers: Vec::new(),
            details: Vec::new(),
            resolved_as: None,
            search_us: None,
            addresses: vec![
                at("10.96.0.10", Outcome::reached(402)),
                at("fd00:96::a", Outcome::Unreached(Cause::Refused)),
            ],
            answers: 9,
        },
        ServiceBody {
            name: name("_old.example.net."),
            port: 80,
            resolution: timed(Outcome::Unreached(Cause::Name { rcode: 3 })),
            resolvers: Vec::new(),
            details: Vec::new(),
            resolved_as: None,
            search_us: None,
            addresses: Vec::new(),
            answers: 0,
        },
    ]
}

fn round_whole() -> RoundBody {
    let cells = (0..).zip(outcomes()).map(|(index, outcome)| {
        let check = if index % 2 == 0 { CheckKind::Icmp } else { CheckKind::Tcp };
        cell(index / 2, check, outcome)
    });
    RoundBody {
        node: node("node-1"),
        boot_id: boot(),
        sequence: 42,
        plan: PlanVersion { epoch: EPOCH, generation: 7 },
        partial: false,
        interval_ms: 5_000,
        took_ms: 4_100,
        overrun: true,
        age_ms: 12,
        targets: None,
        cells: cells.collect(),
        services: services(),
        strangers: Vec::new(),
    }
}

/// What follows a 409, and what a restarted server gets.
fn round_with_targets() -> RoundBody {
    RoundBody {
        overrun: false,
        targets: Some(targets()),
        cells: vec![cell(4, CheckKind::Icmp, Outcome::Unreached(Cause::Timeout))],
        services: Vec::new(),
        ..round_whole()
    }
}

/// A suspicion: the cell keeps its last certain outcome.
fn round_partial() -> RoundBody {
    let suspect = CellBody { suspect: true, ..cell(5, CheckKind::Tcp, Outcome::reached(280)) };
    RoundBody {
        sequence: 43,
        partial: true,
        took_ms: 0,
        overrun: false,
        age_ms: 0,
        cells: vec![suspect],
        services: Vec::new(),
        ..round_whole()
    }
}

/// Name servers told apart: one resolves, one refuses, one is silent.
fn round_resolvers() -> RoundBody {
    let resolver = |text: &str, outcome| ResolverBody { address: address(text), resolution: timed(outcome) };
    let mut services = services();
    services.truncate(1);
    services[0].resolvers = vec![
        resolver("10.96.0.2", Outcome::reached(1_450)),
        resolver("10.96.0.3", Outcome::Unreached(Cause::Name { rcode: 5 })),
        resolver("fd00:96::53", Outcome::Unreached(Cause::ResolverTimeout)),
    ];
    services[0].search_us = Some(2_870);
    RoundBody { sequence: 44, overrun: false, cells: Vec::new(), services, ..round_whole() }
}

/// What name servers did, the name that resolved, and a service that is an address.
fn round_names() -> RoundBody {
    let silent = Outcome::Unreached(Cause::ResolverTimeout);
    let details = [
        ResolverDetail::NoUdpAnswer,
        ResolverDetail::NoIpv4Answer,
        ResolverDetail::NoIpv6Answer,
        ResolverDetail::NoTcpAnswer,
        ResolverDetail::WrongAnswers,
        ResolverDetail::Unspecified,
    ];
    let failing = |details: &[ResolverDetail]| {
        let server = |place: usize| address(&format!("10.96.0.{}", place + 2));
        let resolver = |place| ResolverBody { address: server(place), resolution: timed(silent) };
        let detail = |(place, detail): (usize, &ResolverDetail)| ResolverDetailBody {
            address: server(place),
            detail: *detail,
        };
        ServiceBody {
            resolvers: (0..details.len()).map(resolver).collect(),
            details: details.iter().enumerate().map(detail).collect(),
            resolution: timed(silent),
            ..services().remove(1)
        }
    };
    let [mut resolved, mut literal] = [services().remove(0), services().remove(0)];
    resolved.resolved_as = DnsName::parse("api.shop.svc.cluster.local.example.net").ok();
    literal.name = DnsName::parse("fd00:96::a").unwrap();
    let without_time = Reached { rtt_us: None, late: false, retransmitted: false };
    literal.resolution = TimedOutcome { age_ms: 0, ..timed(Outcome::Reached(without_time)) };
    literal.addresses.remove(0);
    let services = vec![failing(&details[..3]), failing(&details[3..]), resolved, literal];
    RoundBody { sequence: 46, overrun: false, cells: Vec::new(), services, ..round_whole() }
}

/// Another node's agent answers at the address of a target.
fn round_strangers() -> RoundBody {
    RoundBody {
        sequence: 45,
        strangers: vec![StrangerBody { target: 5, node: node("node-9"), age_ms: 31_000 }],
        ..round_partial()
    }
}

fn answer(status: RoundStatus) -> RoundAnswer {
    RoundAnswer { status, server_epoch: EPOCH }
}
