//! The lifetime of findings: opened once, updated, resolved once.

use std::collections::{BTreeMap, VecDeque};

use meshvane_shared::wire::findings::{
    EvidenceBody, FindingBody, FindingKind, FindingState, ObserversBody, Scope, Severity, Subject,
};
use meshvane_shared::wire::outcome::CauseWord;

use super::diagnose::{Diagnosis, Evidence, Finding, FindingKey};
use super::time::Now;

/// Resolved findings that are kept, the newest: a day of a cluster with a fault each minute and a half.
pub const RESOLVED_KEPT: usize = 1_000;

/// The findings.
#[derive(Debug, Default)]
pub struct Ledger {
    open: BTreeMap<FindingKey, Opened>,
    resolved: VecDeque<Resolved>,
}

#[derive(Debug)]
struct Opened {
    finding: Finding,
    /// Which opening of this key it is, from 1.
    opening: u32,
}

#[derive(Debug)]
struct Resolved {
    key: FindingKey,
    opening: u32,
    body: FindingBody,
}

/// A finding that opened or resolved just now; both are logged once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edge {
    /// It was not there before.
    Opened(FindingBody),
    /// It is over.
    Resolved(FindingBody),
}

impl Ledger {
    /// Takes a judgement. A finding that it does not repeat is resolved, unless one of its nodes is held.
    pub fn settle(&mut self, diagnosis: Diagnosis, now: Now) -> Vec<Edge> {
        let Diagnosis { findings, held, held_kinds } = diagnosis;
        let mut current: BTreeMap<FindingKey, Finding> =
            findings.into_iter().map(|finding| (finding.key.clone(), finding)).collect();
        let mut edges = Vec::new();
        for (key, mut opened) in std::mem::take(&mut self.open) {
            if let Some(repeated) = current.remove(&key) {
                // A failure does not become younger when an observer forgets, or by being measured again.
                let since = opened.finding.since.min(repeated.since);
                opened.finding = Finding { since, ..repeated };
                self.open.insert(key, opened);
            } else if held_kinds.contains(&key.kind)
                || key.nodes().into_iter().any(|node| held.contains(node))
            {
                self.open.insert(key, opened);
            } else {
                edges.push(Edge::Resolved(self.resolve(key, &opened, now)));
            }
        }
        for (key, finding) in current {
            let opening = 1 + self
                .resolved
                .iter()
                .filter(|past| past.key == key)
                .map(|past| past.opening)
                .max()
                .unwrap_or(0);
            let opened = Opened { finding, opening };
            edges.push(Edge::Opened(opened.body(now)));
            self.open.insert(key, opened);
        }
        edges
    }

    fn resolve(&mut self, key: FindingKey, opened: &Opened, now: Now) -> FindingBody {
        let body = FindingBody { state: FindingState::Resolved, until: Some(now.wall), ..opened.body(now) };
        self.resolved.push_back(Resolved { key, opening: opened.opening, body: body.clone() });
        if self.resolved.len() > RESOLVED_KEPT {
            self.resolved.pop_front();
        }
        body
    }

    /// The findings that hold, the loudest and then the oldest first.
    pub fn open(&self, now: Now) -> Vec<FindingBody> {
        let mut opened: Vec<&Opened> = self.open.values().collect();
        opened.sort_by_key(|opened| (opened.finding.severity, opened.finding.since));
        opened.into_iter().map(|opened| opened.body(now)).collect()
    }

    /// Kind and severity of each finding that holds.
    pub fn open_kinds(&self) -> impl Iterator<Item = (FindingKind, Severity)> + '_ {
        self.open.iter().map(|(key, opened)| (key.kind, opened.finding.severity))
    }

    /// The findings that are over, the newest first.
    pub fn resolved(&self) -> Vec<FindingBody> {
        self.resolved.iter().rev().map(|resolved| resolved.body.clone()).collect()
    }
}

impl Opened {
    fn body(&self, now: Now) -> FindingBody {
        let Finding { key, severity, observers, since, context, sentence, evidence } = &self.finding;
        FindingBody {
            id: id_of(key, self.opening),
            kind: key.kind,
            state: FindingState::Open,
            severity: *severity,
            subject: key.subject.clone(),
            plane: key.plane,
            check: key.check,
            direction: key.direction,
            family: key.family,
            port: key.port,
            observers: observers.map(|observers| ObserversBody {
                saw: count(observers.saw),
                of: count(observers.of),
                zones: count(observers.zones),
            }),
            since: now.wall_of(*since),
            until: None,
            context: context.clone(),
            message: sentence.render(&now, *since),
            evidence: evidence.iter().map(|evidence| evidence_body(evidence, now)).collect(),
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn evidence_body(evidence: &Evidence, now: Now) -> EvidenceBody {
    EvidenceBody {
        from: evidence.from.clone(),
        to: evidence.to.clone(),
        plane: evidence.plane,
        check: evidence.check,
        family: evidence.family,
        cause: evidence.cause.map(CauseWord::from),
        age_ms: u64::try_from(now.moment.since(evidence.measured).as_millis()).unwrap_or(u64::MAX),
    }
}

/// `plane_cut/node-3/pod`; from the second opening on with its number, `plane_cut/node-3/pod#2`.
fn id_of(key: &FindingKey, opening: u32) -> String {
    let mut parts = vec![key.kind.as_str().to_owned(), subject_text(&key.subject)];
    parts.extend(key.plane.map(|plane| plane.to_string()));
    parts.extend(key.check.map(|check| check.to_string()));
    parts.extend(key.direction.map(|direction| format!("{direction:?}").to_lowercase()));
    parts.extend(key.family.map(|family| family.to_string()));
    parts.extend(key.port.map(|port| port.to_string()));
    let id = parts.join("/");
    if opening > 1 { format!("{id}#{opening}") } else { id }
}

fn subject_text(subject: &Subject) -> String {
    match subject {
        Subject::Node { node } => node.to_string(),
        Subject::Pair { from, to } => format!("{from}>{to}"),
        Subject::Groups { groups, .. } => {
            let group = |names: &Vec<_>| names.iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
            groups.iter().map(group).collect::<Vec<_>>().join("|")
        }
        Subject::Name { name } => name.clone(),
        Subject::Scope { scope: Scope::Server } => "server".to_owned(),
        Subject::Scope { scope: Scope::All } => "all".to_owned(),
    }
}

#[cfg(test)]
mod tests;
