//! The examples of the kinds are sentences that the rules say.

use super::*;
use crate::mesh::kinds::{KINDS, NOT_JUDGED};
use crate::mesh::time::Now;

const HERE: Observers = Observers { saw: 11, of: 11, zones: 3 };

fn name(node: &str) -> NodeName {
    NodeName::parse(node).unwrap()
}

fn names(nodes: &[&str]) -> Vec<NodeName> {
    nodes.iter().map(|node| name(node)).collect()
}

/// `None` for a kind that is not judged.
fn sentence(kind: FindingKind, now: &Now, since: Moment) -> Option<Sentence> {
    let node = name("node-7");
    let of_node = || Subject::Node { node: node.clone() };
    let at = |plane, family, port| FindingKey { plane, family, port, ..FindingKey::new(kind, of_node()) };
    Some(match kind {
        FindingKind::MonitorBlind => message::monitor_blind(9, 12),
        FindingKind::GroupCut => {
            let groups = [names(&["node-1", "node-3", "node-5"]), names(&["node-2", "node-4", "node-6"])];
            let zones = ["zone-1", "zone-2"].map(|zone| meshvane_shared::name::Zone::parse(zone).unwrap());
            let observers = Observers { saw: 6, of: 6, zones: 2 };
            message::group_cut([&groups[0], &groups[1]], &zones, None, true, false, observers)
        }
        FindingKind::NodeDown => {
            message::node_down(now, &node, HERE, Some(since.before(std::time::Duration::from_secs(2))))
        }
        FindingKind::NodeOneWay => message::node_one_way(&node, Direction::In, HERE),
        FindingKind::PlaneCut => message::plane_cut(&node, Plane::Pod, HERE, false),
        FindingKind::AgentReplaced => message::agent_replaced(&node, &name("node-3"), HERE),
        FindingKind::AgentDown => {
            message::agent_down(&node, Some("meshvane-agent-x7k2p"), message::SignOfAgent::NodeAnswers)
        }
        FindingKind::PairCut => message::pair(&name("node-3"), &node, None, true),
        FindingKind::PairOneWay => message::pair(&name("node-3"), &node, None, false),
        FindingKind::FamilyCut => message::filtered(&at(None, Some(Family::Ipv6), None), HERE, false),
        FindingKind::IcmpFiltered => message::filtered(&at(Some(Plane::Host), None, None), HERE, false),
        FindingKind::PortRefused | FindingKind::PortFiltered => {
            message::filtered(&at(None, None, Some(10_256)), HERE, false)
        }
        FindingKind::NameFailed => message::name_failed(
            "api.shop.svc",
            Some((Cause::Name { rcode: 3 }, None)),
            message::NameScope::Everywhere,
            HERE,
        ),
        FindingKind::ServiceUnreachable => {
            let service = meshvane_shared::name::ServiceAddress::parse("api.shop.svc:443", 80).unwrap();
            message::service_unreachable(&service, None, Some(Cause::Refused), HERE)
        }
        FindingKind::NotMeasurable => message::not_measurable(&of_node(), CheckKind::Icmp, None, false),
        FindingKind::Stale => message::stale(&node),
        FindingKind::AgentOverloaded
        | FindingKind::LossOutlier
        | FindingKind::LatencyOutlier
        | FindingKind::Flapping => return None,
        FindingKind::Uncovered => crate::mesh::context::findings::sentence(&node),
    })
}

#[test]
fn each_example_is_the_sentence_that_its_rule_says() {
    let wall = "2026-01-01T12:03:07Z".parse().unwrap();
    let since = Moment::from_millis(60_000);
    let now = Now { moment: since, wall };
    for doc in KINDS {
        let said = sentence(doc.kind, &now, since).map(|sentence| sentence.render(&now, since));
        assert_eq!(doc.example, said.as_deref().unwrap_or(NOT_JUDGED), "{:?}", doc.kind);
    }
}
