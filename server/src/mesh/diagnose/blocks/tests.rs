use super::*;

const NODES: usize = 20;

/// All equally old.
fn alike(_: &Block) -> i128 {
    0
}

fn one_way(list: &[(usize, usize)]) -> Pairs {
    let mut pairs = Pairs::below(NODES);
    for (from, to) in list {
        pairs.insert(*from, *to);
    }
    pairs
}

fn both_ways(list: &[(usize, usize)]) -> Pairs {
    let mut pairs = one_way(list);
    for (from, to) in list {
        pairs.insert(*to, *from);
    }
    pairs
}

fn block(left: &[usize], right: &[usize]) -> Block {
    Block { left: left.to_vec(), right: right.to_vec() }
}

#[test]
fn a_cut_is_one_block_and_separate_pairs_are_their_own() {
    let cut = [(0, 3), (0, 4), (0, 5), (1, 3), (1, 4), (1, 5)];
    assert_eq!(undirected(&both_ways(&cut), &alike), [block(&[0, 1], &[3, 4, 5])]);
    assert_eq!(directed(&one_way(&cut), &alike), [block(&[0, 1], &[3, 4, 5])]);
    assert_eq!(undirected(&both_ways(&[(0, 1), (2, 3)]), &alike), [block(&[0], &[1]), block(&[2], &[3])]);
}

#[test]
fn two_faults_that_share_a_node_are_two_blocks() {
    let both = both_ways(&[(0, 3), (0, 4), (1, 3), (1, 4), (4, 5)]);
    assert_eq!(undirected(&both, &alike), [block(&[0, 1], &[3, 4]), block(&[4], &[5])]);
}

#[test]
fn a_star_is_a_block() {
    assert_eq!(undirected(&both_ways(&[(0, 1), (0, 2)]), &alike), [block(&[0], &[1, 2])]);
    assert_eq!(directed(&one_way(&[(1, 0), (2, 0)]), &alike), [block(&[1, 2], &[0])]);
}

#[test]
fn blocks_that_nothing_tells_apart_are_their_pairs() {
    let path = both_ways(&[(0, 1), (1, 2), (2, 3)]);
    assert_eq!(undirected(&path, &alike), [block(&[0], &[1]), block(&[1], &[2]), block(&[2], &[3])]);
    let triangle = both_ways(&[(0, 1), (1, 2), (0, 2)]);
    assert_eq!(undirected(&triangle, &alike), [block(&[0], &[1]), block(&[0], &[2]), block(&[1], &[2])]);
}

#[test]
fn of_equally_large_blocks_the_older_is_taken() {
    let path = both_ways(&[(0, 1), (1, 2), (2, 3)]);
    // What fails at node 3 is old.
    let old = |block: &Block| if block.nodes().any(|node| node == 3) { -1 } else { 0 };
    assert_eq!(undirected(&path, &old), [block(&[2], &[1, 3]), block(&[0], &[1])]);
}

#[test]
fn a_tangle_that_is_too_large_to_search_is_still_covered_whole_and_in_no_more_blocks_than_nodes() {
    let nodes = SPANS_MAX + 40;
    let mut pairs = Pairs::below(nodes);
    for one in 0..nodes {
        for other in (one + 1..nodes).filter(|other| (one * 31 + other * 17) % 7 < 3) {
            pairs.insert(one, other);
            pairs.insert(other, one);
        }
    }
    let given: usize = pairs.rows().map(|(_, row)| row.count()).sum();
    let blocks = undirected(&pairs, &alike);
    assert!(blocks.len() < nodes);
    assert_eq!(blocks.iter().map(Block::pairs).sum::<usize>() * 2, given);
}
