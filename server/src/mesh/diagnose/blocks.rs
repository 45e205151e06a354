//! Failing pairs as a graph: which of them form complete blocks.
//!
//! A block is a set of nodes and another set, each of the one failing to reach each of the other. A cut through the mesh is
//! one large block, a broken link is a block of one pair.

use std::collections::{BTreeMap, BTreeSet};

/// Two sets of nodes between which everything fails. Both are sorted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Block {
    /// Those that look, where the failure has a direction.
    pub(super) left: Vec<usize>,
    /// Those that are looked at, where it has one.
    pub(super) right: Vec<usize>,
}

/// Splits pairs that fail in one direction into blocks, the largest first.
pub(super) fn directed(pairs: &BTreeSet<(usize, usize)>) -> Vec<Block> {
    let mut forward: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (from, to) in pairs {
        forward.entry(*from).or_default().insert(*to);
    }
    peel(forward, |rows, block| {
        for from in &block.left {
            if let Some(row) = rows.get_mut(from) {
                row.retain(|to| !block.right.contains(to));
            }
        }
    })
}

/// Splits pairs that fail in both directions into blocks; each pair is given once, either way around.
pub(super) fn undirected(pairs: &BTreeSet<(usize, usize)>) -> Vec<Block> {
    let mut neighbours: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (one, other) in pairs {
        neighbours.entry(*one).or_default().insert(*other);
        neighbours.entry(*other).or_default().insert(*one);
    }
    let mut blocks = peel(neighbours, |rows, block| {
        for (side, far) in [(&block.left, &block.right), (&block.right, &block.left)] {
            for node in side {
                if let Some(row) = rows.get_mut(node) {
                    row.retain(|other| !far.contains(other));
                }
            }
        }
    });
    for block in &mut blocks {
        if (block.right.len(), &block.right) < (block.left.len(), &block.left) {
            std::mem::swap(&mut block.left, &mut block.right);
        }
    }
    blocks
}

/// Takes out one block after the other. Each removes at least one pair, so it ends.
fn peel(
    mut rows: BTreeMap<usize, BTreeSet<usize>>,
    remove: impl Fn(&mut BTreeMap<usize, BTreeSet<usize>>, &Block),
) -> Vec<Block> {
    let mut blocks = Vec::new();
    while let Some(block) = largest(&rows) {
        remove(&mut rows, &block);
        rows.retain(|_, row| !row.is_empty());
        blocks.push(block);
    }
    blocks
}

/// The block with the most pairs among those that a node's whole row spans.
fn largest(rows: &BTreeMap<usize, BTreeSet<usize>>) -> Option<Block> {
    // Rows that are alike span the same block, and a cut makes thousands of them alike.
    let mut spans: BTreeMap<&BTreeSet<usize>, Vec<usize>> = BTreeMap::new();
    for (node, row) in rows {
        spans.entry(row).or_default().push(*node);
    }
    let wide: Vec<(&BTreeSet<usize>, &Vec<usize>)> = spans.iter().map(|(row, nodes)| (*row, nodes)).collect();
    let block = |(row, _): &(&BTreeSet<usize>, &Vec<usize>)| {
        let mut left: Vec<usize> = wide
            .iter()
            .filter(|(other, _)| row.is_subset(other))
            .flat_map(|(_, nodes)| nodes.iter().copied())
            .filter(|node| !row.contains(node))
            .collect();
        left.sort_unstable();
        Block { left, right: row.iter().copied().collect() }
    };
    let size = |block: &Block| block.left.len() * block.right.len();
    let blocks = wide.iter().map(block).filter(|block| !block.left.is_empty());
    // Of equally large ones the first in order: the same pairs always give the same blocks.
    blocks.max_by(|one, other| size(one).cmp(&size(other)).then_with(|| other.cmp(one)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(usize, usize)]) -> BTreeSet<(usize, usize)> {
        list.iter().copied().collect()
    }

    fn block(left: &[usize], right: &[usize]) -> Block {
        Block { left: left.to_vec(), right: right.to_vec() }
    }

    #[test]
    fn a_cut_is_one_block_and_separate_pairs_are_their_own() {
        let cut = pairs(&[(0, 3), (0, 4), (0, 5), (1, 3), (1, 4), (1, 5)]);
        assert_eq!(undirected(&cut), [block(&[0, 1], &[3, 4, 5])]);
        assert_eq!(directed(&cut), [block(&[0, 1], &[3, 4, 5])]);
        assert_eq!(undirected(&pairs(&[(0, 1), (2, 3)])), [block(&[0], &[1]), block(&[2], &[3])]);
    }

    #[test]
    fn two_faults_that_share_a_node_are_two_blocks() {
        let both = pairs(&[(0, 3), (0, 4), (1, 3), (1, 4), (4, 5)]);
        assert_eq!(undirected(&both), [block(&[0, 1], &[3, 4]), block(&[4], &[5])]);
    }

    #[test]
    fn nodes_that_all_lose_each_other_are_covered_whole() {
        let triangle = pairs(&[(0, 1), (1, 2), (0, 2)]);
        let blocks = undirected(&triangle);
        let covered: usize = blocks.iter().map(|block| block.left.len() * block.right.len()).sum();
        assert_eq!(covered, 3, "{blocks:?}");
    }

    #[test]
    fn a_star_is_a_block() {
        assert_eq!(undirected(&pairs(&[(0, 1), (0, 2)])), [block(&[0], &[1, 2])]);
        assert_eq!(directed(&pairs(&[(1, 0), (2, 0)])), [block(&[1, 2], &[0])]);
    }
}
