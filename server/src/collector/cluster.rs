//! What Kubernetes says, as far as the collector needs it.

use std::net::IpAddr;
use std::sync::Arc;

use meshvane_shared::address::is_loopback;
use meshvane_shared::name::NodeName;
use meshvane_shared::plan::Target;
use meshvane_shared::wire::heartbeat::HeartbeatBody;

use super::{Collector, after_change, lock};
use crate::mesh::context::{Cluster, Standing, Uid};
use crate::mesh::member::Member;
use crate::mesh::time::{Moment, Now};
use crate::store::{Entry, Update};

impl Collector {
    /// Changes what is known of the cluster; the watches do.
    pub fn change_cluster<R>(&self, change: impl FnOnce(&mut Cluster) -> R) -> R {
        let mut cluster = lock(&self.cluster);
        let before = (cluster.pods.version(), cluster.nodes.version());
        let result = change(&mut cluster);
        let changed = before != (cluster.pods.version(), cluster.nodes.version());
        drop(cluster);
        if changed {
            self.cluster_signal.send_replace(());
            self.change_signal.send_replace(());
        }
        result
    }

    /// Looks at what is known of the cluster.
    pub fn cluster<R>(&self, look: impl FnOnce(&Cluster) -> R) -> R {
        look(&lock(&self.cluster))
    }

    /// Takes note of a request with the confirmed token of this node's agent, from an address that is not its pod's.
    pub fn note_refused(&self, node: &NodeName, from: IpAddr, now: Now) {
        self.look_at_cluster(|cluster| cluster.refused.note(node, from, now.moment));
    }

    /// Resolves when what is known of the cluster changes after this call was made. Cancel-safe.
    pub fn cluster_changed(&self) -> impl Future<Output = ()> + Send + use<> {
        after_change(self.cluster_signal.subscribe())
    }

    /// Tells whether every address that a heartbeat names belongs to that pod or to its node. One that cannot be read is for
    /// the check of the heartbeat itself.
    pub fn owns(&self, pod: &Uid, heartbeat: &HeartbeatBody) -> bool {
        let one = |text: &str| text.parse::<IpAddr>().ok();
        let hosts = one(&heartbeat.node_ip).into_iter().chain(heartbeat.host_addresses.iter().copied());
        let pods = one(&heartbeat.pod_ip).into_iter().chain(heartbeat.pod_addresses.iter().copied());
        self.cluster(|cluster| {
            let Some(pod) = cluster.pods.get(pod) else { return false };
            let is_among = |own: &[IpAddr], named: IpAddr| own.contains(&named.to_canonical());
            hosts.into_iter().all(|named| is_among(&pod.host_addresses, named))
                && pods.into_iter().all(|named| is_among(&pod.addresses, named))
        })
    }

    /// Of the addresses that agents remember of a node, those that Kubernetes knows there; without a watch of pods, those
    /// that a heartbeat could have named. Otherwise every agent would probe what one of them names after a restart.
    /// Addresses that no member can have were refused with the round that named them.
    pub(super) fn vouched(&self, node: &NodeName, mut targets: Vec<Target>) -> Vec<Target> {
        if targets.iter().any(|target| is_loopback(target.address)) && !self.hears_loopback() {
            targets.retain(|target| !is_loopback(target.address));
        }
        self.cluster(|cluster| match cluster.pods.standing() {
            Standing::Unasked => targets,
            Standing::Unknown | Standing::Forbidden => Vec::new(),
            Standing::Live | Standing::Old { .. } => {
                targets.into_iter().filter(|target| cluster.vouches(node, target.address)).collect()
            }
        })
    }

    /// Returns true when an agent that was heard has a loopback address, which it could name only from this machine: then the
    /// mesh is one of loopback addresses, and those that are remembered are as good.
    fn hears_loopback(&self) -> bool {
        let has = |entry: &Entry| {
            let mut addresses = entry.member.host_addresses.iter().chain(&entry.member.pod_addresses);
            entry.member.heard.is_some() && addresses.any(|address| is_loopback(*address))
        };
        self.store.entries().iter().any(has)
    }

    /// The same for a look that remembers what it has drawn.
    pub(super) fn look_at_cluster<R>(&self, look: impl FnOnce(&mut Cluster) -> R) -> R {
        look(&mut lock(&self.cluster))
    }

    /// Takes over what Kubernetes says of members: their zones, and who is gone.
    pub(super) fn follow_cluster(&self, now: Now) {
        if !self.look_at_cluster(|cluster| cluster.is_due(now.moment)) {
            return;
        }
        let entries = self.store.entries();
        let changed: Vec<Arc<Member>> = self.cluster(|cluster| {
            let members = entries.iter().map(|entry| &entry.member);
            members.filter_map(|member| followed(member, cluster, now.moment)).map(Arc::new).collect()
        });
        for member in changed {
            if member.left.is_some() {
                self.journal.gone(&member.node, now.moment);
            }
            self.store.update(&member.node, |held| match held {
                // What was heard meanwhile stays; the next look takes it.
                Some(held) if held.member.heard == member.heard => {
                    (Update::Put(Entry { member: member.clone(), ..held.clone() }), ())
                }
                Some(_) | None => (Update::Keep, ()),
            });
        }
    }

    /// What Kubernetes says of a member that has just been heard.
    pub(super) fn corrected(&self, member: Member, prior: Option<&Member>, now: Moment) -> Member {
        self.cluster(|cluster| {
            let zone = cluster.zone(&member.node, now).or(member.zone.clone());
            // Whoever leaves goes on leaving, however often its agent is heard.
            let left =
                cluster.has_left(&member, now).then(|| prior.and_then(|prior| prior.left).unwrap_or(now));
            Member { zone, left: member.left.or(left), ..member }
        })
    }
}

/// The member as Kubernetes has it, when that is news.
fn followed(member: &Member, cluster: &Cluster, now: Moment) -> Option<Member> {
    let zone = cluster.zone(&member.node, now).or_else(|| member.zone.clone());
    let left = member.left.or_else(|| cluster.has_left(member, now).then_some(now));
    let is_news = zone != member.zone || left != member.left;
    is_news.then(|| Member { zone, left, ..member.clone() })
}
