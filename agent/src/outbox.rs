//! Rounds that the server has not acknowledged. Pure: takes `now`, does nothing.
//!
//! ```text
//!   produce ──> pending ──┬── accepted, duplicate, superseded ──> acknowledged
//!                         ├── too late, an error that no repetition repairs ──> refused
//!                         └── too old, or too many ──> dropped
//! ```
//! At any time `produced = acknowledged + refused + dropped + pending`. The newest goes first; what waited longer than
//! [`FRESH`] is the backlog of an outage and follows at one a second, so that servers that come back are not flooded.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::name::{BootId, NodeName};
use meshvane_shared::plan::Target;
use meshvane_shared::wire::round::{CellBody, RoundBody, RoundStatus, ServiceAddressBody, ServiceBody};

use crate::schedule::Report;

/// Rounds older than this tell nobody anything.
pub const AGE_MAX: Duration = Duration::from_mins(15);
/// Rounds and parts that are kept: a round a second for 15 minutes, and as many parts.
pub const ENTRIES_MAX: usize = 1_800;
/// Memory that they may take, by estimate: a mesh of 100 nodes keeps the whole 15 minutes, and the agent stays below its
/// 10 MB when nothing is wrong. The newest one is kept whatever its size.
pub const BYTES_MAX: usize = 16 << 20;
/// What waits longer than this is backlog.
pub const FRESH: Duration = Duration::from_secs(5);
/// The backlog is sent at one round in this time.
pub const BACKLOG_SPACING: Duration = Duration::from_secs(1);

/// Who sends, said in every round.
#[derive(Debug, Clone)]
pub struct Sender {
    /// Our node.
    pub node: NodeName,
    /// This start of the agent.
    pub boot_id: BootId,
    /// Time of one round.
    pub interval: Duration,
}

/// What became of the rounds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Rounds and parts that were made.
    pub produced: u64,
    /// The server has them.
    pub acknowledged: u64,
    /// Of those: it had them before.
    pub duplicate: u64,
    /// The server will never take them.
    pub refused: u64,
    /// Of those: they came too late to be told from repetitions.
    pub too_late: u64,
    /// Given up for their age or for room.
    pub dropped: u64,
    /// Waiting.
    pub pending: u64,
}

/// What is to be sent next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// This, now.
    Send(Box<RoundBody>),
    /// Nothing before this time.
    At(Duration),
    /// Nothing.
    Nothing,
}

#[derive(Debug)]
struct Entry {
    sequence: u64,
    ended: Duration,
    report: Arc<Report>,
    bytes: usize,
    /// The server does not know the plan.
    with_targets: bool,
}

/// The newest whole round, which a restarted server wants again.
#[derive(Debug)]
struct Newest {
    sequence: u64,
    ended: Duration,
    report: Arc<Report>,
    wanted: bool,
}

/// Rounds that the server has not acknowledged.
#[derive(Debug)]
pub struct Outbox {
    sender: Sender,
    /// Ascending by sequence.
    entries: VecDeque<Entry>,
    bytes: usize,
    newest: Option<Newest>,
    ledger: Ledger,
    backlog_next: Duration,
}

impl Outbox {
    /// Makes an empty outbox.
    pub fn new(sender: Sender) -> Self {
        Self {
            sender,
            entries: VecDeque::new(),
            bytes: 0,
            newest: None,
            ledger: Ledger::default(),
            backlog_next: Duration::ZERO,
        }
    }

    /// Takes a report that ended now.
    pub fn produce(&mut self, now: Duration, report: Report) {
        self.ledger.produced += 1;
        let sequence = self.ledger.produced;
        let report = Arc::new(report);
        if !report.partial {
            // A resend that is due takes the newer round: it says more.
            let wanted = self.newest.as_ref().is_some_and(|newest| newest.wanted);
            self.newest = Some(Newest { sequence, ended: now, report: Arc::clone(&report), wanted });
        }
        let bytes = estimate(&report);
        self.bytes += bytes;
        self.entries.push_back(Entry { sequence, ended: now, report, bytes, with_targets: false });
        self.make_room(now);
    }

    fn make_room(&mut self, now: Duration) {
        while let Some(oldest) = self.entries.front() {
            let too_old = now.saturating_sub(oldest.ended) > AGE_MAX;
            let too_much = self.entries.len() > 1 && self.bytes > BYTES_MAX;
            if !too_old && !too_much && self.entries.len() <= ENTRIES_MAX {
                return;
            }
            self.bytes -= oldest.bytes;
            self.ledger.dropped += 1;
            self.entries.pop_front();
        }
    }

    /// What is to be sent now. The same again, until something is said about it or something newer is there.
    pub fn next(&mut self, now: Duration) -> Next {
        self.make_room(now);
        if let Some(newest) = self.newest.as_ref().filter(|newest| newest.wanted) {
            return Next::Send(self.body(now, newest.sequence, newest.ended, &newest.report, true));
        }
        let Some(entry) = self.entries.back() else {
            return Next::Nothing;
        };
        let is_backlog = now.saturating_sub(entry.ended) > FRESH;
        if is_backlog && now < self.backlog_next {
            return Next::At(self.backlog_next);
        }
        Next::Send(self.body(now, entry.sequence, entry.ended, &entry.report, entry.with_targets))
    }

    fn body(
        &self,
        now: Duration,
        sequence: u64,
        ended: Duration,
        report: &Report,
        with_targets: bool,
    ) -> Box<RoundBody> {
        Box::new(RoundBody {
            node: self.sender.node.clone(),
            boot_id: self.sender.boot_id.clone(),
            sequence,
            plan: report.plan.version.clone(),
            partial: report.partial,
            interval_ms: milliseconds(self.sender.interval),
            took_ms: milliseconds(report.took),
            overrun: report.overrun,
            age_ms: milliseconds(now.saturating_sub(ended)),
            targets: with_targets.then(|| report.plan.targets.clone()),
            cells: report.cells.clone(),
            services: report.services.clone(),
            strangers: report.strangers.clone(),
        })
    }

    /// The server has this one, or set it aside for good.
    pub fn acknowledged(&mut self, now: Duration, sequence: u64, status: RoundStatus) {
        self.resent(sequence);
        if let Some(entry) = self.take(sequence) {
            match status {
                RoundStatus::Accepted | RoundStatus::Superseded | RoundStatus::Other => {
                    self.ledger.acknowledged += 1;
                }
                RoundStatus::Duplicate => {
                    self.ledger.acknowledged += 1;
                    self.ledger.duplicate += 1;
                }
                RoundStatus::TooLate => {
                    self.ledger.refused += 1;
                    self.ledger.too_late += 1;
                }
            }
            if now.saturating_sub(entry.ended) > FRESH {
                self.backlog_next = now + BACKLOG_SPACING;
            }
        }
    }

    /// The server will never take this one.
    pub fn refused(&mut self, sequence: u64) {
        self.resent(sequence);
        if self.take(sequence).is_some() {
            self.ledger.refused += 1;
        }
    }

    /// The server does not know the plan of this one. Said again of a body that had its targets, it is a refusal.
    pub fn plan_unknown(&mut self, sequence: u64, had_targets: bool) {
        if had_targets {
            return self.refused(sequence);
        }
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.sequence == sequence) {
            entry.with_targets = true;
        }
    }

    /// The server restarted: it wants the newest round again, with its targets, acknowledged or not.
    pub fn resend_newest(&mut self) {
        if let Some(newest) = &mut self.newest {
            newest.wanted = true;
        }
    }

    /// What became of the rounds so far.
    pub fn ledger(&self) -> Ledger {
        Ledger { pending: u64::try_from(self.entries.len()).unwrap_or(u64::MAX), ..self.ledger }
    }

    fn resent(&mut self, sequence: u64) {
        if let Some(newest) = self.newest.as_mut().filter(|newest| newest.sequence == sequence) {
            newest.wanted = false;
        }
    }

    fn take(&mut self, sequence: u64) -> Option<Entry> {
        let index = self.entries.iter().position(|entry| entry.sequence == sequence)?;
        let entry = self.entries.remove(index)?;
        self.bytes -= entry.bytes;
        Some(entry)
    }
}

/// Memory that a report takes, by estimate. A plan is counted with each report that refers to it, though they share it.
fn estimate(report: &Report) -> usize {
    let addresses: usize = report.services.iter().map(|service| service.addresses.len()).sum();
    size_of::<Report>()
        + report.cells.len() * size_of::<CellBody>()
        + report.services.len() * size_of::<ServiceBody>()
        + addresses * size_of::<ServiceAddressBody>()
        + report.plan.targets.len() * size_of::<Target>()
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
