//! What the design calls each fault. Pure.

use meshvane_server::mesh::diagnose::FindingKey;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::name::Zone;
use meshvane_shared::wire::findings::{Direction, FindingKind, Scope, Subject};

use super::fault::{At, Fault, Mesh};
use crate::model;

/// The findings that there must be, and no others.
pub(crate) fn expect(mesh: &Mesh, fault: &Fault) -> Vec<FindingKey> {
    let key = match fault {
        Fault::Nothing => return Vec::new(),
        Fault::NodeDown { node } => FindingKey::new(FindingKind::NodeDown, subject(At::Node(*node))),
        Fault::AgentDown { node, .. } => FindingKey::new(FindingKind::AgentDown, subject(At::Node(*node))),
        Fault::PlaneCut { node, plane, .. } => FindingKey {
            plane: Some(*plane),
            ..FindingKey::new(FindingKind::PlaneCut, subject(At::Node(*node)))
        },
        Fault::NodeOneWay { node, out } => FindingKey {
            direction: Some(if *out { Direction::Out } else { Direction::In }),
            ..FindingKey::new(FindingKind::NodeOneWay, subject(At::Node(*node)))
        },
        Fault::Cut { left, right, plane, one_way, silent } => {
            let way = if *one_way { Way::There } else { Way::Both { silent: *silent } };
            FindingKey { plane: *plane, ..cut(mesh, left, right, way) }
        }
        Fault::ZoneDown { nodes } => cut(mesh, nodes, &mesh.others(nodes), Way::Both { silent: true }),
        Fault::IcmpFiltered { at, plane, .. } => {
            FindingKey { plane: *plane, ..FindingKey::new(FindingKind::IcmpFiltered, subject(*at)) }
        }
        Fault::Port { at, plane, refused, .. } => {
            let kind = if *refused { FindingKind::PortRefused } else { FindingKind::PortFiltered };
            let port = match plane {
                Plane::Host => model::TEST_PORT,
                Plane::Pod => model::CLIENT_PORT,
            };
            FindingKey { port: Some(port), ..FindingKey::new(kind, subject(*at)) }
        }
        Fault::FamilyCut { at, family } => {
            FindingKey { family: Some(*family), ..FindingKey::new(FindingKind::FamilyCut, subject(*at)) }
        }
        Fault::MonitorBlind { .. } => {
            FindingKey::new(FindingKind::MonitorBlind, Subject::Scope { scope: Scope::Server })
        }
        Fault::NotMeasurable { at } => FindingKey {
            check: Some(CheckKind::Icmp),
            ..FindingKey::new(FindingKind::NotMeasurable, subject(*at))
        },
    };
    vec![key]
}

fn subject(at: At) -> Subject {
    match at {
        At::Node(node) => Subject::Node { node: model::name(node) },
        At::Pair(one, other) => {
            Subject::Pair { from: model::name(one.min(other)), to: model::name(one.max(other)) }
        }
        At::Everywhere => Subject::Scope { scope: Scope::All },
    }
}

/// How two groups fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From the first to the second.
    There,
    /// Both; the server may not hear the first.
    Both { silent: bool },
}

fn cut(mesh: &Mesh, left: &[usize], right: &[usize], way: Way) -> FindingKey {
    let one_way = way == Way::There;
    if let ([from], [to]) = (left, right) {
        if one_way {
            let pair = Subject::Pair { from: model::name(*from), to: model::name(*to) };
            return FindingKey::new(FindingKind::PairOneWay, pair);
        }
        return FindingKey::new(FindingKind::PairCut, subject(At::Pair(*from, *to)));
    }
    let groups = [left, right].map(|group| group.iter().copied().map(model::name).collect());
    // Of a zone that is silent the rest of the mesh is no counterpart: only the zone is named.
    let shown = if way == (Way::Both { silent: true }) { &[left][..] } else { &[left, right] };
    let zones = shown.iter().filter_map(|group| whole_zone(mesh, group)).collect();
    let subject = Subject::Groups { groups: groups.into(), zones };
    let direction = one_way.then_some(Direction::Out);
    FindingKey { direction, ..FindingKey::new(FindingKind::GroupCut, subject) }
}

/// The zone that has exactly these members, two or more.
fn whole_zone(mesh: &Mesh, group: &[usize]) -> Option<Zone> {
    let zone = mesh.zones[*group.first()?].clone()?;
    (group.len() >= 2 && mesh.of_zone(&zone) == group).then_some(zone)
}
