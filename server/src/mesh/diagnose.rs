//! Judging: from the matrix and the members to the smallest set of findings that explains it.
//!
//! The rules run in the order of [`FindingKind`]; what an earlier one explains is settled for the later ones, so one
//! culprit gives one finding. A rule that cannot decide yet (somebody has not looked since the failure began, a heartbeat
//! is not overdue yet) *holds* its node: nothing opens and nothing closes there until it can.

use std::collections::BTreeSet;

use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
pub use meshvane_shared::finding::FindingKey;
use meshvane_shared::name::NodeName;
use meshvane_shared::outcome::Cause;
use meshvane_shared::wire::findings::{FindingKind, Severity};

use super::observe::Observed;
use super::time::Moment;
use blind::Hearing;
use blocks::Block;
pub use message::Sentence;
use planes::Planes;
use survey::Survey;
use symptoms::Symptoms;
use triage::{Role, Triage};

mod agents;
mod bits;
mod blind;
mod blocks;
mod cuts;
mod filters;
mod groups;
mod message;
mod nodes;
mod planes;
mod services;
mod silences;
mod survey;
mod symptoms;
mod triage;
mod waiting;
mod witnesses;
mod working;

/// A judged statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it says, and of whom.
    pub key: FindingKey,
    /// How loud it is.
    pub severity: Severity,
    /// Who saw it, where somebody had to look.
    pub observers: Option<Observers>,
    /// When it began, as far as was measured.
    pub since: Moment,
    /// What Kubernetes says beside it.
    pub context: Vec<String>,
    /// The sentence a person reads.
    pub sentence: Sentence,
    /// Failing cells behind it.
    pub evidence: Vec<Evidence>,
}

/// Who saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observers {
    /// How many nodes saw it.
    pub saw: usize,
    /// How many looked.
    pub of: usize,
    /// In how many zones those that saw it are.
    pub zones: usize,
}

/// One failing cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Who looked.
    pub from: NodeName,
    /// At whom.
    pub to: String,
    /// On which plane.
    pub plane: Option<Plane>,
    /// By which check.
    pub check: CheckKind,
    /// In which family.
    pub family: Option<Family>,
    /// Why it failed, where it failed.
    pub cause: Option<Cause>,
    /// When it was measured.
    pub measured: Moment,
}

/// What judging gave.
#[derive(Debug, Default)]
pub struct Diagnosis {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Nodes about which nothing can be said yet: their findings stay as they are.
    pub held: BTreeSet<NodeName>,
    /// Kinds about which nothing can be said yet, whomever they are about: their findings stay as they are.
    pub held_kinds: BTreeSet<FindingKind>,
}

/// The state of one judgement, passed from rule to rule.
struct Case<'a> {
    observed: &'a Observed<'a>,
    /// The same, with the marks that there are in it.
    survey: Survey<'a>,
    /// The planes of nodes that somebody fails to reach.
    planes: Planes,
    /// Each node's part, and the failing pairs that are nobody's.
    triage: Triage,
    /// Those pairs as blocks.
    cuts: Vec<cuts::Cut>,
    /// Cells that fail although the address answers; looked for when the nodes and pairs are judged.
    symptoms: Symptoms,
    /// Whether the server hears.
    hearing: Hearing,
    /// Nodes that a finding accounts for.
    settled: BTreeSet<usize>,
    /// Nodes that a group finding names: what they fail to reach besides may lie behind the same cut.
    cut_off_from_some: BTreeSet<usize>,
    diagnosis: Diagnosis,
}

/// A rule looks at the case and adds what it finds.
type Rule = fn(&mut Case<'_>);

/// The rules there are, in judging order. A kind that is not here is never found yet.
const RULES: [(FindingKind, Rule); 17] = [
    (FindingKind::MonitorBlind, blind::monitor_blind),
    (FindingKind::GroupCut, groups::group_cut),
    (FindingKind::NodeDown, nodes::node_down),
    (FindingKind::NodeOneWay, nodes::node_one_way),
    (FindingKind::PlaneCut, nodes::plane_cut),
    (FindingKind::AgentReplaced, nodes::agent_replaced),
    (FindingKind::AgentDown, nodes::agent_down),
    (FindingKind::PairCut, groups::pair_cut),
    (FindingKind::PairOneWay, groups::pair_one_way),
    (FindingKind::FamilyCut, filters::family_cut),
    (FindingKind::IcmpFiltered, filters::icmp_filtered),
    (FindingKind::PortRefused, filters::port_refused),
    (FindingKind::PortFiltered, filters::port_filtered),
    (FindingKind::NameFailed, services::name_failed),
    (FindingKind::ServiceUnreachable, services::service_unreachable),
    (FindingKind::NotMeasurable, agents::not_measurable),
    (FindingKind::Stale, agents::stale),
];

/// Judges.
pub fn diagnose(observed: &Observed<'_>) -> Diagnosis {
    let survey = Survey::of(observed);
    let planes = planes::failing_planes(&survey);
    let triage = triage::triage(&survey, &planes);
    let cuts = cuts::cuts(&survey, &planes, &triage);
    let mut case = Case {
        observed,
        survey,
        planes,
        triage,
        cuts,
        symptoms: Symptoms::default(),
        hearing: Hearing::Fine,
        settled: BTreeSet::new(),
        cut_off_from_some: BTreeSet::new(),
        diagnosis: Diagnosis::default(),
    };
    case.hearing = blind::hearing(&case);
    let rules = match case.hearing {
        Hearing::Fine => &RULES[..],
        // Nothing else can be told while we do not hear, or do not know whether we do.
        Hearing::Blind { .. } | Hearing::Unclear => {
            case.hold_everything();
            &RULES[..1]
        }
    };
    for (_, rule) in rules {
        rule(&mut case);
    }
    case.diagnosis
}

impl Case<'_> {
    fn name(&self, node: usize) -> NodeName {
        self.observed.snapshot.nodes[node].member.node.clone()
    }

    fn add(&mut self, finding: Finding) {
        self.diagnosis.findings.push(finding);
    }

    fn hold(&mut self, node: usize) {
        let name = self.name(node);
        self.diagnosis.held.insert(name);
    }

    fn is_held(&self, node: usize) -> bool {
        self.diagnosis.held.contains(&self.observed.snapshot.nodes[node].member.node)
    }

    fn hold_everything(&mut self) {
        self.diagnosis.held_kinds.extend(FindingKind::ALL);
        if matches!(self.hearing, Hearing::Blind { .. }) {
            self.diagnosis.held_kinds.remove(&FindingKind::MonitorBlind);
        }
    }

    fn hold_all(&mut self, block: &Block) {
        for node in block.nodes() {
            self.hold(node);
        }
    }

    fn holds_any(&self, block: &Block) -> bool {
        block.nodes().any(|node| self.is_held(node))
    }

    fn with_role(&self, role: Role) -> Vec<usize> {
        let roles = self.triage.roles.iter().enumerate();
        roles.filter(|(_, known)| **known == role).map(|(node, _)| node).collect()
    }

    /// When a node's planes stopped answering.
    fn onset(&self, node: usize) -> Moment {
        self.planes.onset(node).unwrap_or(self.observed.snapshot.now.moment)
    }
}

#[cfg(test)]
mod tests;
