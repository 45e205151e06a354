//! The table of faults of a service and of its name.

use std::time::Duration;

use e2e::mesh::Mesh;
use lab::{Asker, Block, DnsAnswer, NodeId};
use meshvane_shared::wire::findings::FindingKind::{NameFailed, ServiceUnreachable};
use meshvane_shared::wire::matrix::CellWord;

use super::case::{Case, Expected, Fault, Layout, Of, SOON};

/// The service's name.
pub(super) const NAME: &str = "api.shop.test";
/// Its port.
pub(super) const PORT: u16 = 8443;
/// The node that alone has the fault.
const A: NodeId = NodeId(2);
/// Beyond the time after which an answer counts as none, 3.5 s.
const TOO_SLOW: Duration = Duration::from_secs(5);
/// Late, and an answer.
const SLOW: Duration = Duration::from_secs(2);

/// The fault begins at each node with its own next question, up to an interval of 5 s later.
const AFTER_A_ROUND: Duration = SOON.saturating_add(Duration::from_secs(5));

const UNNAMED: Expected = Expected::new(NameFailed, Of::Name(NAME));
const UNREACHABLE: Expected = Expected::new(ServiceUnreachable, Of::Name(NAME)).at(PORT);

macro_rules! case {
    ($name:literal, $fault:expr) => {
        Case {
            name: $name,
            layout: Layout::with_service(5),
            fault: Fault::Breaks($fault),
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
    case!("name_nxdomain", |lab| lab.names_answer(&DnsAnswer::NxDomain), UNNAMED.seen_by(5, 5, 2)),
    case!("name_servfail", |lab| lab.names_answer(&DnsAnswer::ServFail), UNNAMED.seen_by(5, 5, 2)),
    case!("name_refused", |lab| lab.names_answer(&DnsAnswer::Refused), UNNAMED.seen_by(5, 5, 2)),
    case!("resolvers_silent", |lab| lab.names_answer(&DnsAnswer::Silent), UNNAMED.seen_by(5, 5, 2)),
    case!("resolvers_too_slow", |lab| lab.names_answer(&DnsAnswer::Slow(TOO_SLOW)), UNNAMED.seen_by(5, 5, 2)),
    // Answers that are truncated are asked for by TCP; when UDP dies then, programs fail, however well TCP
    // works.
    case!("answers_truncated", |lab| lab.names_answer(&DnsAnswer::Truncated)),
    Case {
        within: AFTER_A_ROUND,
        ..case!(
            "answers_truncated_then_udp_dies",
            |lab| lab.names_answer(&DnsAnswer::TruncatedThenSilent),
            UNNAMED.seen_by(5, 5, 2)
        )
    },
    case!("aaaa_dropped", |lab| lab.names_answer(&DnsAnswer::Ipv4Alone), UNNAMED.seen_by(5, 5, 2)),
    // An answer that is late is an answer: no kind that is judged names it.
    case!("resolvers_slow", |lab| lab.names_answer(&DnsAnswer::Slow(SLOW))),
    case!(
        "one_resolver_of_two_dead",
        |lab| lab.one_name_server_answers(DnsAnswer::Silent),
        UNNAMED.seen_by(5, 5, 2)
    ),
    case!(
        "name_fails_on_one_node",
        |lab| lab.names_answer_node(A, &DnsAnswer::NxDomain),
        UNNAMED.seen_by(1, 5, 1)
    ),
    case!("name_lies_on_one_node", |lab| lab.names_lie_to(A), UNREACHABLE.seen_by(1, 5, 1)),
    case!(
        "service_refused",
        |lab| lab.service_blocked(Asker::Everybody, Block::Refuse),
        UNREACHABLE.seen_by(5, 5, 2)
    ),
    case!(
        "service_silent",
        |lab| lab.service_blocked(Asker::Everybody, Block::Drop),
        UNREACHABLE.seen_by(5, 5, 2)
    ),
    case!(
        "service_refused_from_one_node",
        |lab| lab.service_blocked(Asker::Node(A), Block::Refuse),
        UNREACHABLE.seen_by(1, 5, 1)
    ),
    case!(
        "service_silent_from_one_node",
        |lab| lab.service_blocked(Asker::Node(A), Block::Drop),
        UNREACHABLE.seen_by(1, 5, 1)
    ),
];

/// Tells whether every node has resolved and reached it.
pub(super) async fn is_reached(mesh: &Mesh, nodes: usize) -> bool {
    for view in ["plane=service&check=dns", "plane=service&check=tcp"] {
        let Some(matrix) = mesh.api.matrix(view).await else { return false };
        let cells = matrix.cells.iter().flatten();
        if cells.filter(|cell| cell.outcome == CellWord::Reached).count() != nodes {
            return false;
        }
    }
    true
}
