//! `POST /api/v1/rounds`: what an agent measured, as JSON.
//!
//! A round refers to the targets of its plan by their index. A server that does not know that plan answers 409
//! (`unknown-plan`), and the agent posts the same round again with `targets`, its plan's whole list.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::bounded::{at_most, at_most_or_null};
use super::outcome::{CauseWord, OutcomeBody, OutcomeWord, outcome_of, read_beside_outcome};
use super::tolerant::Tolerant;
use crate::check::CheckKind;
use crate::limits::{CELLS_MAX, RESOLVERS_MAX, SERVICE_ADDRESSES_MAX, SERVICES_MAX, TARGETS_MAX};
use crate::name::{BootId, DnsName, NodeName};
use crate::outcome::{Reason, ResolverDetail};
use crate::plan::{PlanVersion, Target};

/// One round, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundBody {
    /// The reporting node.
    pub node: NodeName,
    /// The start of the agent that measured.
    pub boot_id: BootId,
    /// Counts the rounds and parts of that start, from 1. (boot id, sequence) names a body: the server takes each once.
    pub sequence: u64,
    /// The plan that `cells` refer to.
    pub plan: PlanVersion,
    /// Cells are those that changed just now (a suspicion, a verdict, a look), not a whole round.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// The agent's probe interval: a cell older than three of it is stale.
    pub interval_ms: u64,
    /// How long the round took.
    #[serde(default)]
    pub took_ms: u64,
    /// The round was cut off at its deadline.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overrun: bool,
    /// Time between the end of the round and its sending. Ages of cells count from the end of the round.
    #[serde(default)]
    pub age_ms: u64,
    /// The plan's whole target list, when the server did not know the plan or restarted.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "at_most_or_null::<_, _, TARGETS_MAX>"
    )]
    pub targets: Option<Vec<Target>>,
    /// The cells: at most [`CELLS_MAX`].
    #[serde(deserialize_with = "at_most::<_, _, CELLS_MAX>")]
    pub cells: Vec<CellBody>,
    /// The services.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "at_most::<_, _, SERVICES_MAX>"
    )]
    pub services: Vec<ServiceBody>,
    /// Targets at whose address another node's agent answers. A whole round brings all that there are.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "at_most::<_, _, TARGETS_MAX>"
    )]
    pub strangers: Vec<StrangerBody>,
}

impl RoundBody {
    /// The first round of an agent, whole and without a word: what is to be said is put in.
    pub fn empty(node: NodeName, boot_id: BootId, plan: PlanVersion) -> Self {
        Self {
            node,
            boot_id,
            sequence: 1,
            plan,
            partial: false,
            interval_ms: 0,
            took_ms: 0,
            overrun: false,
            age_ms: 0,
            targets: None,
            cells: Vec::new(),
            services: Vec::new(),
            strangers: Vec::new(),
        }
    }
}

/// One cell of the reporting node's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "CellFields")]
pub struct CellBody {
    /// Index into the plan's targets.
    pub target: u32,
    /// What was checked.
    pub check: Tolerant<CheckKind>,
    /// The TCP port, for a TCP check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// What it gave.
    #[serde(flatten)]
    pub outcome: OutcomeBody,
    /// Time between the outcome and the end of the round.
    pub age_ms: u64,
    /// The newest probe has no answer yet and a burst is asking: `outcome` is the last one that was certain.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspect: bool,
    /// With `unreached`: time since the first probe of this failure was sent, until the end of the round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_for_ms: Option<u64>,
}

/// A target whose `/health` names another node than the plan does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StrangerBody {
    /// Index into the plan's targets.
    pub target: u32,
    /// The node whose agent answers there.
    pub node: NodeName,
    /// Time between that answer and the end of the round.
    pub age_ms: u64,
}

/// One configured service, as the reporting node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceBody {
    /// The name that was resolved, or an address.
    pub name: DnsName,
    /// The TCP port that was connected to.
    pub port: u16,
    /// Resolving: `reached` with the resolver's time, or why not. Of an address there is nothing to resolve:
    /// `reached` without a time and without name servers, which is not counted as an answer.
    pub resolution: TimedOutcome,
    /// Each name server of the node's resolv.conf, asked on its own: at most [`RESOLVERS_MAX`].
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "at_most::<_, _, RESOLVERS_MAX>"
    )]
    pub resolvers: Vec<ResolverBody>,
    /// What failing name servers did that the cause does not say: at most one for each.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "at_most::<_, _, RESOLVERS_MAX>"
    )]
    pub details: Vec<ResolverDetailBody>,
    /// The name of the search list that has the addresses, when it is not the name itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_as: Option<DnsName>,
    /// Time in microseconds that candidates of the search list took before the one that resolved. It is no part of the
    /// resolver's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search_us: Option<u32>,
    /// Each address of the answer that was connected to.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "at_most::<_, _, SERVICE_ADDRESSES_MAX>"
    )]
    pub addresses: Vec<ServiceAddressBody>,
    /// How many addresses the answer had; above the limit not all are connected to.
    #[serde(default)]
    pub answers: u32,
}

/// What a failing name server did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolverDetailBody {
    /// The name server.
    pub address: IpAddr,
    /// What it did.
    pub detail: ResolverDetail,
}

/// What one name server said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AddressFields")]
pub struct ResolverBody {
    /// The name server.
    pub address: IpAddr,
    /// Resolving by it alone.
    #[serde(flatten)]
    pub resolution: TimedOutcome,
}

/// One resolved address of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "AddressFields")]
pub struct ServiceAddressBody {
    /// The address.
    pub address: IpAddr,
    /// The TCP connect.
    #[serde(flatten)]
    pub tcp: TimedOutcome,
}

/// An outcome with its age and, when it fails, since when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "TimedOutcomeFields")]
pub struct TimedOutcome {
    /// What it gave.
    #[serde(flatten)]
    pub outcome: OutcomeBody,
    /// Time between the outcome and the end of the round.
    pub age_ms: u64,
    /// With `unreached`: time since the first failure, until the end of the round.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_for_ms: Option<u64>,
}

read_beside_outcome!(CellFields {
    target: u32,
    check: Tolerant<CheckKind>,
    #[serde(default)]
    port: Option<u16>,
    age_ms: u64,
    #[serde(default)]
    suspect: bool,
    #[serde(default)]
    failing_for_ms: Option<u64>,
});

impl From<CellFields> for CellBody {
    fn from(fields: CellFields) -> Self {
        Self {
            target: fields.target,
            check: fields.check,
            port: fields.port,
            outcome: outcome_of!(fields),
            age_ms: fields.age_ms,
            suspect: fields.suspect,
            failing_for_ms: fields.failing_for_ms,
        }
    }
}

read_beside_outcome!(TimedOutcomeFields {
    age_ms: u64,
    #[serde(default)]
    failing_for_ms: Option<u64>,
});

impl From<TimedOutcomeFields> for TimedOutcome {
    fn from(fields: TimedOutcomeFields) -> Self {
        Self { outcome: outcome_of!(fields), age_ms: fields.age_ms, failing_for_ms: fields.failing_for_ms }
    }
}

read_beside_outcome!(AddressFields {
    address: IpAddr,
    age_ms: u64,
    #[serde(default)]
    failing_for_ms: Option<u64>,
});

impl AddressFields {
    fn timed(self) -> TimedOutcome {
        let (age_ms, failing_for_ms) = (self.age_ms, self.failing_for_ms);
        TimedOutcome { outcome: outcome_of!(self), age_ms, failing_for_ms }
    }
}

impl From<AddressFields> for ResolverBody {
    fn from(fields: AddressFields) -> Self {
        Self { address: fields.address, resolution: fields.timed() }
    }
}

impl From<AddressFields> for ServiceAddressBody {
    fn from(fields: AddressFields) -> Self {
        Self { address: fields.address, tcp: fields.timed() }
    }
}

/// The answer to a round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoundAnswer {
    /// `accepted`, or why the round was not taken.
    pub status: RoundStatus,
    /// This start of the server.
    pub server_epoch: crate::plan::Epoch,
}

/// What became of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoundStatus {
    /// It is in.
    Accepted,
    /// It was in already.
    Duplicate,
    /// It is of an older boot than the one that speaks for the node, and was set aside.
    Superseded,
    /// Its number lies so far below the highest one of its boot that the server cannot tell it from a repetition. It was
    /// set aside.
    TooLate,
    /// A word of a newer version: the body arrived, whatever it says.
    #[serde(other)]
    Other,
}

#[cfg(test)]
mod tests;
