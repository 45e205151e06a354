//! One question and its answer, as bytes: pure.

use std::net::IpAddr;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query};
use hickory_proto::rr::{Name, RData, Record, RecordType};

use super::NO_ERROR;

/// UDP payload that is announced where `resolv.conf` says `edns0`: it crosses every path without fragments
/// (DNS flag day 2020).
const EDNS_PAYLOAD: u16 = 1232;
/// Aliases (CNAME) that are followed within one answer. Chains of real names have a handful.
const ALIASES_MAX: usize = 16;

/// A name that no search list is applied to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompleteName(Name);

impl CompleteName {
    /// Reads a name; `None` for one that no name server can be asked for, such as one that is too long.
    pub fn parse(text: &str) -> Option<Self> {
        let mut name = Name::from_ascii(text).ok()?;
        name.set_fqdn(true);
        Some(Self(name))
    }
}

/// Which addresses are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A records.
    Ipv4,
    /// AAAA records.
    Ipv6,
}

/// One question with its identifier.
#[derive(Debug)]
pub(super) struct Question {
    id: u16,
    query: Query,
    edns0: bool,
}

/// What an answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answer {
    /// The response code.
    pub(super) code: u16,
    /// The addresses of the asked kind.
    pub(super) addresses: Vec<IpAddr>,
}

/// What some bytes are to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Reading {
    /// Its answer.
    Whole(Answer),
    /// Its answer, cut off: it is to be asked again by TCP.
    Truncated,
    /// It bears the question's identifier and cannot be read.
    Garbled,
    /// Something else: another identifier, another question, or no answer at all.
    Foreign,
}

impl Question {
    pub(super) fn new(id: u16, name: &CompleteName, wanted: Wanted, edns0: bool) -> Self {
        let kind = match wanted {
            Wanted::Ipv4 => RecordType::A,
            Wanted::Ipv6 => RecordType::AAAA,
        };
        Self { id, query: Query::query(name.0.clone(), kind), edns0 }
    }

    /// The question as it is sent; `None` when it cannot be written, which no name that was read causes.
    pub(super) fn bytes(&self) -> Option<Vec<u8>> {
        let mut message = Message::new(self.id, MessageType::Query, OpCode::Query);
        message.metadata.recursion_desired = true;
        message.add_query(self.query.clone());
        if self.edns0 {
            let mut edns = Edns::new();
            edns.set_max_payload(EDNS_PAYLOAD);
            message.set_edns(edns);
        }
        message.to_vec().ok()
    }

    /// Reads what came back. The identifier is compared before anything is parsed: a flood costs next to
    /// nothing.
    pub(super) fn read(&self, bytes: &[u8]) -> Reading {
        /// The bit of the third byte that marks a response (RFC 1035 section 4.1.1).
        const RESPONSE: u8 = 0x80;
        match bytes {
            [high, low, flags, ..] if [*high, *low] == self.id.to_be_bytes() && flags & RESPONSE != 0 => {}
            _ => return Reading::Foreign,
        }
        let Ok(message) = Message::from_vec(bytes) else { return Reading::Garbled };
        let code = u16::from(message.metadata.response_code);
        // A server that could not read the question may leave it out of its refusal.
        let is_bare = message.queries.is_empty() && code != NO_ERROR;
        if !is_bare && message.queries.as_slice() != [self.query.clone()] {
            return Reading::Foreign;
        }
        if message.metadata.truncation {
            return Reading::Truncated;
        }
        Reading::Whole(Answer { code, addresses: self.addresses(&message.answers) })
    }

    /// The addresses at the end of the chain of aliases that begins with the asked name. Records may come in
    /// any order.
    fn addresses(&self, answers: &[Record]) -> Vec<IpAddr> {
        let mut name = self.query.name();
        for _ in 0..ALIASES_MAX {
            let mut of_name = answers.iter().filter(|record| record.name == *name);
            let alias = of_name.find_map(|record| {
                if let RData::CNAME(target) = &record.data { Some(&target.0) } else { None }
            });
            let Some(alias) = alias else { break };
            name = alias;
        }
        let of_name = answers.iter().filter(|record| record.name == *name);
        of_name.filter_map(|record| address(&record.data, self.query.query_type())).collect()
    }
}

fn address(data: &RData, kind: RecordType) -> Option<IpAddr> {
    match (data, kind) {
        (RData::A(address), RecordType::A) => Some(address.0.into()),
        (RData::AAAA(address), RecordType::AAAA) => Some(address.0.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
