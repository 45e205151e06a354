//! The target lists that agents bring along after a restart of the server.
//!
//! Agents of one mesh come back with one list, or a few versions of it, so equal lists are kept once and each agent's list is a
//! vote for one of them. An agent has one vote, for its newest list: repeating lists adds nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use meshvane_shared::name::NodeName;
use meshvane_shared::plan::{Plan, Target};

use crate::mesh::planning::bytes_of;
use crate::mesh::writer::Writer;

/// Agents that must name the same target, unless one is heard at all: one alone may hold an outdated list, or lie.
const NAMED_BY: usize = 2;

/// Nodes that the only agent which is heard may bring back by its word alone. In a mesh that lost more nodes than that, another
/// agent is heard within seconds, and its word decides.
pub const ALONE_MAX: usize = 32;

/// Different lists that are kept. A plan changes once in 2 s at most and reaches agents within one, so those of one mesh come
/// back with one or two; agents that were cut off hold older ones.
pub const LISTS_KEPT: usize = 16;

/// Bytes of all lists that are kept: six of the largest plan, 20,000 targets with names of 60 bytes.
pub const LISTS_MAX_BYTES: usize = 24 * 1024 * 1024;

/// Agents whose lists count: as many as there may be members.
pub const VOTES_MAX: usize = 10_000;

/// The lists, and who brought them.
#[derive(Debug, Default)]
pub(super) struct Memories {
    /// The oldest first.
    lists: Vec<List>,
    /// The number of the list that each agent brought last.
    votes: BTreeMap<NodeName, u64>,
    /// How many lists there have been.
    numbered: u64,
}

#[derive(Debug)]
struct List {
    number: u64,
    plan: Arc<Plan>,
    bytes: usize,
    /// The writer that brought it first.
    writer: Writer,
    /// Another writer brought it as well.
    shared: bool,
    votes: usize,
}

/// A target that lists name.
struct Candidate<'a> {
    target: &'a Target,
    votes: usize,
    /// The only agent that is heard names it.
    by_the_only_one: bool,
}

impl Memories {
    /// Takes an agent's list as its vote, in place of its former one.
    pub(super) fn take(&mut self, by: &NodeName, writer: &Writer, plan: &Arc<Plan>) {
        let is_same = |list: &List| Arc::ptr_eq(&list.plan, plan) || *list.plan == **plan;
        let known = self.lists.iter_mut().find(|list| is_same(list));
        if let Some(list) = known {
            list.shared |= list.writer != *writer;
            if self.votes.get(by) == Some(&list.number) {
                return;
            }
        }
        self.withdraw(by);
        if self.votes.len() >= VOTES_MAX {
            return;
        }
        let number = if let Some(list) = self.lists.iter_mut().find(|list| is_same(list)) {
            list.votes += 1;
            list.number
        } else {
            let Some(number) = self.add(writer, plan) else { return };
            number
        };
        self.votes.insert(by.clone(), number);
    }

    /// The nodes that the lists name, some more than once.
    pub(super) fn nodes(&self) -> impl Iterator<Item = &NodeName> {
        self.lists.iter().flat_map(|list| list.plan.targets.iter().map(|target| &target.node))
    }

    /// The targets that enough agents name, of nodes that are not `known`; `heard` are the agents that are heard now.
    ///
    /// Where lists differ about an address, most votes decide, then the older list.
    pub(super) fn recalled(
        &self,
        known: &BTreeSet<NodeName>,
        heard: &BTreeSet<NodeName>,
    ) -> Vec<(NodeName, Vec<Target>)> {
        let only_one = self.list_of_the_only_one(known, heard);
        let mut candidates: BTreeMap<&NodeName, Vec<Candidate<'_>>> = BTreeMap::new();
        for list in &self.lists {
            let by_the_only_one = only_one == Some(list.number);
            for target in list.plan.targets.iter().filter(|target| !known.contains(&target.node)) {
                let of_node = candidates.entry(&target.node).or_default();
                match of_node.iter_mut().find(|candidate| candidate.target == target) {
                    Some(candidate) => {
                        candidate.votes += list.votes;
                        candidate.by_the_only_one |= by_the_only_one;
                    }
                    None => of_node.push(Candidate { target, votes: list.votes, by_the_only_one }),
                }
            }
        }
        let recalled = candidates.into_iter().map(|(node, candidates)| (node.clone(), elected(candidates)));
        recalled.filter(|(_, targets)| !targets.is_empty()).collect()
    }

    /// The list of the only agent that is heard, when it names few enough nodes that are not known.
    fn list_of_the_only_one(&self, known: &BTreeSet<NodeName>, heard: &BTreeSet<NodeName>) -> Option<u64> {
        let only_one = heard.first().filter(|_| heard.len() == 1)?;
        let number = *self.votes.get(only_one)?;
        let list = self.lists.iter().find(|list| list.number == number)?;
        let unknown: BTreeSet<&NodeName> = list
            .plan
            .targets
            .iter()
            .map(|target| &target.node)
            .filter(|node| !known.contains(*node))
            .take(ALONE_MAX * TARGETS_PER_NODE + 1)
            .collect();
        (unknown.len() <= ALONE_MAX).then_some(number)
    }

    fn withdraw(&mut self, by: &NodeName) {
        let Some(number) = self.votes.remove(by) else { return };
        if let Some(list) = self.lists.iter_mut().find(|list| list.number == number) {
            list.votes -= 1;
        }
        self.lists.retain(|list| list.votes > 0);
    }

    /// Adds a list with its first vote, when there is room for it.
    fn add(&mut self, writer: &Writer, plan: &Arc<Plan>) -> Option<u64> {
        let bytes = bytes_of(&plan.targets);
        self.make_room(writer, bytes)?;
        self.numbered += 1;
        let number = self.numbered;
        let (plan, writer) = (plan.clone(), writer.clone());
        self.lists.push(List { number, plan, bytes, writer, shared: false, votes: 1 });
        Some(number)
    }

    /// Drops the oldest list of the writer that alone vouches for most lists until one more fits. The newcomer counts as one of
    /// its writer's, so a writer never pushes out the list of one that brought fewer.
    fn make_room(&mut self, writer: &Writer, bytes: usize) -> Option<()> {
        while self.lists.len() >= LISTS_KEPT
            || bytes + self.lists.iter().map(|list| list.bytes).sum::<usize>() > LISTS_MAX_BYTES
        {
            let alone =
                |of: &Writer| self.lists.iter().filter(|list| !list.shared && list.writer == *of).count();
            let others = self.lists.iter().filter(|list| !list.shared).map(|list| &list.writer);
            let most =
                others.max_by_key(|other| alone(other)).filter(|other| alone(other) > alone(writer) + 1);
            let yields = most.unwrap_or(writer);
            let place = self.lists.iter().position(|list| !list.shared && list.writer == *yields)?;
            let dropped = self.lists.remove(place).number;
            self.votes.retain(|_, number| *number != dropped);
        }
        Some(())
    }
}

/// Targets of one node in a list: two planes, two families.
const TARGETS_PER_NODE: usize = 4;

/// Of the candidates for each place of one node, the one with most votes, when they are enough.
fn elected(candidates: Vec<Candidate<'_>>) -> Vec<Target> {
    let mut elected: Vec<(usize, &Target)> = Vec::new();
    for Candidate { target, votes, by_the_only_one } in candidates {
        if votes < NAMED_BY && !by_the_only_one {
            continue;
        }
        match elected.iter_mut().find(|(_, other)| other.key() == target.key()) {
            Some(other) if other.0 < votes => *other = (votes, target),
            Some(_) => {}
            None => elected.push((votes, target)),
        }
    }
    elected.into_iter().map(|(_, target)| target.clone()).collect()
}

#[cfg(test)]
mod tests;
