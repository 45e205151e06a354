//! Samples of what readers get: the matrix, the findings, the report.

use chrono::{DateTime, Utc};
use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::name::DnsName;
use meshvane_shared::outcome::Reason;
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::findings::{
    Direction, EvidenceBody, FindingBody, FindingKind, FindingState, FindingsBody, ObserversBody, Scope,
    Severity, Subject,
};
use meshvane_shared::wire::matrix::{CellWord, MatrixBody, MatrixCellBody, MatrixPlane};
use meshvane_shared::wire::outcome::CauseWord;
use meshvane_shared::wire::report::{NotableMember, ReportBody, SlowPairBody, TotalsBody};

use super::{node, zone};
use crate::golden::compare::{Golden, golden, golden_with_maps};

pub(super) fn all() -> Vec<Golden> {
    vec![
        golden("matrix", &matrix()),
        golden("matrix_service", &matrix_service()),
        golden("matrix_resolved_as", &matrix_resolved_as()),
        golden("findings", &findings()),
        golden("finding_kinds", &FindingKind::ALL.to_vec()),
        golden_with_maps("report", &[("members", 1)], &report()),
    ]
}

fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Every word that a cell can show.
fn matrix() -> MatrixBody {
    let bare = MatrixCellBody::bare;
    let reached = MatrixCellBody { rtt_us: Some(312), age_ms: Some(1_100), ..bare(CellWord::Reached) };
    let suspect = MatrixCellBody { suspect: true, ..reached.clone() };
    let unreached =
        MatrixCellBody { cause: Some(CauseWord::Timeout), age_ms: Some(900), ..bare(CellWord::Unreached) };
    let unmeasured = MatrixCellBody {
        reason: Some(Reason::NotPermitted),
        age_ms: Some(800),
        ..bare(CellWord::Unmeasured)
    };
    let stale = MatrixCellBody { age_ms: Some(16_000), ..bare(CellWord::Stale) };
    let itself = || bare(CellWord::Itself);
    let names = || ["node-1", "node-2", "node-3"].map(str::to_owned).to_vec();
    MatrixBody {
        plane: MatrixPlane::Pod,
        check: CheckKind::Icmp,
        family: Some(Family::Ipv6),
        from: names(),
        to: names(),
        cells: vec![
            vec![itself(), reached, unreached],
            vec![unmeasured, itself(), stale],
            vec![bare(CellWord::NotPlanned), suspect, itself()],
        ],
    }
}

fn matrix_service() -> MatrixBody {
    MatrixBody {
        plane: MatrixPlane::Service,
        check: CheckKind::Dns,
        family: None,
        from: vec!["node-1".to_owned()],
        to: vec!["api.shop.svc.cluster.local:8443".to_owned()],
        cells: vec![vec![MatrixCellBody {
            cause: Some(CauseWord::Name),
            age_ms: Some(700),
            ..MatrixCellBody::bare(CellWord::Unreached)
        }]],
    }
}

/// A name that a wildcard of the search list resolved.
fn matrix_resolved_as() -> MatrixBody {
    let cell = MatrixCellBody {
        rtt_us: Some(1_450),
        age_ms: Some(700),
        resolved_as: DnsName::parse("aip.shop.svc.example.net").ok(),
        ..MatrixCellBody::bare(CellWord::Reached)
    };
    MatrixBody { to: vec!["aip.shop.svc:8443".to_owned()], cells: vec![vec![cell]], ..matrix_service() }
}

fn evidence() -> EvidenceBody {
    EvidenceBody {
        from: node("node-1"),
        to: "node-7".to_owned(),
        plane: Some(Plane::Pod),
        check: CheckKind::Tcp,
        family: Some(Family::Ipv4),
        cause: Some(CauseWord::Timeout),
        age_ms: 640,
    }
}

/// A finding that says nothing beside what every finding says.
fn finding(kind: FindingKind, severity: Severity, subject: Subject, message: &str) -> FindingBody {
    FindingBody {
        id: format!("{}-1a2b3c4d", kind.as_str()),
        kind,
        state: FindingState::Open,
        severity,
        subject,
        plane: None,
        check: None,
        direction: None,
        family: None,
        port: None,
        observers: None,
        since: time("2026-11-21T12:03:07Z"),
        until: None,
        context: Vec::new(),
        message: message.to_owned(),
        evidence: Vec::new(),
    }
}

/// One of each form of subject, and each optional field once at least.
fn findings() -> FindingsBody {
    let of_node = || Subject::Node { node: node("node-7") };
    let groups = Subject::Groups {
        groups: vec![vec![node("node-1"), node("node-2")], vec![node("node-3"), node("node-4")]],
        zones: vec![zone("eu-central-1a"), zone("eu-central-1b")],
    };
    let pair = Subject::Pair { from: node("node-1"), to: node("node-2") };
    let name = Subject::Name { name: "api.shop.svc.cluster.local".to_owned() };
    let scope = |scope| Subject::Scope { scope };
    let plane_cut = FindingBody {
        plane: Some(Plane::Pod),
        direction: Some(Direction::Both),
        observers: Some(ObserversBody { saw: 11, of: 11, zones: 3 }),
        context: vec!["not_ready".to_owned()],
        evidence: vec![evidence()],
        ..finding(FindingKind::PlaneCut, Severity::Critical, of_node(), "node-7 answers nobody on pod")
    };
    let one_way = FindingBody {
        direction: Some(Direction::Out),
        family: Some(Family::Ipv6),
        ..finding(FindingKind::PairOneWay, Severity::Warning, pair, "node-1 does not reach node-2")
    };
    let service = FindingBody {
        check: Some(CheckKind::Tcp),
        port: Some(8443),
        evidence: vec![EvidenceBody {
            to: "api.shop.svc.cluster.local:8443".to_owned(),
            plane: None,
            family: None,
            cause: None,
            ..evidence()
        }],
        ..finding(FindingKind::ServiceUnreachable, Severity::Warning, name, "nobody answers on port 8443")
    };
    let permission = FindingBody {
        check: Some(CheckKind::Icmp),
        ..finding(FindingKind::NotMeasurable, Severity::Info, scope(Scope::All), "echo is not permitted")
    };
    let resolved = FindingBody {
        state: FindingState::Resolved,
        until: Some(time("2026-11-21T12:04:11.250Z")),
        ..finding(FindingKind::NodeDown, Severity::Critical, of_node(), "node-7 was down")
    };
    FindingsBody {
        judging: true,
        findings: vec![
            finding(
                FindingKind::MonitorBlind,
                Severity::Critical,
                scope(Scope::Server),
                "the server is cut off",
            ),
            finding(FindingKind::GroupCut, Severity::Critical, groups, "two zones do not reach each other"),
            plane_cut,
            one_way,
            service,
            permission,
            resolved,
        ],
    }
}

fn report() -> ReportBody {
    let counts = [(MemberState::Alive, 11), (MemberState::Lost, 1)];
    let totals = TotalsBody {
        plane: MatrixPlane::Host,
        check: CheckKind::Icmp,
        reached: 110,
        unreached: 11,
        unmeasured: 2,
        stale: 9,
        success_percent: Some(90.625),
        rtt_median_us: Some(310),
        rtt_max_us: Some(2_400),
    };
    let unmeasured = TotalsBody {
        plane: MatrixPlane::Service,
        check: CheckKind::Dns,
        reached: 0,
        unreached: 0,
        success_percent: None,
        rtt_median_us: None,
        rtt_max_us: None,
        ..totals.clone()
    };
    ReportBody {
        timestamp: time("2026-11-21T12:05:00Z"),
        judging: true,
        members: counts.map(|(state, count)| (state.as_str().to_owned(), count)).into(),
        notable_members: vec![
            NotableMember { node: node("node-7"), state: MemberState::Lost, heartbeat_age_ms: Some(113_000) },
            NotableMember { node: node("node-8"), state: MemberState::Leaving, heartbeat_age_ms: None },
        ],
        totals: vec![totals, unmeasured],
        slowest: vec![SlowPairBody {
            from: node("node-1"),
            to: "node-3".to_owned(),
            plane: MatrixPlane::Host,
            check: CheckKind::Icmp,
            rtt_us: 2_400,
        }],
        findings: findings().findings.into_iter().take(1).collect(),
    }
}
