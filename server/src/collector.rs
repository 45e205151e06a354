//! The server's state and everything that can be done with it: the one value that HTTP handlers, the reporter and the
//! judge share. It holds the store, the plan book and the ledger of findings, and passes them to the pure code of
//! [`crate::mesh`]; it knows neither HTTP nor a clock.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::name::NodeName;
use meshvane_shared::plan::{Epoch, Plan};
use meshvane_shared::wire::agents::{AgentsBody, MemberState};
use meshvane_shared::wire::compat::{
    ClientsCountAnswer, HostsAnswer, PodsAnswer, ResultsAnswer, ServiceResultsAnswer, TestResultsAnswer,
};
use meshvane_shared::wire::findings::FindingsBody;
use meshvane_shared::wire::matrix::{MatrixBody, MatrixPlane};
use meshvane_shared::wire::report::ReportBody;

use tokio::sync::watch;

use crate::mesh::context::{Cluster, add_context};
use crate::mesh::diagnose::diagnose;
use crate::mesh::ledger::Ledger;
use crate::mesh::look::LookBook;
use crate::mesh::member::{Member, TTL_STRETCHED_MAX, Timing};
use crate::mesh::observe::{Observed, observe, observe_for_judge};
use crate::mesh::planning::{ForeignPlans, PlanBook};
use crate::mesh::recall::Recall;
use crate::mesh::snapshot::{NodeView, Snapshot};
use crate::mesh::time::Now;
use crate::store::{Entry, MEMBERS_MAX, Store, Update};
use crate::view;

mod census;
mod cluster;
mod heartbeats;
mod intake;
mod log;
mod plans;

use log::Journal;

pub use census::{Census, NodesWithoutAgent};
pub use plans::{PlanAsk, PlanNews, PlanPart};

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
    /// The writer takes more memory than one may; the same body may be taken later.
    #[error("{0}")]
    Busy(String),
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

/// The server's state.
#[derive(Debug)]
pub struct Collector {
    settings: CollectorSettings,
    store: Store,
    // Std mutexes: each is held for the length of a pure computation, never across an await, and never two at once.
    plans: Mutex<Plans>,
    looks: Mutex<LookBook>,
    recall: Mutex<Recall>,
    ledger: Mutex<Ledger>,
    cluster: Mutex<Cluster>,
    judging: AtomicBool,
    /// A second server was told in the log.
    second_server: AtomicBool,
    journal: Journal,
    plan_signal: watch::Sender<()>,
    cluster_signal: watch::Sender<()>,
    change_signal: watch::Sender<()>,
}

/// Plans of ours, and plans of former servers that agents still report on.
#[derive(Debug)]
struct Plans {
    book: PlanBook,
    foreign: ForeignPlans,
}

/// For so long a member has only just become late: two pulses of the judge, so that none is missed.
const JUST_LATE: Duration = Duration::from_secs(1);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the lock was held left a value that is whole: every change is one assignment or one push.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Collector {
    /// Makes an empty state.
    pub fn new(settings: CollectorSettings, now: Now) -> Self {
        Self {
            store: Store::new(settings.forget_after + settings.ttl.max(TTL_STRETCHED_MAX)),
            plans: Mutex::new(Plans {
                book: PlanBook::new(settings.epoch),
                foreign: ForeignPlans::default(),
            }),
            looks: Mutex::default(),
            recall: Mutex::new(Recall::new(now.moment, settings.ttl)),
            ledger: Mutex::default(),
            cluster: Mutex::default(),
            judging: AtomicBool::new(false),
            second_server: AtomicBool::new(false),
            journal: Journal::default(),
            plan_signal: watch::Sender::new(()),
            cluster_signal: watch::Sender::new(()),
            change_signal: watch::Sender::new(()),
            settings,
        }
    }

    fn timing(&self) -> Timing {
        Timing { ttl: self.settings.ttl, forget_after: self.settings.forget_after }
    }

    /// Everything at one moment. An original agent's row is made of what it posted.
    fn snapshot(&self, now: Now) -> Snapshot {
        let originals = self.store.originals();
        let mut snapshot = self.snapshot_as_stored(now);
        for view in snapshot.nodes.iter_mut().filter(|view| view.row.is_none()) {
            view.row = original_row(&originals, &view.member, &snapshot.plan, now);
        }
        snapshot
    }

    /// Everything at one moment, without the rows of original agents.
    fn snapshot_as_stored(&self, now: Now) -> Snapshot {
        let timing = self.timing();
        let plan = lock(&self.plans).book.current().clone();
        let view = |entry: Entry| {
            let state = entry.member.state(now.moment, &timing)?;
            Some(NodeView {
                member: entry.member,
                state,
                row: entry.row,
                recovered: entry.recovered,
                answered: entry.answered,
                knocks: entry.knocks,
            })
        };
        let nodes = self.store.entries().into_iter().filter_map(view).collect();
        Snapshot { now, timing, plan, nodes }
    }

    fn observed<T>(&self, now: Now, draw: impl FnOnce(&Observed<'_>) -> T) -> T {
        let snapshot = self.snapshot(now);
        draw(&observe(&snapshot))
    }

    /// `GET /agents`.
    pub fn agents(&self, now: Now) -> AgentsBody {
        let snapshot = self.snapshot(now);
        let left_out = self.left_out();
        self.look_at_cluster(|cluster| view::agents::agents(&snapshot, cluster, &left_out))
    }

    /// `GET /matrix`.
    pub fn matrix(&self, query: MatrixQuery, now: Now) -> MatrixBody {
        self.observed(now, |observed| match query.plane {
            MatrixPlane::Host => view::matrix::planes(
                observed,
                Plane::Host,
                query.check.unwrap_or(CheckKind::Icmp),
                query.family,
            ),
            MatrixPlane::Pod => view::matrix::planes(
                observed,
                Plane::Pod,
                query.check.unwrap_or(CheckKind::Icmp),
                query.family,
            ),
            MatrixPlane::Service => {
                view::matrix::services(observed, query.check.unwrap_or(CheckKind::Tcp), query.family)
            }
        })
    }

    /// `GET /findings`.
    pub fn findings(&self, filter: FindingsFilter, now: Now) -> FindingsBody {
        let ledger = lock(&self.ledger);
        let mut findings = Vec::new();
        if filter != FindingsFilter::Resolved {
            findings.extend(ledger.open(now));
        }
        if filter != FindingsFilter::Open {
            findings.extend(ledger.resolved());
        }
        FindingsBody { judging: self.judging.load(Ordering::Relaxed), findings }
    }

    /// `GET /report`.
    pub fn report(&self, now: Now) -> ReportBody {
        let findings = self.findings(FindingsFilter::Open, now);
        self.observed(now, |observed| crate::report::report(observed, findings.findings, findings.judging))
    }

    /// `GET /hosts`.
    pub fn hosts(&self, now: Now) -> HostsAnswer {
        let host_ips = view::compat::addresses(&self.snapshot(now), Plane::Host);
        HostsAnswer { count: host_ips.len(), host_ips }
    }

    /// `GET /pods`.
    pub fn pods(&self, now: Now) -> PodsAnswer {
        let pod_ips = view::compat::addresses(&self.snapshot(now), Plane::Pod);
        PodsAnswer { count: pod_ips.len(), pod_ips }
    }

    /// `GET /clients/count`.
    pub fn clients_count(&self, now: Now) -> ClientsCountAnswer {
        ClientsCountAnswer { active_client_count: view::compat::clients(&self.snapshot(now)) }
    }

    /// `GET /test-results/hosts` and `/pods`.
    pub fn test_results(&self, plane: Plane, now: Now) -> TestResultsAnswer {
        let originals = self.store.originals();
        TestResultsAnswer {
            results: self.observed(now, |observed| view::compat::results(observed, &originals, plane)),
        }
    }

    /// `GET /test-results/service`.
    pub fn service_results(&self, now: Now) -> ServiceResultsAnswer {
        let originals = self.store.originals();
        ServiceResultsAnswer {
            results: self.observed(now, |observed| view::compat::service_results(observed, &originals)),
        }
    }

    /// `GET /results`.
    pub fn results(&self, now: Now) -> ResultsAnswer {
        let originals = self.store.originals();
        self.observed(now, |observed| view::compat::all(observed, &originals))
    }

    /// Judges: membership, plan, findings. The judge calls it at every pulse and after every change.
    pub fn judge(&self, now: Now) {
        self.follow_cluster(now);
        self.forget(now);
        self.recall(now);
        let snapshot = self.snapshot(now);
        self.follow_members(&snapshot);
        self.watch_for_second_server(&snapshot);
        let just_late = snapshot.nodes.iter().filter(|view| has_just_become_late(view, now));
        self.look_at(just_late.map(|view| &view.member.node), now);
        let observed = observe_for_judge(&snapshot);
        let judges = self.may_judge(&observed, now);
        self.judging.store(judges, Ordering::Relaxed);
        if judges {
            let mut diagnosis = diagnose(&observed);
            self.look_at_cluster(|cluster| add_context(&mut diagnosis, &snapshot, cluster));
            let edges = lock(&self.ledger).settle(diagnosis, now);
            for edge in &edges {
                self.journal.edge(edge, now.moment);
            }
        }
    }

    /// Tells whether enough is known since the start.
    fn may_judge(&self, observed: &Observed<'_>, now: Now) -> bool {
        let snapshot = observed.snapshot;
        let known = snapshot.nodes.iter().filter(|view| view.state != MemberState::Leaving);
        let is_silent =
            |node: &NodeName| snapshot.place(node).is_some_and(|place| observed.is_silent_to_all(place));
        let recall = lock(&self.recall);
        // Once begun, judging goes on: a member that joins later has not reported yet, and that is no reason to stop.
        recall.may_judge(known.map(|view| view.member.node.clone()), is_silent, now.moment)
            || self.judging.load(Ordering::Relaxed) && !recall.is_late(now.moment)
    }

    /// Makes members of those whom others remember from before the start.
    fn recall(&self, now: Now) {
        let mut room = MEMBERS_MAX;
        let recalled = {
            let mut recall = lock(&self.recall);
            if !recall.is_open(now.moment) {
                recall.forget();
                return;
            }
            let entries = self.store.entries();
            room = room.saturating_sub(entries.len() as u64);
            let heard: BTreeSet<NodeName> = entries
                .iter()
                .filter(|entry| entry.member.received.is_some())
                .map(|entry| entry.member.node.clone())
                .collect();
            recall.recalled(&heard)
        };
        for (node, targets) in recalled {
            let targets = self.vouched(&node, targets);
            if targets.is_empty() {
                continue;
            }
            // There is no room for those after it either.
            let Some(left) = room.checked_sub(1) else { return };
            lock(&self.recall).known(&node);
            let is_new = self.store.update(&node, |held| {
                if held.is_some() {
                    return (Update::Keep, false);
                }
                self.journal.recalled(&node, now.moment);
                let member = Arc::new(Member::recalled(node.clone(), &targets, now.moment));
                (Update::Put(Entry::of(member)), true)
            });
            room = if is_new { left } else { room };
        }
    }

    /// Resolves when something arrives that is worth judging, after this call was made. Cancel-safe.
    pub fn changed(&self) -> impl Future<Output = ()> + Send + use<> {
        after_change(self.change_signal.subscribe())
    }
}

/// Tells whether a member's heartbeat is overdue since a moment: then others are asked what they see, and who answers there.
/// That of one that others remember is overdue when it should have come since they named it.
fn has_just_become_late(view: &NodeView, now: Now) -> bool {
    let silence = now.moment.since(view.member.heard.unwrap_or(view.member.known_since));
    let overdue = view.member.late_after();
    view.state == MemberState::Late && silence > overdue && silence < overdue + JUST_LATE
}

async fn after_change(mut signal: watch::Receiver<()>) {
    // An error means that the collector is gone, and the caller with it.
    let _ = signal.changed().await;
}

fn original_row(
    originals: &view::compat::Originals,
    member: &Member,
    plan: &Arc<Plan>,
    now: Now,
) -> Option<Arc<crate::mesh::row::Row>> {
    if member.origin != crate::mesh::member::Origin::Original {
        return None;
    }
    let sources: Vec<String> = member.pod_addresses.iter().map(ToString::to_string).collect();
    let (_, report) = originals.iter().find(|(source, _)| sources.contains(source))?;
    report.row(&member.node, plan, now.moment).map(Arc::new)
}

#[cfg(test)]
mod tests;
