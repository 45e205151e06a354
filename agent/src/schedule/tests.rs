//! The schedule in a world of its own: a clock that jumps, a network that is a function, and a process that may be paused.

use meshvane_shared::limits::{BURST_SPACING, INTERVAL_MIN, ROUNDS_PER_SECOND_MAX};
use meshvane_shared::plan::{Epoch, PlanVersion, Target};

use super::*;

mod faults;
mod fresh;
mod health;
mod looks;
mod memory;
mod pauses;
mod rounds;
mod services;
mod unmeasured;

/// What the network does with a question that is put at this time.
type Network = Box<dyn Fn(&Question, Duration) -> Reply>;

#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// An answer after this time.
    After(Duration),
    /// This answer after this time.
    With(Duration, Answer),
    Never,
}

pub(super) struct World {
    pub(super) schedule: Schedule,
    pub(super) now: Duration,
    network: Network,
    arrivals: BTreeMap<(Duration, ProbeId), (Duration, Option<Answer>)>,
    pub(super) started: Vec<(Duration, Question)>,
    pub(super) posts: Vec<(Duration, Report)>,
    /// Echo requests that go by a fresh socket, which the network answers whatever it does with others, or does not tell apart.
    pub(super) afresh: Vec<(Duration, IpAddr)>,
    pub(super) fresh_sockets_answer: bool,
    pub(super) tallies: Vec<Tally>,
    pub(super) max_in_flight: usize,
    /// The system's name servers.
    pub(super) resolvers: Vec<IpAddr>,
    /// How often they were to be listed and were not yet.
    listed: u32,
    /// While it is paused the process sees nothing; afterwards it sees everything at once.
    pub(super) pauses: Vec<(Duration, Duration)>,
    /// After a pause, what arrived is seen before the timers.
    pub(super) arrivals_first: bool,
}

pub(super) const MILLISECOND: Duration = Duration::from_millis(1);
pub(super) const INTERVAL: Duration = Duration::from_secs(5);

pub(super) fn seconds(count: f64) -> Duration {
    Duration::from_secs_f64(count)
}

pub(super) fn settings(services: &[&str]) -> Settings {
    Settings {
        node: NodeName::parse("node-0").unwrap(),
        interval: INTERVAL,
        test_port: Some(22),
        services: services.iter().map(|text| ServiceAddress::parse(text, 80).unwrap()).collect(),
        is_loopback: false,
        seed: 7,
    }
}

/// A plan of nodes `node-0` to `node-(n-1)`, each with a host and a pod address; `generation` names it.
pub(super) fn plan(nodes: impl IntoIterator<Item = u8>, generation: u64) -> Arc<Plan> {
    let mut targets = Vec::new();
    for node in nodes {
        for plane in Plane::ALL {
            targets.push(Target {
                node: NodeName::parse(&format!("node-{node}")).unwrap(),
                plane,
                address: match plane {
                    Plane::Host => [192, 0, 2, node].into(),
                    Plane::Pod => [198, 51, 100, node].into(),
                },
                port: match plane {
                    Plane::Host => None,
                    Plane::Pod => Some(6100),
                },
                zone: None,
            });
        }
    }
    Arc::new(Plan { version: PlanVersion { epoch: Epoch(1), generation }, targets })
}

/// The number of the node that a question of [`plan`] is about.
pub(super) fn node_of(question: &Question) -> u8 {
    let address = match question {
        Question::Icmp(address) => *address,
        Question::Tcp(address) | Question::Health(address) => address.ip(),
        Question::Resolve { .. } => return u8::MAX,
    };
    match address {
        IpAddr::V4(address) => address.octets()[3],
        IpAddr::V6(_) => u8::MAX,
    }
}

pub(super) fn is_health(question: &Question) -> bool {
    matches!(question, Question::Health(_))
}

pub(super) fn healthy() -> Network {
    Box::new(|_, _| Reply::After(MILLISECOND))
}

/// A healthy network in which one node is silent from some time on.
pub(super) fn silent_from(node: u8, from: Duration) -> Network {
    Box::new(
        move |question, sent| {
            if node_of(question) == node && sent >= from { Reply::Never } else { Reply::After(MILLISECOND) }
        },
    )
}

impl World {
    pub(super) fn new(settings: Settings, network: Network) -> Self {
        Self {
            schedule: Schedule::new(settings),
            now: Duration::ZERO,
            network,
            arrivals: BTreeMap::new(),
            started: Vec::new(),
            posts: Vec::new(),
            afresh: Vec::new(),
            fresh_sockets_answer: false,
            tallies: Vec::new(),
            max_in_flight: 0,
            resolvers: vec![[192, 0, 2, 253].into()],
            listed: 0,
            pauses: Vec::new(),
            arrivals_first: false,
        }
    }

    pub(super) fn with_plan(nodes: u8, network: Network) -> Self {
        let mut world = Self::new(settings(&[]), network);
        world.tell(Event::Plan(plan(0..nodes, 1)));
        world
    }

    pub(super) fn tell(&mut self, event: Event) {
        for command in self.schedule.handle(self.now, event) {
            self.obey(command);
        }
        self.max_in_flight = self.max_in_flight.max(self.schedule.in_flight());
        if std::mem::take(&mut self.listed) > 0 {
            self.tell(Event::Resolvers(self.resolvers.clone()));
        }
        let wake = self.schedule.next_wake();
        assert!(wake.is_none_or(|wake| wake > self.now), "the schedule would spin at {:?}", self.now);
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Start(probe, question) => self.ask(probe, question),
            Command::StartAfresh(probe, address) => {
                self.afresh.push((self.now, address));
                if self.fresh_sockets_answer {
                    self.arrivals.insert((self.now + MILLISECOND, probe), (self.now, None));
                } else {
                    self.ask(probe, Question::Icmp(address));
                }
            }
            Command::ListResolvers => self.listed += 1,
            Command::Cancel(gone) => self.arrivals.retain(|(_, probe), _| *probe != gone),
            Command::Post(report) => self.posts.push((self.now, report)),
            Command::Tally(tally) => self.tallies.push(tally),
        }
    }

    fn ask(&mut self, probe: ProbeId, question: Question) {
        match (self.network)(&question, self.now) {
            Reply::After(time) => {
                self.arrivals.insert((self.now + time, probe), (self.now, None));
            }
            Reply::With(time, answer) => {
                self.arrivals.insert((self.now + time, probe), (self.now, Some(answer)));
            }
            Reply::Never => {}
        }
        self.started.push((self.now, question));
    }

    /// When something that is due at `at` is seen.
    fn seen_at(&self, at: Duration) -> Duration {
        self.pauses
            .iter()
            .find(|(start, length)| at >= *start && at < *start + *length)
            .map_or(at, |(start, length)| *start + *length)
    }

    pub(super) fn run_until(&mut self, end: Duration) {
        loop {
            let arrival = self.arrivals.keys().next().map(|(at, _)| self.seen_at(*at).max(self.now));
            let wake = self.schedule.next_wake().map(|at| self.seen_at(at).max(self.now));
            let Some(next) = [arrival, wake].into_iter().flatten().min().filter(|next| *next <= end) else {
                break;
            };
            self.now = next;
            let arrival_is_next = arrival == Some(next) && (self.arrivals_first || wake != Some(next));
            if arrival_is_next {
                let ((_, probe), (sent, answer)) = self.arrivals.pop_first().unwrap();
                let rtt = self.now.saturating_sub(sent);
                let answer = answer.unwrap_or(Answer::Reached { rtt });
                self.tell(Event::Answer(probe, answer));
            } else {
                self.tell(Event::Tick);
            }
        }
        self.now = end;
    }

    /// Everything that was ever said about a node's cells: when, check, plane, and the cell.
    pub(super) fn said_about(&self, node: u8) -> Vec<(Duration, CheckKind, Plane, CellBody)> {
        let name = format!("node-{node}");
        let mut said = Vec::new();
        for (at, report) in &self.posts {
            for cell in &report.cells {
                let target = &report.plan.targets[usize::try_from(cell.target).unwrap()];
                if target.node.as_str() == name {
                    said.push((*at, cell.check.known().unwrap(), target.plane, cell.clone()));
                }
            }
        }
        said
    }

    /// The cells of a node that were ever told as reached.
    pub(super) fn reached_cells(&self, node: u8) -> BTreeSet<(CheckKind, Plane)> {
        self.said_about(node)
            .into_iter()
            .filter(|(_, _, _, cell)| matches!(cell.outcome.read(), Outcome::Reached(_)))
            .map(|(_, check, plane, _)| (check, plane))
            .collect()
    }

    pub(super) fn unreached_about(&self, node: u8) -> Vec<(Duration, Outcome)> {
        self.said_about(node)
            .into_iter()
            .map(|(at, _, _, cell)| (at, cell.outcome.read()))
            .filter(|(_, outcome)| outcome.is_unreached())
            .collect()
    }

    pub(super) fn full_rounds(&self) -> Vec<(Duration, &Report)> {
        self.posts.iter().filter(|(_, report)| !report.partial).map(|(at, report)| (*at, report)).collect()
    }
}

#[test]
fn an_agent_makes_no_more_rounds_than_the_server_expects() {
    let in_a_second = |distance: Duration| Duration::from_secs(1).as_millis() / distance.as_millis();
    let most = in_a_second(PARTIAL_SPACING) + in_a_second(INTERVAL_MIN);
    assert_eq!(most, u128::from(ROUNDS_PER_SECOND_MAX));
}
