use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use chrono::{DateTime, Utc};
use meshvane_shared::name::{BootId, NodeName};
use meshvane_shared::outcome::{Cause, Reached, Reason};
use meshvane_shared::plan::{Epoch, Plan, PlanVersion, Target};
use meshvane_shared::wire::matrix::{CellWord, MatrixBody, MatrixCellBody};
use meshvane_shared::wire::outcome::{CauseWord, OutcomeBody};
use meshvane_shared::wire::round::{CellBody, RoundBody, ServiceAddressBody, ServiceBody, TimedOutcome};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::*;
use crate::mesh::member::{Member, Timing};
use crate::mesh::observe::observe;
use crate::mesh::time::Now;
use crate::view::matrix;

const NOW: i64 = 1_000_000;

/// What one node is and says, before names and addresses are given to it.
#[derive(Debug, Clone)]
struct Draft {
    state: MemberState,
    /// It has IPv6 addresses as well.
    dual: bool,
    row: Option<DraftRow>,
}

#[derive(Debug, Clone)]
struct DraftRow {
    /// Which of the plans it is held against; the first is the present one.
    plan: usize,
    partial: bool,
    /// Cells by target and check, with their age.
    cells: Vec<(u32, CheckKind, Outcome, u64)>,
    /// Services by number: how the name resolved, and each address.
    services: Vec<DraftService>,
}

type DraftService = (u8, (Outcome, u64), Vec<(Outcome, u64)>);

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(Outcome::reached(200)),
        1 => Just(Outcome::Reached(Reached { rtt_us: None, late: true, retransmitted: true })),
        1 => Just(Outcome::Unreached(Cause::Timeout)),
        1 => Just(Outcome::Unreached(Cause::Refused)),
        1 => Just(Outcome::Unreached(Cause::Rejected { icmp_type: 3, icmp_code: 13 })),
        1 => Just(Outcome::Unreached(Cause::Name { rcode: 3 })),
        1 => Just(Outcome::Unreached(Cause::Unspecified)),
        1 => Just(Outcome::Unmeasured(Reason::NotPermitted)),
        1 => Just(Outcome::Unmeasured(Reason::Blocked)),
        1 => Just(Outcome::Unmeasured(Reason::NotYet)),
        1 => Just(Outcome::Unmeasured(Reason::Unspecified)),
    ]
}

/// Fresh, just fresh, just stale, stale: a row's interval is 5 s.
fn age() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0_u64), Just(15_000), Just(15_001), Just(90_000)]
}

fn draft_row() -> impl Strategy<Value = DraftRow> {
    let check = prop_oneof![Just(CheckKind::Icmp), Just(CheckKind::Tcp)];
    let cells = vec((0..16_u32, check, outcome(), age()), 0..24);
    let services = vec((0..3_u8, (outcome(), age()), vec((outcome(), age()), 0..3)), 0..4);
    (0..3_usize, any::<bool>(), cells, services).prop_map(|(plan, partial, cells, services)| DraftRow {
        plan,
        partial,
        cells,
        services,
    })
}

fn draft() -> impl Strategy<Value = Draft> {
    let state = prop_oneof![
        3 => Just(MemberState::Alive),
        1 => Just(MemberState::Late),
        1 => Just(MemberState::Lost),
        1 => Just(MemberState::Leaving),
    ];
    (state, any::<bool>(), option::weighted(0.8, draft_row())).prop_map(|(state, dual, row)| Draft {
        state,
        dual,
        row,
    })
}

fn name(node: usize) -> NodeName {
    NodeName::parse(&format!("node-{node}")).unwrap()
}

/// The plan of all; in another generation some addresses differ, and some targets are missing.
fn plan(drafts: &[Draft], generation: u64) -> Arc<Plan> {
    let mut targets = Vec::new();
    for (node, draft) in drafts.iter().enumerate() {
        let number =
            u8::try_from(node).unwrap() + if generation == 1 { 0 } else { 100 * (number_of(node) % 2) };
        for plane in Plane::ALL {
            let half = u8::try_from(index_of(plane)).unwrap();
            let mut addresses = vec![IpAddr::from(Ipv4Addr::new(10, half, 0, number))];
            if draft.dual {
                let last = u16::from(number);
                addresses.push(Ipv6Addr::new(0xfd00, half.into(), 0, 0, 0, 0, 0, last).into());
            }
            targets.extend(addresses.into_iter().map(|address| Target {
                node: name(node),
                plane,
                address,
                port: None,
                zone: None,
            }));
        }
    }
    if generation == 3 {
        targets.truncate(targets.len() / 2);
    }
    Arc::new(Plan { version: PlanVersion { epoch: Epoch(7), generation }, targets })
}

fn number_of(node: usize) -> u8 {
    u8::try_from(node).unwrap()
}

fn timed(outcome: Outcome, age_ms: u64) -> TimedOutcome {
    TimedOutcome { outcome: OutcomeBody::from(outcome), age_ms, failing_for_ms: None }
}

fn row(draft: &DraftRow, node: &NodeName, plans: &[Arc<Plan>]) -> Row {
    let plan = &plans[draft.plan];
    let count = u32::try_from(plan.targets.len()).unwrap();
    let cell = |(target, check, outcome, age_ms): &(u32, CheckKind, Outcome, u64)| CellBody {
        target: target % count,
        check: (*check).into(),
        port: None,
        outcome: OutcomeBody::from(*outcome),
        age_ms: *age_ms,
        suspect: false,
        failing_for_ms: None,
    };
    let address = |index: usize| IpAddr::from(Ipv4Addr::new(10, 9, 0, number_of(index)));
    let mut services: Vec<ServiceBody> = Vec::new();
    for (number, (resolution, age_ms), connects) in &draft.services {
        let name = meshvane_shared::name::DnsName::parse(&format!("service-{number}")).unwrap();
        let connects = connects.iter().enumerate().map(|(index, (outcome, age_ms))| ServiceAddressBody {
            address: address(index),
            tcp: timed(*outcome, *age_ms),
        });
        let addresses: Vec<_> = connects.collect();
        services.push(ServiceBody {
            name,
            port: 443,
            resolution: timed(*resolution, *age_ms),
            resolvers: Vec::new(),
            details: Vec::new(),
            resolved_as: None,
            search_us: None,
            answers: u32::try_from(addresses.len()).unwrap(),
            addresses,
        });
    }
    services.sort_by(|one, other| one.name.cmp(&other.name));
    services.dedup_by(|one, other| one.name == other.name);
    let body = RoundBody {
        interval_ms: 5_000,
        partial: draft.partial,
        cells: draft.cells.iter().take(plan.targets.len()).map(cell).collect(),
        services,
        ..RoundBody::empty(node.clone(), BootId::parse("boot").unwrap(), plan.version.clone())
    };
    Row::take(None, plan, &body, Moment::from_millis(NOW)).unwrap().row
}

fn snapshot(drafts: &[Draft]) -> Snapshot {
    let plans: Vec<_> = (1..=3).map(|generation| plan(drafts, generation)).collect();
    let moment = Moment::from_millis(NOW);
    let nodes = drafts.iter().enumerate().map(|(node, draft)| {
        let name = name(node);
        let row = draft.row.as_ref().map(|draft| Arc::new(row(draft, &name, &plans)));
        NodeView::new(Arc::new(Member::unheard(name, moment)), draft.state, row)
    });
    Snapshot {
        now: Now { moment, wall: DateTime::<Utc>::UNIX_EPOCH },
        timing: Timing { ttl: Duration::from_secs(15), forget_after: Duration::from_hours(1) },
        nodes: nodes.collect(),
        plan: plans[0].clone(),
    }
}

/// The same counts from the bodies of `GET /matrix`.
fn by_bodies(snapshot: &Snapshot) -> Vec<Totals> {
    let observed = observe(snapshot);
    let planes = [Plane::Host, Plane::Pod]
        .into_iter()
        .flat_map(|plane| CheckKind::ON_PLANES.map(|check| matrix::planes(&observed, plane, check, None)));
    let services = SERVICE_CHECKS.map(|check| matrix::services(&observed, check, None));
    planes.chain(services).map(|body| by_body(&body)).collect()
}

fn by_body(body: &MatrixBody) -> Totals {
    let mut totals = Histogram::default().totals(body.plane, body.check);
    for cell in body.cells.iter().flatten() {
        let MatrixCellBody { outcome, cause, reason, .. } = cell;
        match outcome {
            CellWord::Reached => totals.reached += 1,
            CellWord::Unreached => *totals.unreached.entry(cause_word(cause.unwrap())).or_default() += 1,
            CellWord::Unmeasured => *totals.unmeasured.entry(reason.unwrap().as_str()).or_default() += 1,
            CellWord::Stale => totals.stale += 1,
            CellWord::NotPlanned | CellWord::Itself => {}
        }
    }
    totals
}

/// The words that the metrics had before cells were counted from rows.
fn cause_word(cause: CauseWord) -> &'static str {
    match cause {
        CauseWord::Timeout => "timeout",
        CauseWord::Refused => "refused",
        CauseWord::Reset => "reset",
        CauseWord::Rejected => "rejected",
        CauseWord::NoRoute => "no_route",
        CauseWord::Name => "name",
        CauseWord::ResolverTimeout => "resolver_timeout",
        CauseWord::Tls => "tls",
        CauseWord::Protocol => "protocol",
        CauseWord::Unspecified => "unspecified",
    }
}

proptest! {
    #[test]
    fn cells_are_counted_as_the_matrix_shows_them(drafts in vec(draft(), 1..6)) {
        let snapshot = snapshot(&drafts);
        prop_assert_eq!(count(&snapshot, |view| view.row.clone()), by_bodies(&snapshot));
    }
}

#[test]
fn every_outcome_is_counted_under_its_own_name() {
    let snapshot = crate::mesh::picture::snapshot(
        "a alive | . r x | . + s
         b alive | n . ? | + . +
         c lost  | - - - | - - -",
    );
    let totals = count(&snapshot, |view| view.row.clone());
    let of = |plane, check| totals.iter().find(|one| (one.plane, one.check) == (plane, check)).unwrap();
    let host_icmp = of(MatrixPlane::Host, CheckKind::Icmp);
    assert_eq!((host_icmp.reached, host_icmp.stale), (1, 2));
    assert_eq!(host_icmp.unreached, BTreeMap::from([("timeout", 1)]));
    assert_eq!(host_icmp.unmeasured, BTreeMap::from([("not_permitted", 1), ("overloaded", 1)]));
    let host_tcp = of(MatrixPlane::Host, CheckKind::Tcp);
    assert_eq!(host_tcp.unreached, BTreeMap::from([("refused", 1), ("timeout", 1)]));
    assert_eq!(of(MatrixPlane::Pod, CheckKind::Icmp).stale, 3);
}
