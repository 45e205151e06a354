//! `GET /api/v1/matrix?plane=host|pod|service&check=&family=`: the matrix as JSON.

use serde::{Deserialize, Serialize};

use super::outcome::CauseWord;
use crate::address::Family;
use crate::check::CheckKind;
use crate::name::DnsName;
use crate::outcome::Reason;

/// What the matrix is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatrixPlane {
    /// The members' node addresses.
    Host,
    /// The members' pod addresses.
    Pod,
    /// The configured services.
    Service,
}

/// The matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixBody {
    /// The plane that was asked for.
    pub plane: MatrixPlane,
    /// The check that was asked for.
    pub check: CheckKind,
    /// The family that was asked for; absent means that each cell shows the worse of both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub family: Option<Family>,
    /// Who looks.
    pub from: Vec<String>,
    /// Who is looked at: nodes, or services as `name:port`.
    pub to: Vec<String>,
    /// One row for each of `from`, one cell for each of `to`.
    pub cells: Vec<Vec<MatrixCellBody>>,
}

/// What a cell shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CellWord {
    /// Measured, and reached.
    Reached,
    /// Measured, and failed.
    Unreached,
    /// Could not be measured.
    Unmeasured,
    /// No fresh data.
    Stale,
    /// Nobody was asked to measure it.
    NotPlanned,
    /// From a node to itself.
    #[serde(rename = "self")]
    Itself,
}

impl CellWord {
    /// The name as it stands in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reached => "reached",
            Self::Unreached => "unreached",
            Self::Unmeasured => "unmeasured",
            Self::Stale => "stale",
            Self::NotPlanned => "not_planned",
            Self::Itself => "self",
        }
    }
}

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MatrixCellBody {
    /// What it shows.
    pub outcome: CellWord,
    /// With `unreached`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseWord>,
    /// With `unmeasured`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// With `reached`: round-trip time in microseconds, or the resolver's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<u32>,
    /// Age of the outcome.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub age_ms: Option<u64>,
    /// The newest probe has no answer yet and a burst is asking.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspect: bool,
    /// With `reached`, of a name: the name of the search list that answered, when it is not the name itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_as: Option<DnsName>,
}

impl MatrixCellBody {
    /// A cell that shows nothing beside its word.
    pub fn bare(outcome: CellWord) -> Self {
        Self {
            outcome,
            cause: None,
            reason: None,
            rtt_us: None,
            age_ms: None,
            suspect: false,
            resolved_as: None,
        }
    }
}

impl From<crate::check::Plane> for MatrixPlane {
    fn from(plane: crate::check::Plane) -> Self {
        match plane {
            crate::check::Plane::Host => Self::Host,
            crate::check::Plane::Pod => Self::Pod,
        }
    }
}

impl MatrixPlane {
    /// The name as it stands in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Pod => "pod",
            Self::Service => "service",
        }
    }
}
