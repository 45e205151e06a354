//! One start of the server: the real collector and judge, driven as the real HTTP handlers and the judge's task drive them.
//!
//! Today the judge shares its thread with the handlers, so what arrives while a judgement takes its time waits for its end.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use meshvane_agent::client::CallError;
use meshvane_server::collector::{Collector, CollectorSettings, FindingsFilter, PlanAsk, Refusal};
use meshvane_server::judge::JUDGE_SPACING;
use meshvane_server::mesh::time::{Awake, Moment, Now, PULSE};
use meshvane_shared::finding::FindingKey;
use meshvane_shared::limits::PLAN_WAIT_MAX;
use meshvane_shared::plan::Epoch;

use crate::agent::{Called, Request, Response};

/// The defaults of the server.
pub(crate) const TTL: Duration = Duration::from_secs(15);
const FORGET_AFTER: Duration = Duration::from_hours(1);

/// Names a call of an agent for the world.
pub(crate) type CallId = u64;

/// Resolves when something changed since it was made.
type Signal = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A finding that opened or was resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edge {
    pub(crate) at: Duration,
    pub(crate) key: FindingKey,
    /// The sentence with which it opened; `None` when it was resolved.
    pub(crate) opened: Option<String>,
}

#[derive(Debug)]
struct Poll {
    ask: PlanAsk,
    until: Duration,
}

/// One start of the server.
pub(crate) struct Server {
    collector: Collector,
    started: Duration,
    awake: Awake,
    /// Its wall clock is off by so many seconds.
    skew_s: i64,
    polls: BTreeMap<CallId, Poll>,
    waiting: Vec<(CallId, bool, Request)>,
    /// `None` once it has come.
    changed: Option<Signal>,
    plan_changed: Signal,
    open: BTreeSet<FindingKey>,
    /// A judgement is running until then.
    pub(crate) busy_until: Duration,
    /// When the next judgement begins, if nothing happens before.
    pub(crate) judge_at: Duration,
    judged: Duration,
}

impl Server {
    /// A server that starts now.
    pub(crate) fn start(epoch: u64, skew_s: i64, now: Duration) -> Self {
        let settings = CollectorSettings { ttl: TTL, forget_after: FORGET_AFTER, epoch: Epoch(epoch) };
        let moment = Now { moment: Moment::default(), wall: wall(now, skew_s) };
        let collector = Collector::new(settings, moment);
        Self {
            changed: Some(Box::pin(collector.changed())),
            plan_changed: Box::pin(collector.plan_changed()),
            collector,
            started: now,
            awake: Awake::default(),
            skew_s,
            polls: BTreeMap::new(),
            waiting: Vec::new(),
            open: BTreeSet::new(),
            busy_until: now,
            judge_at: now,
            judged: now,
        }
    }

    fn now(&mut self, now: Duration) -> Now {
        let (awake, _) = self.awake.advance(now.saturating_sub(self.started));
        Now { moment: Moment::default().after(awake), wall: wall(now, self.skew_s) }
    }

    /// Takes a call that arrives; `believed` calls have a good token.
    pub(crate) fn arrives(
        &mut self,
        now: Duration,
        call: CallId,
        believed: bool,
        request: Request,
    ) -> Vec<(CallId, Called)> {
        if now < self.busy_until {
            self.waiting.push((call, believed, request));
            return Vec::new();
        }
        let mut answers = Vec::new();
        self.take(now, call, believed, request, &mut answers);
        self.notice(now, &mut answers);
        answers
    }

    /// Takes what waited for a judgement, or for the process to run again.
    pub(crate) fn catch_up(&mut self, now: Duration) -> Vec<(CallId, Called)> {
        let mut answers = Vec::new();
        for (call, believed, request) in std::mem::take(&mut self.waiting) {
            self.take(now, call, believed, request, &mut answers);
        }
        self.notice(now, &mut answers);
        answers
    }

    /// Keeps a call until [`Server::catch_up`]: the process is stopped.
    pub(crate) fn holds(&mut self, call: CallId, believed: bool, request: Request) {
        self.waiting.push((call, believed, request));
    }

    /// The calls that are lost with the process.
    pub(crate) fn unanswered(&self) -> Vec<CallId> {
        self.polls.keys().copied().chain(self.waiting.iter().map(|(call, ..)| *call)).collect()
    }

    fn take(
        &mut self,
        at: Duration,
        call: CallId,
        believed: bool,
        request: Request,
        answers: &mut Vec<(CallId, Called)>,
    ) {
        let now = self.now(at);
        if !believed {
            answers.push((call, Err(CallError::Unauthorized("status 401".to_owned()))));
            return;
        }
        let called = match request {
            Request::Heartbeat(body) => {
                self.collector.heartbeat(*body, now).map(Response::Heartbeat).map_err(refused)
            }
            Request::Round(body) => self.collector.round(&body, now).map(Response::Round).map_err(refused),
            Request::Plan(ask) => {
                self.collector.note_question(&ask);
                let Some(news) = self.collector.plan(&ask, now) else {
                    self.polls.insert(call, Poll { ask, until: at + PLAN_WAIT_MAX });
                    return;
                };
                Ok(Response::Plan(Some(Box::new(news))))
            }
        };
        answers.push((call, called));
    }

    /// Acts on what a change signals: polls that have news, and the next judgement.
    fn notice(&mut self, at: Duration, answers: &mut Vec<(CallId, Called)>) {
        if has_come(&mut self.plan_changed) {
            self.plan_changed = Box::pin(self.collector.plan_changed());
            let now = self.now(at);
            self.polls.retain(|call, poll| match self.collector.plan(&poll.ask, now) {
                Some(news) => {
                    answers.push((*call, Ok(Response::Plan(Some(Box::new(news))))));
                    false
                }
                None => true,
            });
        }
        if self.changed.as_mut().is_some_and(has_come) {
            self.changed = None;
            self.judge_at = at.max(self.judged + JUDGE_SPACING);
        }
    }

    /// The polls whose wait is over.
    pub(crate) fn end_polls(&mut self, now: Duration) -> Vec<(CallId, Called)> {
        let over: Vec<CallId> =
            self.polls.iter().filter(|(_, poll)| poll.until <= now).map(|(call, _)| *call).collect();
        for call in &over {
            self.polls.remove(call);
        }
        over.into_iter().map(|call| (call, Ok(Response::Plan(None)))).collect()
    }

    /// When the first wait of a poll is over.
    pub(crate) fn next_poll_end(&self) -> Option<Duration> {
        self.polls.values().map(|poll| poll.until).min()
    }

    /// Judges, which takes so long; returns what opened and what was resolved, and the answers that follow.
    pub(crate) fn judge(&mut self, at: Duration, takes: Duration) -> (Vec<Edge>, Vec<(CallId, Called)>) {
        // Registered before judging, so that what arrives meanwhile is judged next.
        self.changed = Some(Box::pin(self.collector.changed()));
        let now = self.now(at);
        self.collector.judge(now);
        let shown = at + takes;
        let mut answers = Vec::new();
        (self.busy_until, self.judged, self.judge_at) = (shown, shown, shown + PULSE);
        self.notice(at, &mut answers);
        let mut edges = Vec::new();
        let mut open = BTreeSet::new();
        for body in self.collector.findings(FindingsFilter::Open, now).findings {
            let key = FindingKey::from(&body);
            if !self.open.contains(&key) {
                edges.push(Edge { at: shown, key: key.clone(), opened: Some(body.message) });
            }
            open.insert(key);
        }
        let gone = self.open.difference(&open);
        edges.extend(gone.map(|key| Edge { at: shown, key: key.clone(), opened: None }));
        self.open = open;
        (edges, answers)
    }
}

fn has_come(signal: &mut Signal) -> bool {
    signal.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn refused(refusal: Refusal) -> CallError {
    match refusal {
        Refusal::MissingField(detail) | Refusal::InvalidField(detail) => {
            CallError::Refused { status: 400, detail }
        }
        Refusal::UnknownPlan(_) => CallError::UnknownPlan,
        Refusal::Busy(_) => CallError::Busy(meshvane_agent::client::RETRY_AFTER_MIN),
    }
}

fn wall(now: Duration, skew_s: i64) -> DateTime<Utc> {
    let since = TimeDelta::from_std(now).unwrap_or(TimeDelta::MAX);
    DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(1) + since + TimeDelta::seconds(skew_s)
}
