//! Draws a mesh and a fault. Pure.

use meshvane_shared::address::Family;
use meshvane_shared::check::Plane;
use rand::RngExt as _;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom as _;

use super::fault::{At, Fault, Mesh, Own};
use crate::model;

/// Nodes of a mesh: below four, zones have no two members each.
const NODES: std::ops::RangeInclusive<usize> = 4..=40;
/// Zones of a mesh.
const ZONES_MAX: usize = 4;

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Nothing,
    NodeDown,
    AgentDown,
    HostCut,
    PodCut,
    NodeOneWay,
    Pair,
    PairOneWay,
    Block,
    ZoneCut,
    ZoneDown,
    IcmpNode,
    IcmpPair,
    IcmpPlane,
    IcmpEverywhere,
    PortNode,
    PortEverywhere,
    FamilyNode,
    FamilyEverywhere,
    MonitorBlind,
    NotMeasurable,
}

impl Kind {
    /// All.
    pub(super) const ALL: [Self; 21] = [
        Self::Nothing,
        Self::NodeDown,
        Self::AgentDown,
        Self::HostCut,
        Self::PodCut,
        Self::NodeOneWay,
        Self::Pair,
        Self::PairOneWay,
        Self::Block,
        Self::ZoneCut,
        Self::ZoneDown,
        Self::IcmpNode,
        Self::IcmpPair,
        Self::IcmpPlane,
        Self::IcmpEverywhere,
        Self::PortNode,
        Self::PortEverywhere,
        Self::FamilyNode,
        Self::FamilyEverywhere,
        Self::MonitorBlind,
        Self::NotMeasurable,
    ];

    /// The name, in words of the command line.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::NodeDown => "node-down",
            Self::AgentDown => "agent-down",
            Self::HostCut => "host-cut",
            Self::PodCut => "pod-cut",
            Self::NodeOneWay => "node-one-way",
            Self::Pair => "pair",
            Self::PairOneWay => "pair-one-way",
            Self::Block => "block",
            Self::ZoneCut => "zone-cut",
            Self::ZoneDown => "zone-down",
            Self::IcmpNode => "icmp-node",
            Self::IcmpPair => "icmp-pair",
            Self::IcmpPlane => "icmp-plane",
            Self::IcmpEverywhere => "icmp-everywhere",
            Self::PortNode => "port-node",
            Self::PortEverywhere => "port-everywhere",
            Self::FamilyNode => "family-node",
            Self::FamilyEverywhere => "family-everywhere",
            Self::MonitorBlind => "monitor-blind",
            Self::NotMeasurable => "not-measurable",
        }
    }

    /// Reads a name.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("one of these is accepted: {}", names.join(", "))
        })
    }

    /// Draws one.
    pub(super) fn draw(random: &mut SmallRng) -> Self {
        Self::ALL[random.random_range(0..Self::ALL.len())]
    }

    fn needs_zones(self) -> bool {
        matches!(self, Self::ZoneCut | Self::ZoneDown)
    }
}

/// Draws a mesh, and a fault of this kind in it.
pub(super) fn draw(kind: Kind, random: &mut SmallRng) -> (Mesh, Fault) {
    let mesh = mesh(kind, random);
    let fault = fault(kind, &mesh, random);
    (mesh, fault)
}

fn mesh(kind: Kind, random: &mut SmallRng) -> Mesh {
    let nodes = random.random_range(NODES);
    let fewest = if kind.needs_zones() { 2 } else { 0 };
    let zones = random.random_range(fewest..=ZONES_MAX.min(nodes / 2));
    // Two in each at least; the others anywhere.
    let mut places: Vec<usize> = (0..nodes)
        .map(|node| if node < 2 * zones { node % zones } else { random.random_range(0..zones.max(1)) })
        .collect();
    places.shuffle(random);
    let zone_of = |place: usize| (zones > 0).then(|| model::zone(place));
    Mesh { nodes, zones: places.into_iter().map(zone_of).collect() }
}

fn fault(kind: Kind, mesh: &Mesh, random: &mut SmallRng) -> Fault {
    let node = random.random_range(0..mesh.nodes);
    match kind {
        Kind::Nothing => Fault::Nothing,
        Kind::NodeDown => Fault::NodeDown { node },
        Kind::AgentDown => Fault::AgentDown { node, refused: random.random_bool(0.5) },
        Kind::HostCut => plane_cut(node, Plane::Host, &[Own::Pass, Own::SamePlane], random),
        Kind::PodCut => plane_cut(node, Plane::Pod, &[Own::Pass, Own::SamePlane, Own::All], random),
        Kind::NodeOneWay => Fault::NodeOneWay { node, out: random.random_bool(0.5) },
        Kind::Pair | Kind::PairOneWay => {
            let (left, right) = (vec![node], vec![other(node, mesh, random)]);
            let one_way = kind == Kind::PairOneWay;
            Fault::Cut { left, right, plane: some_plane(random), one_way, silent: false }
        }
        Kind::Block => block(mesh, random),
        Kind::ZoneCut => zone_cut(mesh, random),
        Kind::ZoneDown => Fault::ZoneDown { nodes: mesh.of_zone(&model::zone(0)) },
        Kind::IcmpNode => icmp(At::Node(node), some_plane(random), false),
        Kind::IcmpPair => icmp(At::Pair(node, other(node, mesh, random)), some_plane(random), false),
        Kind::IcmpPlane => icmp(At::Everywhere, Some(plane(random)), random.random_bool(0.5)),
        Kind::IcmpEverywhere => icmp(At::Everywhere, None, random.random_bool(0.5)),
        Kind::PortNode => port(At::Node(node), false, random),
        Kind::PortEverywhere => {
            let always = random.random_bool(0.5);
            port(At::Everywhere, always, random)
        }
        Kind::FamilyNode => Fault::FamilyCut { at: At::Node(node), family: family(random) },
        Kind::FamilyEverywhere => Fault::FamilyCut { at: At::Everywhere, family: family(random) },
        Kind::MonitorBlind => monitor_blind(mesh, random),
        Kind::NotMeasurable => {
            let at = if random.random_bool(0.5) { At::Node(node) } else { At::Everywhere };
            Fault::NotMeasurable { at }
        }
    }
}

fn plane_cut(node: usize, plane: Plane, owns: &[Own], random: &mut SmallRng) -> Fault {
    let own = owns[random.random_range(0..owns.len())];
    Fault::PlaneCut { node, plane, heard: random.random_bool(0.5), own }
}

fn icmp(at: At, plane: Option<Plane>, always: bool) -> Fault {
    Fault::IcmpFiltered { at, plane, always }
}

fn port(at: At, always: bool, random: &mut SmallRng) -> Fault {
    Fault::Port { at, plane: plane(random), refused: random.random_bool(0.5), always }
}

/// Two groups that share no node. Where one of them is a single node, the other is not all others: that has a name of its own.
fn block(mesh: &Mesh, random: &mut SmallRng) -> Fault {
    let mut nodes: Vec<usize> = (0..mesh.nodes).collect();
    nodes.shuffle(random);
    let largest = (mesh.nodes / 2).min(8);
    let left_size = random.random_range(1..=largest);
    let fewest = if left_size == 1 { 2 } else { 1 };
    let most = if left_size == 1 { largest.max(2).min(mesh.nodes - 2) } else { largest };
    let right_size = random.random_range(fewest..=most.max(fewest));
    let mut left = nodes.split_off(nodes.len() - left_size);
    let mut right = nodes.split_off(nodes.len() - right_size);
    left.sort_unstable();
    right.sort_unstable();
    let one_way = random.random_bool(0.3);
    Fault::Cut { left, right, plane: some_plane(random), one_way, silent: false }
}

/// A zone and all others, the server on either side; or two zones of more.
fn zone_cut(mesh: &Mesh, random: &mut SmallRng) -> Fault {
    let left = mesh.of_zone(&model::zone(0));
    let apart = mesh.zones_used() > 2 && random.random_bool(0.3);
    let right = if apart { mesh.of_zone(&model::zone(1)) } else { mesh.others(&left) };
    Fault::Cut { left, right, plane: None, one_way: false, silent: !apart && random.random_bool(0.5) }
}

fn monitor_blind(mesh: &Mesh, random: &mut SmallRng) -> Fault {
    let mut silent: Vec<usize> = (0..mesh.nodes).collect();
    if random.random_bool(0.5) {
        silent.shuffle(random);
        silent.truncate(random.random_range(mesh.nodes.div_ceil(2)..=mesh.nodes));
        silent.sort_unstable();
    }
    Fault::MonitorBlind { silent }
}

fn other(node: usize, mesh: &Mesh, random: &mut SmallRng) -> usize {
    (node + random.random_range(1..mesh.nodes)) % mesh.nodes
}

fn plane(random: &mut SmallRng) -> Plane {
    if random.random_bool(0.5) { Plane::Host } else { Plane::Pod }
}

fn some_plane(random: &mut SmallRng) -> Option<Plane> {
    random.random_bool(0.5).then(|| plane(random))
}

fn family(random: &mut SmallRng) -> Family {
    if random.random_bool(0.5) { Family::Ipv4 } else { Family::Ipv6 }
}

#[cfg(test)]
mod tests;
