//! An agent that heartbeats and keeps a plan request open, and measures nothing.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use flate2::read::GzDecoder;
use meshvane_shared::name::{BootId, NodeName};
use meshvane_shared::paths;
use meshvane_shared::plan::{Plan, PlanDelta, PlanVersion};
use meshvane_shared::wire::heartbeat::HeartbeatBody;
use meshvane_shared::wire::plan::PlanBody;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::traffic::Traffic;
use super::wire::Connection;
use crate::problem::Problem;

/// The default of agents.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
/// The first agents keep their plans and are compared with the server's: all of them would hold a gigabyte.
const KEEPERS: u16 = 10;
/// Bytes of a plan after decompression that are read.
const PLAN_MAX: u64 = 16 << 20;

/// What all agents share.
#[derive(Debug)]
pub(super) struct Fleet {
    traffic: Rc<Traffic>,
    /// The newest plan of each.
    have: RefCell<BTreeMap<u16, PlanVersion>>,
    /// The plans of the keepers.
    kept: RefCell<BTreeMap<u16, Plan>>,
    whole_plan_bytes: Cell<usize>,
    answers: Cell<Answers>,
    restarted: Cell<u32>,
    order: watch::Sender<Option<Restart>>,
}

/// The order to restart, to every n-th.
#[derive(Debug, Clone, Copy)]
struct Restart {
    every: usize,
    away: Duration,
    spread: Duration,
}

/// Answers with a plan.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Answers {
    /// With all of it.
    pub(super) whole: u64,
    /// With what changed.
    pub(super) delta: u64,
}

impl Fleet {
    pub(super) fn new(traffic: Rc<Traffic>) -> Self {
        Self {
            traffic,
            have: RefCell::default(),
            kept: RefCell::default(),
            whole_plan_bytes: Cell::default(),
            answers: Cell::default(),
            restarted: Cell::default(),
            order: watch::Sender::new(None),
        }
    }

    /// Tells every n-th agent to restart.
    pub(super) fn restart_every(&self, every: usize, away: Duration, spread: Duration) {
        self.answers.set(Answers::default());
        self.order.send_replace(Some(Restart { every, away, spread }));
    }

    pub(super) fn restarted(&self) -> u32 {
        self.restarted.get()
    }

    /// Answers since the order to restart.
    pub(super) fn answers(&self) -> Answers {
        self.answers.get()
    }

    /// Bytes of the largest whole plan, as JSON.
    pub(super) fn whole_plan_bytes(&self) -> usize {
        self.whole_plan_bytes.get()
    }

    pub(super) fn all_have_one_plan(&self, agents: u16) -> bool {
        let have = self.have.borrow();
        let first = have.values().next();
        have.len() == usize::from(agents) && have.values().all(|version| Some(version) == first)
    }

    /// Tells whether everybody has this plan: some may have moved on while it was asked for.
    pub(super) fn has(&self, plan: &PlanBody) -> bool {
        let version = PlanVersion { epoch: plan.epoch, generation: plan.generation };
        self.have.borrow().values().all(|have| *have == version)
    }

    /// Compares the plans that were kept, and changed by deltas, with the server's.
    pub(super) fn check(&self, plan: &PlanBody) -> Result<(), Problem> {
        for (number, kept) in self.kept.borrow().iter() {
            if Some(&kept.targets) != plan.targets.as_ref() {
                return Err(Problem::NotThere(format!("agent {number} has another plan than the server")));
            }
        }
        Ok(())
    }

    pub(super) fn state(&self) -> String {
        let have = self.have.borrow();
        let newest = have.values().map(|version| version.generation).max().unwrap_or(0);
        let with = have.values().filter(|version| version.generation == newest).count();
        format!("{with} of {} have generation {newest}", have.len())
    }
}

/// An agent.
#[derive(Debug)]
pub(super) struct Agent {
    number: u16,
    fleet: Rc<Fleet>,
    boot: u16,
}

impl Agent {
    pub(super) fn new(number: u16, fleet: Rc<Fleet>) -> Self {
        Self { number, fleet, boot: 0 }
    }

    /// Comes after a while, and lives on.
    pub(super) async fn live(mut self, after: Duration) -> Result<(), Problem> {
        sleep(after).await;
        let mut orders = self.fleet.order.subscribe();
        loop {
            let order = {
                let ours = |order: &Option<Restart>| {
                    order.is_some_and(|order| usize::from(self.number).is_multiple_of(order.every))
                };
                let ordered = async {
                    if self.boot > 0 {
                        std::future::pending::<()>().await;
                    }
                    orders.wait_for(ours).await.ok().and_then(|order| *order)
                };
                tokio::select! {
                    ended = self.heartbeats() => return ended,
                    ended = self.plans() => return ended,
                    order = ordered => order,
                }
            };
            let Some(order) = order else { return Ok(()) };
            self.fleet.have.borrow_mut().remove(&self.number);
            self.fleet.kept.borrow_mut().remove(&self.number);
            self.heartbeat(&mut self.connect().await?, true).await?;
            let share = f64::from(self.number) * 0.618_034;
            sleep(order.away + order.spread.mul_f64(share.fract())).await;
            self.boot += 1;
            self.fleet.restarted.set(self.fleet.restarted.get() + 1);
        }
    }

    async fn connect(&self) -> Result<Connection, Problem> {
        let [high, low] = (self.number + 256).to_be_bytes();
        Connection::open(Ipv4Addr::new(127, 1, high, low), self.fleet.traffic.clone()).await
    }

    async fn heartbeats(&self) -> Result<(), Problem> {
        let mut connection = self.connect().await?;
        let mut ticks = interval(HEARTBEAT_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.heartbeat(&mut connection, false).await?;
        }
    }

    async fn heartbeat(&self, connection: &mut Connection, leaving: bool) -> Result<(), Problem> {
        let body = serde_json::to_vec(&self.body(leaving))
            .map_err(|source| Problem::Answer { path: paths::HEARTBEAT.to_owned(), source })?;
        let answer = connection.ask("POST", paths::HEARTBEAT, &body).await?;
        refused(paths::HEARTBEAT, answer.status, &answer.body)
    }

    /// A pod that was made anew has another address.
    fn body(&self, leaving: bool) -> HeartbeatBody {
        let [high, low] = self.number.to_be_bytes();
        let pod = Ipv4Addr::new(10, 100 + u8::try_from(self.boot).unwrap_or(u8::MAX), high, low);
        let name = NodeName::parse(&format!("ip-10-90-{high}-{low}.eu-central-1.compute.internal"));
        let boot = BootId::parse(&format!("boot-{}-{}", self.number, self.boot));
        HeartbeatBody {
            namespace: "kube-system".to_owned(),
            node_ip: Ipv4Addr::new(10, 90, high, low).to_string(),
            pod_ip: pod.to_string(),
            pod_name: format!("meshvane-agent-{}-{}", self.number, self.boot),
            node: name.ok(),
            client_port: Some(6100),
            interval_ms: Some(5000),
            probe_interval_ms: Some(5000),
            boot_id: boot.ok(),
            uptime_ms: Some(1000),
            version: Some("0.1.0".to_owned()),
            leaving,
            ..HeartbeatBody::default()
        }
    }

    async fn plans(&self) -> Result<(), Problem> {
        let mut connection = self.connect().await?;
        let (mut have, mut look): (Option<PlanVersion>, u64) = (None, 0);
        loop {
            let mut target = format!("{}?look={look}", paths::PLAN);
            if let Some(have) = &have {
                let known =
                    format!("&epoch={}&generation={}&wait=30s&delta=true", have.epoch, have.generation);
                target.push_str(&known);
            }
            let answer = connection.ask("GET", &target, &[]).await?;
            if answer.status == 304 {
                continue;
            }
            refused(&target, answer.status, &answer.body)?;
            let json = if answer.gzip { unpacked(&answer.body)? } else { answer.body };
            let body: PlanBody =
                serde_json::from_slice(&json).map_err(|source| Problem::Answer { path: target, source })?;
            look = look.max(body.look_number);
            self.count(&body, json.len());
            let version = PlanVersion { epoch: body.epoch, generation: body.generation };
            if body.targets.is_some() || body.delta.is_some() {
                self.keep(&version, body)?;
                have = Some(version.clone());
            }
            if have.as_ref() == Some(&version) {
                self.fleet.have.borrow_mut().insert(self.number, version);
            }
        }
    }

    fn count(&self, body: &PlanBody, bytes: usize) {
        let mut answers = self.fleet.answers.get();
        if body.targets.is_some() {
            answers.whole += 1;
            self.fleet.whole_plan_bytes.set(self.fleet.whole_plan_bytes.get().max(bytes));
        } else if body.delta.is_some() {
            answers.delta += 1;
        }
        self.fleet.answers.set(answers);
    }

    fn keep(&self, version: &PlanVersion, body: PlanBody) -> Result<(), Problem> {
        if self.number >= KEEPERS {
            return Ok(());
        }
        let mut kept = self.fleet.kept.borrow_mut();
        let apply = |delta: PlanDelta, plan: &Plan| {
            delta.apply(plan, version.generation).map_err(|error| Problem::NotThere(error.to_string()))
        };
        let plan = match (body.targets, body.delta, kept.get(&self.number)) {
            (Some(targets), _, _) => Plan { version: version.clone(), targets },
            (None, Some(delta), Some(plan)) => apply(delta, plan)?,
            (None, _, _) => return Err(Problem::NotThere("a delta came before the plan".to_owned())),
        };
        kept.insert(self.number, plan);
        Ok(())
    }
}

fn unpacked(body: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut json = Vec::new();
    let read = GzDecoder::new(body).take(PLAN_MAX).read_to_end(&mut json);
    read.map_err(Problem::system("unpacking a plan"))?;
    Ok(json)
}

fn refused(path: &str, status: u16, body: &[u8]) -> Result<(), Problem> {
    if status == 200 {
        return Ok(());
    }
    let body = String::from_utf8_lossy(body).into_owned();
    Err(Problem::Refused { path: path.to_owned(), status, body })
}
