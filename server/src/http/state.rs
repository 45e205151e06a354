//! What every handler shares.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use runtime::{Drain, Liveness};

use super::bodies::Bodies;
use super::guard;
use super::limits::Limits;
use super::listener::Peer;
use super::plan::{LongPolls, PlanAnswers};
use super::vouched::Vouched;
use crate::auth::{Gate, Identity, RefusalLog, Refused};
use crate::clock::Clock;
use crate::collector::Collector;
use crate::kube::Reviewer;
use crate::mesh::time::Moment;
use crate::mesh::writer::Writer;
use crate::metrics::Metrics;
use crate::readiness::Readiness;

/// What every handler shares.
#[derive(Debug)]
pub struct ApiState {
    /// The mesh.
    pub collector: Arc<Collector>,
    /// The time.
    pub clock: Arc<Clock>,
    /// Who may do what.
    pub gate: Gate,
    /// Asks the API server about tokens, in Kubernetes.
    pub reviewer: Option<Reviewer>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// Whether the program can do its work.
    pub readiness: Readiness,
    /// Whether the main thread gets on.
    pub liveness: Liveness,
    /// Tells long polls to end.
    pub drain: Drain,
    /// How much a request may be, and take.
    pub limits: Limits,
    /// How much the bodies that are arriving may take.
    pub bodies: Bodies,
    /// What was not logged of refusals.
    pub refusals: RefusalNotes,
    /// Answers with a plan that were written before.
    pub plan_answers: PlanAnswers,
    /// Questions for the plan that wait for news.
    pub long_polls: LongPolls,
    /// Where members' heartbeats come from, when clients show no identity.
    pub vouched: Vouched,
}

/// What was not logged of refusals.
#[derive(Debug, Default)]
pub struct RefusalNotes {
    // A std Mutex: held for a few instructions, never across an await.
    log: Mutex<RefusalLog>,
}

impl RefusalNotes {
    /// Takes note of a refusal: how many went unlogged before it, when this one should be logged.
    pub fn note(&self, refused: Refused, source: IpAddr, now: Moment) -> Option<u64> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).note(refused, source, now)
    }
}

/// A request that was let in.
#[derive(Debug)]
pub(super) struct Ask {
    /// The head.
    pub(super) head: Parts,
    /// The body, unread.
    pub(super) body: Body,
    /// Who made it.
    pub(super) identity: Identity,
}

impl Ask {
    /// Who is at the other end of the connection; unknown outside of our listener.
    pub(super) fn peer(&self) -> Option<Peer> {
        self.head.extensions.get::<Peer>().cloned()
    }

    /// The headers.
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.head.headers
    }

    /// Who the body counts for: the node that Kubernetes vouches for, else the source address.
    pub(super) fn writer(&self) -> Writer {
        match self.identity.agent() {
            Some(agent) => Writer::Node(agent.node.clone()),
            None => Writer::at(guard::address(&self.head)),
        }
    }
}
