//! Which nodes the server knows in each state of an incident.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::truth::Truth;

/// An agent is heard within this after its node or pod is there.
const HEARD_WITHIN: Duration = Duration::from_secs(4);

/// What the server knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Members {
    /// By node: it is a member.
    pub(crate) known: Vec<bool>,
    /// Nodes of which the server may or may not know, or may not know that they left.
    pub(crate) ghosts: BTreeSet<usize>,
}

impl Members {
    pub(super) fn none(nodes: usize) -> Self {
        Self { known: vec![false; nodes], ghosts: BTreeSet::new() }
    }

    /// What either knows.
    pub(super) fn with(mut self, other: &Self) -> Self {
        for (known, more) in self.known.iter_mut().zip(&other.known) {
            *known |= more;
        }
        self.ghosts.extend(&other.ghosts);
        self
    }
}

/// What the server knows in a state that lasts so long, from the truth and the knowledge of the one before it.
pub(super) fn follow(before: Option<(&Truth, &Members)>, truth: &Truth, lasts: Duration) -> Members {
    let nodes = truth.mesh.nodes();
    let Some((before, members)) = before else {
        let known = (0..nodes).map(|node| truth.has_server() && truth.is_heard(node)).collect();
        return Members { known, ghosts: BTreeSet::new() };
    };
    let mut members = members.clone();
    let server_starts = truth.has_server() && !before.has_server();
    let stays: Vec<usize> =
        (0..nodes).filter(|node| truth.is_heard(*node) && before.has_agent(*node)).collect();
    for node in 0..nodes {
        let heard = truth.has_server() && truth.is_heard(node);
        if heard {
            let was = before.has_server() && before.is_heard(node);
            // Where it comes back for a moment only, the server may or may not hear of it.
            if was || lasts >= HEARD_WITHIN {
                members.known[node] = true;
                members.ghosts.remove(&node);
            } else if !members.known[node] {
                members.ghosts.insert(node);
            }
            continue;
        }
        if before.has_pod(node) && !truth.has_pod(node) && truth.is_on(node) {
            let goodbye = before.is_heard(node) && truth.reaches_server(node) && truth.server_runs();
            if goodbye && before.has_server() {
                members.known[node] = false;
            } else if members.known[node] {
                members.ghosts.insert(node);
            }
        }
        // A server that starts learns of silent nodes from two agents that knew them before, or from all.
        let all_stay =
            !stays.is_empty() && (0..nodes).filter(|node| truth.is_heard(*node)).count() == stays.len();
        if server_starts && members.known[node] && stays.len() < 2 && !all_stay {
            members.known[node] = false;
            members.ghosts.insert(node);
        }
    }
    members
}
