//! Taking what agents report. Each function checks the whole body first: what is refused changed nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use meshvane_shared::address::parse_probe_address;
use meshvane_shared::check::Plane;
use meshvane_shared::limits::{LOOKS_MAX, TARGETS_MAX, clean_free_text};
use meshvane_shared::name::NodeName;
use meshvane_shared::plan::Plan;
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::compat::{
    self, ConnectivityResult, ServiceResultBody, TestResultsBody, TestStatus,
};
use meshvane_shared::wire::round::{RoundAnswer, RoundBody, RoundStatus};

use super::{Collector, Refusal, lock};
use crate::mesh::knocks::Knocks;
use crate::mesh::member::Member;
use crate::mesh::original::{OriginalReport, Reported};
use crate::mesh::planning::Offered;
use crate::mesh::row::{Applied, ChangeKind, CheckedRound, Numbered, RoundError, Row, check_targets};
use crate::mesh::time::{Moment, Now};
use crate::mesh::writer::Writer;
use crate::store::{Entry, MEMBERS_MAX, Update};

/// The plan that a round names.
enum NamedPlan {
    /// A plan of this server.
    Ours(Arc<Plan>),
    /// A plan of a former server, which the round brings along. Nothing remembers it until the round is taken.
    Brought(Offered),
}

impl NamedPlan {
    fn plan(&self) -> &Arc<Plan> {
        match self {
            Self::Ours(plan) => plan,
            Self::Brought(offered) => offered.plan(),
        }
    }
}

/// What became of a round in the store.
struct Taken {
    status: RoundStatus,
    /// Nodes that somebody should look at now: the first [`LOOKS_MAX`], since no more looks are asked for at once.
    look_at: Vec<NodeName>,
    /// Nodes that a cell confirmed failing or answering again, as many of them at most.
    turned: Vec<NodeName>,
    /// Nodes that a cell found answering again, and when.
    recovered: BTreeMap<NodeName, Moment>,
    /// The round's number contradicts the earlier ones.
    contradicts: bool,
}

impl Taken {
    fn nothing(status: RoundStatus) -> Self {
        Self {
            status,
            look_at: Vec::new(),
            turned: Vec::new(),
            recovered: BTreeMap::new(),
            contradicts: false,
        }
    }
}

impl Collector {
    /// Takes a round of the agent whose node it names: [`Collector::round_by`].
    ///
    /// # Errors
    /// As [`Collector::round_by`].
    pub fn round(&self, body: &RoundBody, now: Now) -> Result<RoundAnswer, Refusal> {
        self.round_by(&Writer::Node(body.node.clone()), body, now)
    }

    /// Takes a round. Takes each (boot id, sequence) once. Everything is checked before anything is remembered.
    ///
    /// # Errors
    /// The field that is wrong, that the plan is not known and the targets did not come with it, or that the writer's rounds
    /// name too many plans.
    pub fn round_by(&self, writer: &Writer, body: &RoundBody, now: Now) -> Result<RoundAnswer, Refusal> {
        let named = self.plan_of(writer, body)?;
        let round = CheckedRound::check(named.plan(), body).map_err(|error| invalid_field(&error))?;
        let full = self.store.is_full();
        // Who sees the row sees also that somebody recovered in it, without which an old failure beside it would count.
        let taken = self.store.together(|| {
            let taken = self.store.update(&body.node, |held| {
                if held.is_none() && full {
                    return (Update::Keep, Err(full_refusal()));
                }
                let (update, taken) = take_round(held, round, now.moment);
                (update, Ok(taken))
            })?;
            for (node, moment) in &taken.recovered {
                self.note_recovery(node, *moment);
            }
            Ok(taken)
        })?;
        if let (NamedPlan::Brought(offered), RoundStatus::Accepted) = (&named, taken.status) {
            lock(&self.plans).foreign.keep(writer, offered);
            lock(&self.recall).named(&body.node, writer, offered.plan(), now.moment);
        }
        {
            let mut recall = lock(&self.recall);
            recall.heard(&body.node, now.moment);
            if !body.partial && taken.status == RoundStatus::Accepted {
                recall.reported(&body.node, now.moment);
            }
        }
        if taken.contradicts {
            self.journal.contradiction(&body.node, body.sequence, now.moment);
        }
        if !taken.look_at.is_empty() {
            self.look_at(taken.look_at.iter(), now);
        }
        if !taken.turned.is_empty() {
            self.sweep(&body.node, &taken.turned, now);
        }
        if !taken.look_at.is_empty() || body.partial {
            self.change_signal.send_replace(());
        }
        Ok(RoundAnswer { status: taken.status, server_epoch: self.settings.epoch })
    }

    /// The plan that a round names. One of ours needs no targets, so those are ignored.
    fn plan_of(&self, writer: &Writer, body: &RoundBody) -> Result<NamedPlan, Refusal> {
        let ours = lock(&self.plans).book.find(&body.plan).cloned();
        if let Some(plan) = ours {
            return Ok(NamedPlan::Ours(plan));
        }
        let Some(targets) = &body.targets else {
            return Err(Refusal::UnknownPlan(body.plan.to_string()));
        };
        check_targets(targets).map_err(|error| invalid_field(&error))?;
        let offered = lock(&self.plans).foreign.offer(writer, &body.plan, targets);
        offered.map(NamedPlan::Brought).map_err(|error| Refusal::Busy(error.to_string()))
    }

    /// Takes note of an agent that is there and is not let in yet.
    pub fn note_knock(&self, node: &NodeName, now: Now) {
        self.store.update(node, |held| match held {
            Some(entry) => {
                let knocks = Some(Knocks::note(entry.knocks, now.moment));
                (Update::Put(Entry { knocks, ..entry.clone() }), ())
            }
            None => (Update::Keep, ()),
        });
    }

    /// Takes note that a member recovered. A list of a former server may name thousands of nodes that are none: those cost a look.
    fn note_recovery(&self, node: &NodeName, moment: Moment) {
        if !self.store.holds(node) {
            return;
        }
        self.store.update(node, |held| match held {
            Some(entry) => {
                let recovered = entry.recovered.max(Some(moment));
                (Update::Put(Entry { recovered, ..entry.clone() }), ())
            }
            None => (Update::Keep, ()),
        });
    }

    pub(super) fn look_at<'a>(&self, nodes: impl Iterator<Item = &'a NodeName>, now: Now) {
        let mut looks = lock(&self.looks);
        let raised = nodes.filter(|node| looks.raise(node, now.moment)).count();
        drop(looks);
        if raised > 0 {
            self.plan_signal.send_replace(());
        }
    }

    /// An agent confirmed failures of these nodes, or recoveries: it looks at everybody, and so do they, if they live.
    fn sweep(&self, agent: &NodeName, turned: &[NodeName], now: Now) {
        let timing = self.timing();
        let is_alive = |node: &&NodeName| {
            let alive = |entry: &Entry| entry.member.state(now.moment, &timing) == Some(MemberState::Alive);
            self.store.update(node, |held| (Update::Keep, held.is_some_and(alive)))
        };
        let Some(first) = turned.first() else { return };
        let alive: Vec<&NodeName> = turned.iter().filter(is_alive).collect();
        let mut looks = lock(&self.looks);
        let mut raised = usize::from(looks.raise_sweep(agent, first, now.moment));
        raised += alive.into_iter().filter(|node| looks.raise_sweep(node, agent, now.moment)).count();
        drop(looks);
        if raised > 0 {
            self.plan_signal.send_replace(());
        }
    }

    /// Takes what an original agent posts about hosts or pods.
    ///
    /// # Errors
    /// The field that is missing or wrong.
    pub fn original_results(&self, plane: Plane, body: TestResultsBody, now: Now) -> Result<(), Refusal> {
        let source = source_address(&body.source_ip)?;
        let Some(results) = body.results else {
            return Err(Refusal::InvalidField("results: must be a list, which may be empty".to_owned()));
        };
        if results.len() > TARGETS_MAX {
            return Err(Refusal::InvalidField(format!("results: at most {TARGETS_MAX} are accepted")));
        }
        let mut value = BTreeMap::new();
        // The original drops a result without a target and says nothing.
        for (index, result) in results.iter().enumerate().filter(|(_, result)| !result.target_ip.is_empty()) {
            let target: IpAddr = parse_probe_address(&result.target_ip)
                .map_err(|problem| Refusal::InvalidField(format!("results[{index}].target_ip: {problem}")))?;
            value.insert(target.to_string(), status_of(result));
        }
        let reported = Some(Reported { received: now.moment, value });
        self.store.update_original(&source, |held| {
            let held = held.cloned().unwrap_or_default();
            Some(match plane {
                Plane::Host => OriginalReport { hosts: reported, ..held },
                Plane::Pod => OriginalReport { pods: reported, ..held },
            })
        });
        Ok(())
    }

    /// Takes what an original agent posts about its service.
    ///
    /// # Errors
    /// The field that is missing or wrong.
    pub fn original_service(&self, body: ServiceResultBody, now: Now) -> Result<(), Refusal> {
        let source = source_address(&body.source_ip)?;
        // The original stores a zero result when there is none.
        let mut value = body.result.unwrap_or_else(|| ConnectivityResult {
            timestamp: compat::ZERO_TIME.to_owned(),
            ..ConnectivityResult::default()
        });
        for text in [&mut value.source_ip, &mut value.target_ip, &mut value.ping_status, &mut value.timestamp]
        {
            *text = clean_free_text(text);
        }
        let ports = value.port_status.iter_mut().flat_map(BTreeMap::values_mut);
        ports.for_each(|status| *status = clean_free_text(status));
        // A field of ours: an original agent cannot have meant it.
        value.services.clear();
        let service = Some(Reported { received: now.moment, value });
        self.store.update_original(&source, |held| {
            Some(OriginalReport { service, ..held.cloned().unwrap_or_default() })
        });
        Ok(())
    }
}

fn take_round(held: Option<&Entry>, round: CheckedRound<'_>, now: Moment) -> (Update, Taken) {
    let body = round.body();
    // A round may come before the heartbeat of its agent: after a restart of the server, that is the usual order.
    let member = match held {
        Some(entry) => entry.member.as_ref().clone(),
        None => Member::unheard(body.node.clone(), now),
    };
    if member.boot_id().is_some_and(|boot| *boot != body.boot_id) {
        return (Update::Keep, Taken::nothing(RoundStatus::Superseded));
    }
    let prior = held.and_then(|entry| entry.row.as_deref());
    let Applied { mut row, numbered, changes } = Row::apply(prior, round, now);
    let mut taken = match numbered {
        Numbered::Taken => Taken::nothing(RoundStatus::Accepted),
        Numbered::Restarted => Taken { contradicts: true, ..Taken::nothing(RoundStatus::Accepted) },
        Numbered::Repeated => return (Update::Keep, Taken::nothing(RoundStatus::Duplicate)),
        Numbered::TooLate => return (Update::Keep, Taken::nothing(RoundStatus::TooLate)),
    };
    // A round alone must not say how long its cells count.
    row.interval = member.probe_interval.unwrap_or(row.interval);
    for change in changes {
        let node = &row.plan.targets[change.target].node;
        if change.kind == ChangeKind::Recovered {
            let newest = taken.recovered.entry(node.clone()).or_insert(change.measured);
            *newest = change.measured.max(*newest);
        }
        // A recovery as well: where one cell of a fault answers again, the others are asked at once.
        let is_turn = matches!(change.kind, ChangeKind::Failed | ChangeKind::Recovered);
        if is_turn {
            add_one_of_the_first(&mut taken.turned, node);
        }
        add_one_of_the_first(&mut taken.look_at, node);
    }
    let member = Arc::new(Member { received: Some(now), ..member });
    let entry = held.cloned().unwrap_or_else(|| Entry::of(member.clone()));
    (Update::Put(Entry { member, row: Some(Arc::new(row)), ..entry }), taken)
}

/// Adds a node, each once, up to [`LOOKS_MAX`].
fn add_one_of_the_first(nodes: &mut Vec<NodeName>, node: &NodeName) {
    if nodes.len() < LOOKS_MAX && !nodes.contains(node) {
        nodes.push(node.clone());
    }
}

fn invalid_field(error: &RoundError) -> Refusal {
    Refusal::InvalidField(error.to_string())
}

pub(super) fn full_refusal() -> Refusal {
    Refusal::InvalidField(format!("node: this server keeps at most {MEMBERS_MAX} members"))
}

fn source_address(text: &str) -> Result<String, Refusal> {
    if text.is_empty() {
        return Err(Refusal::InvalidField("source_ip: must not be empty".to_owned()));
    }
    let address = parse_probe_address(text)
        .map_err(|problem| Refusal::InvalidField(format!("source_ip: {problem}")))?;
    Ok(address.to_string())
}

/// An original result as it is shown: of several ports the lowest stands for all, where the original lets chance decide.
fn status_of(result: &ConnectivityResult) -> TestStatus {
    let port = result.port_status.as_ref().and_then(|ports| ports.values().next());
    TestStatus {
        ping: clean_free_text(&result.ping_status),
        port_status: port.map_or_else(|| compat::UNKNOWN.to_owned(), |status| clean_free_text(status)),
        test_duration: result.test_duration,
    }
}

#[cfg(test)]
mod tests;
