//! The server's state and everything that can be done with it: the one value that HTTP handlers, the reporter and the
//! judge share. It holds the store, the plan book and the ledger of findings, and passes them to the pure code of
//! [`crate::mesh`]; it knows neither HTTP nor a clock.

use std::time::Duration;

use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::plan::Epoch;
use meshvane_shared::wire::agents::AgentsBody;
use meshvane_shared::wire::compat::{
    ClientsCountAnswer, HostsAnswer, PodsAnswer, ResultsAnswer, ServiceResultBody, ServiceResultsAnswer, TestResultsAnswer,
    TestResultsBody,
};
use meshvane_shared::wire::findings::FindingsBody;
use meshvane_shared::wire::heartbeat::{HeartbeatAnswer, HeartbeatBody};
use meshvane_shared::wire::matrix::{MatrixBody, MatrixPlane};
use meshvane_shared::wire::plan::PlanBody;
use meshvane_shared::wire::report::ReportBody;
use meshvane_shared::wire::round::{RoundAnswer, RoundBody};

use crate::mesh::time::Now;

/// What the collector is told at its start.
#[derive(Debug, Clone)]
pub struct CollectorSettings {
    /// A member is lost when its heartbeat is this old (`CACHE_KEY_SECOND`).
    pub ttl: Duration,
    /// A lost member is forgotten when its heartbeat is this old (`MESHVANE_FORGET_AFTER`).
    pub forget_after: Duration,
    /// Names this start.
    pub epoch: Epoch,
}

/// Why a body was not taken. Nothing changed then.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A field is missing that must be there; the original has its own words for it.
    #[error("{0}")]
    MissingField(String),
    /// A field has a value that cannot be.
    #[error("{0}")]
    InvalidField(String),
    /// The round names a plan that this server does not know, and brings no targets.
    #[error("the plan {0} is not known here: send the round again with its targets")]
    UnknownPlan(String),
}

/// Which findings are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FindingsFilter {
    /// Those that hold.
    #[default]
    Open,
    /// Those that are over.
    Resolved,
    /// All.
    All,
}

/// What the matrix is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MatrixQuery {
    /// Which plane.
    pub plane: MatrixPlane,
    /// Which check; `None` takes `icmp` on planes and `tcp` on services.
    pub check: Option<CheckKind>,
    /// Which family; `None` shows the worse of both.
    pub family: Option<Family>,
}

/// What a caller of the plan has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PlanAsk {
    /// The epoch and generation that the caller has.
    pub have: Option<(Epoch, u64)>,
    /// The newest look number that the caller has seen; `None` asks for looks raised from now on.
    pub look: Option<u64>,
}

/// The server's state.
#[derive(Debug)]
pub struct Collector {}

impl Collector {
    /// Makes an empty state.
    pub fn new(_settings: CollectorSettings, _now: Now) -> Self {
        todo!()
    }

    /// Takes a heartbeat, native or original.
    pub fn heartbeat(&self, _body: HeartbeatBody, _now: Now) -> Result<HeartbeatAnswer, Refusal> {
        todo!()
    }

    /// Takes a round. Takes each (boot id, sequence) once.
    pub fn round(&self, _body: RoundBody, _now: Now) -> Result<RoundAnswer, Refusal> {
        todo!()
    }

    /// Takes what an original agent posts about hosts or pods.
    pub fn original_results(&self, _plane: Plane, _body: TestResultsBody, _now: Now) -> Result<(), Refusal> {
        todo!()
    }

    /// Takes what an original agent posts about its service.
    pub fn original_service(&self, _body: ServiceResultBody, _now: Now) -> Result<(), Refusal> {
        todo!()
    }

    /// The plan, when it differs from what the caller has or a look is waiting; `None` when there is nothing new (304).
    pub fn plan(&self, _ask: PlanAsk, _now: Now) -> Option<PlanBody> {
        todo!()
    }

    /// Resolves when the plan or the looks changed after this call was made. Cancel-safe.
    pub async fn plan_changed(&self) {
        todo!()
    }

    /// `GET /agents`.
    pub fn agents(&self, _now: Now) -> AgentsBody {
        todo!()
    }

    /// `GET /matrix`.
    pub fn matrix(&self, _query: MatrixQuery, _now: Now) -> MatrixBody {
        todo!()
    }

    /// `GET /findings`.
    pub fn findings(&self, _filter: FindingsFilter, _now: Now) -> FindingsBody {
        todo!()
    }

    /// `GET /report`.
    pub fn report(&self, _now: Now) -> ReportBody {
        todo!()
    }

    /// `GET /hosts`.
    pub fn hosts(&self, _now: Now) -> HostsAnswer {
        todo!()
    }

    /// `GET /pods`.
    pub fn pods(&self, _now: Now) -> PodsAnswer {
        todo!()
    }

    /// `GET /clients/count`.
    pub fn clients_count(&self, _now: Now) -> ClientsCountAnswer {
        todo!()
    }

    /// `GET /test-results/hosts` and `/pods`.
    pub fn test_results(&self, _plane: Plane, _now: Now) -> TestResultsAnswer {
        todo!()
    }

    /// `GET /test-results/service`.
    pub fn service_results(&self, _now: Now) -> ServiceResultsAnswer {
        todo!()
    }

    /// `GET /results`.
    pub fn results(&self, _now: Now) -> ResultsAnswer {
        todo!()
    }

    /// Judges: membership, plan, findings. The judge calls it at every pulse and after every change.
    pub fn judge(&self, _now: Now) {
        todo!()
    }

    /// Resolves when something arrived that is worth judging. Cancel-safe.
    pub async fn changed(&self) {
        todo!()
    }
}
