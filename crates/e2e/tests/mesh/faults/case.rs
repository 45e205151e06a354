//! What a case is made of.

use std::time::Duration;

use lab::{Broken, Cluster, LabError, NodeId, Ping, ServerPlace, Spec};
use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::name::{NodeName, Zone};
use meshvane_shared::wire::findings::{Direction, FindingBody, FindingKind, ObserversBody, Scope, Subject};

/// The promise to the user, at the default interval.
pub(super) const SOON: Duration = Duration::from_secs(10);
/// Asking an address whose it is takes a minute.
pub(super) const AFTER_A_MINUTE: Duration = Duration::from_secs(75);
/// Kinds that wait for the TTL, 15 s, and what judging takes.
pub(super) const AFTER_THE_TTL: Duration = Duration::from_secs(18);

/// A fault and what must be said of it.
pub(super) struct Case {
    /// Its name, of the words of the fault.
    pub(super) name: &'static str,
    /// Where it happens.
    pub(super) layout: Layout,
    /// What happens.
    pub(super) fault: Fault,
    /// What is open then: these and no others.
    pub(super) expected: &'static [Expected],
    /// How soon.
    pub(super) within: Duration,
}

/// The cluster: zones 1 and 2 in turn, so that of five nodes 1, 3, 5 and 2, 4 are zones.
#[derive(Clone, Copy)]
pub(super) struct Layout {
    /// How many nodes.
    pub(super) nodes: usize,
    /// Where its server is.
    pub(super) server: ServerPlace,
    /// The node whose agent may not ping.
    pub(super) mute: Option<NodeId>,
    /// Whether there is a service that all agents check by name.
    pub(super) service: bool,
}

impl Layout {
    /// This many nodes, the server beside them.
    pub(super) const fn nodes(nodes: usize) -> Self {
        Self { nodes, server: ServerPlace::Own, mute: None, service: false }
    }

    /// This many nodes, which check a service.
    pub(super) const fn with_service(nodes: usize) -> Self {
        Self { service: true, ..Self::nodes(nodes) }
    }

    /// The same for the lab.
    pub(super) fn spec(self) -> Spec {
        let mut spec = Spec { server: self.server, ..Spec::nodes(self.nodes) };
        if let Some(node) = self.mute {
            spec.nodes[usize::from(node.0) - 1].ping = Ping::Refused;
        }
        spec
    }
}

/// What happens.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    /// A whole mesh breaks, and is mended later.
    Breaks(fn(&Cluster) -> Result<Broken, LabError>),
    /// It is in the layout: the mesh is never whole.
    FromTheStart,
}

/// What a finding says, as a constant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    kind: FindingKind,
    of: Of,
    plane: Option<Plane>,
    check: Option<CheckKind>,
    direction: Option<Direction>,
    family: Option<Family>,
    port: Option<u16>,
    observers: Option<ObserversBodyOf>,
}

/// Saw, of, zones.
type ObserversBodyOf = (u32, u32, u32);

/// A subject.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of {
    /// A node.
    Node(&'static str),
    /// Two nodes.
    Pair(&'static str, &'static str),
    /// Two groups, and the zones that are groups as a whole.
    Groups([&'static [&'static str]; 2], &'static [&'static str]),
    /// A name.
    Name(&'static str),
    /// The whole mesh.
    All,
    /// The server.
    Server,
}

impl Of {
    fn subject(self) -> Subject {
        match self {
            Of::Node(node) => Subject::Node { node: node_name(node) },
            Of::Pair(from, to) => Subject::Pair { from: node_name(from), to: node_name(to) },
            Of::Groups(groups, zones) => Subject::Groups {
                groups: groups.map(|group| group.iter().map(|node| node_name(node)).collect()).to_vec(),
                zones: zones.iter().map(|zone| Zone::parse(zone).unwrap()).collect(),
            },
            Of::Name(name) => Subject::Name { name: name.to_owned() },
            Of::All => Subject::Scope { scope: Scope::All },
            Of::Server => Subject::Scope { scope: Scope::Server },
        }
    }
}

fn node_name(name: &str) -> NodeName {
    NodeName::parse(name).unwrap()
}

impl Expected {
    /// A finding of this kind, and nothing beside it: fields that are absent must be absent.
    pub(super) const fn new(kind: FindingKind, of: Of) -> Self {
        let (plane, check, direction, family, port) = (None, None, None, None, None);
        Self { kind, of, plane, check, direction, family, port, observers: None }
    }

    /// On one plane.
    pub(super) const fn on(self, plane: Plane) -> Self {
        Self { plane: Some(plane), ..self }
    }

    /// By one check.
    pub(super) const fn by(self, check: CheckKind) -> Self {
        Self { check: Some(check), ..self }
    }

    /// One way.
    pub(super) const fn going(self, direction: Direction) -> Self {
        Self { direction: Some(direction), ..self }
    }

    /// In one family.
    pub(super) const fn over(self, family: Family) -> Self {
        Self { family: Some(family), ..self }
    }

    /// On a port.
    pub(super) const fn at(self, port: u16) -> Self {
        Self { port: Some(port), ..self }
    }

    /// Seen by so many, of so many that looked, in so many zones.
    pub(super) const fn seen_by(self, saw: u32, of: u32, zones: u32) -> Self {
        Self { observers: Some((saw, of, zones)), ..self }
    }

    /// As it can be compared.
    pub(super) fn said(&self) -> Said {
        let name = Name {
            kind: self.kind,
            subject: self.of.subject(),
            plane: self.plane,
            check: self.check,
            direction: self.direction,
            family: self.family,
            port: self.port,
        };
        Said { name, observers: self.observers }
    }
}

/// What a finding says of the fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Name {
    kind: FindingKind,
    subject: Subject,
    plane: Option<Plane>,
    check: Option<CheckKind>,
    direction: Option<Direction>,
    family: Option<Family>,
    port: Option<u16>,
}

/// The same, and who saw it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    /// What.
    pub(super) name: Name,
    /// Saw, of, zones.
    pub(super) observers: Option<ObserversBodyOf>,
}

impl From<&FindingBody> for Said {
    fn from(body: &FindingBody) -> Self {
        let name = Name {
            kind: body.kind,
            subject: body.subject.clone(),
            plane: body.plane,
            check: body.check,
            direction: body.direction,
            family: body.family,
            port: body.port,
        };
        let observers = body.observers.as_ref().map(|ObserversBody { saw, of, zones }| (*saw, *of, *zones));
        Self { name, observers }
    }
}
