//! Draws meshes and scripts.

use std::time::Duration;

use faults::{Block, Effect, NameAnswer};
use meshvane_shared::address::Family;
use meshvane_shared::check::Plane;
use rand::RngExt as _;
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom as _, SliceRandom as _};

use super::{CALM, Circumstance, Scripted};
use crate::mesh::Mesh;

/// A fault lasts at least and at most so many milliseconds: long enough for whatever it should open.
const LASTS_MS: std::ops::Range<u64> = 32_000..60_000;
/// Restarts and rollouts keep an agent away for so many milliseconds.
const AWAY_MS: std::ops::Range<u64> = 500..4_000;

/// How often each circumstance comes, of 100.
const WEIGHTS: [(Circumstance, u32); 11] = [
    (Circumstance::Alone, 30),
    (Circumstance::Together, 16),
    (Circumstance::Handover, 8),
    (Circumstance::Rollout, 8),
    (Circumstance::ServerRestart, 8),
    (Circumstance::ServerLate, 6),
    (Circumstance::Pause, 8),
    (Circumstance::Tokens, 4),
    (Circumstance::JoinsAndLeaves, 5),
    (Circumstance::SlowJudge, 5),
    (Circumstance::Nothing, 2),
];

pub(super) fn circumstance(random: &mut SmallRng) -> Circumstance {
    let mut left = random.random_range(0..WEIGHTS.iter().map(|(_, weight)| weight).sum());
    for (circumstance, weight) in WEIGHTS {
        if left < weight {
            return circumstance;
        }
        left -= weight;
    }
    Circumstance::Alone
}

/// A mesh of 1 to 40 nodes, of which half have six or fewer.
pub(super) fn mesh(random: &mut SmallRng, nodes: Option<usize>) -> Mesh {
    let drawn = match random.random_range(0..20) {
        0 => 1,
        1 => 2,
        2..=9 => random.random_range(3..=6),
        10..=16 => random.random_range(6..=12),
        _ => random.random_range(12..=40),
    };
    let nodes = nodes.unwrap_or(drawn);
    let zones = random.random_range(0..=3_usize);
    let zones = (0..nodes).map(|node| (zones > 0).then(|| node % zones)).collect();
    let families =
        if random.random_bool(0.3) { vec![Family::Ipv4, Family::Ipv6] } else { vec![Family::Ipv4] };
    Mesh { zones, families, has_service: random.random_bool(0.4) }
}

/// A zone of 100 or 250 nodes, and one of three.
pub(super) fn large_mesh(random: &mut SmallRng) -> Mesh {
    let large = if random.random_bool(0.5) { 100 } else { 250 };
    let zones = (0..large + 3).map(|node| Some(usize::from(node >= large))).collect();
    Mesh { zones, families: vec![Family::Ipv4], has_service: false }
}

pub(super) fn script(circumstance: Circumstance, mesh: &Mesh, random: &mut SmallRng) -> Vec<Scripted> {
    let begin = CALM + millis(random.random_range(0..10_000));
    let one = |random: &mut SmallRng| lasting(fault(mesh, random), begin, random);
    match circumstance {
        Circumstance::Nothing => Vec::new(),
        Circumstance::LargeZone => vec![lasting(Effect::ZoneDown(mesh.of_zone(0)), begin, random)],
        Circumstance::Alone => vec![one(random)],
        Circumstance::Together => {
            let count = random.random_range(2..=3);
            let at_once = |_| {
                let scripted = one(random);
                later(scripted, random)
            };
            (0..count).map(at_once).collect()
        }
        Circumstance::Handover => {
            let first = one(random);
            let shift = random.random_range(0..4_000);
            let next = (first.end + millis(2_000)).saturating_sub(millis(shift));
            let second = lasting(fault(mesh, random), next, random);
            vec![first, second]
        }
        Circumstance::Rollout => {
            let mut script = vec![one(random)];
            let mut at = begin.saturating_sub(millis(random.random_range(0..10_000)));
            for node in 0..mesh.nodes().min(12) {
                let away = millis(random.random_range(AWAY_MS));
                script.push(Scripted { fault: Effect::Absent(node), begin: at, end: at + away });
                at += away + millis(random.random_range(1_000..4_000));
            }
            script
        }
        Circumstance::ServerRestart => {
            let fault = one(random);
            let at = begin + millis(random.random_range(0..30_000));
            let away = millis(random.random_range(500..30_000));
            vec![
                Scripted { end: (at + away + millis(60_000)).max(fault.end), ..fault },
                down(Effect::ServerDown, at, away),
            ]
        }
        Circumstance::ServerLate => {
            let fault = one(random);
            let away = begin + millis(random.random_range(1_000..30_000));
            let end = fault.end.max(away + millis(70_000));
            vec![Scripted { end, ..fault }, down(Effect::ServerDown, Duration::ZERO, away)]
        }
        Circumstance::Pause => {
            let node = random.random_range(0..mesh.nodes());
            let stop =
                if random.random_bool(0.5) { Effect::AgentStopped(node) } else { Effect::ServerStopped };
            let at = begin + millis(random.random_range(0..20_000));
            let length = millis(random.random_range(1_000..60_000));
            let fault = one(random);
            let end = fault.end.max(at + length + millis(35_000));
            vec![Scripted { end, ..fault }, down(stop, at, length)]
        }
        Circumstance::Tokens => tokens(mesh, begin, random, one),
        Circumstance::JoinsAndLeaves => joins_and_leaves(mesh, begin, random, one),
        Circumstance::SlowJudge => {
            let lag = millis(random.random_range(100..3_000));
            let fault = one(random);
            let length = fault.end.saturating_sub(CALM) + millis(60_000);
            vec![down(Effect::ServerSlow(lag), CALM, length), fault]
        }
    }
}

fn tokens(
    mesh: &Mesh,
    begin: Duration,
    random: &mut SmallRng,
    one: impl Fn(&mut SmallRng) -> Scripted,
) -> Vec<Scripted> {
    let length = millis(random.random_range(5_000..60_000));
    let all = random.random_bool(0.5);
    let chosen = random.random_range(0..mesh.nodes());
    let nodes = (0..mesh.nodes()).filter(|node| all || *node == chosen);
    nodes.map(|node| down(Effect::TokenRefused(node), begin, length)).chain([one(random)]).collect()
}

fn joins_and_leaves(
    mesh: &Mesh,
    begin: Duration,
    random: &mut SmallRng,
    one: impl Fn(&mut SmallRng) -> Scripted,
) -> Vec<Scripted> {
    let mut nodes: Vec<usize> = (0..mesh.nodes()).collect();
    nodes.shuffle(random);
    let mut script = vec![one(random)];
    for node in nodes.into_iter().take(mesh.nodes() / 3) {
        let at = begin + millis(random.random_range(0..20_000));
        script.push(if random.random_bool(0.5) {
            down(Effect::Absent(node), Duration::ZERO, at)
        } else {
            down(Effect::Absent(node), at, millis(random.random_range(5_000..60_000)))
        });
    }
    script
}

fn lasting(fault: Effect, begin: Duration, random: &mut SmallRng) -> Scripted {
    // An agent asks whose agent answers once in a minute.
    let more = if matches!(fault, Effect::AddressTaken(..)) { millis(60_000) } else { Duration::ZERO };
    Scripted { fault, begin, end: begin + more + millis(random.random_range(LASTS_MS)) }
}

fn later(scripted: Scripted, random: &mut SmallRng) -> Scripted {
    let by = if random.random_bool(0.3) { Duration::ZERO } else { millis(random.random_range(0..8_000)) };
    Scripted { begin: scripted.begin + by, end: scripted.end + by, ..scripted }
}

fn down(fault: Effect, begin: Duration, length: Duration) -> Scripted {
    Scripted { fault, begin, end: begin + length }
}

/// A fault of the catalogue at a random place of the mesh.
fn fault(mesh: &Mesh, random: &mut SmallRng) -> Effect {
    loop {
        if let Some(fault) = try_fault(mesh, random) {
            return fault;
        }
    }
}

/// `None` when this mesh has no place for what was drawn.
fn try_fault(mesh: &Mesh, random: &mut SmallRng) -> Option<Effect> {
    let mut nodes: Vec<usize> = (0..mesh.nodes()).collect();
    nodes.shuffle(random);
    let one = nodes[0];
    let two = nodes.get(1).copied();
    let somewhere = |random: &mut SmallRng| (random.random_bool(0.7)).then_some(one);
    let block = if random.random_bool(0.5) { Block::Drop } else { Block::Refuse };
    let plane = [None, Some(Plane::Host), Some(Plane::Pod)].choose(random).copied().flatten();
    let zone = mesh.zones_used().choose(random).map(|zone| mesh.of_zone(*zone));
    let zone = zone.filter(|zone| zone.len() >= 2 && zone.len() < mesh.nodes());
    Some(match random.random_range(0..28) {
        0 | 1 => Effect::NodeDown(one),
        2 => Effect::NodeSilent(one),
        3 => Effect::NodeDeaf(one),
        4 => Effect::NodeMute(one),
        5 => Effect::HostPlaneCut(one),
        6 => Effect::PodPlaneCut(one),
        7 => Effect::PodsIsolated(one),
        8 => Effect::PodLinkDown(one),
        9 | 10 => Effect::PairCut(one, two?, plane),
        11 => Effect::FlowsBlocked(one, two?),
        12 => Effect::PacketsLost(one, two?),
        13 => {
            let half = random.random_range(1..=mesh.nodes().saturating_sub(2).clamp(1, 3));
            let third = nodes.get(half)?;
            Effect::BlockCut(nodes[..half].to_vec(), vec![*third])
        }
        14 => Effect::ZoneCut { nodes: zone?, server_inside: random.random_bool(0.3) },
        15 => Effect::ZoneDown(zone?),
        16 => Effect::ServerCutOff,
        17 => Effect::IcmpDropped { to: somewhere(random), plane },
        18 | 19 => Effect::PortBlocked { to: somewhere(random), block },
        20 if mesh.families.len() == 2 => Effect::FamilyCut { at: somewhere(random), family: Family::Ipv6 },
        21 => Effect::IcmpNotPermitted(one),
        22 if mesh.has_service => {
            let answers = [
                NameAnswer::NxDomain,
                NameAnswer::ServFail,
                NameAnswer::Silent,
                NameAnswer::Lie,
                NameAnswer::Slow,
            ];
            Effect::NameServers { node: somewhere(random), answer: *answers.choose(random)? }
        }
        23 if mesh.has_service => Effect::OneNameServerDead,
        24 if mesh.has_service => Effect::ServiceBlocked { node: somewhere(random), block },
        25 => Effect::AgentKilled(one),
        26 => Effect::AgentStopped(one),
        27 => Effect::AddressTaken(one, two?),
        _ => return None,
    })
}

fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}
