//! Lines of the log that outside parties can cause again and again: agents that come and go, findings that a row opens and
//! closes. They are limited by kind, and within it by member or finding; what was left out is counted, and the next line of
//! that kind says how many lines there were.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use meshvane_shared::name::NodeName;
use runtime::{LogLimit, LogRate};

use crate::mesh::ledger::Edge;
use crate::mesh::member::{Member, Timing};
use crate::mesh::time::Moment;
use crate::render::text;

/// Lines about members, of each kind: one member that starts again and again is seen twice in ten seconds, and a rollout of
/// a hundred agents is logged whole. At most 3 kB a second of each kind.
const OF_MEMBERS: LogRate = LogRate { period: Duration::from_secs(10), of_one: 2, in_all: 100 };
/// Lines about findings: one that opens and closes all the time is seen three times a minute either way, and an outage with
/// three hundred findings is logged whole. `GET /findings` has what is left out.
const OF_FINDINGS: LogRate = LogRate { period: Duration::from_mins(1), of_one: 6, in_all: 600 };

/// What is logged of members and findings.
#[derive(Debug)]
pub(super) struct Journal {
    // Std mutexes: held for a search among few keys, never across an await.
    heard: Mutex<LogLimit<NodeName>>,
    left: Mutex<LogLimit<NodeName>>,
    known: Mutex<LogLimit<NodeName>>,
    contradictions: Mutex<LogLimit<NodeName>>,
    contradictions_count: AtomicU64,
    findings: Mutex<LogLimit<String>>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            heard: Mutex::new(LogLimit::new(OF_MEMBERS)),
            left: Mutex::new(LogLimit::new(OF_MEMBERS)),
            known: Mutex::new(LogLimit::new(OF_MEMBERS)),
            contradictions: Mutex::new(LogLimit::new(OF_MEMBERS)),
            contradictions_count: AtomicU64::new(0),
            findings: Mutex::new(LogLimit::new(OF_FINDINGS)),
        }
    }
}

fn note<Key: Ord>(limit: &Mutex<LogLimit<Key>>, key: Key, now: Moment) -> Option<u64> {
    limit.lock().unwrap_or_else(PoisonError::into_inner).note(key, now.since(Moment::default()))
}

impl Journal {
    /// A heartbeat was taken.
    pub(super) fn heartbeat(&self, prior: Option<&Member>, member: &Member, timing: &Timing, now: Moment) {
        let node = &member.node;
        if prior.is_none_or(|prior| prior.boot_id() != member.boot_id() || prior.origin != member.origin)
            && let Some(unlogged) = note(&self.heard, node.clone(), now)
        {
            tracing::info!(%node, version = member.version, pod = member.pod, unlogged, "agent heard");
            for problem in member.problems(timing) {
                tracing::error!(%node, "{problem}");
            }
        }
        if member.left.is_some()
            && prior.is_none_or(|prior| prior.left.is_none())
            && let Some(unlogged) = note(&self.left, node.clone(), now)
        {
            tracing::info!(%node, unlogged, "agent said goodbye");
        }
    }

    /// Kubernetes says that a member's pod or Node is gone.
    pub(super) fn gone(&self, node: &NodeName, now: Moment) {
        if let Some(unlogged) = note(&self.left, node.clone(), now) {
            tracing::info!(%node, unlogged, "the agent's pod or Node is gone");
        }
    }

    /// A member was silent for so long that it is none any more.
    pub(super) fn forgotten(&self, node: &NodeName, now: Moment) {
        if let Some(unlogged) = note(&self.known, node.clone(), now) {
            tracing::info!(%node, unlogged, "member forgotten");
        }
    }

    /// Other agents know a member that was not heard since the start.
    pub(super) fn recalled(&self, node: &NodeName, now: Moment) {
        if let Some(unlogged) = note(&self.known, node.clone(), now) {
            tracing::info!(
                %node, unlogged,
                "member recalled: other agents have it in their plans and it was not heard yet"
            );
        }
    }

    /// Rounds since the start whose number contradicted the earlier ones of the same boot.
    pub(super) fn contradictions(&self) -> u64 {
        self.contradictions_count.load(Ordering::Relaxed)
    }

    /// A round's number contradicts the earlier ones of the same boot.
    pub(super) fn contradiction(&self, node: &NodeName, sequence: u64, now: Moment) {
        self.contradictions_count.fetch_add(1, Ordering::Relaxed);
        if let Some(unlogged) = note(&self.contradictions, node.clone(), now) {
            tracing::warn!(
                %node, sequence, unlogged,
                "a round's number contradicts the earlier ones of the same agent: another program may report as this node's agent"
            );
        }
    }

    /// A finding opened or is over.
    pub(super) fn edge(&self, edge: &Edge, now: Moment) {
        let (Edge::Opened(finding) | Edge::Resolved(finding)) = edge;
        // The number of its opening is no part of what a finding is about.
        let about = finding.id.split('#').next().unwrap_or_default().to_owned();
        let Some(unlogged) = note(&self.findings, about, now) else { return };
        let (id, line) = (&finding.id, text::finding(finding));
        match edge {
            Edge::Opened(_) => tracing::warn!(id, unlogged, "finding opened: {line}"),
            Edge::Resolved(_) => tracing::info!(id, unlogged, "finding resolved: {line}"),
        }
    }
}
