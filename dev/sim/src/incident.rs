//! An incident: a mesh, its weather, and which faults are active when. Drawn from a seed.

use std::sync::Arc;
use std::time::Duration;

use faults::Effect;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::mesh::Mesh;
use crate::random::mix;
use crate::truth::Truth;

mod draw;

/// The mesh is left alone until then: every agent has joined, and the server judges.
pub(crate) const CALM: Duration = Duration::from_secs(40);
/// After the last change the mesh is watched for so long: whatever was open must be over.
pub(crate) const AFTERMATH: Duration = Duration::from_secs(45);

/// A fault and when it is active.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scripted {
    pub(crate) fault: Effect,
    pub(crate) begin: Duration,
    pub(crate) end: Duration,
}

/// What makes an incident more than its faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Circumstance {
    /// One fault.
    Alone,
    /// Two or three faults at once.
    Together,
    /// One heals while another begins.
    Handover,
    /// The agents are replaced one after the other.
    Rollout,
    /// The server restarts.
    ServerRestart,
    /// The server was not there when the fault began.
    ServerLate,
    /// Agents or the server stop for a while.
    Pause,
    /// Tokens are refused for a while.
    Tokens,
    /// Nodes join and leave.
    JoinsAndLeaves,
    /// A judgement takes up to three seconds.
    SlowJudge,
    /// Nothing is broken.
    Nothing,
    /// A zone of 100 or 250 nodes dies, and three nodes are left. Only on demand: one costs as much as a thousand others.
    LargeZone,
}

impl Circumstance {
    pub(crate) const ALL: [Self; 12] = [
        Self::Alone,
        Self::Together,
        Self::Handover,
        Self::Rollout,
        Self::ServerRestart,
        Self::ServerLate,
        Self::Pause,
        Self::Tokens,
        Self::JoinsAndLeaves,
        Self::SlowJudge,
        Self::Nothing,
        Self::LargeZone,
    ];

    /// The circumstance with this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// Its name on the command line and in figures.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Alone => "alone",
            Self::Together => "together",
            Self::Handover => "handover",
            Self::Rollout => "rollout",
            Self::ServerRestart => "server-restart",
            Self::ServerLate => "server-late",
            Self::Pause => "pause",
            Self::Tokens => "tokens",
            Self::JoinsAndLeaves => "joins-and-leaves",
            Self::SlowJudge => "slow-judge",
            Self::Nothing => "nothing",
            Self::LargeZone => "large-zone",
        }
    }
}

/// One incident.
#[derive(Debug, Clone)]
pub(crate) struct Incident {
    pub(crate) seed: u64,
    pub(crate) circumstance: Circumstance,
    pub(crate) mesh: Arc<Mesh>,
    pub(crate) loss: f64,
    /// The server's wall clock is off by so many seconds.
    pub(crate) server_skew_s: i64,
    pub(crate) script: Vec<Scripted>,
    pub(crate) end: Duration,
}

/// What the command line fixes of what is drawn.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wish {
    pub(crate) circumstance: Option<Circumstance>,
    /// Share of packets that are lost, each way; drawn when absent.
    pub(crate) loss: Option<f64>,
    /// Nodes of the mesh; drawn when absent.
    pub(crate) nodes: Option<usize>,
}

impl Incident {
    /// The incident of a seed.
    pub(crate) fn draw(seed: u64, wish: Wish) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let circumstance = draw::circumstance(&mut random);
        let circumstance = wish.circumstance.unwrap_or(circumstance);
        let mesh = if circumstance == Circumstance::LargeZone {
            draw::large_mesh(&mut random)
        } else {
            draw::mesh(&mut random, wish.nodes)
        };
        let drawn_loss = if random.random_bool(0.2) { 0.01 } else { 0.0 };
        let loss = wish.loss.unwrap_or(drawn_loss);
        let server_skew_s = if random.random_bool(0.1) { random.random_range(-3_600..=3_600) } else { 0 };
        let script = draw::script(circumstance, &mesh, &mut random);
        let last = script.iter().map(|scripted| scripted.end).max().unwrap_or(CALM);
        let end = last.max(CALM) + AFTERMATH;
        Self { seed, circumstance, mesh: Arc::new(mesh), loss, server_skew_s, script, end }
    }

    /// The moments at which the active faults change, in order.
    pub(crate) fn changes(&self) -> Vec<Duration> {
        let edges = self.script.iter().flat_map(|scripted| [scripted.begin, scripted.end]);
        let mut changes: Vec<Duration> = edges.chain([Duration::ZERO]).filter(|at| *at <= self.end).collect();
        changes.sort_unstable();
        changes.dedup();
        changes
    }

    /// What is the case at a moment.
    pub(crate) fn truth(&self, at: Duration) -> Truth {
        let active = self.script.iter().filter(|scripted| scripted.begin <= at && at < scripted.end);
        Truth::of(&self.mesh, active.map(|scripted| scripted.fault.clone()).collect())
    }

    /// Returns true when a new pod of this node has another address than the one before.
    pub(crate) fn renews_pod(&self, node: usize) -> bool {
        mix(self.seed ^ mix(node as u64)) & 1 == 0
    }
}
