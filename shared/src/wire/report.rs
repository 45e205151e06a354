//! `GET /api/v1/report`: the state of the mesh on one page, as JSON (the text form is drawn from it).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::findings::FindingBody;
use super::matrix::MatrixPlane;
use crate::check::CheckKind;
use crate::name::NodeName;

/// The report.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReportBody {
    /// When it was drawn.
    pub timestamp: DateTime<Utc>,
    /// Whether the server judges yet.
    pub judging: bool,
    /// How many members are in each state.
    pub members: BTreeMap<String, u32>,
    /// Members that are not simply alive.
    pub notable_members: Vec<NotableMember>,
    /// Totals for each plane and kind of check.
    pub totals: Vec<TotalsBody>,
    /// The pairs with the longest round trip, slowest first.
    pub slowest: Vec<SlowPairBody>,
    /// What is wrong now.
    pub findings: Vec<FindingBody>,
}

/// A member that is late, lost or leaving.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotableMember {
    /// The node.
    pub node: NodeName,
    /// Its state.
    pub state: super::agents::MemberState,
    /// Time since its newest heartbeat; absent when none arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heartbeat_age_ms: Option<u64>,
}

/// Counts of cells. The four outcomes are counted apart; the rate is of those that were measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TotalsBody {
    /// Which plane.
    pub plane: MatrixPlane,
    /// Which check.
    pub check: CheckKind,
    /// Cells measured and reached.
    pub reached: u64,
    /// Cells measured and failed.
    pub unreached: u64,
    /// Cells that could not be measured.
    pub unmeasured: u64,
    /// Cells without fresh data.
    pub stale: u64,
    /// 100 x reached / (reached + unreached); absent when nothing was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success_percent: Option<f64>,
    /// Median round-trip time of the reached cells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_median_us: Option<u32>,
    /// Longest round-trip time of the reached cells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_max_us: Option<u32>,
}

/// A pair with a long round trip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowPairBody {
    /// Who looked.
    pub from: NodeName,
    /// A node, or a service.
    pub to: String,
    /// Which plane.
    pub plane: MatrixPlane,
    /// Which check.
    pub check: CheckKind,
    /// Round-trip time in microseconds.
    pub rtt_us: u32,
}
