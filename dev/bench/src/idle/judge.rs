//! Holds what was measured against what was promised. Pure.

use std::time::Duration;

use meshvane_shared::wire::matrix::CellWord;

use super::Look;
use super::cost::{Cost, Peak};
use crate::figures::{megabytes, millicores, table};
use crate::start::Findings;

/// An agent's memory: what the field's nearest relative takes is 20 MB.
const AGENT_RESIDENT_MAX_BYTES: u64 = 10_000_000;
/// An agent's processor time: half of what the field's nearest relative takes.
const AGENT_MILLICORES_MAX: f64 = 1.0;
/// The server's memory: two fifths of what the field's nearest relative takes.
const SERVER_RESIDENT_MAX_BYTES: u64 = 16_000_000;
/// The server's processor time: that of the field's nearest relative.
const SERVER_MILLICORES_MAX: f64 = 1.3;
/// The default interval: a round in each.
const ROUND_SECONDS: u64 = 5;

/// What a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The server.
    Server,
    /// The agent of this node.
    Agent(String),
    /// The baseline.
    Sleeper,
}

impl Kind {
    fn name(&self) -> String {
        match self {
            Self::Server => "server".to_owned(),
            Self::Agent(node) => format!("agent {node}"),
            Self::Sleeper => "sleeps only".to_owned(),
        }
    }

    /// Memory in bytes and processor time in thousandths of a core; the baseline promises nothing.
    fn promise(&self) -> Option<(u64, f64)> {
        match self {
            Self::Server => Some((SERVER_RESIDENT_MAX_BYTES, SERVER_MILLICORES_MAX)),
            Self::Agent(_) => Some((AGENT_RESIDENT_MAX_BYTES, AGENT_MILLICORES_MAX)),
            Self::Sleeper => None,
        }
    }
}

/// One process over the measured time.
#[derive(Clone, Debug)]
pub(super) struct Measured {
    pub(super) kind: Kind,
    pub(super) before: Cost,
    pub(super) after: Cost,
    pub(super) peak: Peak,
    pub(super) elapsed: Duration,
}

impl Measured {
    fn millicores(&self) -> f64 {
        millicores(self.after.cpu.saturating_sub(self.before.cpu), self.elapsed)
    }

    /// The most that was seen at any moment.
    fn resident_bytes(&self) -> u64 {
        self.peak.0.max(self.before.resident_bytes).max(self.after.resident_bytes)
    }
}

/// What shows that the mesh did its work meanwhile: costs of a mesh that stood still are none.
#[derive(Debug)]
pub(super) struct Proof {
    pub(super) before: Look,
    pub(super) after: Look,
    pub(super) nodes: usize,
    pub(super) seconds: u64,
}

impl Look {
    /// What is missing to a full mesh of so many nodes, as a sentence.
    pub(super) fn missing(&self, nodes: usize) -> Option<String> {
        for matrix in &self.matrices {
            let reached =
                matrix.cells.iter().flatten().filter(|cell| cell.outcome == CellWord::Reached).count();
            let wanted = nodes * (nodes - 1);
            if reached != wanted {
                let (plane, check) = (matrix.plane.as_str(), matrix.check);
                return Some(format!("{reached} of {wanted} cells are reached on {plane} by {check}"));
            }
        }
        None
    }
}

impl Proof {
    /// Why the figures are not those of an idle mesh that works, each a sentence.
    fn doubts(&self) -> Vec<String> {
        let mut doubts = Vec::new();
        doubts.extend(self.after.missing(self.nodes));
        for finding in &self.after.findings.findings {
            doubts.push(format!("the mesh was not idle: {}", finding.message));
        }
        for after in &self.after.agents.agents {
            let before = self.before.agents.agents.iter().find(|before| before.node == after.node);
            let rounds = after.rounds.saturating_sub(before.map_or(0, |before| before.rounds));
            let wanted = self.seconds / ROUND_SECONDS;
            if rounds < wanted {
                doubts.push(format!("{} delivered {rounds} rounds of {wanted} or more", after.node));
            }
        }
        if self.after.agents.agents.len() != self.nodes {
            doubts.push(format!("{} agents of {} are known", self.after.agents.agents.len(), self.nodes));
        }
        doubts
    }
}

/// Makes the figures and finds the promises that were not kept.
pub(super) fn judge(measured: &[Measured], proof: &Proof) -> Findings {
    let heading = ["", "resident MB", "promise", "Pss MB", "anon MB", "mCPU", "promise", "mCPU / sleeper's"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let mut broken = proof.doubts();
    let floor = measured.iter().find(|process| process.kind == Kind::Sleeper).map(Measured::millicores);
    for process in measured {
        let (resident, share) = (process.resident_bytes(), process.millicores());
        let name = process.kind.name();
        let promise = process.kind.promise();
        if let Some((resident_max, share_max)) = promise {
            if resident > resident_max {
                let (is, may) = (megabytes(resident), megabytes(resident_max));
                broken.push(format!("{name} has {is} MB resident, {may} are promised"));
            }
            if share > share_max {
                broken.push(format!("{name} takes {share:.3} mCPU, {share_max:.1} are promised"));
            }
        }
        let optional = |bytes: Option<u64>| bytes.map_or_else(|| "?".to_owned(), megabytes);
        rows.push(vec![
            name,
            megabytes(resident),
            promise.map_or_else(String::new, |(bytes, _)| megabytes(bytes)),
            optional(process.after.proportional_bytes),
            optional(process.after.anonymous_bytes),
            format!("{share:.3}"),
            promise.map_or_else(String::new, |(_, share)| format!("{share:.1}")),
            ratio(share, floor),
        ]);
    }
    Findings { text: table(&rows), broken }
}

/// A process that slept all the time took nothing, and nothing is a ratio to nothing.
fn ratio(share: f64, floor: Option<f64>) -> String {
    match floor {
        Some(floor) if floor > 0.0 => format!("{:.0}", share / floor),
        Some(_) | None => "-".to_owned(),
    }
}

#[cfg(test)]
mod tests;
