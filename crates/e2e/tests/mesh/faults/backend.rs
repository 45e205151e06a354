//! A service that agents check, with two name servers that know it.

use e2e::mesh::Mesh;
use lab::{Cluster, DnsAnswer, DnsBehaviour, DnsServer, Environment, LabError, NodeId, Service};
use meshvane_shared::wire::matrix::CellWord;

/// The service's name.
pub(super) const NAME: &str = "api.shop.test";
/// Its port.
pub(super) const PORT: u16 = 8443;

/// A service by name.
pub(super) struct Backend {
    /// The service.
    pub(super) service: Service,
    /// The name server that is asked first.
    first: DnsServer,
    second: DnsServer,
    right: DnsBehaviour,
}

impl Backend {
    /// Makes it; agents that start from now on ask the two name servers.
    pub(super) fn build(cluster: &Cluster) -> Result<Self, LabError> {
        let service = cluster.service(PORT)?;
        let right = DnsBehaviour::right(NAME, service.addresses());
        let (first, second) = (cluster.dns_server(right.clone())?, cluster.dns_server(right.clone())?);
        let servers =
            [&first, &second].map(|server| format!("nameserver {}\n", server.addresses().primary()));
        cluster.set_resolv_conf(&servers.concat())?;
        Ok(Self { service, first, second, right })
    }

    /// What agents must be told to check it.
    pub(super) fn told(environment: Environment) -> Environment {
        environment.with("CUSTOM_SERVICE_NAME", format!("{NAME}:{PORT}"))
    }

    /// Both name servers answer like this.
    pub(super) fn names(&self, answer: &DnsAnswer) {
        self.first.behave(self.right.with_answer(answer.clone()));
        self.second.behave(self.right.with_answer(answer.clone()));
    }

    /// The first name server answers like this, the second one is right.
    pub(super) fn first_server(&self, answer: DnsAnswer) {
        self.first.behave(self.right.with_answer(answer));
    }

    /// Both answer one node like this, and are right for the others.
    pub(super) fn names_for(&self, node: NodeId, answer: &DnsAnswer) {
        for server in [&self.first, &self.second] {
            server.behave(self.right.clone().but_for(node, answer.clone()));
        }
    }

    /// All is well again.
    pub(super) fn mend(&self) -> Result<(), LabError> {
        self.names(&DnsAnswer::Right);
        self.service.answer()
    }

    /// Tells whether every node has resolved and reached it.
    pub(super) async fn is_reached(mesh: &Mesh, nodes: usize) -> bool {
        for view in ["plane=service&check=dns", "plane=service&check=tcp"] {
            let Some(matrix) = mesh.api.matrix(view).await else { return false };
            let cells = matrix.cells.iter().flatten();
            if cells.filter(|cell| cell.outcome == CellWord::Reached).count() != nodes {
                return false;
            }
        }
        true
    }
}
