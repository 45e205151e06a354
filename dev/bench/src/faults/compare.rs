//! Holds what was found against what was expected. Pure.

use std::collections::BTreeSet;

use meshvane_server::mesh::diagnose::{Diagnosis, FindingKey};
use meshvane_shared::name::NodeName;
use meshvane_shared::wire::findings::{Direction, FindingKind, Subject};

use crate::model;

/// Letters of a list of findings that are shown: those of a dozen large groups.
const SHOWN_MAX: usize = 2_000;

/// How a fault was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// As the design says, and nothing beside.
    Exact,
    /// Not at all.
    Missed,
    /// A node that has nothing to do with it was blamed.
    WrongOnHealthy,
    /// Something was said of the right nodes, but not that, or not that alone.
    Misnamed,
}

impl Verdict {
    pub(crate) fn is_exact(self) -> bool {
        self == Self::Exact
    }
}

/// Compares.
pub(crate) fn compare(expected: &[FindingKey], involved: &BTreeSet<usize>, diagnosis: &Diagnosis) -> Verdict {
    let found: BTreeSet<FindingKey> = diagnosis.findings.iter().map(|finding| plain(&finding.key)).collect();
    let wanted: BTreeSet<FindingKey> = expected.iter().map(plain).collect();
    if found == wanted {
        return Verdict::Exact;
    }
    if found.is_empty() {
        return Verdict::Missed;
    }
    let involved: BTreeSet<NodeName> = involved.iter().map(|node| model::name(*node)).collect();
    let blames_healthy = |key: &FindingKey| {
        let nodes = key.nodes();
        involved.is_empty() || !nodes.is_empty() && nodes.iter().all(|node| !involved.contains(*node))
    };
    let wrong = found.difference(&wanted).any(blames_healthy);
    if wrong { Verdict::WrongOnHealthy } else { Verdict::Misnamed }
}

/// The key without what the design leaves open: where a field does not belong to the kind, and the order of groups that are
/// cut from each other both ways.
fn plain(key: &FindingKey) -> FindingKey {
    let mut key = key.clone();
    key.direction = key.direction.filter(|direction| *direction != Direction::Both);
    let of_pairs = [FindingKind::PairCut, FindingKind::PairOneWay, FindingKind::IcmpFiltered];
    let of_port = [FindingKind::PortRefused, FindingKind::PortFiltered];
    if of_pairs.contains(&key.kind) || of_port.contains(&key.kind) {
        key.direction = None;
    }
    if of_port.contains(&key.kind) {
        key.plane = None;
    }
    if key.kind != FindingKind::NotMeasurable {
        key.check = None;
    }
    if let Subject::Groups { groups, zones } = &mut key.subject {
        if key.direction.is_none() {
            groups.sort();
        }
        zones.sort();
    }
    key
}

/// One line for each of: the fault, what was expected, what was found and what was held.
pub(crate) fn describe(seed: u64, what: &str, expected: &[FindingKey], diagnosis: &Diagnosis) -> String {
    let keys = |keys: Vec<&FindingKey>| {
        let texts: Vec<String> = keys.into_iter().map(ToString::to_string).collect();
        if texts.is_empty() { "nothing".to_owned() } else { shortened(&texts.join("; ")) }
    };
    let found = keys(diagnosis.findings.iter().map(|finding| &finding.key).collect());
    format!(
        "seed {seed}: {what}\n    expected {}\n    found {found}; held: {} nodes, kinds {:?}",
        keys(expected.iter().collect()),
        diagnosis.held.len(),
        diagnosis.held_kinds,
    )
}

/// The beginning of a text of which there may be a line for each of thousands of nodes.
fn shortened(text: &str) -> String {
    let end = text.char_indices().nth(SHOWN_MAX).map_or(text.len(), |(end, _)| end);
    if end < text.len() { format!("{}...", &text[..end]) } else { text.to_owned() }
}

#[cfg(test)]
mod tests;
