//! The mesh as its agents would have filled it some time after the fault began. Pure.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use meshvane_server::mesh::member::{Boot, Member, Origin, Timing};
use meshvane_server::mesh::row::Row;
use meshvane_server::mesh::snapshot::{NodeView, Snapshot};
use meshvane_server::mesh::time::{Moment, Now};
use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::limits::{BURST_SPACING, CAREFUL_PROBES, PROBE_SOFT_LIMIT};
use meshvane_shared::name::BootId;
use meshvane_shared::outcome::Outcome;
use meshvane_shared::plan::Plan;
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::round::{CellBody, RoundBody};
use rand::RngExt as _;
use rand::rngs::SmallRng;

use super::fault::{Cell, Fault, Mesh};
use crate::model;

/// When the mesh is judged, since the server's start: long after everything else.
pub(crate) const NOW: Moment = Moment::from_millis(10_000_000);
/// The default interval of heartbeats and rounds.
pub(crate) const INTERVAL_MS: u64 = 5_000;
/// The defaults of the server.
pub(crate) const TIMING: Timing =
    Timing { ttl: Duration::from_secs(15), forget_after: Duration::from_hours(1) };
/// From the first failing probe to the verdict at most: silence, then the longest burst, of which the last probe is silent too.
const CONFIRM: Duration =
    PROBE_SOFT_LIMIT.saturating_mul(2).saturating_add(BURST_SPACING.saturating_mul(CAREFUL_PROBES - 1));
/// What is down is probed in every second round.
const DOWN_PERIOD_MS: u64 = 2 * INTERVAL_MS;
/// Round trips of a healthy network.
const RTT_US: u32 = 300;

/// A filled mesh.
#[derive(Debug)]
pub(super) struct Filled {
    pub(super) snapshot: Snapshot,
    /// Cells that are shown as failed: a monitor of cells would raise so many alarms.
    pub(super) failing_cells: usize,
}

/// Fills a mesh; of the healthy cells, `noise` are suspect or missed a probe.
pub(super) fn fill(mesh: &Mesh, fault: &Fault, noise: f64, random: &mut SmallRng) -> Filled {
    let plan = model::plan(mesh.nodes, &FAMILIES, |node| mesh.zones[node].clone());
    let mut filling = Filling { fault, plan: &plan, noise, random, failing_cells: 0 };
    let nodes = (0..mesh.nodes).map(|node| filling.view(mesh, node)).collect();
    let failing_cells = filling.failing_cells;
    let now = Now { moment: NOW, wall: DateTime::<Utc>::UNIX_EPOCH };
    Filled { snapshot: Snapshot { now, timing: TIMING, plan, nodes }, failing_cells }
}

impl Filled {
    /// Lets time go by in which every agent is heard as before, and nothing is measured: what waits for a cell waits longer
    /// here than in a mesh, where it is measured again.
    pub(super) fn wait(&mut self, span: Duration) {
        self.snapshot.now.moment = self.snapshot.now.moment.after(span);
        for view in &mut self.snapshot.nodes {
            if view.state == MemberState::Alive {
                let member = Member::clone(&view.member);
                let later = |moment: Option<Moment>| moment.map(|moment| moment.after(span));
                let (heard, received) = (later(member.heard), later(member.received));
                view.member = Arc::new(Member { heard, received, ..member });
            }
            view.state = view.member.state(self.snapshot.now.moment, &TIMING).unwrap_or(MemberState::Lost);
        }
    }
}

struct Filling<'a> {
    fault: &'a Fault,
    plan: &'a Arc<Plan>,
    noise: f64,
    random: &'a mut SmallRng,
    failing_cells: usize,
}

impl Filling<'_> {
    fn view(&mut self, mesh: &Mesh, node: usize) -> NodeView {
        let fault_ms = milliseconds(self.fault.age());
        let silent = self.fault.silences(node);
        let since_heard = self.random.random_range(0..INTERVAL_MS);
        let heard_ago = if silent { fault_ms + since_heard } else { since_heard };
        let round_ago = if silent { fault_ms + self.random.random_range(0..INTERVAL_MS) } else { 0 };
        let member = member(mesh, node, &FAMILIES, ago(heard_ago), ago(heard_ago.min(round_ago)));
        let state = member.state(NOW, &TIMING).unwrap_or(MemberState::Lost);
        let mut row = None;
        if silent || !self.fault.is_from_the_beginning() {
            let before = if silent { round_ago } else { fault_ms };
            row = Some(self.round(None, node, before, &mut |filling, _| filling.healthy(before, false)));
        }
        if !silent {
            let taken = self.round(row.as_ref(), node, 0, &mut Self::now_shown);
            row = Some(taken);
        }
        NodeView::new(Arc::new(member), state, row.map(Arc::new))
    }

    /// What a cell shows of the time after the fault.
    fn now_shown(&mut self, cell: Cell) -> Shown {
        match self.fault.shows(cell) {
            None => self.healthy(0, true),
            Some(outcome) if outcome.is_unreached() => {
                self.failing_cells += 1;
                let since_ago = milliseconds(self.fault.age()) - self.random.random_range(0..INTERVAL_MS);
                let youngest =
                    self.random.random_range(0..DOWN_PERIOD_MS.min(since_ago - milliseconds(CONFIRM)));
                Shown { outcome, age_ms: youngest, suspect: false, failing_for_ms: Some(since_ago) }
            }
            Some(outcome) => Shown {
                outcome,
                age_ms: self.random.random_range(0..INTERVAL_MS),
                suspect: false,
                failing_for_ms: None,
            },
        }
    }

    /// A cell that answers; `before` is added to its age by the round.
    fn healthy(&mut self, before: u64, noisy: bool) -> Shown {
        let age_ms = self.random.random_range(0..INTERVAL_MS);
        let mut shown =
            Shown { outcome: Outcome::reached(RTT_US), age_ms, suspect: false, failing_for_ms: None };
        if noisy && before == 0 && self.random.random_bool(self.noise) {
            // A probe was lost: the burst is asking, or the next round has not come.
            shown.suspect = self.random.random_bool(0.5);
            shown.age_ms += INTERVAL_MS;
        }
        shown
    }

    fn round(
        &mut self,
        prior: Option<&Row>,
        node: usize,
        ended_ago: u64,
        shown: &mut dyn FnMut(&mut Self, Cell) -> Shown,
    ) -> Row {
        let mut cells = Vec::new();
        for (number, target) in (0u32..).zip(&self.plan.clone().targets) {
            let to = usize::try_from(number).unwrap_or(usize::MAX) / TARGETS_OF_NODE;
            if to == node {
                continue;
            }
            for check in CheckKind::ON_PLANES {
                let cell = Cell { from: node, to, plane: target.plane, family: target.family(), check };
                let shown = shown(self, cell);
                let port = match (check, target.plane) {
                    (CheckKind::Tcp, Plane::Host) => Some(model::TEST_PORT),
                    (CheckKind::Tcp, Plane::Pod) => target.port,
                    (CheckKind::Icmp | CheckKind::Dns, _) => None,
                };
                cells.push(CellBody {
                    target: number,
                    check: check.into(),
                    port,
                    outcome: shown.outcome.into(),
                    age_ms: shown.age_ms,
                    suspect: shown.suspect,
                    failing_for_ms: shown.failing_for_ms,
                });
            }
        }
        let body = RoundBody {
            sequence: if prior.is_some() { 2 } else { 1 },
            interval_ms: INTERVAL_MS,
            took_ms: INTERVAL_MS,
            cells,
            ..RoundBody::empty(model::name(node), boot(), self.plan.version.clone())
        };
        let taken = Row::take(prior, self.plan, &body, ago(ended_ago));
        taken.expect("the round is one of this plan").row
    }
}

/// The families of the model.
const FAMILIES: [Family; 2] = [Family::Ipv4, Family::Ipv6];
/// Targets of each node in the plan: two planes in two families.
const TARGETS_OF_NODE: usize = 4;

/// What a cell shows.
struct Shown {
    outcome: Outcome,
    age_ms: u64,
    suspect: bool,
    failing_for_ms: Option<u64>,
}

/// A member of the mesh.
pub(crate) fn member(
    mesh: &Mesh,
    node: usize,
    families: &[Family],
    heard: Moment,
    received: Moment,
) -> Member {
    let addresses =
        |plane: Plane| families.iter().map(|family| model::address(node, plane, *family)).collect();
    Member {
        zone: mesh.zones[node].clone(),
        host_addresses: addresses(Plane::Host),
        pod_addresses: addresses(Plane::Pod),
        client_port: model::CLIENT_PORT,
        boot: Some(Boot { id: boot(), started: Moment::default() }),
        interval: Duration::from_millis(INTERVAL_MS),
        heard: Some(heard),
        received: Some(received),
        origin: Origin::Native,
        ..Member::unheard(model::name(node), Moment::default())
    }
}

/// The start that each agent reports.
pub(crate) fn boot() -> BootId {
    BootId::parse("boot").expect("the word is a boot's id")
}

/// The moment so many milliseconds before the judgement.
pub(crate) fn ago(millis: u64) -> Moment {
    NOW.before(Duration::from_millis(millis))
}

fn milliseconds(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
