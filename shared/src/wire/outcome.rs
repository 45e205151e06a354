//! An outcome as it stands in a body: `"outcome"` beside `"cause"`, `"reason"` and `"rtt_us"`.

use serde::{Deserialize, Serialize};

use super::tolerant::Tolerant;
use crate::outcome::{Cause, Outcome, Reached, Reason};

/// The three things that a check can give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeWord {
    /// The target answered.
    Reached,
    /// The target was asked and failed.
    Unreached,
    /// The target could not be asked.
    Unmeasured,
}

/// The causes, as words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each word is documented at crate::outcome::Cause")]
pub enum CauseWord {
    Timeout,
    Refused,
    Reset,
    Rejected,
    NoRoute,
    Name,
    ResolverTimeout,
    Tls,
    Protocol,
    Unspecified,
}

/// An outcome as fields of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutcomeBody {
    /// Which of the three.
    pub outcome: Tolerant<OutcomeWord>,
    /// With `unreached`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Tolerant<CauseWord>>,
    /// With the cause `rejected`: the ICMP type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icmp_type: Option<u8>,
    /// With the cause `rejected`: the ICMP code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icmp_code: Option<u8>,
    /// With the cause `name`: the DNS response code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rcode: Option<u16>,
    /// With `unmeasured`: why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// With `reached`: round-trip time in microseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<u32>,
    /// With `reached`: the answer came after the soft limit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
    /// With `reached`: the connect held a SYN retransmission.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub retransmitted: bool,
}

/// A struct that reads the fields of an [`OutcomeBody`] beside others.
///
/// `#[serde(flatten)]` would do the same, but keeps every field that it does not know, with all that is nested in it, until the
/// object is read: a small body takes hundreds of megabytes then. Plain fields skip what they do not know.
macro_rules! read_beside_outcome {
    ($name:ident { $($(#[$attribute:meta])* $field:ident: $type:ty,)* }) => {
        #[derive(Deserialize)]
        struct $name {
            $($(#[$attribute])* $field: $type,)*
            outcome: Tolerant<OutcomeWord>,
            #[serde(default)]
            cause: Option<Tolerant<CauseWord>>,
            #[serde(default)]
            icmp_type: Option<u8>,
            #[serde(default)]
            icmp_code: Option<u8>,
            #[serde(default)]
            rcode: Option<u16>,
            #[serde(default)]
            reason: Option<Reason>,
            #[serde(default)]
            rtt_us: Option<u32>,
            #[serde(default)]
            late: bool,
            #[serde(default)]
            retransmitted: bool,
        }
    };
}

/// Takes the [`OutcomeBody`] out of what [`read_beside_outcome`] made.
macro_rules! outcome_of {
    ($fields:expr) => {
        OutcomeBody {
            outcome: $fields.outcome,
            cause: $fields.cause,
            icmp_type: $fields.icmp_type,
            icmp_code: $fields.icmp_code,
            rcode: $fields.rcode,
            reason: $fields.reason,
            rtt_us: $fields.rtt_us,
            late: $fields.late,
            retransmitted: $fields.retransmitted,
        }
    };
}

pub(super) use {outcome_of, read_beside_outcome};

impl OutcomeBody {
    fn of_word(word: OutcomeWord) -> Self {
        Self {
            outcome: word.into(),
            cause: None,
            icmp_type: None,
            icmp_code: None,
            rcode: None,
            reason: None,
            rtt_us: None,
            late: false,
            retransmitted: false,
        }
    }

    /// Reads the outcome. A word of a newer version becomes `Unspecified` on its own side: an unknown cause stays a
    /// failure, an unknown reason stays unmeasured, and an unknown outcome claims nothing about the network.
    pub fn read(&self) -> Outcome {
        match self.outcome.known() {
            Some(OutcomeWord::Reached) => Outcome::Reached(Reached {
                rtt_us: self.rtt_us,
                late: self.late,
                retransmitted: self.retransmitted,
            }),
            Some(OutcomeWord::Unreached) => Outcome::Unreached(self.read_cause()),
            Some(OutcomeWord::Unmeasured) => Outcome::Unmeasured(self.reason.unwrap_or(Reason::Unspecified)),
            None => Outcome::Unmeasured(Reason::Unspecified),
        }
    }

    fn read_cause(&self) -> Cause {
        match self.cause.as_ref().and_then(Tolerant::known) {
            Some(CauseWord::Timeout) => Cause::Timeout,
            Some(CauseWord::Refused) => Cause::Refused,
            Some(CauseWord::Reset) => Cause::Reset,
            Some(CauseWord::Rejected) => Cause::Rejected {
                icmp_type: self.icmp_type.unwrap_or(0),
                icmp_code: self.icmp_code.unwrap_or(0),
            },
            Some(CauseWord::NoRoute) => Cause::NoRoute,
            Some(CauseWord::Name) => Cause::Name { rcode: self.rcode.unwrap_or(0) },
            Some(CauseWord::ResolverTimeout) => Cause::ResolverTimeout,
            Some(CauseWord::Tls) => Cause::Tls,
            Some(CauseWord::Protocol) => Cause::Protocol,
            Some(CauseWord::Unspecified) | None => Cause::Unspecified,
        }
    }
}

impl From<Outcome> for OutcomeBody {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Reached(Reached { rtt_us, late, retransmitted }) => {
                Self { rtt_us, late, retransmitted, ..Self::of_word(OutcomeWord::Reached) }
            }
            Outcome::Unreached(cause) => {
                let body = Self::of_word(OutcomeWord::Unreached);
                let mut body = Self { cause: Some(CauseWord::from(cause).into()), ..body };
                if let Cause::Rejected { icmp_type, icmp_code } = cause {
                    (body.icmp_type, body.icmp_code) = (Some(icmp_type), Some(icmp_code));
                }
                if let Cause::Name { rcode } = cause {
                    body.rcode = Some(rcode);
                }
                body
            }
            Outcome::Unmeasured(reason) => {
                Self { reason: Some(reason), ..Self::of_word(OutcomeWord::Unmeasured) }
            }
        }
    }
}

impl From<Cause> for CauseWord {
    fn from(cause: Cause) -> Self {
        match cause {
            Cause::Timeout => Self::Timeout,
            Cause::Refused => Self::Refused,
            Cause::Reset => Self::Reset,
            Cause::Rejected { .. } => Self::Rejected,
            Cause::NoRoute => Self::NoRoute,
            Cause::Name { .. } => Self::Name,
            Cause::ResolverTimeout => Self::ResolverTimeout,
            Cause::Tls => Self::Tls,
            Cause::Protocol => Self::Protocol,
            Cause::Unspecified => Self::Unspecified,
        }
    }
}
