//! What the server's API said at one moment, and what can be read from it: cells at a glance, counts.

use std::fmt;

use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::outcome::Reason;
use meshvane_shared::wire::agents::{AgentsBody, MemberState};
use meshvane_shared::wire::findings::{FindingState, FindingsBody};
use meshvane_shared::wire::matrix::{CellWord, MatrixBody, MatrixCellBody};

/// The bodies of one poll.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Observation {
    /// The members.
    pub(crate) agents: AgentsBody,
    /// One for each plane and check.
    pub(crate) matrices: Vec<MatrixBody>,
    /// One for each check of services.
    pub(crate) services: Vec<MatrixBody>,
    /// Open and resolved findings.
    pub(crate) findings: FindingsBody,
}

/// What a full mesh has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Nodes.
    pub(crate) nodes: usize,
    /// Services that each of them checks.
    pub(crate) services: usize,
}

/// Who reaches a service, by name and by its port.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// The service.
    pub(crate) service: String,
    /// Nodes that reach it.
    pub(crate) reached: usize,
    /// Nodes that do not.
    pub(crate) unreached: Vec<String>,
    /// Nodes of which it is not known.
    pub(crate) unknown: Vec<String>,
}

/// What a cell of the table shows: the worst that the plane's checks saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Glance {
    /// From a node to itself.
    Itself,
    /// Nobody was asked to measure it.
    NotPlanned,
    /// Measured, and reached.
    Reached,
    /// The newest probe has no answer yet and a burst is asking.
    Suspect,
    /// Could not be measured.
    Unmeasured,
    /// No fresh data.
    Stale,
    /// Measured, and failed.
    Unreached,
}

impl Glance {
    /// Those that the legend explains, in its order.
    pub(crate) const LEGEND: [(Glance, &'static str); 6] = [
        (Glance::Reached, "reached"),
        (Glance::Suspect, "asking again"),
        (Glance::Unreached, "unreached"),
        (Glance::Unmeasured, "not measured"),
        (Glance::Stale, "stale"),
        (Glance::NotPlanned, "not planned"),
    ];

    /// A character of its own: colours only repeat what it says.
    pub(crate) fn symbol(self) -> char {
        match self {
            Glance::Itself => '.',
            Glance::NotPlanned => '-',
            Glance::Reached => '+',
            Glance::Suspect => '!',
            Glance::Unmeasured => '?',
            Glance::Stale => '~',
            Glance::Unreached => 'x',
        }
    }

    fn of(cell: &MatrixCellBody) -> Glance {
        match cell.outcome {
            CellWord::Reached if cell.suspect => Glance::Suspect,
            CellWord::Reached => Glance::Reached,
            CellWord::Unreached => Glance::Unreached,
            CellWord::Unmeasured => Glance::Unmeasured,
            CellWord::Stale => Glance::Stale,
            CellWord::NotPlanned => Glance::NotPlanned,
            CellWord::Itself => Glance::Itself,
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.reached + self.unreached.len() + self.unknown.len();
        write!(f, "{}: reached by {} of {all} nodes", self.service, self.reached)?;
        for (nodes, what) in [(&self.unreached, "unreached by"), (&self.unknown, "not known of")] {
            if !nodes.is_empty() {
                write!(f, ", {what} {}", nodes.join(" "))?;
            }
        }
        Ok(())
    }
}

/// How many cells show what, over all planes and checks. Cells of nodes to themselves are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Those that a full mesh of these nodes has.
    pub(crate) all: usize,
    /// Measured, and reached.
    pub(crate) reached: usize,
    /// Measured, and failed.
    pub(crate) unreached: usize,
    /// Could not be measured, because the kernel does not let us.
    pub(crate) not_permitted: usize,
    /// Could not be measured for another reason.
    pub(crate) unmeasured: usize,
    /// No fresh data.
    pub(crate) stale: usize,
    /// The middle one of the round-trip times, in microseconds.
    pub(crate) median_rtt_us: Option<u32>,
}

impl Tally {
    /// Whether every cell is measured, and reached, as far as the kernel lets us.
    pub(crate) fn is_full(&self) -> bool {
        self.reached > 0 && self.reached + self.not_permitted == self.all
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} cells reached", self.reached, self.all)?;
        let others = [
            (self.unreached, "unreached"),
            (self.not_permitted, "could not be measured (not permitted)"),
            (self.unmeasured, "not measured"),
            (self.stale, "stale"),
        ];
        for (count, what) in others.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, ", {count} {what}")?;
        }
        Ok(())
    }
}

impl Observation {
    /// The planes and checks of a mesh, in the order in which they are asked for.
    pub(crate) const ASKED: [(Plane, CheckKind); 4] = [
        (Plane::Host, CheckKind::Icmp),
        (Plane::Host, CheckKind::Tcp),
        (Plane::Pod, CheckKind::Icmp),
        (Plane::Pod, CheckKind::Tcp),
    ];

    /// The checks of services, in the order in which they are asked for.
    pub(crate) const ASKED_OF_SERVICES: [CheckKind; 2] = [CheckKind::Dns, CheckKind::Tcp];

    /// The members' names, `node-2` before `node-10`.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.agents.agents.iter().map(|agent| agent.node.to_string()).collect();
        names.sort_by_cached_key(|name| natural(name));
        names
    }

    /// The worst that the checks of this plane saw.
    pub(crate) fn glance(&self, plane: Plane, from: &str, to: &str) -> Glance {
        if from == to {
            return Glance::Itself;
        }
        worst(self.matrices.iter().filter(|matrix| matrix.plane == plane.into()), from, to)
    }

    /// Who reaches which service.
    pub(crate) fn reach(&self) -> Vec<Reach> {
        let names = self.names();
        let services = self.services.first().map(|matrix| matrix.to.as_slice()).unwrap_or_default();
        let reach = |service: &String| {
            let mut reach = Reach { service: service.clone(), ..Reach::default() };
            for name in &names {
                match worst(self.services.iter(), name, service) {
                    Glance::Reached | Glance::Suspect => reach.reached += 1,
                    Glance::Unreached => reach.unreached.push(name.clone()),
                    Glance::Itself | Glance::NotPlanned | Glance::Unmeasured | Glance::Stale => {
                        reach.unknown.push(name.clone());
                    }
                }
            }
            reach
        };
        services.iter().map(reach).collect()
    }

    /// Counts the cells of a mesh of this many nodes.
    pub(crate) fn tally(&self, nodes: usize) -> Tally {
        let all = nodes * nodes.saturating_sub(1) * Self::ASKED.len();
        let mut tally = Tally { all, ..Tally::default() };
        let mut rtts = Vec::new();
        for cell in self.matrices.iter().flat_map(|matrix| matrix.cells.iter().flatten()) {
            rtts.extend(cell.rtt_us);
            match cell.outcome {
                CellWord::Reached => tally.reached += 1,
                CellWord::Unreached => tally.unreached += 1,
                CellWord::Unmeasured if cell.reason == Some(Reason::NotPermitted) => tally.not_permitted += 1,
                CellWord::Unmeasured => tally.unmeasured += 1,
                CellWord::Stale => tally.stale += 1,
                CellWord::NotPlanned | CellWord::Itself => {}
            }
        }
        let middle = rtts.len() / 2;
        rtts.sort_unstable();
        tally.median_rtt_us = rtts.get(middle).copied();
        tally
    }

    /// Whether all these nodes are heard and every cell of their mesh is reached, as far as the kernel lets us
    /// measure, and every service by every node.
    pub(crate) fn is_full(&self, extent: Extent) -> bool {
        let Extent { nodes, services } = extent;
        let alive = self.agents.agents.iter().filter(|agent| agent.state == MemberState::Alive).count();
        let reach = self.reach();
        alive == nodes
            && self.agents.agents.len() == nodes
            && self.tally(nodes).is_full()
            && reach.len() == services
            && reach.iter().all(|reach| reach.reached == nodes)
    }

    /// Whether something other than an age differs.
    pub(crate) fn differs(&self, other: &Observation) -> bool {
        let members = |seen: &Observation| -> Vec<_> {
            seen.agents.agents.iter().map(|agent| (agent.node.clone(), agent.state)).collect()
        };
        let cells = |seen: &Observation| -> Vec<Glance> {
            let matrices = seen.matrices.iter().chain(&seen.services);
            matrices.flat_map(|matrix| matrix.cells.iter().flatten()).map(Glance::of).collect()
        };
        let findings = |seen: &Observation| -> Vec<(String, FindingState)> {
            seen.findings.findings.iter().map(|finding| (finding.id.clone(), finding.state)).collect()
        };
        members(self) != members(other) || cells(self) != cells(other) || findings(self) != findings(other)
    }
}

/// The worst that these matrices have of a cell.
fn worst<'a>(matrices: impl Iterator<Item = &'a MatrixBody>, from: &str, to: &str) -> Glance {
    let cells = matrices.filter_map(|matrix| cell(matrix, from, to));
    cells.map(Glance::of).max().unwrap_or(Glance::NotPlanned)
}

fn cell<'a>(matrix: &'a MatrixBody, from: &str, to: &str) -> Option<&'a MatrixCellBody> {
    let row = matrix.from.iter().position(|name| name == from)?;
    let column = matrix.to.iter().position(|name| name == to)?;
    matrix.cells.get(row)?.get(column)
}

/// Sorts by what stands before the last number, then by that number.
fn natural(name: &str) -> (String, u64) {
    let letters = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (letters.to_owned(), name[letters.len()..].parse().unwrap_or(0))
}

#[cfg(test)]
pub(crate) mod tests;
