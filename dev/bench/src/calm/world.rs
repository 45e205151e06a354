//! A mesh of schedules that is driven by a queue of happenings: no clock, no socket. Pure.
//!
//! ```text
//!   queue ──earliest──> schedule of an agent ──Start──> network ──answer──> queue
//!                               └──────Post──> server's looks ──look──────> queue
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use meshvane_agent::probe::{Answer, Question};
use meshvane_agent::schedule::{Command, Event, ProbeId, Report, Schedule, Settings};
use meshvane_server::mesh::look::{LookBook, is_asked};
use meshvane_server::mesh::time::Moment;
use meshvane_shared::address::Family;
use meshvane_shared::check::CheckKind;
use meshvane_shared::name::NodeName;
use meshvane_shared::plan::Plan;
use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use super::network::Network;
use crate::model;

/// The default interval of the agents.
const INTERVAL: Duration = Duration::from_secs(5);
/// From a suspicion to the look of another agent: two trips to the server.
const LOOK_AFTER: Duration = Duration::from_millis(2);
/// Cells that look at one node, of each check: its two planes in one family.
const CELLS_AT_NODE: u64 = 2;
/// False verdicts that are described; the others are counted.
const DESCRIBED_MAX: usize = 10;

/// What a world saw.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Tally {
    /// Probes that agents sent.
    pub(super) probes: u64,
    /// Of these, echo requests.
    pub(super) echoes: u64,
    /// Cells that the server was told to be suspect.
    pub(super) suspicions: u64,
    /// Looks that agents were asked for.
    pub(super) looks: u64,
    /// Echo cells that were looked at by them.
    pub(super) looked_echoes: u64,
    /// Cells that the server was told to be unreached, by check: echo and TCP.
    pub(super) false_verdicts: [u64; 2],
    /// The first of these, as sentences.
    pub(super) described: Vec<String>,
    /// Time that went by in the worlds.
    pub(super) time: Duration,
}

impl Tally {
    /// Adds what another world saw.
    pub(super) fn add(&mut self, other: Self) {
        self.probes += other.probes;
        self.echoes += other.echoes;
        self.suspicions += other.suspicions;
        self.looks += other.looks;
        self.looked_echoes += other.looked_echoes;
        for (sum, count) in self.false_verdicts.iter_mut().zip(other.false_verdicts) {
            *sum += count;
        }
        self.described.extend(other.described);
        self.described.truncate(DESCRIBED_MAX);
        self.time += other.time;
    }
}

/// A cell of an agent's row: a target and a check.
type CellName = (u32, CheckKind);

#[derive(Debug)]
struct Agent {
    name: NodeName,
    schedule: Schedule,
    wake: Option<Duration>,
    suspect: BTreeSet<CellName>,
    unreached: BTreeSet<CellName>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Begin,
    Wake,
    Arrival(ProbeId, Duration),
    /// The agent at the address says whose it is.
    Named(ProbeId, NodeName),
    Look(NodeName),
}

/// When, a number that tells it from others of that moment, to which agent, what.
type Entry = (Duration, u64, usize, Happening);

/// A mesh.
#[derive(Debug)]
pub(super) struct World {
    plan: Arc<Plan>,
    agents: Vec<Agent>,
    network: Network,
    random: SmallRng,
    /// The server's book, where agents are asked to look.
    looks: Option<LookBook>,
    queue: BinaryHeap<Reverse<Entry>>,
    number: u64,
    tally: Tally,
}

impl World {
    /// Makes a mesh whose agents begin within one interval.
    pub(super) fn new(nodes: usize, network: Network, looks: bool, seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let agent = |node: usize| {
            let settings = Settings {
                node: model::name(node),
                interval: INTERVAL,
                test_port: Some(model::TEST_PORT),
                services: Vec::new(),
                is_loopback: false,
                seed: random.random(),
            };
            Agent {
                name: model::name(node),
                schedule: Schedule::new(settings),
                wake: None,
                suspect: BTreeSet::new(),
                unreached: BTreeSet::new(),
            }
        };
        let agents = (0..nodes).map(agent).collect();
        let mut world = Self {
            plan: model::plan(nodes, &[Family::Ipv4], |_| None),
            agents,
            network,
            random,
            looks: looks.then(LookBook::default),
            queue: BinaryHeap::new(),
            number: 0,
            tally: Tally::default(),
        };
        for node in 0..nodes {
            let at = INTERVAL.mul_f64(world.random.random_range(0.0..1.0));
            world.push(at, node, Happening::Begin);
        }
        world
    }

    /// What was seen.
    pub(super) fn into_tally(self) -> Tally {
        self.tally
    }

    /// Lets so many probes be sent, and what they began come to its end.
    pub(super) fn run(&mut self, probes: u64) {
        let mut end = None;
        while let Some(Reverse((now, _, agent, happening))) = self.queue.pop() {
            self.tally.time = now;
            if end.is_none() && self.tally.probes >= probes {
                end = Some(now + INTERVAL);
            }
            if end.is_some_and(|end| now >= end) {
                return;
            }
            let event = match happening {
                Happening::Begin => Event::Plan(Arc::clone(&self.plan)),
                Happening::Wake if self.agents[agent].wake != Some(now) => continue,
                Happening::Wake => Event::Tick,
                Happening::Arrival(probe, rtt) => Event::Answer(probe, Answer::Reached { rtt }),
                Happening::Named(probe, node) => Event::Answer(probe, Answer::Agent(Some(node))),
                Happening::Look(node) => Event::Look(vec![node]),
            };
            self.tell(now, agent, event);
        }
    }

    fn push(&mut self, at: Duration, agent: usize, happening: Happening) {
        self.number += 1;
        self.queue.push(Reverse((at, self.number, agent, happening)));
    }

    fn tell(&mut self, now: Duration, agent: usize, event: Event) {
        for command in self.agents[agent].schedule.handle(now, event) {
            // An answer to a probe that nobody waits for is nothing to a schedule, so none is taken back.
            if let Command::Start(probe, question) = command {
                self.ask(now, agent, probe, &question);
            } else if let Command::StartAfresh(probe, address) = command {
                // This network does not know one socket from another.
                self.ask(now, agent, probe, &Question::Icmp(address));
            } else if let Command::Post(report) = command {
                self.take(now, agent, &report);
            }
        }
        let wake = self.agents[agent].schedule.next_wake();
        if self.agents[agent].wake != wake {
            self.agents[agent].wake = wake;
            if let Some(at) = wake {
                self.push(at, agent, Happening::Wake);
            }
        }
    }

    fn ask(&mut self, now: Duration, agent: usize, probe: ProbeId, question: &Question) {
        let answered = self.network.ask(question, &mut self.random);
        if let Question::Health(address) = question {
            // No check: it is not counted.
            let owner = self.plan.targets.iter().find(|target| target.address == address.ip());
            if let (Some(after), Some(owner)) = (answered, owner) {
                let named = Happening::Named(probe, owner.node.clone());
                self.push(now + after, agent, named);
            }
            return;
        }
        self.tally.probes += 1;
        self.tally.echoes += u64::from(question.check() == CheckKind::Icmp);
        if let Some(rtt) = answered {
            self.push(now + rtt, agent, Happening::Arrival(probe, rtt));
        }
    }

    /// The server takes a report: it counts, and asks others to look where it would.
    fn take(&mut self, now: Duration, agent: usize, report: &Report) {
        let mut look_at = BTreeSet::new();
        for cell in &report.cells {
            let Some(check) = cell.check.known() else { continue };
            let name = (cell.target, check);
            let node = usize::try_from(cell.target).ok().and_then(|target| self.plan.targets.get(target));
            let Some(node) = node.map(|target| &target.node) else { continue };
            let held = &mut self.agents[agent];
            let unreached = cell.outcome.read().is_unreached();
            if cell.suspect && held.suspect.insert(name) {
                self.tally.suspicions += 1;
                look_at.insert(node.clone());
            }
            if !cell.suspect {
                held.suspect.remove(&name);
            }
            if unreached && held.unreached.insert(name) {
                let place = usize::from(check != CheckKind::Icmp);
                self.tally.false_verdicts[place] += 1;
                if self.tally.described.len() < DESCRIBED_MAX {
                    let sentence =
                        format!("{} said after {now:?} that {node} is unreached by {check}", held.name);
                    self.tally.described.push(sentence);
                }
                look_at.insert(node.clone());
            }
            if !unreached && held.unreached.remove(&name) {
                look_at.insert(node.clone());
            }
        }
        for node in look_at {
            self.look(now, &node);
        }
    }

    fn look(&mut self, now: Duration, node: &NodeName) {
        let moment = Moment::from_millis(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
        if !self.looks.as_mut().is_some_and(|book| book.raise(node, moment)) {
            return;
        }
        for agent in 0..self.agents.len() {
            if is_asked(&self.agents[agent].name, node, self.agents.len()) {
                self.tally.looks += 1;
                self.tally.looked_echoes += CELLS_AT_NODE;
                self.push(now + LOOK_AFTER, agent, Happening::Look(node.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
