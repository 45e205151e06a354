//! The plan as a caller gets it: what it has already decides what it is told.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use meshvane_shared::name::NodeName;
use meshvane_shared::plan::{Epoch, Plan, PlanVersion};

use super::{Collector, after_change, lock};
use crate::mesh::look::Caller;
use crate::mesh::planning::LeftOut;
use crate::mesh::second_server::{SECOND_SERVER, second_server};
use crate::mesh::snapshot::Snapshot;
use crate::mesh::time::Now;
use crate::store::{Entry, Update};

/// What a caller of the plan has already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PlanAsk {
    /// The calling agent's node: it is then asked to look only where it is among the chosen observers.
    pub node: Option<NodeName>,
    /// The epoch and generation that the caller has.
    pub have: Option<(Epoch, u64)>,
    /// The newest look number that the caller has seen; `None` asks for looks raised from now on.
    pub look: Option<u64>,
    /// The caller can read a delta.
    pub delta: bool,
}

/// What there is to tell a caller of the plan.
#[derive(Debug, Clone)]
pub struct PlanNews {
    /// The present plan.
    pub plan: Arc<Plan>,
    /// What of it the caller needs.
    pub part: PlanPart,
    /// Nodes that the caller should look at now.
    pub look: Vec<NodeName>,
    /// The number of the newest look.
    pub look_number: u64,
}

/// What of the present plan a caller needs.
#[derive(Debug, Clone)]
pub enum PlanPart {
    /// It has the plan.
    Nothing,
    /// It has this one, of the same start.
    Since(Arc<Plan>),
    /// It has none that is known here.
    Whole,
}

fn log_left_out(left_out: &LeftOut) {
    let (crowded, no_room) = (left_out.crowded.len(), left_out.no_room.len());
    let address = left_out.crowded.values().next().map(ToString::to_string);
    if crowded + no_room == 0 {
        tracing::info!("the plan has every member again");
        return;
    }
    tracing::warn!(
        crowded,
        address,
        no_room,
        "the plan leaves out members: those at an address that enough others have, and those beyond its limit"
    );
}

impl Collector {
    /// The plan, when it differs from what the caller has or a look is waiting; `None` when there is nothing new (304).
    pub fn plan(&self, ask: &PlanAsk, now: Now) -> Option<PlanNews> {
        let (plan, part) = self.plan_part(ask);
        let (look, look_number) = {
            let looks = lock(&self.looks);
            // Numbers of another epoch say nothing here.
            let same_epoch = ask.have.is_some_and(|(epoch, _)| epoch == plan.version.epoch);
            let seen = if same_epoch { ask.look.unwrap_or(looks.newest()) } else { looks.newest() };
            let caller = Caller { agent: ask.node.as_ref(), plan: &plan };
            (looks.after(seen, caller, now.moment), looks.newest())
        };
        if matches!(part, PlanPart::Nothing) && look.is_empty() {
            return None;
        }
        Some(PlanNews { plan, part, look, look_number })
    }

    /// Makes the plan follow the members, and logs what it leaves out when that changes.
    pub(super) fn follow_members(&self, snapshot: &Snapshot) {
        let now = snapshot.now.moment;
        let members = snapshot.nodes.iter().map(|view| (view.member.as_ref(), view.state));
        let (moved, news) = {
            let mut plans = lock(&self.plans);
            (plans.book.follow(members, now), plans.book.left_out_news(now))
        };
        if moved {
            self.plan_signal.send_replace(());
        }
        if let Some(left_out) = news {
            log_left_out(&left_out);
        }
    }

    /// What the present plan leaves out.
    pub fn left_out(&self) -> Arc<LeftOut> {
        lock(&self.plans).book.left_out().clone()
    }

    /// Logs when agents begin to report a second server, and when they no longer do.
    pub(super) fn watch_for_second_server(&self, snapshot: &Snapshot) {
        let other = second_server(snapshot);
        let was_there = self.second_server.swap(other.is_some(), Ordering::Relaxed);
        match other {
            Some(other) if !was_there => tracing::error!(%other, "{SECOND_SERVER}"),
            None if was_there => tracing::info!("no other server answers the agents any more"),
            Some(_) | None => {}
        }
    }

    /// Takes note of what an agent's question about the plan shows: it names the newest look that it was told of.
    pub fn note_question(&self, ask: &PlanAsk) {
        let (Some(node), Some((epoch, _)), Some(number)) = (&ask.node, ask.have, ask.look) else { return };
        // Numbers of another epoch say nothing here.
        if epoch != lock(&self.plans).book.current().version.epoch {
            return;
        }
        let Some(raised) = lock(&self.looks).raised(number) else { return };
        self.store.update(node, |held| match held {
            Some(entry) if entry.answered < Some(raised) => {
                (Update::Put(Entry { answered: Some(raised), ..entry.clone() }), ())
            }
            Some(_) | None => (Update::Keep, ()),
        });
    }

    fn plan_part(&self, ask: &PlanAsk) -> (Arc<Plan>, PlanPart) {
        let plans = lock(&self.plans);
        let plan = plans.book.current().clone();
        let have = ask.have.map(|(epoch, generation)| PlanVersion { epoch, generation });
        let part = match have {
            Some(have) if have == plan.version => PlanPart::Nothing,
            Some(have) if ask.delta && have.epoch == plan.version.epoch => {
                plans.book.find(&have).map_or(PlanPart::Whole, |known| PlanPart::Since(known.clone()))
            }
            Some(_) | None => PlanPart::Whole,
        };
        (plan, part)
    }

    /// Resolves when the plan or the looks change after this call was made, not after it is first polled. Cancel-safe.
    pub fn plan_changed(&self) -> impl Future<Output = ()> + Send + use<> {
        after_change(self.plan_signal.subscribe())
    }
}
