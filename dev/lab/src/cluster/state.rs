//! Finding nodes, pods and the server among what there is.

use super::build::FIRST_POD;
use super::{Node, NodeInfo, Pod, Purpose, ServerSeat, State};
use crate::LabError;
use crate::spec::{MAX_PODS_PER_NODE, NodeId, PodId};

impl State {
    pub(super) fn node(&self, id: NodeId) -> Result<&Node, LabError> {
        let index = usize::from(id.0).checked_sub(1);
        index.and_then(|index| self.nodes.get(index)).ok_or_else(|| LabError::Unknown(id.to_string()))
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> Result<&mut Node, LabError> {
        let index = usize::from(id.0).checked_sub(1);
        index.and_then(|index| self.nodes.get_mut(index)).ok_or_else(|| LabError::Unknown(id.to_string()))
    }

    pub(super) fn seat(&self) -> Result<&ServerSeat, LabError> {
        self.server.as_ref().ok_or_else(|| LabError::Unknown("place for a server yet".to_owned()))
    }
}

impl Node {
    pub(super) fn info(&self) -> NodeInfo {
        let for_agents = self.pods.iter().filter(|pod| pod.purpose == Purpose::Agent);
        NodeInfo {
            id: self.plan.id,
            name: self.plan.name.clone(),
            zone: self.plan.zone,
            host: self.addresses,
            pods: for_agents.map(|pod| pod.info).collect(),
        }
    }

    pub(super) fn pod(&self, id: PodId) -> Result<&Pod, LabError> {
        self.pods.iter().find(|pod| pod.info.id == id).ok_or_else(|| LabError::Unknown(id.to_string()))
    }

    pub(super) fn take_pod_number(&mut self) -> Result<u8, LabError> {
        let number = self.next_pod;
        if number - FIRST_POD >= MAX_PODS_PER_NODE {
            let rule = format!("at most {MAX_PODS_PER_NODE}, counting those taken away");
            return Err(LabError::Spec { field: format!("pods of {}", self.plan.name), rule });
        }
        self.next_pod += 1;
        Ok(number)
    }
}
