//! What is there at one moment, counted: for the metrics. No body is drawn for it, and each lock is held for as long as it
//! takes to copy references or to count a list.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use meshvane_shared::wire::agents::ViewState;
use meshvane_shared::wire::findings::{FindingKind, Severity};

use super::{Collector, lock, original_row};
use crate::mesh::planning::LeftOut;
use crate::mesh::snapshot::{NodeView, Snapshot};
use crate::mesh::time::Now;
use crate::mesh::totals::{self, Totals};
use crate::view::agents::view_state;

/// What is there at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Census {
    /// Members by state; a state without members is missing.
    pub members: BTreeMap<&'static str, u64>,
    /// The views of pods and of Nodes; `None` outside of Kubernetes.
    pub views: Option<[ViewState; 2]>,
    /// Nodes without an agent; `None` outside of Kubernetes.
    pub nodes_without_agent: Option<NodesWithoutAgent>,
    /// Whether the server judges, or still waits for the agents after its start.
    pub judging: bool,
    /// Findings that hold.
    pub findings: BTreeMap<(FindingKind, Severity), u64>,
    /// Cells of each plane and check.
    pub cells: Vec<Totals>,
    /// The generation of the plan.
    pub plan_generation: u64,
    /// Rounds since the start whose number contradicted the earlier ones of the same boot.
    pub contradictions: u64,
    /// What the plan leaves out.
    pub left_out: Arc<LeftOut>,
}

/// How many Nodes have no agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NodesWithoutAgent {
    /// They need one.
    pub uncovered: u64,
    /// They may still get one.
    pub awaited: u64,
    /// They need none.
    pub not_covered: u64,
}

impl Collector {
    /// Counts what is there. In a large mesh this takes a while: it is meant for a thread beside the one that serves.
    pub fn census(&self, now: Now) -> Census {
        let snapshot = self.snapshot_as_stored(now);
        let mut members = BTreeMap::new();
        for view in &snapshot.nodes {
            *members.entry(view.state.as_str()).or_default() += 1;
        }
        let (views, nodes_without_agent) = self.count_cluster(&snapshot).unzip();
        let mut findings = BTreeMap::new();
        for open in lock(&self.ledger).open_kinds() {
            *findings.entry(open).or_default() += 1;
        }
        let originals = self.store.originals();
        let row_of = |view: &NodeView| {
            view.row.clone().or_else(|| original_row(&originals, &view.member, &snapshot.plan, now))
        };
        Census {
            members,
            views,
            nodes_without_agent,
            judging: self.judging.load(Ordering::Relaxed),
            findings,
            cells: totals::count(&snapshot, row_of),
            plan_generation: snapshot.plan.version.generation,
            contradictions: self.journal.contradictions(),
            left_out: self.left_out(),
        }
    }

    fn count_cluster(&self, snapshot: &Snapshot) -> Option<([ViewState; 2], NodesWithoutAgent)> {
        self.cluster(|cluster| {
            let views = [view_state(cluster.pods.standing())?, view_state(cluster.nodes.standing())?];
            let coverage = cluster.coverage(snapshot.now, |node| snapshot.place(node).is_some());
            let without = NodesWithoutAgent {
                uncovered: coverage.uncovered.len() as u64,
                awaited: coverage.awaited.len() as u64,
                not_covered: coverage.not_covered.len() as u64,
            };
            Some((views, without))
        })
    }
}
