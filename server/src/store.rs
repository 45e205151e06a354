//! What the server remembers, in memory. The only place that knows moka.
//!
//! moka bounds memory and gives each key its own lock; it does not decide who is alive. One entry holds all of an agent: an
//! entry for each pair of nodes would cost 300 to 500 bytes a pair.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use meshvane_shared::name::NodeName;
use moka::ops::compute::Op;
use moka::sync::Cache;

use crate::mesh::knocks::Knocks;
use crate::mesh::member::Member;
use crate::mesh::original::OriginalReport;
use crate::mesh::row::Row;
use crate::mesh::time::Moment;

/// Members that are kept: twice the largest cluster that Kubernetes is tested for, as nodes come and go.
pub const MEMBERS_MAX: u64 = 10_000;
/// Source addresses of original agents that are kept; the least recently used goes first.
pub const ORIGINALS_MAX: u64 = 10_000;

/// Everything about one agent.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The member.
    pub member: Arc<Member>,
    /// What it reports.
    pub row: Option<Arc<Row>>,
    /// When a cell that looks at it last went from failing to answering.
    pub recovered: Option<Moment>,
    /// An answer that was made after this moment reached the agent: it told us what stood in it.
    pub answered: Option<Moment>,
    /// It is there and is not let in yet.
    pub knocks: Option<Knocks>,
}

impl Entry {
    /// What is known of a member about which nothing else is known yet.
    pub fn of(member: Arc<Member>) -> Self {
        Self { member, row: None, recovered: None, answered: None, knocks: None }
    }
}

/// The store.
#[derive(Debug)]
pub struct Store {
    agents: Cache<NodeName, Entry>,
    originals: Cache<String, Arc<OriginalReport>>,
    /// Held together by those whose changes belong together, and alone by who reads all entries.
    whole: RwLock<()>,
}

/// What [`Store::update`] does with an entry.
#[derive(Debug)]
pub enum Update {
    /// Puts this in its place.
    Put(Entry),
    /// Leaves it as it is.
    Keep,
    /// Takes it out.
    Remove,
}

impl Store {
    /// Makes an empty store that lets go of entries untouched for `kept`.
    pub fn new(kept: Duration) -> Self {
        Self {
            agents: Cache::builder().time_to_live(kept).build(),
            originals: Cache::builder().time_to_live(kept).max_capacity(ORIGINALS_MAX).build(),
            whole: RwLock::new(()),
        }
    }

    /// Changes one entry; no other change of the same entry runs meanwhile.
    ///
    /// # Panics
    /// If moka returned without having called the closure, which it promises not to do.
    pub fn update<T>(&self, node: &NodeName, change: impl FnOnce(Option<&Entry>) -> (Update, T)) -> T {
        let mut result = None;
        self.agents.entry_by_ref(node).and_compute_with(|held| {
            let held = held.map(moka::Entry::into_value);
            let (update, value) = change(held.as_ref());
            result = Some(value);
            match update {
                Update::Put(entry) => Op::Put(entry),
                Update::Keep => Op::Nop,
                Update::Remove => Op::Remove,
            }
        });
        result.expect("moka calls the closure once before it returns")
    }

    /// Returns true when there is an entry of this node.
    pub fn holds(&self, node: &NodeName) -> bool {
        self.agents.contains_key(node)
    }

    /// Makes changes of several entries that belong together: [`Store::entries`], which must not be called in here, shows all
    /// of them or none.
    pub fn together<T>(&self, changes: impl FnOnce() -> T) -> T {
        // What it guards is empty, so a panic leaves nothing broken in it.
        let _held = self.whole.read().unwrap_or_else(PoisonError::into_inner);
        changes()
    }

    /// Tells whether no further member has room.
    pub fn is_full(&self) -> bool {
        self.agents.entry_count() >= MEMBERS_MAX
    }

    /// All entries, ordered by node.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = {
            let _alone = self.whole.write().unwrap_or_else(PoisonError::into_inner);
            self.agents.iter().map(|(_, entry)| entry).collect()
        };
        entries.sort_by(|one, other| one.member.node.cmp(&other.member.node));
        entries
    }

    /// Changes what an original agent's source address reports; `None` takes it out.
    pub fn update_original(
        &self,
        source: &str,
        change: impl FnOnce(Option<&OriginalReport>) -> Option<OriginalReport>,
    ) {
        self.originals.entry_by_ref(source).and_compute_with(|held| {
            let held = held.map(moka::Entry::into_value);
            match change(held.as_deref()) {
                Some(report) => Op::Put(Arc::new(report)),
                None => Op::Remove,
            }
        });
    }

    /// What original agents report, ordered by source address.
    pub fn originals(&self) -> Vec<(String, Arc<OriginalReport>)> {
        let mut reports: Vec<_> =
            self.originals.iter().map(|(source, report)| (source.as_ref().clone(), report)).collect();
        reports.sort_by(|one, other| one.0.cmp(&other.0));
        reports
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::mesh::member::Member;

    /// An entry of a node, with a count in place of a moment.
    fn counted(node: &NodeName, count: i64) -> Update {
        let member = Arc::new(Member::unheard(node.clone(), Moment::default()));
        Update::Put(Entry { recovered: Some(Moment::from_millis(count)), ..Entry::of(member) })
    }

    #[test]
    fn changes_of_one_entry_from_many_threads_are_all_seen() {
        let store = Store::new(Duration::from_mins(1));
        let node = NodeName::parse("node-1").unwrap();
        let bump = |held: Option<&Entry>| {
            let count = held.and_then(|entry| entry.recovered).map_or(0, |moment| moment.millis);
            (counted(&node, count + 1), ())
        };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..500).for_each(|_| store.update(&node, bump)));
            }
        });
        assert_eq!(store.entries()[0].recovered, Some(Moment::from_millis(4_000)));
        store.update(&node, |_| (Update::Remove, ()));
        assert!(store.entries().is_empty());
    }

    #[test]
    fn changes_that_belong_together_are_seen_together() {
        const TIMES: i64 = 500;
        let store = Store::new(Duration::from_mins(1));
        let nodes = ["node-1", "node-2"].map(|name| NodeName::parse(name).unwrap());
        let over = AtomicBool::new(false);
        let change = || {
            for count in 0..TIMES {
                store.together(|| {
                    nodes.each_ref().map(|node| store.update(node, |_| (counted(node, count), ())))
                });
            }
            over.store(true, Ordering::Relaxed);
        };
        std::thread::scope(|scope| {
            scope.spawn(change);
            while !over.load(Ordering::Relaxed) {
                let counts: Vec<_> = store.entries().iter().map(|entry| entry.recovered).collect();
                assert!(
                    matches!(&counts[..], [] | [_, _]) && counts.windows(2).all(|two| two[0] == two[1]),
                    "{counts:?}"
                );
            }
        });
        assert_eq!(store.entries().len(), 2);
    }
}
