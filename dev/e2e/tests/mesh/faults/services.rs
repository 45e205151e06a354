//! The table of faults of a service and of its name.

use std::time::Duration;

use e2e::mesh::Mesh;
use lab::{DnsAnswer, Scenario};
use meshvane_shared::wire::findings::FindingKind::NameFailed;
use meshvane_shared::wire::matrix::CellWord;

use super::case::{Case, Expected, Fault, Layout, Observers, Of, SOON};

/// The service's name.
pub(super) const NAME: &str = "api.shop.test";
/// Its port.
pub(super) const PORT: u16 = 8443;
/// Beyond the time after which an answer counts as none, 3.5 s.
const TOO_SLOW: Duration = Duration::from_secs(5);

/// The fault begins at each node with its own next question, up to an interval of 5 s later.
const AFTER_A_ROUND: Duration = SOON.saturating_add(Duration::from_secs(5));

const UNNAMED: &[Expected] = &[Expected::new(NameFailed, Of::Name(NAME)).seen_by(5, 5, 2)];

/// All five see it, in both zones.
const BY_ALL: Option<Observers> = Some((5, 5, 2));
/// The victim alone sees it.
const BY_ONE: Option<Observers> = Some((1, 5, 1));

macro_rules! case {
    ($name:literal, $fault:expr) => {
        Case { name: $name, layout: Layout::with_service(5), fault: $fault, within: SOON }
    };
}

/// All of them.
pub(super) static CASES: &[Case] = &[
    case!("name_nxdomain", Fault::Plays(Scenario::NameNxdomain, BY_ALL)),
    case!("name_servfail", Fault::Plays(Scenario::NameServfail, BY_ALL)),
    case!("name_refused", Fault::Breaks(|lab| lab.names_answer(&DnsAnswer::Refused), UNNAMED)),
    case!("resolvers_silent", Fault::Plays(Scenario::ResolversSilent, BY_ALL)),
    case!("resolvers_too_slow", Fault::Breaks(|lab| lab.names_answer(&DnsAnswer::Slow(TOO_SLOW)), UNNAMED)),
    // Answers that are truncated are asked for by TCP; when UDP dies then, programs fail, however well TCP
    // works.
    case!("answers_truncated", Fault::Breaks(|lab| lab.names_answer(&DnsAnswer::Truncated), &[])),
    Case {
        within: AFTER_A_ROUND,
        ..case!("answers_truncated_then_udp_dies", Fault::Plays(Scenario::TruncatedThenUdpDead, BY_ALL))
    },
    case!("aaaa_dropped", Fault::Plays(Scenario::Ipv6AnswersDropped, BY_ALL)),
    // An answer that is late is an answer: no kind that is judged names it.
    case!("resolvers_slow", Fault::Plays(Scenario::ResolversSlow, None)),
    case!("one_resolver_of_two_dead", Fault::Plays(Scenario::OneResolverDead, BY_ALL)),
    case!("name_fails_on_one_node", Fault::Plays(Scenario::NameWrongOnOneNode, BY_ONE)),
    case!("name_lies_on_one_node", Fault::Plays(Scenario::NameLiesOnOneNode, BY_ONE)),
    case!("service_refused", Fault::Plays(Scenario::ServiceRefused, BY_ALL)),
    case!("service_silent", Fault::Plays(Scenario::ServiceSilent, BY_ALL)),
    case!("service_refused_from_one_node", Fault::Plays(Scenario::ServiceRefusedFromOneNode, BY_ONE)),
    case!("service_silent_from_one_node", Fault::Plays(Scenario::ServiceSilentFromOneNode, BY_ONE)),
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
