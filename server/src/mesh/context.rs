//! What Kubernetes says beside the agents: their pods and the cluster's Nodes, as they were last seen.
//!
//! ```text
//!   watch of pods  ──> View<AgentPod> ─┬─> who may write from which address (auth)
//!                                      ├─> departed members, context `rolling_out`
//!   watch of Nodes ──> View<Node> ─────┴─> zones, context, Nodes without an agent
//! ```
//! Nothing of it closes or hides a finding but the end of a pod or of a Node: a Node that is not ready is what a broken
//! network looks like from the control plane.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use meshvane_shared::name::{NodeName, Zone};

use super::member::Member;
use super::time::{Moment, Now};

pub(in crate::mesh) mod findings;
mod refused;
mod selector;
mod tolerations;
mod view;

pub use findings::add_context;
pub use refused::{OTHER_ADDRESS, RefusedAgents};
pub use selector::Selector;
pub use tolerations::{Taint, Tolerations};
pub use view::{Standing, View};

/// A view of Nodes is used for so long after the API server was last heard: an outage of the control plane that lasts
/// longer is one in which Nodes may have come and gone.
pub const NODES_KEPT: Duration = Duration::from_hours(1);
/// A Node that is younger than this may lack an agent: its pod is being scheduled, pulled and started.
pub const NODE_YOUNG: Duration = Duration::from_mins(2);

/// A member that is known for so long and whose Node is not: the Node was deleted. A watch is behind by less.
const KNOWN_BEFORE: Duration = Duration::from_secs(10);

/// Members are compared with what Kubernetes says at least this often.
const FOLLOWED_EVERY: Duration = Duration::from_secs(5);

/// What tells one object of Kubernetes from all others of its kind: the uid of a pod, which is never used twice, and the name
/// of a Node, for a Node that was made anew is the same place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uid(pub Box<str>);

impl From<&str> for Uid {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// An agent's pod, as the API server has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentPod {
    /// Its name.
    pub name: Box<str>,
    /// Where it runs.
    pub node: NodeName,
    /// Its addresses, canonical; none until it has one.
    pub addresses: Vec<IpAddr>,
    /// Those of its node.
    pub host_addresses: Vec<IpAddr>,
    /// It is being deleted, or not running yet.
    pub changing: bool,
}

/// A Node, reduced to what we use of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own about a Node; they exclude nothing"
)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// Its zone, by the label.
    pub zone: Option<Zone>,
    /// When it was created, by the API server's clock.
    pub created: DateTime<Utc>,
    /// It should have an agent.
    pub selected: bool,
    /// It is being deleted.
    pub deleting: bool,
    /// No new pod is put there.
    pub cordoned: bool,
    /// Its kubelet is not ready, or not heard.
    pub not_ready: bool,
    /// It carries a taint of an autoscaler that takes it away.
    pub terminating: bool,
}

/// What Kubernetes says about a member's node; shown beside it and beside findings about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Context {
    /// No new pod is put there: somebody is about to work on it.
    Cordoned,
    /// Its kubelet is not ready, or not heard.
    NotReady,
    /// It is being taken away.
    Terminating,
    /// Its agent's pod is being replaced.
    RollingOut,
}

impl Context {
    /// The word as it stands in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cordoned => "cordoned",
            Self::NotReady => "not_ready",
            Self::Terminating => "terminating",
            Self::RollingOut => "rolling_out",
        }
    }

    /// Tells whether a failure there is somebody's intention, so that a finding about it is worth knowing and no more.
    pub fn lowers(self) -> bool {
        match self {
            Self::Cordoned | Self::Terminating => true,
            Self::NotReady | Self::RollingOut => false,
        }
    }
}

/// The words as they stand in the API.
pub fn words(contexts: &[Context]) -> Vec<String> {
    contexts.iter().map(|context| context.as_str().to_owned()).collect()
}

/// Which Nodes have no agent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Coverage {
    /// They should have one.
    pub uncovered: Vec<NodeName>,
    /// They should have one, and are too young for that to mean anything.
    pub awaited: Vec<NodeName>,
    /// They need none.
    pub not_covered: Vec<NodeName>,
}

/// The context of every node that has one.
pub type Contexts = BTreeMap<NodeName, Vec<Context>>;

/// What is known of the cluster.
#[derive(Debug, Default)]
pub struct Cluster {
    /// The agents' pods.
    pub pods: View<AgentPod>,
    /// The Nodes.
    pub nodes: View<Node>,
    /// The agents that are refused though their tokens are confirmed.
    pub refused: RefusedAgents,
    contexts: Option<(Drawn, Arc<Contexts>)>,
    followed: Option<(Drawn, Moment)>,
}

/// What contexts were drawn from: the versions of both views, and whether Nodes counted.
type Drawn = (u64, u64, bool);

impl Cluster {
    /// Tells whether the view of Nodes still counts.
    pub fn nodes_count(&self, now: Moment) -> bool {
        match self.nodes.standing() {
            Standing::Unasked | Standing::Unknown | Standing::Forbidden => false,
            Standing::Live => true,
            Standing::Old { since } => now.since(since) < NODES_KEPT,
        }
    }

    fn drawn(&self, now: Moment) -> Drawn {
        (self.pods.version(), self.nodes.version(), self.nodes_count(now))
    }

    /// Tells whether members should be compared with what is known: when it changed, and now and then, for some of it is a
    /// matter of age. Never outside of Kubernetes.
    pub fn is_due(&mut self, now: Moment) -> bool {
        if self.pods.standing() == Standing::Unasked {
            return false;
        }
        let drawn = self.drawn(now);
        if self.followed.is_some_and(|(of, at)| of == drawn && now.since(at) < FOLLOWED_EVERY) {
            return false;
        }
        self.followed = Some((drawn, now));
        true
    }

    /// The context of every node that has one. Drawn again only when something changed.
    pub fn contexts(&mut self, now: Moment) -> Arc<Contexts> {
        let drawn = self.drawn(now);
        if let Some((of, contexts)) = &self.contexts
            && *of == drawn
        {
            return contexts.clone();
        }
        let mut contexts = Contexts::new();
        for node in self.nodes.all().filter(|_| drawn.2) {
            let words = [
                (node.cordoned, Context::Cordoned),
                (node.not_ready, Context::NotReady),
                (node.terminating || node.deleting, Context::Terminating),
            ];
            let words: Vec<Context> =
                words.into_iter().filter_map(|(holds, word)| holds.then_some(word)).collect();
            if !words.is_empty() {
                contexts.insert(node.name.clone(), words);
            }
        }
        for pod in self.pods.all().filter(|pod| pod.changing) {
            let words = contexts.entry(pod.node.clone()).or_default();
            if !words.contains(&Context::RollingOut) {
                words.push(Context::RollingOut);
            }
        }
        let contexts = Arc::new(contexts);
        self.contexts = Some((drawn, contexts.clone()));
        contexts
    }

    fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.get(&Uid::from(name.as_str()))
    }

    /// The zone of one Node, while the view counts.
    pub fn zone(&self, node: &NodeName, now: Moment) -> Option<Zone> {
        self.node(node).filter(|_| self.nodes_count(now))?.zone.clone()
    }

    /// The Nodes that have no agent, in order; those that go away need none. Young is a Node, and our own start as well: the
    /// agents need a while to come back.
    pub fn coverage(&self, now: Now, has_agent: impl Fn(&NodeName) -> bool) -> Coverage {
        let mut coverage = Coverage::default();
        let counts = self.nodes_count(now.moment);
        let has_begun = now.moment.since(Moment::default()) >= NODE_YOUNG;
        for node in self.nodes.all().filter(|node| counts && !node.deleting && !has_agent(&node.name)) {
            let age = now.wall.signed_duration_since(node.created).to_std().unwrap_or_default();
            let list = match (node.selected, has_begun && age >= NODE_YOUNG) {
                (true, true) => &mut coverage.uncovered,
                (true, false) => &mut coverage.awaited,
                (false, _) => &mut coverage.not_covered,
            };
            list.push(node.name.clone());
        }
        for list in [&mut coverage.uncovered, &mut coverage.awaited, &mut coverage.not_covered] {
            list.sort_unstable();
        }
        coverage
    }

    /// Tells whether a member's pod was deleted, or its Node is being or was deleted. An old view shows nothing of it.
    ///
    /// A pod that is only being deleted says nothing: that of a dead node stays so for as long as the node is dead.
    pub fn has_left(&self, member: &Member, now: Moment) -> bool {
        let is_pod = |pod: &AgentPod| pod.node == member.node && member.pod.as_deref() == Some(&*pod.name);
        let pod_ended = self.pods.standing() == Standing::Live
            && self.pods.gone().any(|(_, pod)| is_pod(pod))
            && !self.pods.all().any(is_pod);
        // Who has just come may be ahead of the watch.
        let settled = now.since(member.known_since) >= KNOWN_BEFORE;
        let node_ended = self.nodes.standing() == Standing::Live
            && self.node(&member.node).map_or(settled, |node| node.deleting);
        pod_ended || node_ended
    }

    /// Tells whether an address belongs to an agent's pod on that node, or to the node under one.
    pub fn vouches(&self, node: &NodeName, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.pods.all().any(|pod| {
            pod.node == *node && (pod.addresses.contains(&address) || pod.host_addresses.contains(&address))
        })
    }
}

#[cfg(test)]
mod tests;
