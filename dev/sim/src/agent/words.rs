//! What goes into an agent and comes out of it.

use std::time::Duration;

use meshvane_agent::client::CallError;
use meshvane_agent::probe::{Answer, Question};
use meshvane_agent::schedule::ProbeId;
use meshvane_server::collector::{PlanAsk, PlanNews};
use meshvane_shared::wire::heartbeat::{HeartbeatAnswer, HeartbeatBody};
use meshvane_shared::wire::round::{RoundAnswer, RoundBody};

/// A part of the agent that speaks to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Heart,
    Planner,
    Courier,
}

/// What the server is asked.
#[derive(Debug, Clone)]
pub(crate) enum Request {
    Heartbeat(Box<HeartbeatBody>),
    Round(Box<RoundBody>),
    Plan(PlanAsk),
}

/// What the server answers.
#[derive(Debug, Clone)]
pub(crate) enum Response {
    Heartbeat(HeartbeatAnswer),
    Round(RoundAnswer),
    Plan(Option<Box<PlanNews>>),
}

/// How a call ended.
pub(crate) type Called = Result<Response, CallError>;

/// What happens to an agent.
#[derive(Debug, Clone)]
pub(crate) enum Input {
    /// The process begins to run, or a time that it waits for has come.
    Wake,
    /// A probe is answered.
    Answer(ProbeId, Answer),
    /// Call number so and so ended.
    Called(Part, u64, Called),
}

/// What an agent does.
#[derive(Debug)]
pub(crate) enum Output {
    /// Asks the network.
    Ask(ProbeId, Question),
    /// Calls the server; the call fails when it has no answer within the limit.
    Call { part: Part, number: u64, request: Request, limit: Duration },
    /// Takes a call back.
    Abandon(u64),
}

/// Who an agent is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) node: usize,
    /// Which pod of the node it runs in, which decides its pod addresses.
    pub(crate) pod: u8,
    /// Counts the starts of all agents, and seeds what this one draws.
    pub(crate) start: u64,
    pub(crate) seed: u64,
}
