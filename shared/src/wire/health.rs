//! `GET /health` on the agent's `CLIENT_PORT`: the original's body, and who answers.

use serde::{Deserialize, Serialize};

use crate::name::{BootId, NodeName, PodName};

/// Who answers at this address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentHealthBody {
    /// `healthy`.
    pub status: String,
    /// The agent's node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeName>,
    /// The agent's pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<PodName>,
    /// This start of the agent. No longer sent: whoever knows it can report in the agent's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot_id: Option<BootId>,
}
