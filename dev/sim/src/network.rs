//! Answers the agents' questions as the truth and the weather have it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use faults::NameAnswer;
use meshvane_agent::probe::{Answer, Question};
use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::outcome::{Cause, Reason};

use crate::mesh;
use crate::random::{Draw, Weather};
use crate::truth::{Flow, Reply, Truth};

/// When a TCP sends its SYN: at once, and again when the initial timeout of RFC 6298 section 2 is over, which doubles. What is
/// sent after the hard limit of a probe is of no interest.
const SYN_SENT: [Duration; 3] = [Duration::ZERO, Duration::from_secs(1), Duration::from_secs(3)];
/// A slow name server: later than answers come from a network that is well, and sooner than askers commonly give up.
const SLOW: Duration = Duration::from_secs(2);
/// The response codes of RFC 1035 section 4.1.1.
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;

/// The network between agents.
#[derive(Debug)]
pub(crate) struct Network {
    weather: Weather,
    /// Packets so far, by stream.
    counts: HashMap<[u64; 3], u64>,
}

impl Network {
    pub(crate) fn new(weather: Weather) -> Self {
        Self { weather, counts: HashMap::new() }
    }

    /// The delay of a message between an agent and the server, one way.
    pub(crate) fn way_to_server(&mut self, node: usize) -> Duration {
        let draw = self.draw(node, usize::MAX, 0);
        Weather::round_trip(draw) / 2
    }

    /// The answer to a question and how long it takes; `None` when there is none. `pods` has the number of each node's pod.
    pub(crate) fn ask(
        &mut self,
        truth: &Truth,
        pods: &[u8],
        from: usize,
        question: &Question,
    ) -> Option<(Duration, Answer)> {
        match question {
            Question::Icmp(_) if !truth.may_ping(from) => {
                Some((Duration::ZERO, Answer::Unmeasured(Reason::NotPermitted)))
            }
            Question::Icmp(address) => {
                let flow = flow(from, *address, CheckKind::Icmp, pods)?;
                let draw = self.draw_flow(flow);
                let answers = truth.reply(flow) == Reply::Yes && !self.weather.is_lost(draw);
                let rtt = Weather::round_trip(draw);
                answers.then_some((rtt, Answer::Reached { rtt }))
            }
            Question::Tcp(address) => {
                let (reply, draw) = if address.ip() == mesh::SERVICE_ADDRESS {
                    (truth.service_reply(from), self.draw(from, usize::MAX, 1))
                } else {
                    let flow = flow(from, address.ip(), CheckKind::Tcp, pods)?;
                    (truth.reply(flow), self.draw_flow(flow))
                };
                let after = self.connects(draw)?;
                match reply {
                    Reply::Yes => Some((after, Answer::Reached { rtt: after })),
                    Reply::Refused => Some((after, Answer::Failed(Cause::Refused))),
                    Reply::Silent => None,
                }
            }
            Question::Health(address) => {
                let flow = flow(from, address.ip(), CheckKind::Tcp, pods)?;
                let draw = self.draw_flow(flow);
                let after = self.connects(draw)?;
                let owner = truth.taken_by(flow.to).unwrap_or(flow.to);
                match truth.reply(flow) {
                    Reply::Yes if truth.runs(owner) => Some((after, Answer::Agent(Some(mesh::name(owner))))),
                    Reply::Refused => Some((after, Answer::Failed(Cause::Refused))),
                    Reply::Yes | Reply::Silent => None,
                }
            }
            Question::Resolve { server, .. } => self.resolve(truth, from, *server),
        }
    }

    fn resolve(&mut self, truth: &Truth, from: usize, server: IpAddr) -> Option<(Duration, Answer)> {
        let number = mesh::NAME_SERVERS.iter().position(|known| *known == server)?;
        let draw = self.draw(from, usize::MAX, 2);
        let took = Weather::round_trip(draw);
        let found = |address| Answer::Resolved {
            took,
            searched: Duration::ZERO,
            addresses: vec![address],
            resolved_as: None,
        };
        let failed = |rcode| Answer::Unresolved { cause: Cause::Name { rcode }, detail: None };
        let mut after = took;
        let answer = match truth.name_answer(from, number) {
            NameAnswer::Right => found(mesh::SERVICE_ADDRESS),
            NameAnswer::Slow => {
                after += SLOW;
                found(mesh::SERVICE_ADDRESS)
            }
            NameAnswer::Lie => found(mesh::EMPTY_ADDRESS),
            NameAnswer::NxDomain => failed(NXDOMAIN),
            NameAnswer::ServFail => failed(SERVFAIL),
            NameAnswer::Silent => return None,
        };
        Some((after, answer))
    }

    /// How long a handshake takes, with the SYNs that are lost.
    fn connects(&self, draw: Draw) -> Option<Duration> {
        let mut draw = draw;
        for sent in SYN_SENT {
            if !self.weather.is_lost(draw) {
                return Some(sent + Weather::round_trip(draw));
            }
            draw = draw.again();
        }
        None
    }

    fn draw_flow(&mut self, flow: Flow) -> Draw {
        let plane = u64::from(flow.plane == Plane::Pod);
        let family = u64::from(flow.family == Family::Ipv6);
        let check = u64::from(flow.check == CheckKind::Tcp);
        self.draw(flow.from, flow.to, 8 | plane | family << 1 | check << 2)
    }

    fn draw(&mut self, from: usize, to: usize, what: u64) -> Draw {
        let stream = [from as u64, to as u64, what];
        let count = self.counts.entry(stream).or_default();
        *count += 1;
        self.weather.draw(stream, *count)
    }
}

fn flow(from: usize, address: IpAddr, check: CheckKind, pods: &[u8]) -> Option<Flow> {
    let place = mesh::place(address)?;
    // The address of an earlier pod leads nowhere.
    if place.plane == Plane::Pod && pods.get(place.node) != Some(&place.pod) {
        return None;
    }
    Some(Flow { from, to: place.node, plane: place.plane, family: place.family, check })
}
