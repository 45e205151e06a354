use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use meshvane_shared::check::CheckKind;
use meshvane_shared::name::NodeName;
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::matrix::MatrixPlane;
use meshvane_shared::wire::report::{NotableMember, SlowPairBody, TotalsBody};

use super::*;

fn sample() -> ReportBody {
    ReportBody {
        timestamp: "2026-11-21T12:03:07Z".parse::<DateTime<Utc>>().unwrap(),
        judging: true,
        members: BTreeMap::from([("alive".to_owned(), 4), ("lost".to_owned(), 1)]),
        notable_members: vec![NotableMember {
            node: NodeName::parse("node-3").unwrap(),
            state: MemberState::Lost,
            heartbeat_age_ms: Some(61_500),
        }],
        totals: vec![TotalsBody {
            plane: MatrixPlane::Host,
            check: CheckKind::Icmp,
            reached: 19,
            unreached: 1,
            unmeasured: 2,
            stale: 3,
            success_percent: Some(95.0),
            rtt_median_us: Some(120),
            rtt_max_us: Some(1_500),
        }],
        slowest: vec![SlowPairBody {
            from: NodeName::parse("node-1").unwrap(),
            to: "node-2".to_owned(),
            plane: MatrixPlane::Pod,
            check: CheckKind::Tcp,
            rtt_us: 1_500,
        }],
        findings: Vec::new(),
    }
}

#[test]
fn the_four_outcomes_stand_in_columns_of_their_own() {
    let expected = "\
Network Connectivity Report  2026-11-21 12:03:07 UTC
members: 4 alive, 0 late, 1 lost, 0 leaving
  node-3 is lost: last heartbeat 1 min 1 s ago
plane    check  reached unreached unmeasured  stale   success rtt median    rtt max
host     icmp        19         1          2      3    95.00%     120 us    1.50 ms
slowest pairs:
  node-1 -> node-2 pod tcp: 1.50 ms
findings: none
";
    assert_eq!(report(&sample()), expected);
}

#[test]
fn a_server_that_does_not_judge_yet_says_so_instead_of_none() {
    let text = report(&ReportBody { judging: false, ..sample() });
    assert!(text.ends_with("findings: not judged yet, waiting for the agents to report\n"), "{text}");
}
