//! The table of faults of a service and of its name.

use std::time::Duration;

use lab::{Asker, DnsAnswer, NodeId};
use meshvane_shared::wire::findings::FindingKind::{NameFailed, ServiceUnreachable};

use super::backend::{NAME, PORT};
use super::case::{Case, Expected, Fault, Layout, Of, SOON};

/// The node that alone has the fault.
const A: NodeId = NodeId(2);
/// Beyond the time after which an answer counts as none, 3.5 s.
const TOO_SLOW: Duration = Duration::from_secs(5);
/// Late, and an answer.
const SLOW: Duration = Duration::from_secs(2);

const UNNAMED: Expected = Expected::new(NameFailed, Of::Name(NAME));
const UNREACHABLE: Expected = Expected::new(ServiceUnreachable, Of::Name(NAME)).at(PORT);

macro_rules! case {
    ($name:literal, $fault:expr) => {
        Case {
            name: $name,
            layout: Layout::nodes(5),
            fault: Fault::OfService($fault),
            expected: &[],
            within: SOON,
        }
    };
    ($name:literal, $fault:expr, $expected:expr) => {
        Case { expected: const { &[$expected] }, ..case!($name, $fault) }
    };
}

/// All of them.
pub(super) static CASES: &[Case] = &[
    case!("name_nxdomain", |backend| backend.names(&DnsAnswer::NxDomain), UNNAMED.seen_by(5, 5, 2)),
    case!("name_servfail", |backend| backend.names(&DnsAnswer::ServFail), UNNAMED.seen_by(5, 5, 2)),
    case!("name_refused", |backend| backend.names(&DnsAnswer::Refused), UNNAMED.seen_by(5, 5, 2)),
    case!("resolvers_silent", |backend| backend.names(&DnsAnswer::Silent), UNNAMED.seen_by(5, 5, 2)),
    case!(
        "resolvers_too_slow",
        |backend| backend.names(&DnsAnswer::Slow(TOO_SLOW)),
        UNNAMED.seen_by(5, 5, 2)
    ),
    // An answer that is late is an answer: no kind that is judged names it.
    case!("resolvers_slow", |backend| backend.names(&DnsAnswer::Slow(SLOW))),
    case!(
        "one_resolver_of_two_dead",
        |backend| backend.first_server(DnsAnswer::Silent),
        UNNAMED.seen_by(5, 5, 2)
    ),
    case!(
        "name_fails_on_one_node",
        |backend| backend.names_for(A, &DnsAnswer::NxDomain),
        UNNAMED.seen_by(1, 5, 1)
    ),
    case!(
        "service_refused",
        |backend| backend.service.refuse(Asker::Everybody).unwrap(),
        UNREACHABLE.seen_by(5, 5, 2)
    ),
    case!(
        "service_silent",
        |backend| backend.service.silent(Asker::Everybody).unwrap(),
        UNREACHABLE.seen_by(5, 5, 2)
    ),
    case!(
        "service_refused_from_one_node",
        |backend| backend.service.refuse(Asker::Node(A)).unwrap(),
        UNREACHABLE.seen_by(1, 5, 1)
    ),
    case!(
        "service_silent_from_one_node",
        |backend| backend.service.silent(Asker::Node(A)).unwrap(),
        UNREACHABLE.seen_by(1, 5, 1)
    ),
];
