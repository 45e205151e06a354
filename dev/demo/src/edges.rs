//! From one observation to the next: findings that open and close, members that change.

use std::collections::BTreeMap;
use std::time::Duration;

use meshvane_shared::finding::FindingKey;
use meshvane_shared::name::NodeName;
use meshvane_shared::wire::agents::{AgentsBody, MemberState};
use meshvane_shared::wire::findings::{FindingBody, FindingKind, FindingState, FindingsBody, Severity};

/// Findings that are remembered, the newest: as many as the server keeps.
const RECORDS_MAX: usize = 1_000;

/// All that was seen of findings and members. Times are since the start of the program.
#[derive(Debug, Default)]
pub(crate) struct Chronicle {
    /// The findings, in the order in which they opened.
    pub(crate) records: Vec<Record>,
    members: BTreeMap<NodeName, MemberState>,
}

/// A finding's life as it was seen here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    /// The finding's own name.
    pub(crate) id: String,
    /// What was found, and where.
    pub(crate) key: FindingKey,
    /// How loud it is.
    pub(crate) severity: Severity,
    /// When it was first seen open.
    pub(crate) opened: Duration,
    /// When it was first seen closed.
    pub(crate) closed: Option<Duration>,
}

/// A change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Edge {
    /// A finding opened.
    Opened(FindingBody),
    /// A finding resolved.
    Resolved(FindingBody),
    /// A server that started anew does not know an open finding any more.
    Dropped(FindingKind, String),
    /// A member came, changed its state or left the list.
    Member { node: NodeName, before: Option<MemberState>, after: Option<MemberState> },
}

impl Chronicle {
    /// Takes the findings, open and resolved ones, as the server lists them.
    pub(crate) fn take_findings(&mut self, now: Duration, body: &FindingsBody) -> Vec<Edge> {
        let mut edges = Vec::new();
        // A server that does not judge yet may still come back to what it found before.
        if body.judging {
            for record in self.records.iter_mut().filter(|record| record.closed.is_none()) {
                if !body.findings.iter().any(|finding| finding.id == record.id) {
                    record.closed = Some(now);
                    edges.push(Edge::Dropped(record.key.kind, record.id.clone()));
                }
            }
        }
        for finding in &body.findings {
            let known = self.records.iter_mut().rev().find(|record| record.id == finding.id);
            match (finding.state, known) {
                (FindingState::Open, Some(Record { closed: None, .. }))
                | (FindingState::Resolved, Some(Record { closed: Some(_), .. })) => {}
                (FindingState::Resolved, Some(record)) => {
                    record.closed = Some(now);
                    edges.push(Edge::Resolved(finding.clone()));
                }
                (FindingState::Open, None | Some(_)) => {
                    self.records.push(Record::new(finding, now));
                    edges.push(Edge::Opened(finding.clone()));
                }
                // It lived between two polls.
                (FindingState::Resolved, None) => {
                    self.records.push(Record { closed: Some(now), ..Record::new(finding, now) });
                    edges.extend([Edge::Opened(finding.clone()), Edge::Resolved(finding.clone())]);
                }
            }
        }
        let surplus = self.records.len().saturating_sub(RECORDS_MAX);
        self.records.drain(..surplus);
        edges
    }

    /// Takes the members.
    pub(crate) fn take_members(&mut self, body: &AgentsBody) -> Vec<Edge> {
        let after: BTreeMap<_, _> =
            body.agents.iter().map(|agent| (agent.node.clone(), agent.state)).collect();
        let before = std::mem::replace(&mut self.members, after);
        let mut nodes: Vec<&NodeName> = before.keys().chain(self.members.keys()).collect();
        nodes.sort();
        nodes.dedup();
        let changes = nodes.into_iter().map(|node| (node, before.get(node), self.members.get(node)));
        changes
            .filter(|(_, before, after)| before != after)
            .map(|(node, before, after)| Edge::Member {
                node: node.clone(),
                before: before.copied(),
                after: after.copied(),
            })
            .collect()
    }
}

impl Record {
    /// One that was first seen open at this time.
    pub(crate) fn new(finding: &FindingBody, opened: Duration) -> Self {
        Record {
            id: finding.id.clone(),
            key: FindingKey::from(finding),
            severity: finding.severity,
            opened,
            closed: None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
