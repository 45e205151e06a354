//! Plays an incident: agents, server and network in virtual time, driven by one queue.
//!
//! ```text
//!   script ──> truth ──> processes start, stop, die
//!   queue ──earliest──> agent ──Ask──> network ──answer──> queue
//!                         └────Call──> server ──answer───> queue
//!                                        └── judgement ──> edges
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::time::Duration;

use faults::Effect;
use meshvane_agent::client::CallError;
use meshvane_agent::probe::Answer;
use meshvane_agent::schedule::ProbeId;

use crate::agent::{Agent, Identity, Input, Output, Part, Request};
use crate::incident::Incident;
use crate::network::Network;
use crate::random::{Weather, mix};
use crate::server::{CallId, Edge, Server};
use crate::truth::Truth;
use calls::Call;

mod calls;

/// An agent whose node or pod comes back starts this long after that, at least and at most.
const START_AFTER: std::ops::Range<u64> = 500..2_500;

/// What happens, and to which start of which process.
#[derive(Debug)]
enum Happening {
    /// The faults that are active change.
    Script,
    /// An agent's process starts.
    Start(usize, u64),
    Wake(usize, u64),
    Answer(usize, u64, ProbeId, Answer),
    /// A request travels to the server, for the so many-th time.
    Request(CallId, u32),
    /// An answer travels back.
    Response(CallId, u32),
    /// The limit of a call is over.
    Limit(CallId),
    ServerStart(u64),
    /// The server's own times: the next judgement, the end of a poll, the end of a judgement.
    Server(u64),
}

/// When, a number that tells it from others of that moment, what.
struct Entry(Duration, u64, Happening);

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        (self.0, self.1) == (other.0, other.1)
    }
}
impl Eq for Entry {}
impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Entry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.0, self.1).cmp(&(other.0, other.1))
    }
}

/// What a node has.
#[derive(Default)]
struct Node {
    agent: Option<Agent>,
    /// Counts the starts and ends of its agent: what belongs to another one is ignored.
    start: u64,
    /// What waits for a stopped process.
    held: Vec<Input>,
    wake: Option<Duration>,
    /// It had a pod before.
    had_pod: bool,
}

/// What was seen of an incident.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Story {
    /// What opened and what was resolved, in order; a start of the server without what was open before resolves nothing.
    pub(crate) edges: Vec<Edge>,
    /// When a server began to run, and forgot what was open.
    pub(crate) server_starts: Vec<Duration>,
    /// Judgements that were made.
    pub(crate) judgements: u64,
    /// Probes that were sent.
    pub(crate) probes: u64,
}

/// A mesh in virtual time.
pub(crate) struct World<'a> {
    incident: &'a Incident,
    now: Duration,
    truth: Truth,
    network: Network,
    nodes: Vec<Node>,
    /// Which pod each node has.
    pods: Vec<u8>,
    server: Option<Server>,
    server_starts: u64,
    server_at: Option<Duration>,
    calls: BTreeMap<CallId, Call>,
    next_call: CallId,
    queue: BinaryHeap<Reverse<Entry>>,
    number: u64,
    starts: u64,
    story: Story,
}

/// Plays an incident to its end.
pub(crate) fn play(incident: &Incident) -> Story {
    let mut world = World::new(incident);
    world.run();
    world.story
}

impl<'a> World<'a> {
    fn new(incident: &'a Incident) -> Self {
        let nodes = incident.mesh.nodes();
        let mut world = Self {
            incident,
            now: Duration::ZERO,
            // Before the beginning there is nothing, so the first faults let processes start.
            truth: Truth::of(&incident.mesh, nothing_there(nodes)),
            network: Network::new(Weather::new(incident.seed, incident.loss)),
            nodes: (0..nodes).map(|_| Node::default()).collect(),
            pods: vec![0; nodes],
            server: None,
            server_starts: 0,
            server_at: None,
            calls: BTreeMap::new(),
            next_call: 0,
            queue: BinaryHeap::new(),
            number: 0,
            starts: 0,
            story: Story::default(),
        };
        for at in incident.changes() {
            world.push(at, Happening::Script);
        }
        world
    }

    fn run(&mut self) {
        while let Some(Reverse(Entry(now, _, happening))) = self.queue.pop() {
            if now > self.incident.end {
                return;
            }
            self.now = now;
            self.happen(happening);
        }
    }

    fn push(&mut self, at: Duration, happening: Happening) {
        self.number += 1;
        self.queue.push(Reverse(Entry(at.max(self.now), self.number, happening)));
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Script => self.follow_script(),
            Happening::Start(node, start) if self.nodes[node].start == start => self.start_agent(node),
            Happening::Wake(node, start) if self.nodes[node].start == start => {
                if self.nodes[node].wake == Some(self.now) {
                    self.tell(node, Input::Wake);
                }
            }
            Happening::Answer(node, start, probe, answer) if self.nodes[node].start == start => {
                self.tell(node, Input::Answer(probe, answer));
            }
            Happening::Request(call, tries) => self.carry_request(call, tries),
            Happening::Response(call, tries) => self.carry_response(call, tries),
            Happening::Limit(call) => {
                if let Some(Call { node, start, part, number, .. }) = self.calls.remove(&call) {
                    let called = Err(CallError::Unanswered("no answer in time".to_owned()));
                    self.end_call(node, start, Input::Called(part, number, called));
                }
            }
            Happening::ServerStart(start) if self.server_starts == start && self.truth.has_server() => {
                let epoch = mix(self.incident.seed ^ start);
                self.server = Some(Server::start(epoch, self.incident.server_skew_s, self.now));
                self.story.server_starts.push(self.now);
                self.plan_server_time();
            }
            Happening::Server(start) => {
                if self.server_starts == start && self.server_at == Some(self.now) {
                    self.server_at = None;
                    self.serve_times();
                }
            }
            // Of a start that is over.
            Happening::Start(..)
            | Happening::Wake(..)
            | Happening::Answer(..)
            | Happening::ServerStart(_) => {}
        }
    }

    /// Starts, stops and ends processes as the faults that are active from now on have it.
    fn follow_script(&mut self) {
        let before = std::mem::replace(&mut self.truth, self.incident.truth(self.now));
        for node in 0..self.nodes.len() {
            let (had, has) = (before.has_agent(node), self.truth.has_agent(node));
            if had && !has {
                self.end_agent(node, &before);
            }
            if !had && has {
                let first = !self.nodes[node].had_pod;
                let new_pod = !before.has_pod(node) && !first && self.incident.renews_pod(node);
                self.pods[node] += u8::from(new_pod);
                self.nodes[node].had_pod = true;
                self.nodes[node].start += 1;
                let spread = START_AFTER.end - START_AFTER.start;
                let draw = mix(self.incident.seed ^ mix(node as u64) ^ mix(self.nodes[node].start));
                let after = Duration::from_millis(START_AFTER.start + draw % spread);
                let start = Happening::Start(node, self.nodes[node].start);
                self.push(self.now + after, start);
            }
            if self.truth.runs(node) && !self.nodes[node].held.is_empty() {
                for input in std::mem::take(&mut self.nodes[node].held) {
                    self.tell(node, input);
                }
            }
        }
        self.follow_script_at_server(&before);
    }

    fn follow_script_at_server(&mut self, before: &Truth) {
        match (before.has_server(), self.truth.has_server()) {
            (true, false) => {
                self.server_starts += 1;
                if let Some(server) = self.server.take() {
                    for call in server.unanswered() {
                        self.answer(call, Err(CallError::Unanswered("connection reset".to_owned())));
                    }
                }
            }
            (false, true) => {
                self.server_starts += 1;
                let start = Happening::ServerStart(self.server_starts);
                self.push(self.now + Duration::from_millis(300), start);
            }
            (true, true) | (false, false) => {}
        }
        if self.truth.server_runs() && !before.server_runs() {
            self.serve_times();
        }
    }

    fn start_agent(&mut self, node: usize) {
        self.starts += 1;
        let seed = mix(self.incident.seed ^ mix(self.starts));
        let identity = Identity { node, pod: self.pods[node], start: self.starts, seed };
        self.nodes[node].agent = Some(Agent::new(&identity, &self.incident.mesh, self.now));
        self.tell(node, Input::Wake);
    }

    fn end_agent(&mut self, node: usize, before: &Truth) {
        let held = &mut self.nodes[node];
        held.start += 1;
        held.held.clear();
        held.wake = None;
        let Some(agent) = held.agent.take() else { return };
        // What leaves says goodbye; what is killed, or cut off, cannot.
        if self.truth.is_on(node) && !self.truth.has_pod(node) && before.runs(node) {
            let body = Box::new(agent.heartbeat(self.now, true));
            self.call(node, Part::Heart, 0, Request::Heartbeat(body), Duration::from_secs(1));
        }
    }

    fn tell(&mut self, node: usize, input: Input) {
        if !self.truth.runs(node) {
            self.nodes[node].held.push(input);
            return;
        }
        let Some(agent) = &mut self.nodes[node].agent else { return };
        let outputs = agent.handle(self.now, input);
        let wake = agent.next_wake().map(|at| at.max(self.now));
        for output in outputs {
            match output {
                Output::Ask(probe, question) => {
                    self.story.probes += 1;
                    let answered = self.network.ask(&self.truth, &self.pods, node, &question);
                    if let Some((after, answer)) = answered {
                        let start = self.nodes[node].start;
                        self.push(self.now + after, Happening::Answer(node, start, probe, answer));
                    }
                }
                Output::Call { part, number, request, limit } => {
                    self.call(node, part, number, request, limit);
                }
                Output::Abandon(number) => {
                    let start = self.nodes[node].start;
                    self.calls.retain(|_, call| {
                        (call.node, call.start, call.part, call.number)
                            != (node, start, Part::Planner, number)
                    });
                }
            }
        }
        if self.nodes[node].wake != wake {
            self.nodes[node].wake = wake;
            if let Some(at) = wake {
                let start = self.nodes[node].start;
                self.push(at, Happening::Wake(node, start));
            }
        }
    }

    /// Does what is due at the server.
    fn serve_times(&mut self) {
        if !self.truth.server_runs() {
            return;
        }
        let takes = self.truth.judging_takes();
        let Some(server) = &mut self.server else { return };
        if self.now >= server.busy_until {
            let mut answers = server.catch_up(self.now);
            answers.extend(server.end_polls(self.now));
            if server.judge_at <= self.now {
                let (edges, more) = server.judge(self.now, takes);
                self.story.judgements += 1;
                self.story.edges.extend(edges);
                answers.extend(more);
            }
            self.answer_all(answers);
        }
        self.plan_server_time();
    }

    fn plan_server_time(&mut self) {
        let Some(server) = &self.server else { return };
        let times = [Some(server.judge_at), server.next_poll_end()];
        let Some(at) = times.into_iter().flatten().min() else { return };
        let at = at.max(server.busy_until).max(self.now);
        if self.server_at != Some(at) {
            self.server_at = Some(at);
            self.push(at, Happening::Server(self.server_starts));
        }
    }
}

fn nothing_there(nodes: usize) -> Vec<Effect> {
    (0..nodes).map(Effect::Absent).chain([Effect::ServerDown]).collect()
}
