//! Calls between agents and the server: TCP carries them as soon as the path lets it.

use std::time::Duration;

use meshvane_agent::client::CallError;

use super::{Happening, World};
use crate::agent::{Called, Input, Part, Request};
use crate::server::CallId;

/// The first retransmission of a TCP whose packets are lost; each next one waits twice as long (RFC 6298 sections 2 and 5.5, with
/// the minimum of Linux).
const RETRANSMIT_FIRST: Duration = Duration::from_millis(200);
/// Retransmissions after which a connection is given up: later than every limit of a call.
const RETRANSMIT_MAX: u32 = 9;

/// A call of an agent that is under way.
pub(super) struct Call {
    pub(super) node: usize,
    pub(super) start: u64,
    pub(super) part: Part,
    pub(super) number: u64,
    request: Option<Request>,
    called: Option<Called>,
}

impl World<'_> {
    pub(super) fn call(&mut self, node: usize, part: Part, number: u64, request: Request, limit: Duration) {
        self.next_call += 1;
        let (id, start) = (self.next_call, self.nodes[node].start);
        self.calls.insert(id, Call { node, start, part, number, request: Some(request), called: None });
        let way = self.network.way_to_server(node);
        self.push(self.now + way, Happening::Request(id, 0));
        self.push(self.now + limit, Happening::Limit(id));
    }

    /// Returns true when a packet between the call's node and the server passes now; else it is sent again later.
    fn passes(&mut self, call: CallId, tries: u32, again: fn(CallId, u32) -> Happening) -> bool {
        let Some(node) = self.calls.get(&call).map(|call| call.node) else { return false };
        if self.truth.reaches_server(node) {
            return true;
        }
        if tries < RETRANSMIT_MAX {
            self.push(self.now + RETRANSMIT_FIRST * 2_u32.pow(tries), again(call, tries + 1));
        }
        false
    }

    pub(super) fn carry_request(&mut self, id: CallId, tries: u32) {
        if !self.passes(id, tries, Happening::Request) {
            return;
        }
        let Some(call) = self.calls.get_mut(&id) else { return };
        let Some(request) = call.request.take() else { return };
        let believed = self.truth.has_token(call.node);
        let answers = match &mut self.server {
            None => vec![(id, Err(CallError::Unanswered("connection refused".to_owned())))],
            Some(server) if self.truth.server_runs() => server.arrives(self.now, id, believed, request),
            Some(server) => {
                server.holds(id, believed, request);
                Vec::new()
            }
        };
        self.answer_all(answers);
        self.plan_server_time();
    }

    pub(super) fn answer_all(&mut self, answers: Vec<(CallId, Called)>) {
        for (call, called) in answers {
            self.answer(call, called);
        }
    }

    pub(super) fn answer(&mut self, id: CallId, called: Called) {
        let Some(call) = self.calls.get_mut(&id) else { return };
        call.called = Some(called);
        let node = call.node;
        let way = self.network.way_to_server(node);
        self.push(self.now + way, Happening::Response(id, 0));
    }

    pub(super) fn carry_response(&mut self, id: CallId, tries: u32) {
        if !self.passes(id, tries, Happening::Response) {
            return;
        }
        let Some(Call { node, start, part, number, called: Some(called), .. }) = self.calls.remove(&id)
        else {
            return;
        };
        self.end_call(node, start, Input::Called(part, number, called));
    }

    pub(super) fn end_call(&mut self, node: usize, start: u64, input: Input) {
        if self.nodes[node].start == start {
            self.tell(node, input);
        }
    }
}
