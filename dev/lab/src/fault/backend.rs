//! A service that agents check by name, with two name servers that know it, and faults of all three.

use super::{Asker, Block, Broken, DnsAnswer, DnsBehaviour, DnsServer, Service};
use crate::LabError;
use crate::cluster::Cluster;
use crate::spec::NodeId;

/// A service and the name servers that agents ask for its name.
#[derive(Debug)]
pub(crate) struct Backend {
    service: Service,
    /// In the order in which they are asked.
    servers: [DnsServer; 2],
    right: DnsBehaviour,
    checked: String,
}

impl Backend {
    /// As agents are told to check it.
    pub(crate) fn checked(&self) -> &str {
        &self.checked
    }

    fn all_right(&self) -> Result<(), LabError> {
        self.answer_all(&DnsAnswer::Right);
        self.service.answer()
    }

    fn answer_all(&self, answer: &DnsAnswer) {
        for server in &self.servers {
            server.behave(self.right.with_answer(answer.clone()));
        }
    }

    fn answer_node(&self, node: NodeId, answer: &DnsAnswer) {
        for server in &self.servers {
            server.behave(self.right.clone().but_for(node, answer.clone()));
        }
    }
}

/// The backend. Whatever fault of it is mended, all of it is right then.
impl Cluster {
    /// Makes the one service by name that the cluster may have: agents that start from now on are told to check it, and
    /// ask two name servers that know it.
    pub fn add_backend(&self, name: &str, port: u16) -> Result<(), LabError> {
        let service = self.service(port)?;
        let right = DnsBehaviour::right(name, service.addresses());
        let servers = [self.dns_server(right.clone())?, self.dns_server(right.clone())?];
        let lines = servers.each_ref().map(|server| format!("nameserver {}\n", server.addresses().primary()));
        self.keep_backend(Backend { service, servers, right, checked: format!("{name}:{port}") })?;
        self.set_resolv_conf(&lines.concat())
    }

    /// Both name servers answer everybody like this.
    pub fn names_answer(&self, answer: &DnsAnswer) -> Result<Broken, LabError> {
        self.backend_broken(|backend| {
            backend.answer_all(answer);
            Ok(())
        })
    }

    /// Both name servers answer the pods of one node like this, and the others rightly.
    pub fn names_answer_node(&self, node: NodeId, answer: &DnsAnswer) -> Result<Broken, LabError> {
        self.node(node)?;
        self.backend_broken(|backend| {
            backend.answer_node(node, answer);
            Ok(())
        })
    }

    /// Both name servers tell the pods of one node addresses at which nobody listens, and the others the right ones.
    pub fn names_lie_to(&self, node: NodeId) -> Result<Broken, LabError> {
        self.node(node)?;
        self.backend_broken(|backend| {
            // Their own are such: on any port but theirs, connections are refused.
            let [_, last] = &backend.servers;
            backend.answer_node(node, &DnsAnswer::Wrong(last.addresses().all().collect()));
            Ok(())
        })
    }

    /// The name server that is asked first answers like this, the second one rightly.
    pub fn one_name_server_answers(&self, answer: DnsAnswer) -> Result<Broken, LabError> {
        self.backend_broken(|backend| {
            let [first, _] = &backend.servers;
            first.behave(backend.right.with_answer(answer));
            Ok(())
        })
    }

    /// The service's port is blocked; its name resolves.
    pub fn service_blocked(&self, asker: Asker, block: Block) -> Result<Broken, LabError> {
        self.backend_broken(|backend| backend.service.block(asker, block))
    }

    fn backend_broken(
        &self,
        make: impl FnOnce(&Backend) -> Result<(), LabError>,
    ) -> Result<Broken, LabError> {
        make(&*self.backend()?)?;
        Ok(self.broken(|cluster| cluster.backend()?.all_right()))
    }
}
