//! What one check gave.
//!
//! `Unreached` is about the network, `Unmeasured` is about us; nothing turns one into the other, and a fresh
//! value of either is never shown for a stale one.

use serde::{Deserialize, Serialize};

/// What one check gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The target answered.
    Reached(Reached),
    /// The target was asked and did not answer as it should, because of this.
    Unreached(Cause),
    /// The target could not be asked, for a reason of ours. Says nothing about the network.
    Unmeasured(Reason),
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// Round-trip time in microseconds. `None` when it was not measured (original agents report none that is true).
    pub rtt_us: Option<u32>,
    /// The answer came after the soft limit of 1 s and before the hard one of 3.5 s.
    pub late: bool,
    /// A TCP connect held a SYN retransmission (it took above 1 s, RFC 6298): its time is no round trip and stays out of
    /// the figures.
    pub retransmitted: bool,
}

/// Why a target that was asked did not answer as it should. Names the stage that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// No answer within the hard limit.
    Timeout,
    /// The address answered that nothing listens on the port (RST to a SYN).
    Refused,
    /// The connection was reset after it was open.
    Reset,
    /// Somebody on the path rejected the packet by ICMP: codes 9, 10 or 13 (IPv6: 1, 5 or 6).
    Rejected {
        /// The ICMP type.
        icmp_type: u8,
        /// The ICMP code.
        icmp_code: u8,
    },
    /// No route to the address, or no neighbour behind it.
    NoRoute,
    /// The name did not resolve; the DNS response code (RFC 1035 section 4.1.1), 0 for an answer without addresses.
    Name {
        /// The response code.
        rcode: u16,
    },
    /// No name server answered in time.
    ResolverTimeout,
    /// The TLS handshake failed.
    Tls,
    /// The answer was not of the protocol that was spoken.
    Protocol,
    /// The reporter does not say (original agents), or says it in a word we do not know.
    Unspecified,
}

/// Why a target could not be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The kernel does not let us (no unprivileged ICMP socket, say).
    NotPermitted,
    /// No socket, port or buffer was to be had.
    NoResource,
    /// We lagged ourselves, so a missing answer proves nothing.
    Overloaded,
    /// The check was given up (its target left the plan, or we are shutting down).
    Cancelled,
    /// It was not its turn yet.
    NotYet,
    /// A rule of our own machine stops what we send: an output chain of its firewall, a `prohibit` route.
    Blocked,
    /// The reporter says it in a word we do not know.
    #[serde(other)]
    Unspecified,
}

/// What a name server did that its cause does not say. It stands beside a cause, and changes nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResolverDetail {
    /// It answered neither question by UDP.
    NoUdpAnswer,
    /// It answered for IPv6 addresses (AAAA), and not for IPv4 ones (A).
    NoIpv4Answer,
    /// It answered for IPv4 addresses (A), and not for IPv6 ones (AAAA).
    NoIpv6Answer,
    /// Its answer by UDP was truncated, and it could not be asked again by TCP.
    NoTcpAnswer,
    /// What it sent is no answer to the question.
    WrongAnswers,
    /// The reporter says it in a word we do not know.
    #[serde(other)]
    Unspecified,
}

impl Outcome {
    /// A plain answer with its round-trip time.
    pub const fn reached(rtt_us: u32) -> Self {
        Self::Reached(Reached { rtt_us: Some(rtt_us), late: false, retransmitted: false })
    }

    /// Tells whether the *address* answered: an echo reply, or a port that was open, refused or reset.
    pub fn shows_address_answers(self) -> bool {
        match self {
            Self::Reached(_)
            | Self::Unreached(Cause::Refused | Cause::Reset | Cause::Tls | Cause::Protocol) => true,
            Self::Unreached(
                Cause::Timeout
                | Cause::Rejected { .. }
                | Cause::NoRoute
                | Cause::Name { .. }
                | Cause::ResolverTimeout
                | Cause::Unspecified,
            )
            | Self::Unmeasured(_) => false,
        }
    }

    /// Tells whether the target was asked and failed.
    pub fn is_unreached(self) -> bool {
        matches!(self, Self::Unreached(_))
    }
}

impl Cause {
    /// The name as it stands in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Reset => "reset",
            Self::Rejected { .. } => "rejected",
            Self::NoRoute => "no_route",
            Self::Name { .. } => "name",
            Self::ResolverTimeout => "resolver_timeout",
            Self::Tls => "tls",
            Self::Protocol => "protocol",
            Self::Unspecified => "unspecified",
        }
    }
}

impl Reason {
    /// The name as it stands in the API and in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotPermitted => "not_permitted",
            Self::NoResource => "no_resource",
            Self::Overloaded => "overloaded",
            Self::Cancelled => "cancelled",
            Self::NotYet => "not_yet",
            Self::Blocked => "blocked",
            Self::Unspecified => "unspecified",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_port_shows_that_the_address_answers_and_a_silence_does_not() {
        let check =
            |outcome: Outcome, expected| assert_eq!(outcome.shows_address_answers(), expected, "{outcome:?}");
        check(Outcome::reached(1), true);
        check(Outcome::Unreached(Cause::Refused), true);
        check(Outcome::Unreached(Cause::Reset), true);
        check(Outcome::Unreached(Cause::Timeout), false);
        check(Outcome::Unreached(Cause::NoRoute), false);
        check(Outcome::Unmeasured(Reason::Overloaded), false);
    }
}
