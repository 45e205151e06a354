//! Pairs that fail while each node is fine with others, and blocks of such pairs.

use std::collections::{BTreeMap, BTreeSet};

use meshvane_shared::check::Plane;
use meshvane_shared::wire::findings::{Direction, FindingKind};

use super::{About, Oracle, Pattern};

/// How a pair fails: on which plane (both when `None`), and both ways or one.
type Shape = (Option<Plane>, bool);

impl Oracle<'_> {
    pub(super) fn pairs(&mut self) {
        let mut edges: BTreeMap<Shape, BTreeSet<(usize, usize)>> = BTreeMap::new();
        for (index, one) in self.heard.clone().into_iter().enumerate() {
            for other in self.heard.clone().into_iter().skip(index + 1) {
                let fails = |from, to| Plane::ALL.map(|plane| self.answers(from, to, plane) == Some(false));
                let (there, back) = (fails(one, other), fails(other, one));
                if there == [false; 2] && back == [false; 2] {
                    continue;
                }
                if self.is_told(one) || self.is_told(other) {
                    // The finding of the node explains it.
                    continue;
                }
                let plane = |fails: [bool; 2]| match fails {
                    [true, true] => None,
                    [true, false] => Some(Plane::Host),
                    _ => Some(Plane::Pod),
                };
                if self.heard.len() == 2 {
                    self.two_nodes(one, other);
                } else if there == back {
                    edges.entry((plane(there), true)).or_default().insert((one, other));
                } else if back == [false; 2] {
                    edges.entry((plane(there), false)).or_default().insert((one, other));
                } else if there == [false; 2] {
                    edges.entry((plane(back), false)).or_default().insert((other, one));
                } else {
                    self.loosen(one);
                    self.loosen(other);
                }
            }
        }
        let several = edges.len() > 1;
        for (shape, edges) in edges {
            self.blocks(shape, &edges, several);
        }
    }

    /// With two nodes nothing tells a fault of one from a fault between them.
    fn two_nodes(&mut self, one: usize, other: usize) {
        let mut names = Vec::new();
        for plane in [None, Some(Plane::Host), Some(Plane::Pod)] {
            let pair = |kind, from, to| Pattern { plane, ..Pattern::new(kind, About::Pair(from, to)) };
            names.push(pair(FindingKind::PairCut, one, other));
            names.push(pair(FindingKind::PairOneWay, one, other));
            names.push(pair(FindingKind::PairOneWay, other, one));
            if let Some(plane) = plane {
                names.extend([Pattern::plane(one, plane), Pattern::plane(other, plane)]);
            }
        }
        for (node, direction) in
            [one, other].into_iter().flat_map(|node| [(node, Direction::In), (node, Direction::Out)])
        {
            let direction = Some(direction);
            names.push(Pattern { direction, ..Pattern::node(FindingKind::NodeOneWay, node) });
        }
        for node in [one, other] {
            self.tell(node);
            self.loosen(node);
        }
        self.must_one_of(names);
    }

    /// Edges of one shape: single ones are pairs, complete blocks are groups, anything else may be cut up in several ways.
    fn blocks(&mut self, (plane, both): Shape, edges: &BTreeSet<(usize, usize)>, several: bool) {
        let mut left: BTreeSet<(usize, usize)> = edges.clone();
        while let Some(first) = left.pop_first() {
            let mut component = BTreeSet::from([first]);
            loop {
                let touches = |edge: &(usize, usize)| {
                    component.iter().any(|known| {
                        [known.0, known.1].contains(&edge.0) || [known.0, known.1].contains(&edge.1)
                    })
                };
                let more: Vec<(usize, usize)> = left.iter().copied().filter(touches).collect();
                if more.is_empty() {
                    break;
                }
                for edge in more {
                    left.remove(&edge);
                    component.insert(edge);
                }
            }
            self.component((plane, both), &component, several);
        }
    }

    fn component(&mut self, (plane, both): Shape, component: &BTreeSet<(usize, usize)>, several: bool) {
        let nodes: BTreeSet<usize> = component.iter().flat_map(|edge| [edge.0, edge.1]).collect();
        let kind = if both { FindingKind::PairCut } else { FindingKind::PairOneWay };
        if let [(from, to)] = component.iter().copied().collect::<Vec<_>>()[..] {
            let pair = Pattern { plane, ..Pattern::new(kind, About::Pair(from, to)) };
            return self.must(pair);
        }
        let direction = (!both).then_some(Direction::Out);
        match sides(component, both) {
            Some((from, to)) => {
                let groups = About::Groups(from, to);
                self.must(Pattern { plane, direction, ..Pattern::new(FindingKind::GroupCut, groups) });
                if several {
                    self.said.loose.extend(nodes);
                }
            }
            None => self.said.loose.extend(nodes),
        }
    }
}

/// The two sides of a complete block; `None` when the edges are none.
fn sides(edges: &BTreeSet<(usize, usize)>, both: bool) -> Option<(Vec<usize>, Vec<usize>)> {
    let (first, _) = *edges.first()?;
    let has =
        |one: usize, other: usize| edges.contains(&(one, other)) || both && edges.contains(&(other, one));
    let nodes: BTreeSet<usize> = edges.iter().flat_map(|edge| [edge.0, edge.1]).collect();
    let right: Vec<usize> = nodes.iter().copied().filter(|node| has(first, *node)).collect();
    let left: Vec<usize> = nodes.iter().copied().filter(|node| !right.contains(node)).collect();
    let complete = left.iter().all(|one| right.iter().all(|other| has(*one, *other)));
    (complete && left.len() * right.len() == edges.len()).then_some((left, right))
}
