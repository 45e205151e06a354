//! A finding as the oracle speaks of it.

use std::fmt;

use meshvane_shared::address::Family;
use meshvane_shared::check::Plane;
use meshvane_shared::finding::FindingKey;
use meshvane_shared::name::NodeName;
use meshvane_shared::wire::findings::{Direction, FindingKind, Scope, Subject};

use crate::mesh;

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum About {
    Node(usize),
    /// In this order for one direction, in either for both.
    Pair(usize, usize),
    /// These nodes are one of two groups, in any order.
    Group(Vec<usize>),
    /// These nodes are the two groups, in any order.
    Groups(Vec<usize>, Vec<usize>),
    Name,
    Scope(Scope),
}

/// A finding: kind, subject and the fields that tell it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) kind: FindingKind,
    pub(crate) about: About,
    pub(crate) plane: Option<Plane>,
    pub(crate) direction: Option<Direction>,
    pub(crate) family: Option<Family>,
    pub(crate) port: Option<u16>,
}

impl Pattern {
    pub(crate) fn new(kind: FindingKind, about: About) -> Self {
        Self { kind, about, plane: None, direction: None, family: None, port: None }
    }

    pub(crate) fn node(kind: FindingKind, node: usize) -> Self {
        Self::new(kind, About::Node(node))
    }

    pub(crate) fn scope(kind: FindingKind, scope: Scope) -> Self {
        Self::new(kind, About::Scope(scope))
    }

    /// One plane of a node is cut.
    pub(crate) fn plane(node: usize, plane: Plane) -> Self {
        Self { plane: Some(plane), ..Self::node(FindingKind::PlaneCut, node) }
    }

    /// These nodes and others do not reach each other.
    pub(crate) fn group(nodes: Vec<usize>) -> Self {
        Self::new(FindingKind::GroupCut, About::Group(nodes))
    }

    /// Returns true when this is the finding.
    pub(crate) fn is(&self, key: &FindingKey) -> bool {
        // A direction is told of what has one; a port makes its plane plain.
        let direction = key.direction.filter(|direction| *direction != Direction::Both);
        let plane = key.plane.filter(|_| self.port.is_none());
        self.kind == key.kind
            && self.about.is(&key.subject)
            && self.plane == plane
            && self.direction == direction
            && self.family == key.family
            && self.port == key.port
    }
}

impl About {
    fn is(&self, subject: &Subject) -> bool {
        let names = |nodes: &[usize]| -> Vec<NodeName> {
            let mut sorted = nodes.to_vec();
            sorted.sort_unstable();
            sorted.into_iter().map(mesh::name).collect()
        };
        match (self, subject) {
            (Self::Node(node), Subject::Node { node: name }) => mesh::name(*node) == *name,
            (Self::Pair(one, other), Subject::Pair { from, to }) => {
                (mesh::name(*one), mesh::name(*other)) == (from.clone(), to.clone())
            }
            (Self::Group(nodes), Subject::Groups { groups, .. }) => groups.contains(&names(nodes)),
            (Self::Groups(left, right), Subject::Groups { groups, .. }) => {
                let (left, right) = (names(left), names(right));
                *groups == [left.clone(), right.clone()] || *groups == [right, left]
            }
            (Self::Name, Subject::Name { name }) => name == mesh::SERVICE_NAME,
            (Self::Scope(scope), Subject::Scope { scope: of }) => scope == of,
            _ => false,
        }
    }
}

/// Patterns of which one must be open, as the first of them and how many more there are.
pub(crate) fn one_of(patterns: &[Pattern]) -> String {
    match patterns {
        [] => "nothing".to_owned(),
        [only] => only.to_string(),
        [first, others @ ..] => format!("{first} or {} more", others.len()),
    }
}

/// As a finding's key is spelled, as far as the pattern goes.
impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |nodes: &Vec<usize>| nodes.iter().copied().map(mesh::name).collect();
        let groups = |groups: &[&Vec<usize>]| Subject::Groups {
            groups: groups.iter().copied().map(names).collect(),
            zones: Vec::new(),
        };
        let subject = match &self.about {
            About::Node(node) => Subject::Node { node: mesh::name(*node) },
            About::Pair(from, to) => Subject::Pair { from: mesh::name(*from), to: mesh::name(*to) },
            About::Name => Subject::Name { name: mesh::SERVICE_NAME.to_owned() },
            About::Scope(scope) => Subject::Scope { scope: *scope },
            About::Group(nodes) => groups(&[nodes]),
            About::Groups(left, right) => groups(&[left, right]),
        };
        let key = FindingKey {
            plane: self.plane,
            direction: self.direction,
            family: self.family,
            port: self.port,
            ..FindingKey::new(self.kind, subject)
        };
        key.fmt(formatter)
    }
}
