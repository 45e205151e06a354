//! One cell: what is asked, what was last certain, and what is being found out.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::ops::RangeBounds;
use std::time::Duration;

use super::health::Resident;
use super::{BURST_PROBES, Cause, Outcome, Place, ProbeId, Question, Reached, Reason, UP_AFTER_ANSWERS};
use meshvane_shared::check::CheckKind;
use meshvane_shared::plan::TargetKey;

/// Names a cell. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct CellId(pub(super) u64);

/// What a cell is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Subject {
    /// A member's plane; the index into the plan's targets.
    Target(u32, TargetKey),
    /// A service's name; the index into the services.
    Name(usize),
    /// An address of a service.
    Address(usize, IpAddr),
}

/// What makes a cell the same one in the next plan. A target whose address changed is another target.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) target: TargetKey,
    pub(super) question: Question,
}

/// An outcome that counts, and when it was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Certain {
    pub(super) outcome: Outcome,
    pub(super) at: Duration,
}

/// All cells, by id.
///
/// Each has a place of its own in memory: a map that is filled in order is half empty, which at 40,000 cells would be as
/// much again as the cells.
#[derive(Debug, Default)]
pub(super) struct Cells(BTreeMap<CellId, Box<Cell>>);

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as the map in it has it")]
impl Cells {
    pub(super) fn insert(&mut self, id: CellId, cell: Cell) {
        self.0.insert(id, Box::new(cell));
    }

    pub(super) fn remove(&mut self, id: &CellId) {
        self.0.remove(id);
    }

    pub(super) fn get(&self, id: &CellId) -> Option<&Cell> {
        self.0.get(id).map(Box::as_ref)
    }

    pub(super) fn get_mut(&mut self, id: &CellId) -> Option<&mut Cell> {
        self.0.get_mut(id).map(Box::as_mut)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&CellId, &Cell)> {
        self.0.iter().map(|(id, cell)| (id, cell.as_ref()))
    }

    /// The cells of some ids, in the order in which they were made.
    pub(super) fn range(
        &self,
        ids: impl RangeBounds<CellId>,
    ) -> impl DoubleEndedIterator<Item = (&CellId, &Cell)> {
        self.0.range(ids).map(|(id, cell)| (id, cell.as_ref()))
    }
}

/// Some probes close together that confirm or refute.
#[derive(Debug, Clone)]
pub(super) struct Burst {
    /// Tells this burst's timers from those of an earlier one.
    pub(super) number: u64,
    /// When the first failing probe was sent, once one failed.
    pub(super) since: Option<Duration>,
    /// Why the probe that raised the suspicion failed.
    pub(super) first_cause: Option<Cause>,
    pub(super) started: u32,
    pub(super) failed: u32,
    pub(super) unmeasured: Option<Reason>,
    pub(super) unmeasured_count: u32,
    /// Answers in all.
    pub(super) answered: u32,
    /// Answers in a row, counting the one that began the burst.
    pub(super) in_a_row: u32,
    pub(super) causes: Vec<Cause>,
    /// Somebody waits for the result, whatever it is.
    pub(super) looked: bool,
    /// That somebody came when too few probes were left to tell a return: a failure is followed by another burst.
    pub(super) again: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) subject: Subject,
    pub(super) question: Question,
    /// The last outcome that was certain.
    pub(super) certain: Option<Certain>,
    /// The newest attempt could not be made. Cleared by the next certain outcome.
    pub(super) unmeasured: Option<(Reason, Duration)>,
    /// Down since: when the first failing probe was sent.
    pub(super) failing_since: Option<Duration>,
    pub(super) suspect: bool,
    /// Rare, so it stands elsewhere.
    pub(super) burst: Option<Box<Burst>>,
    /// When it was last asked.
    pub(super) asked: Option<Duration>,
    /// The probe of this round, while it is not judged.
    pub(super) regular: Option<ProbeId>,
    /// The probe of this round stands in the queue.
    pub(super) waiting: bool,
    /// It stands there until its address has a turn.
    pub(super) waits_for_turn: bool,
    /// Who answers there, for the cell of a pod's port.
    pub(super) resident: Resident,
}

impl Burst {
    pub(super) fn new(number: u64) -> Self {
        Self {
            number,
            since: None,
            first_cause: None,
            started: 0,
            failed: 0,
            unmeasured: None,
            unmeasured_count: 0,
            answered: 0,
            in_a_row: 0,
            causes: Vec::new(),
            looked: false,
            again: false,
        }
    }

    /// Takes note that somebody wants to know how things are from now on.
    pub(super) fn look(&mut self) {
        self.looked = true;
        self.again |= self.started + UP_AFTER_ANSWERS > BURST_PROBES;
    }

    /// Its probes that are judged.
    pub(super) fn judged(&self) -> u32 {
        self.failed + self.answered + self.unmeasured_count
    }

    /// Returns true while all that it heard is this cause. A probe that could not be sent heard nothing.
    pub(super) fn is_all(&self, cause: Cause) -> bool {
        self.answered == 0 && self.causes.iter().all(|heard| *heard == cause)
    }

    /// The cause that most probes of the burst gave; of equally frequent ones the one that says more.
    pub(super) fn cause(&self) -> Cause {
        let count = |cause: Cause| self.causes.iter().filter(|other| **other == cause).count();
        self.causes
            .iter()
            .copied()
            .max_by_key(|cause| (count(*cause), specificity(*cause)))
            .or(self.first_cause)
            .unwrap_or(Cause::Timeout)
    }
}

/// How much a cause says: silence least, a refusal by somebody most.
fn specificity(cause: Cause) -> u8 {
    match cause {
        Cause::Unspecified => 0,
        Cause::Timeout | Cause::ResolverTimeout => 1,
        Cause::NoRoute => 2,
        Cause::Protocol | Cause::Tls | Cause::Name { .. } => 3,
        Cause::Reset => 4,
        Cause::Refused => 5,
        Cause::Rejected { .. } => 6,
    }
}

impl Cell {
    pub(super) fn new(subject: Subject, question: Question) -> Self {
        Self {
            subject,
            question,
            certain: None,
            unmeasured: None,
            failing_since: None,
            suspect: false,
            burst: None,
            asked: None,
            regular: None,
            waiting: false,
            waits_for_turn: false,
            resident: Resident::default(),
        }
    }

    /// Returns true when it is asked by echo requests, whose engine has limits of its own.
    pub(super) fn is_icmp(&self) -> bool {
        self.question.check() == CheckKind::Icmp
    }

    pub(super) fn is_down(&self) -> bool {
        self.failing_since.is_some()
    }

    /// The target, for a check of a member's plane.
    pub(super) fn target(&self) -> Option<&TargetKey> {
        match &self.subject {
            Subject::Target(_, key) => Some(key),
            Subject::Name(_) | Subject::Address(..) => None,
        }
    }

    pub(super) fn place(&self) -> Place {
        match &self.subject {
            Subject::Target(_, key) => Place::Plane(key.plane),
            Subject::Name(_) | Subject::Address(..) => Place::Service,
        }
    }

    pub(super) fn set_certain(&mut self, outcome: Outcome, at: Duration) {
        self.certain = Some(Certain { outcome, at });
        self.unmeasured = None;
    }

    /// An attempt that could not be made is told as that, also of a cell that is down. The failure keeps its beginning: it is over
    /// when something answers.
    pub(super) fn set_unmeasured(&mut self, reason: Reason, at: Duration) {
        self.unmeasured = Some((reason, at));
    }

    /// What is said about the cell, and when it was found.
    pub(super) fn shown(&self, now: Duration) -> Certain {
        if let Some((reason, at)) = self.unmeasured {
            return Certain { outcome: Outcome::Unmeasured(reason), at };
        }
        self.certain.unwrap_or(Certain { outcome: Outcome::Unmeasured(Reason::NotYet), at: now })
    }

    /// The cause of silence to this cell's question.
    pub(super) fn silence(&self) -> Cause {
        match self.question {
            Question::Icmp(_) | Question::Tcp(_) | Question::Health(_) => Cause::Timeout,
            Question::Resolve { .. } => Cause::ResolverTimeout,
        }
    }

    /// An answer as an outcome. A handshake above the soft limit held a retransmission (RFC 6298 section 2.1: the first
    /// one after 1 s), so its time is no round trip.
    pub(super) fn reached(&self, rtt: Duration) -> Reached {
        let late = rtt >= super::PROBE_SOFT_LIMIT;
        let retransmitted = late && matches!(self.question, Question::Tcp(_));
        Reached {
            rtt_us: (!retransmitted).then(|| u32::try_from(rtt.as_micros()).unwrap_or(u32::MAX)),
            late,
            retransmitted,
        }
    }
}
