//! A large mesh with many faults. Pure.
//!
//! Most nodes see the same: what they report is made once and copied.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use meshvane_server::mesh::row::Row;
use meshvane_server::mesh::snapshot::{NodeView, Snapshot};
use meshvane_server::mesh::time::Now;
use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::outcome::Outcome;
use meshvane_shared::plan::Plan;
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::round::{CellBody, RoundBody};

use crate::faults::fault::{Cell, Fault, Mesh, Own};
use crate::faults::fill::{INTERVAL_MS, NOW, TIMING, ago, boot, member};
use crate::model;

/// How many of each fault there are; of the plane cuts, every second is of the pod plane.
const NODES_DOWN: usize = 20;
const PLANES_CUT: usize = 10;
const PAIRS_CUT: usize = 15;
const BLOCKS: usize = 5;
/// The sides of a block.
const BLOCK_SIDES: [usize; 2] = [3, 4];
/// Targets of each node: two planes in one family.
const TARGETS_OF_NODE: usize = 2;
/// The faults began 12 s ago, what failed did so within one interval, and was measured since.
const FAULT_AGO_MS: u64 = 12_000;
const FAILING_MS: std::ops::Range<u64> = 7_000..12_000;
const MEASURED_AGO_MS: u64 = 1_000;
/// Healthy cells were measured after the last failure began.
const HEALTHY_AGO_MS: u64 = 2_000;

/// Whether nodes that see the same have rows of their own, as in a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sharing {
    Own,
    Shared,
}

/// The faults, each at nodes of its own, spread over the mesh.
pub(super) fn faults(nodes: usize) -> Vec<Fault> {
    let used = NODES_DOWN + PLANES_CUT + 2 * PAIRS_CUT + BLOCKS * (BLOCK_SIDES[0] + BLOCK_SIDES[1]);
    let mut places = (0..used).map(|number| number * nodes / used);
    let mut next = |count: usize| -> Vec<usize> { places.by_ref().take(count).collect() };
    let mut faults = Vec::new();
    for node in next(NODES_DOWN) {
        faults.push(Fault::NodeDown { node });
    }
    for (number, node) in next(PLANES_CUT).into_iter().enumerate() {
        let plane = if number % 2 == 0 { Plane::Host } else { Plane::Pod };
        faults.push(Fault::PlaneCut { node, plane, heard: true, own: Own::Pass });
    }
    for sides in std::iter::repeat_n([1, 1], PAIRS_CUT).chain(std::iter::repeat_n(BLOCK_SIDES, BLOCKS)) {
        let [left, right] = sides.map(&mut next);
        faults.push(Fault::Cut { left, right, plane: None, one_way: false, silent: false });
    }
    faults
}

/// A cut between the first half of the nodes and the second.
pub(super) fn zone_cut(nodes: usize) -> Vec<Fault> {
    let (left, right) = ((0..nodes / 2).collect(), (nodes / 2..nodes).collect());
    vec![Fault::Cut { left, right, plane: None, one_way: false, silent: false }]
}

/// Fills a mesh that is cut in two. The nodes of a half see the same, so a row of each is made and copied.
pub(super) fn fill_cut(mesh: &Mesh, faults: &[Fault], sharing: Sharing) -> Snapshot {
    let plan = model::plan(mesh.nodes, &[Family::Ipv4], |node| mesh.zones[node].clone());
    let half = mesh.nodes / 2;
    let halves = [0, half].map(|from| Arc::new(row(&plan, mesh.nodes, from, faults, 0)));
    snapshot(mesh, plan, faults, |node| {
        let common = &halves[usize::from(node >= half)];
        match sharing {
            Sharing::Own => Arc::new(Row::clone(common)),
            Sharing::Shared => Arc::clone(common),
        }
    })
}

/// Fills a mesh of whose nodes few have to do with a fault.
pub(super) fn fill(mesh: &Mesh, faults: &[Fault], sharing: Sharing) -> Snapshot {
    let plan = model::plan(mesh.nodes, &[Family::Ipv4], |node| mesh.zones[node].clone());
    let involved: BTreeSet<usize> = faults.iter().flat_map(|fault| fault.nodes(mesh)).collect();
    // No node of the mesh: nothing that is between two nodes touches it.
    let bystander = row(&plan, mesh.nodes, mesh.nodes, faults, 0);
    let common = Arc::new(bystander.clone());
    let silent = |node: usize| faults.iter().any(|fault| fault.silences(node));
    snapshot(mesh, plan.clone(), faults, |node| {
        if silent(node) {
            Arc::new(row(&plan, node, node, &[], FAULT_AGO_MS))
        } else if involved.contains(&node) {
            Arc::new(row(&plan, node, node, faults, 0))
        } else {
            match sharing {
                Sharing::Own => Arc::new(bystander.clone()),
                Sharing::Shared => Arc::clone(&common),
            }
        }
    })
}

fn snapshot(mesh: &Mesh, plan: Arc<Plan>, faults: &[Fault], row: impl Fn(usize) -> Arc<Row>) -> Snapshot {
    let view = |node: usize| {
        let spread = u64::try_from(node).unwrap_or(0) % INTERVAL_MS;
        let silent = faults.iter().any(|fault| fault.silences(node));
        let heard_ago = if silent { FAULT_AGO_MS + spread } else { spread };
        let member = member(mesh, node, &[Family::Ipv4], ago(heard_ago), ago(heard_ago));
        let state = member.state(NOW, &TIMING).unwrap_or(MemberState::Lost);
        NodeView::new(Arc::new(member), state, Some(row(node)))
    };
    let nodes = (0..mesh.nodes).map(view).collect();
    let now = Now { moment: NOW, wall: DateTime::<Utc>::UNIX_EPOCH };
    Snapshot { now, timing: TIMING, plan, nodes }
}

/// The row that a node reports, seen from where another one is: of itself a node says nothing.
fn row(plan: &Arc<Plan>, node: usize, from: usize, faults: &[Fault], ended_ago: u64) -> Row {
    let mut cells = Vec::with_capacity(plan.targets.len() * CheckKind::ON_PLANES.len());
    for (number, target) in (0u32..).zip(&plan.targets) {
        let to = usize::try_from(number).unwrap_or(usize::MAX) / TARGETS_OF_NODE;
        for check in CheckKind::ON_PLANES {
            let cell = Cell { from, to, plane: target.plane, family: target.family(), check };
            cells.push(body(cell, number, target.port, faults));
        }
    }
    let round = RoundBody {
        interval_ms: INTERVAL_MS,
        took_ms: INTERVAL_MS,
        cells,
        ..RoundBody::empty(model::name(node), boot(), plan.version.clone())
    };
    Row::take(None, plan, &round, ago(ended_ago)).expect("the round is one of this plan").row
}

fn body(cell: Cell, target: u32, port: Option<u16>, faults: &[Fault]) -> CellBody {
    let shown = faults.iter().find_map(|fault| fault.shows(cell));
    let outcome = shown.unwrap_or_else(|| Outcome::reached(300));
    let spread =
        u64::try_from(cell.from * 7 + cell.to * 13).unwrap_or(0) % (FAILING_MS.end - FAILING_MS.start);
    CellBody {
        target,
        check: cell.check.into(),
        port: (cell.check == CheckKind::Tcp).then(|| port.unwrap_or(model::TEST_PORT)),
        outcome: outcome.into(),
        age_ms: if shown.is_some() { MEASURED_AGO_MS } else { HEALTHY_AGO_MS },
        suspect: false,
        failing_for_ms: shown.map(|_| FAILING_MS.start + spread),
    }
}
