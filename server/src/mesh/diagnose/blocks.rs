//! Failing pairs as a graph: which of them form complete blocks.
//!
//! A block is a set of nodes and another set, each of the one failing to reach each of the other. A cut through the mesh is
//! one large block, a broken link is a block of one pair. The largest block is taken out first, then the largest of what is
//! left. Of equally large ones that share pairs the older one is taken; where that does not tell them apart either, nothing
//! does, and their pairs stand for themselves: which names the nodes have decides nothing.

use std::collections::{BTreeMap, BTreeSet};

use super::bits::{Bits, Pairs};

/// Of a tangle with more different rows than this no largest block is looked for, as each search compares each with each: it
/// is split into the rows of single nodes. Four zones that lose each other in parts have a dozen.
const SPANS_MAX: usize = 512;
/// Searches for a largest block in one tangle; what is then left is split into the rows of single nodes. A search of the
/// largest tangle takes a millisecond or two.
const SEARCHES_MAX: usize = 100;
/// Pairs that stand for themselves because nothing tells equally large blocks apart; of more, one is taken by name.
const UNTOLD_MAX: usize = 64;

/// Two sets of nodes between which everything fails. Both are sorted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Block {
    /// Those that look, where the failure has a direction.
    pub(super) left: Vec<usize>,
    /// Those that are looked at, where it has one.
    pub(super) right: Vec<usize>,
}

impl Block {
    /// How many pairs it has.
    pub(super) fn pairs(&self) -> usize {
        self.left.len() * self.right.len()
    }

    /// All its nodes.
    pub(super) fn nodes(&self) -> impl Iterator<Item = usize> + '_ {
        self.left.iter().chain(&self.right).copied()
    }

    fn turned(self) -> Self {
        Self { left: self.right, right: self.left }
    }
}

/// How old the failures of a block are, all together: the smaller the older.
pub(super) type Weigh<'a> = &'a dyn Fn(&Block) -> i128;

/// Splits pairs that fail in one direction into blocks, the largest first.
pub(super) fn directed(pairs: &Pairs, weigh: Weigh<'_>) -> Vec<Block> {
    split(pairs, false, weigh)
}

/// Splits pairs that fail in both directions into blocks; each pair is given both ways around.
pub(super) fn undirected(pairs: &Pairs, weigh: Weigh<'_>) -> Vec<Block> {
    split(pairs, true, weigh)
}

fn split(pairs: &Pairs, both: bool, weigh: Weigh<'_>) -> Vec<Block> {
    let mut blocks: Vec<Block> =
        tangles(pairs, both).into_iter().flat_map(|rows| Tangle { rows, both, weigh }.peel()).collect();
    blocks.sort_by(|one, other| other.pairs().cmp(&one.pairs()).then_with(|| one.cmp(other)));
    blocks
}

/// Pairs that are connected with each other by nodes that they share.
struct Tangle<'a> {
    rows: BTreeMap<usize, Bits>,
    both: bool,
    weigh: Weigh<'a>,
}

impl Tangle<'_> {
    /// Takes out one block after the other. Each removes at least one pair, so it ends.
    fn peel(mut self) -> Vec<Block> {
        let mut blocks = Vec::new();
        for _ in 0..SEARCHES_MAX {
            if self.rows.is_empty() {
                break;
            }
            let Some(found) = self.largest() else { break };
            for block in found {
                self.remove(&block);
                blocks.push(self.in_order(block));
            }
        }
        while let Some(block) = self.longest_row() {
            self.remove(&block);
            blocks.push(self.in_order(block));
        }
        blocks
    }

    /// Of a block without a direction the smaller side comes first.
    fn in_order(&self, block: Block) -> Block {
        let turn = self.both && (block.right.len(), &block.right) < (block.left.len(), &block.left);
        if turn { block.turned() } else { block }
    }

    fn remove(&mut self, block: &Block) {
        let limit = block.nodes().max().map_or(0, |most| most + 1);
        let mut take = |near: &[usize], far: &[usize]| {
            let far = Bits::of(far, limit);
            for node in near {
                if let Some(row) = self.rows.get_mut(node) {
                    row.subtract(&far);
                }
            }
        };
        take(&block.left, &block.right);
        if self.both {
            take(&block.right, &block.left);
        }
        self.rows.retain(|_, row| !row.is_empty());
    }

    /// The block with the most pairs among those that a node's whole row spans; or, of several that nothing tells apart,
    /// their pairs. `None` where there are too many to look.
    fn largest(&self) -> Option<Vec<Block>> {
        // Rows that are alike span the same block, and a cut makes thousands of them alike.
        let mut alike: BTreeMap<&Bits, Vec<usize>> = BTreeMap::new();
        for (node, row) in &self.rows {
            alike.entry(row).or_default().push(*node);
        }
        if alike.len() > SPANS_MAX {
            return None;
        }
        let spans: Vec<(&Bits, usize, Vec<usize>)> =
            alike.into_iter().map(|(row, nodes)| (row, row.count(), nodes)).collect();
        let mut best: BTreeSet<Block> = BTreeSet::new();
        let mut most = 0;
        for (row, width, _) in &spans {
            let wide = spans.iter().filter(|(other, length, _)| length >= width && row.is_subset(other));
            let mut left: Vec<usize> = wide.flat_map(|(_, _, nodes)| nodes).copied().collect();
            left.retain(|node| !row.contains(*node));
            let size = left.len() * width;
            if size == 0 || size < most {
                continue;
            }
            if size > most {
                best.clear();
                most = size;
            }
            left.sort_unstable();
            best.insert(self.in_order(Block { left, right: row.iter().collect() }));
        }
        Some(self.told_apart(best.into_iter().collect()))
    }

    /// Of equally large blocks those that share no pair with another, else the oldest, else the pairs of all.
    fn told_apart(&self, mut blocks: Vec<Block>) -> Vec<Block> {
        if blocks.len() < 2 {
            return blocks;
        }
        let shares = |one: &Block| blocks.iter().any(|other| other != one && self.share_a_pair(one, other));
        let alone: Vec<Block> = blocks.iter().filter(|block| !shares(block)).cloned().collect();
        if !alone.is_empty() {
            return alone;
        }
        let weights: Vec<i128> = blocks.iter().map(|block| (self.weigh)(block)).collect();
        let oldest = weights.iter().min().copied();
        let mut weights = weights.into_iter();
        blocks.retain(|_| weights.next() == oldest);
        let apart = |(place, block): (usize, &Block)| {
            blocks.iter().enumerate().all(|(other, them)| other == place || !self.share_a_pair(block, them))
        };
        if blocks.iter().enumerate().all(apart) {
            return blocks;
        }
        let pair = |from: usize, to: usize| self.in_order(Block { left: vec![from], right: vec![to] });
        let pairs: BTreeSet<Block> = blocks
            .iter()
            .flat_map(|block| {
                block.left.iter().flat_map(|from| block.right.iter().map(|to| pair(*from, *to)))
            })
            .collect();
        if pairs.len() > UNTOLD_MAX { blocks.drain(..1).collect() } else { pairs.into_iter().collect() }
    }

    fn share_a_pair(&self, one: &Block, other: &Block) -> bool {
        let meet =
            |these: &[usize], those: &[usize]| these.iter().any(|node| those.binary_search(node).is_ok());
        let straight = meet(&one.left, &other.left) && meet(&one.right, &other.right);
        straight || self.both && meet(&one.left, &other.right) && meet(&one.right, &other.left)
    }

    fn longest_row(&self) -> Option<Block> {
        let longest = self.rows.iter().max_by_key(|(_, row)| row.count())?;
        Some(Block { left: vec![*longest.0], right: longest.1.iter().collect() })
    }
}

/// Parts of the graph that share no node: each is split for itself.
fn tangles(pairs: &Pairs, both: bool) -> Vec<BTreeMap<usize, Bits>> {
    // Those that look and those that are looked at are the same nodes where there is no direction.
    let limit = pairs.limit();
    let looked_at = if both { 0 } else { limit };
    let mut parents: Vec<usize> = (0..limit + looked_at).collect();
    let mut known: BTreeSet<&Bits> = BTreeSet::new();
    for (from, row) in pairs.rows() {
        // Of rows that are alike, one connects what they span.
        let all = if known.insert(row) { usize::MAX } else { 1 };
        for to in row.iter().take(all) {
            let (one, other) = (root(&mut parents, from), root(&mut parents, looked_at + to));
            parents[one] = other;
        }
    }
    let mut tangles: BTreeMap<usize, BTreeMap<usize, Bits>> = BTreeMap::new();
    for (from, row) in pairs.rows() {
        tangles.entry(root(&mut parents, from)).or_default().insert(from, row.clone());
    }
    tangles.into_values().collect()
}

fn root(parents: &mut [usize], mut node: usize) -> usize {
    while parents[node] != node {
        parents[node] = parents[parents[node]];
        node = parents[node];
    }
    node
}

#[cfg(test)]
mod tests;
