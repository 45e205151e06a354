//! What Kubernetes adds to findings: the context of their nodes, a lower severity where somebody is about to take a node
//! away, and findings of Nodes without an agent.

use std::net::IpAddr;

use meshvane_shared::name::NodeName;
use meshvane_shared::wire::findings::{FindingKind, Severity, Subject};

use super::{Cluster, Context, Contexts, words};
use crate::mesh::diagnose::{Diagnosis, Finding, FindingKey, Sentence};
use crate::mesh::snapshot::Snapshot;

/// Adds what Kubernetes says to a judgement. Nothing that was found is taken away.
pub fn add_context(diagnosis: &mut Diagnosis, snapshot: &Snapshot, cluster: &mut Cluster) {
    let coverage = cluster.coverage(snapshot.now, |node| snapshot.place(node).is_some());
    diagnosis.findings.extend(coverage.uncovered.into_iter().map(|node| uncovered(node, snapshot)));
    let now = snapshot.now.moment;
    let contexts = cluster.contexts(now);
    for finding in &mut diagnosis.findings {
        say(finding, &contexts);
        say_refused(finding, |node| cluster.refused.from(node, now));
    }
}

/// What is said of a Node without an agent.
pub(in crate::mesh) fn sentence(node: &NodeName) -> Sentence {
    Sentence::new(format!("{node} has no agent: look at the pods of the agents' DaemonSet there"))
}

/// Says of a node without an agent, or with a silent one, that its agent is refused.
fn say_refused(finding: &mut Finding, from: impl Fn(&NodeName) -> Option<IpAddr>) {
    let Subject::Node { node } = &finding.key.subject else { return };
    let Some(from) = from(node) else { return };
    if !matches!(finding.key.kind, FindingKind::Uncovered | FindingKind::AgentDown) {
        return;
    }
    let head = format!("the agent on {node} is refused");
    let tail = format!(
        "; it runs, but its requests come from {from}, which is no address of its pod: exclude the way from the agents to the \
         server from masquerade, other address translation and proxies, or give the server a certificate"
    );
    finding.sentence = Sentence::around(head, tail);
}

fn uncovered(node: NodeName, snapshot: &Snapshot) -> Finding {
    let sentence = sentence(&node);
    Finding {
        key: FindingKey::new(FindingKind::Uncovered, Subject::Node { node }),
        severity: Severity::Warning,
        observers: None,
        since: snapshot.now.moment,
        context: Vec::new(),
        sentence,
        evidence: Vec::new(),
    }
}

/// Puts the context of its nodes to a finding, each word once.
fn say(finding: &mut Finding, contexts: &Contexts) {
    let of = |node: &NodeName| contexts.get(node).map(Vec::as_slice).unwrap_or_default();
    let mut all: Vec<Context> =
        finding.key.nodes().into_iter().flat_map(|node| of(node).iter().copied()).collect();
    all.sort_unstable();
    all.dedup();
    finding.context = words(&all);
    let goes = |node: &NodeName| of(node).iter().any(|context| context.lowers());
    let intended = match &finding.key.subject {
        Subject::Node { node } => goes(node),
        Subject::Pair { from, to } => goes(from) || goes(to),
        // A group that goes away as a whole explains why others do not reach it.
        Subject::Groups { groups, .. } => {
            groups.iter().any(|group| !group.is_empty() && group.iter().all(goes))
        }
        Subject::Name { .. } | Subject::Scope { .. } => false,
    };
    if intended {
        finding.severity = Severity::Info;
    }
}

#[cfg(test)]
mod tests {
    use meshvane_shared::wire::findings::FindingState;

    use super::*;
    use crate::mesh::context::Node;
    use crate::mesh::ledger::{Edge, Ledger};
    use crate::mesh::picture;
    use crate::mesh::time::{Moment, Now};

    fn name(text: &str) -> NodeName {
        NodeName::parse(text).unwrap()
    }

    fn cluster(nodes: &[(&str, bool)]) -> Cluster {
        let mut cluster = Cluster::default();
        cluster.nodes.list_began();
        for (node, cordoned) in nodes {
            let node = Node {
                name: name(node),
                zone: None,
                created: chrono::DateTime::UNIX_EPOCH,
                selected: true,
                deleting: false,
                cordoned: *cordoned,
                not_ready: true,
                terminating: false,
            };
            cluster.nodes.listed(node.name.as_str().into(), node);
        }
        cluster.nodes.list_ended();
        cluster
    }

    fn down(subject: Subject) -> Diagnosis {
        let finding = Finding {
            key: FindingKey::new(FindingKind::NodeDown, subject),
            severity: Severity::Critical,
            ..uncovered(name("x"), &empty(0))
        };
        Diagnosis { findings: vec![finding], ..Diagnosis::default() }
    }

    /// A snapshot without members.
    fn empty(seconds: i64) -> Snapshot {
        let now = Now {
            moment: Moment::from_millis(seconds * 1000),
            wall: chrono::DateTime::UNIX_EPOCH + chrono::TimeDelta::days(1),
        };
        Snapshot { now, nodes: Vec::new(), ..picture::snapshot("") }
    }

    #[test]
    fn a_cordoned_node_lowers_a_finding_and_one_that_is_not_ready_does_not() {
        let node = |text: &str| Subject::Node { node: name(text) };
        let pair = |from: &str, to: &str| Subject::Pair { from: name(from), to: name(to) };
        let groups = |groups: &[&[&str]]| Subject::Groups {
            groups: groups.iter().map(|group| group.iter().map(|text| name(text)).collect()).collect(),
            zones: Vec::new(),
        };
        let mut cluster = cluster(&[("a", false), ("b", true), ("c", true)]);
        for (subject, severity, context) in [
            (node("a"), Severity::Critical, &["not_ready"][..]),
            (node("b"), Severity::Info, &["cordoned", "not_ready"]),
            (node("unknown"), Severity::Critical, &[]),
            (pair("a", "b"), Severity::Info, &["cordoned", "not_ready"]),
            (groups(&[&["a"], &["b", "c"]]), Severity::Info, &["cordoned", "not_ready"]),
            (groups(&[&["a", "b"], &["c", "unknown"]]), Severity::Critical, &["cordoned", "not_ready"]),
            (Subject::Name { name: "dns".to_owned() }, Severity::Critical, &[]),
        ] {
            let mut diagnosis = down(subject.clone());
            add_context(&mut diagnosis, &empty(0), &mut cluster);
            let [finding] = &diagnosis.findings[..] else { panic!("{:?}", diagnosis.findings) };
            assert_eq!(
                (finding.severity, &finding.context[..]),
                (severity, &*words_of(context)),
                "{subject:?}"
            );
        }
    }

    fn words_of(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn a_node_whose_agent_comes_from_another_address_says_so_while_it_tries() {
        let mut cluster = cluster(&[("a", false)]);
        let from = "10.0.0.9".parse().unwrap();
        let mut messages = |seconds: i64, kind: FindingKind| {
            let mut diagnosis = Diagnosis::default();
            if kind != FindingKind::Uncovered {
                diagnosis = down(Subject::Node { node: name("a") });
                diagnosis.findings[0].key.kind = kind;
            }
            cluster.refused.note(&name("a"), from, Moment::from_millis(130_000));
            add_context(&mut diagnosis, &empty(seconds), &mut cluster);
            diagnosis.findings[0].sentence.render(&empty(seconds).now, Moment::from_millis(130_000))
        };
        for kind in [FindingKind::Uncovered, FindingKind::AgentDown] {
            let message = messages(131, kind);
            assert!(message.starts_with("the agent on a is refused, since "), "{message}");
            assert!(
                message.contains("its requests come from 10.0.0.9, which is no address of its pod"),
                "{message}"
            );
        }
        assert!(messages(161, FindingKind::Uncovered).starts_with("a has no agent"), "it tries no more");
        assert!(messages(131, FindingKind::NodeDown).starts_with("x has no agent"), "its own sentence");
    }

    #[test]
    fn a_node_without_an_agent_is_found_once_it_is_old_enough_and_until_it_has_one() {
        let mut cluster = cluster(&[("a", false)]);
        let mut ledger = Ledger::default();
        let mut judge = |snapshot: &Snapshot, cluster: &mut Cluster| {
            let mut diagnosis = Diagnosis::default();
            add_context(&mut diagnosis, snapshot, cluster);
            ledger.settle(diagnosis, snapshot.now)
        };
        assert!(judge(&empty(119), &mut cluster).is_empty());
        let opened = judge(&empty(120), &mut cluster);
        let [Edge::Opened(finding)] = &opened[..] else { panic!("{opened:?}") };
        assert_eq!((&*finding.id, finding.state), ("uncovered/a", FindingState::Open));
        assert!(finding.message.starts_with("a has no agent"), "{}", finding.message);
        assert!(judge(&empty(130), &mut cluster).is_empty(), "found again");
        cluster.nodes.deleted(&"a".into());
        let closed = judge(&empty(140), &mut cluster);
        assert!(matches!(&closed[..], [Edge::Resolved(_)]), "{closed:?}");
    }
}
