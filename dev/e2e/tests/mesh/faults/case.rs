//! What a case is made of.

use std::time::Duration;

use ::faults::{Node, Places};
use lab::{Broken, Cluster, HOST_PORT, LabError, NodeId, Ping, Scenario, ServerPlace, Spec};
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::finding::FindingKey;
use meshvane_shared::name::{DnsName, NodeName, ServiceAddress, Zone};
use meshvane_shared::wire::findings::{FindingBody, FindingKind, ObserversBody, Scope, Subject};

use super::services;

/// The node that faults of the catalogue break.
pub(super) const VICTIM: NodeId = NodeId(2);

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
    /// What happens, and what is open then.
    pub(super) fault: Fault,
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

    /// The same for the catalogue of faults.
    fn places(self) -> Places {
        let node = |number: usize| Node {
            name: node_name(&format!("node-{number}")),
            zone: Some(Zone::parse(if number % 2 == 1 { "zone-1" } else { "zone-2" }).unwrap()),
        };
        Places {
            nodes: (1..=self.nodes).map(node).collect(),
            victim: usize::from(VICTIM.0) - 1,
            service: ServiceAddress { name: DnsName::parse(services::NAME).unwrap(), port: services::PORT },
            host_port: HOST_PORT,
        }
    }
}

/// What happens, and which findings are open then: these and no others.
#[derive(Clone, Copy)]
pub(super) enum Fault {
    /// A fault of the catalogue breaks a whole mesh at [`VICTIM`], and is healed later. The catalogue says
    /// what is open; its findings have these observers.
    Plays(Scenario, Option<Observers>),
    /// Something else breaks a whole mesh, and is healed later.
    Breaks(fn(&Cluster) -> Result<Broken, LabError>, &'static [Expected]),
    /// It is in the layout: the mesh is never whole.
    FromTheStart(&'static [Expected]),
}

impl Case {
    /// What is open while the fault is active: these and no others.
    pub(super) fn expected(&self) -> Vec<Said> {
        match self.fault {
            Fault::Plays(scenario, observers) => {
                let keys = scenario.expected(&self.layout.places());
                keys.into_iter().map(|name| Said { name, observers }).collect()
            }
            Fault::Breaks(_, expected) | Fault::FromTheStart(expected) => {
                expected.iter().map(Expected::said).collect()
            }
        }
    }
}

/// What a finding says, as a constant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected {
    kind: FindingKind,
    of: Of,
    plane: Option<Plane>,
    check: Option<CheckKind>,
    port: Option<u16>,
    observers: Option<Observers>,
}

/// The observers that a finding counts: how many saw it, of how many, in how many zones.
pub(super) type Observers = (u32, u32, u32);

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
        }
    }
}

fn node_name(name: &str) -> NodeName {
    NodeName::parse(name).unwrap()
}

impl Expected {
    /// A finding of this kind, and nothing beside it: fields that are absent must be absent.
    pub(super) const fn new(kind: FindingKind, of: Of) -> Self {
        Self { kind, of, plane: None, check: None, port: None, observers: None }
    }

    /// On one plane.
    pub(super) const fn on(self, plane: Plane) -> Self {
        Self { plane: Some(plane), ..self }
    }

    /// By one check.
    pub(super) const fn by(self, check: CheckKind) -> Self {
        Self { check: Some(check), ..self }
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
        let key = FindingKey::new(self.kind, self.of.subject());
        let name = FindingKey { plane: self.plane, check: self.check, port: self.port, ..key };
        Said { name, observers: self.observers }
    }
}

/// What a finding says of the fault, and who saw it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Said {
    /// What.
    pub(super) name: FindingKey,
    /// Saw, of, zones.
    pub(super) observers: Option<Observers>,
}

impl From<&FindingBody> for Said {
    fn from(body: &FindingBody) -> Self {
        let name = FindingKey::from(body);
        let observers = body.observers.as_ref().map(|ObserversBody { saw, of, zones }| (*saw, *of, *zones));
        Self { name, observers }
    }
}
