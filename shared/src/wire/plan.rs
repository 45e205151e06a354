//! `GET /api/v1/plan?epoch=E&generation=G&look=L&wait=30s&delta=true`: whom to probe, and whom to look at now.
//!
//! Without `wait` the answer comes at once. With it the request stays open until the plan differs from (E, G), a look with
//! a number above L is there, or the time is over (304). A body without `targets` and `delta` leaves the caller's plan as it is; `delta` is only
//! for callers that say that they can read it.

use serde::{Deserialize, Serialize};

use crate::name::NodeName;
use crate::plan::{Epoch, PlanDelta, Target};

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanBody {
    /// This start of the server.
    pub epoch: Epoch,
    /// The plan's generation.
    pub generation: u64,
    /// The targets, of every member; the caller leaves out itself. Absent when the caller has this plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<Target>>,
    /// What makes this plan of the caller's, in place of `targets`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delta: Option<PlanDelta>,
    /// Nodes that another agent suspects: look at them with a burst now, and post what you saw.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub look: Vec<NodeName>,
    /// Number of the newest look in this epoch: the caller's next `look=`.
    #[serde(default)]
    pub look_number: u64,
}
