//! One cell in 12 bytes.

use meshvane_shared::outcome::{Cause, Outcome, Reached, Reason};

use crate::mesh::time::Moment;

/// An outcome, packed. The default is a cell that was never reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cell {
    /// Round-trip time, or the cause's numbers.
    detail: u32,
    /// Milliseconds from the row's reference to the measurement; 24 days either way.
    offset_ms: i32,
    code: u8,
    flags: u8,
    /// TCP port, 0 for none.
    port: u16,
}

const SUSPECT: u8 = 1;
const LATE: u8 = 2;
const RETRANSMITTED: u8 = 4;
const HAS_RTT: u8 = 8;
/// Some outcome of this cell was an answer: kept while other outcomes follow.
const EVER_REACHED: u8 = 16;

const REACHED: u8 = 1;
/// Codes of causes begin here, in the order of [`cause_code`].
const CAUSES: u8 = 16;
/// Codes of reasons begin here, in the order of [`REASONS`].
const REASON_CODES: u8 = 64;
const REASONS: [Reason; 7] = [
    Reason::NotPermitted,
    Reason::NoResource,
    Reason::Overloaded,
    Reason::Cancelled,
    Reason::NotYet,
    Reason::Unspecified,
    Reason::Blocked,
];

impl Cell {
    /// A cell that was never reported.
    pub const NONE: Self = Self { detail: 0, offset_ms: 0, code: 0, flags: 0, port: 0 };

    /// Packs an outcome that was measured at `measured`, held against `reference`.
    pub fn pack(
        outcome: Outcome,
        measured: Moment,
        reference: Moment,
        port: Option<u16>,
        suspect: bool,
    ) -> Self {
        let suspect = if suspect { SUSPECT } else { 0 };
        let (code, detail, flags) = match outcome {
            Outcome::Reached(reached) => (REACHED, reached.rtt_us.unwrap_or(0), reached_flags(reached)),
            Outcome::Unreached(cause) => {
                let (code, detail) = cause_code(cause);
                (CAUSES + code, detail, 0)
            }
            Outcome::Unmeasured(reason) => (REASON_CODES + reason_code(reason), 0, 0),
        };
        let offset_ms = offset(measured, reference);
        Self { detail, offset_ms, code, flags: flags | suspect, port: port.unwrap_or(0) }
    }

    /// The outcome, or `None` when none was reported.
    pub fn outcome(self) -> Option<Outcome> {
        match self.code {
            0 => None,
            REACHED => Some(Outcome::Reached(Reached {
                rtt_us: (self.flags & HAS_RTT != 0).then_some(self.detail),
                late: self.flags & LATE != 0,
                retransmitted: self.flags & RETRANSMITTED != 0,
            })),
            code if code >= REASON_CODES => {
                let reason = REASONS.get(usize::from(code - REASON_CODES)).copied();
                Some(Outcome::Unmeasured(reason.unwrap_or(Reason::Unspecified)))
            }
            code => Some(Outcome::Unreached(cause_of(code.saturating_sub(CAUSES), self.detail))),
        }
    }

    /// What the outcome alone shows, or `None` when none was reported.
    pub fn shown(self) -> Option<Shown> {
        (self.code != 0).then_some(Shown(self.code))
    }

    /// Some outcome was reported.
    pub fn is_reported(self) -> bool {
        self.code != 0
    }

    /// When it was measured.
    pub fn measured(self, reference: Moment) -> Moment {
        Moment::from_millis(reference.millis.saturating_add(i64::from(self.offset_ms)))
    }

    /// The TCP port.
    pub fn port(self) -> Option<u16> {
        (self.port != 0).then_some(self.port)
    }

    /// The newest probe has no answer yet.
    pub fn suspect(self) -> bool {
        self.flags & SUSPECT != 0
    }

    /// It was reached before, or is now.
    pub fn ever_reached(self) -> bool {
        self.flags & EVER_REACHED != 0
    }

    /// The same cell, known to have been reached if `ever`.
    pub fn reached_before(self, ever: bool) -> Self {
        Self { flags: self.flags | if ever { EVER_REACHED } else { 0 }, ..self }
    }

    /// The same cell held against another reference.
    pub fn rebased(self, from: Moment, to: Moment) -> Self {
        Self { offset_ms: offset(self.measured(from), to), ..self }
    }
}

/// What a cell shows, in one byte and without the numbers of its outcome: for counting millions of cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown(u8);

impl Shown {
    /// No fresh data.
    pub const STALE: Self = Self(u8::MAX);
    /// No agent was asked to measure it.
    pub const NOT_PLANNED: Self = Self(u8::MAX - 1);
    /// Its turn has not come yet.
    pub const NOT_YET: Self = Self(REASON_CODES + 4);
    /// How many different ones there can be.
    pub const KINDS: usize = 1 << u8::BITS;

    /// The place among [`Self::KINDS`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// The one at a place among [`Self::KINDS`].
    pub fn at(index: usize) -> Option<Self> {
        u8::try_from(index).ok().map(Self)
    }

    /// What an outcome shows.
    pub fn of(outcome: Outcome) -> Self {
        Self(code_of(outcome))
    }

    /// Order in which one of several cells stands for all: a failure first, an absence of knowledge before an answer. It is
    /// that of `GET /matrix`.
    pub fn badness(self) -> u8 {
        match self {
            Self::NOT_PLANNED => 0,
            Self(REACHED) => 1,
            Self::STALE => 3,
            Self(code) if code >= REASON_CODES => 2,
            Self(_) => 4,
        }
    }

    /// The outcome without its numbers; `None` for a cell that shows none.
    pub fn outcome(self) -> Option<Outcome> {
        if self == Self::STALE || self == Self::NOT_PLANNED {
            return None;
        }
        Cell { code: self.0, ..Cell::NONE }.outcome()
    }
}

fn code_of(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Reached(_) => REACHED,
        Outcome::Unreached(cause) => CAUSES + cause_code(cause).0,
        Outcome::Unmeasured(reason) => REASON_CODES + reason_code(reason),
    }
}

fn offset(measured: Moment, reference: Moment) -> i32 {
    let millis = measured.millis.saturating_sub(reference.millis);
    i32::try_from(millis).unwrap_or(if millis < 0 { i32::MIN } else { i32::MAX })
}

fn reached_flags(reached: Reached) -> u8 {
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    flag(reached.late, LATE)
        | flag(reached.retransmitted, RETRANSMITTED)
        | flag(reached.rtt_us.is_some(), HAS_RTT)
        | EVER_REACHED
}

fn reason_code(reason: Reason) -> u8 {
    match reason {
        Reason::NotPermitted => 0,
        Reason::NoResource => 1,
        Reason::Overloaded => 2,
        Reason::Cancelled => 3,
        Reason::NotYet => 4,
        Reason::Unspecified => 5,
        Reason::Blocked => 6,
    }
}

fn cause_code(cause: Cause) -> (u8, u32) {
    match cause {
        Cause::Timeout => (0, 0),
        Cause::Refused => (1, 0),
        Cause::Reset => (2, 0),
        Cause::Rejected { icmp_type, icmp_code } => {
            (3, u32::from(u16::from_be_bytes([icmp_type, icmp_code])))
        }
        Cause::NoRoute => (4, 0),
        Cause::Name { rcode } => (5, u32::from(rcode)),
        Cause::ResolverTimeout => (6, 0),
        Cause::Tls => (7, 0),
        Cause::Protocol => (8, 0),
        Cause::Unspecified => (9, 0),
    }
}

fn cause_of(code: u8, detail: u32) -> Cause {
    let low = u16::try_from(detail & 0xffff).unwrap_or(0);
    let [icmp_type, icmp_code] = low.to_be_bytes();
    match code {
        0 => Cause::Timeout,
        1 => Cause::Refused,
        2 => Cause::Reset,
        3 => Cause::Rejected { icmp_type, icmp_code },
        4 => Cause::NoRoute,
        5 => Cause::Name { rcode: low },
        6 => Cause::ResolverTimeout,
        7 => Cause::Tls,
        8 => Cause::Protocol,
        _ => Cause::Unspecified,
    }
}
