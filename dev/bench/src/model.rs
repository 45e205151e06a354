//! A mesh that is only values: names, addresses and the plan of nodes that no kernel knows. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use meshvane_shared::address::Family;
use meshvane_shared::check::Plane;
use meshvane_shared::name::{NodeName, Zone};
use meshvane_shared::plan::{Epoch, Plan, PlanVersion, Target};

/// The port of the agents' responders, which is checked on pod addresses.
pub(crate) const CLIENT_PORT: u16 = 6100;
/// The port that is checked on host addresses.
pub(crate) const TEST_PORT: u16 = 22;

/// The name of a node; names sort as their numbers do.
pub(crate) fn name(node: usize) -> NodeName {
    NodeName::parse(&format!("node-{node:05}")).expect("the word and digits are a node's name")
}

/// The zone with this number.
pub(crate) fn zone(number: usize) -> Zone {
    Zone::parse(&format!("zone-{number}")).expect("the word and digits are a zone's name")
}

/// The address of a node's plane.
pub(crate) fn address(node: usize, plane: Plane, family: Family) -> IpAddr {
    let number = u16::try_from(node).expect("a model has fewer than 2^15 nodes");
    let [high, low] = number.to_be_bytes();
    let side: u8 = match plane {
        Plane::Host => 0,
        Plane::Pod => 128,
    };
    match family {
        Family::Ipv4 => Ipv4Addr::new(10, side | high, low, 1).into(),
        Family::Ipv6 => Ipv6Addr::new(0xfd00, side.into(), number, 0, 0, 0, 0, 1).into(),
    }
}

/// The plan of so many nodes; `zone_of` names the zone of each.
pub(crate) fn plan(nodes: usize, families: &[Family], zone_of: impl Fn(usize) -> Option<Zone>) -> Arc<Plan> {
    let mut targets = Vec::with_capacity(nodes * families.len() * Plane::ALL.len());
    for node in 0..nodes {
        let (name, zone) = (name(node), zone_of(node));
        for plane in Plane::ALL {
            for family in families {
                targets.push(Target {
                    node: name.clone(),
                    plane,
                    address: address(node, plane, *family),
                    port: (plane == Plane::Pod).then_some(CLIENT_PORT),
                    zone: zone.clone(),
                });
            }
        }
    }
    Arc::new(Plan { version: PlanVersion { epoch: Epoch(1), generation: 1 }, targets })
}

#[cfg(test)]
mod tests;
