//! What is said to a question: pure.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use hickory_proto::op::{Message, MessageType, ResponseCode};
use hickory_proto::rr::{RData, Record, RecordType};

use super::{By, DnsAnswer};

/// Nobody shall keep an answer: every question is one of a test.
const TIME_TO_LIVE: u32 = 0;

/// An answer and when to give it.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) after: Duration,
    pub(super) message: Vec<u8>,
}

/// `None` where nothing is said: also to what is no question.
pub(super) fn reply(
    question: &[u8],
    by: By,
    names: &BTreeMap<String, Vec<IpAddr>>,
    answer: &DnsAnswer,
) -> Option<Reply> {
    let asked = Message::from_vec(question).ok()?;
    let query = asked.queries.first().filter(|_| asked.metadata.message_type == MessageType::Query)?;
    let name = query.name().to_ascii().trim_end_matches('.').to_ascii_lowercase();
    let known = names.get(&name);
    let found = |addresses: &[IpAddr]| known.map(|_| addresses.to_vec());
    let (after, outcome) = match answer {
        DnsAnswer::Silent => return None,
        DnsAnswer::Slow(after) => (*after, known.cloned().ok_or(ResponseCode::NXDomain)),
        DnsAnswer::Wrong(addresses) => (Duration::ZERO, found(addresses).ok_or(ResponseCode::NXDomain)),
        DnsAnswer::NxDomain => (Duration::ZERO, Err(ResponseCode::NXDomain)),
        DnsAnswer::ServFail => (Duration::ZERO, Err(ResponseCode::ServFail)),
        DnsAnswer::Refused => (Duration::ZERO, Err(ResponseCode::Refused)),
        DnsAnswer::Ipv4Alone if query.query_type() == RecordType::AAAA => return None,
        DnsAnswer::Truncated | DnsAnswer::TruncatedThenSilent if by == By::Udp => {
            (Duration::ZERO, found(&[]).ok_or(ResponseCode::NXDomain))
        }
        DnsAnswer::Right | DnsAnswer::Ipv4Alone | DnsAnswer::Truncated | DnsAnswer::TruncatedThenSilent => {
            (Duration::ZERO, known.cloned().ok_or(ResponseCode::NXDomain))
        }
    };
    let is_truncated =
        by == By::Udp && matches!(answer, DnsAnswer::Truncated | DnsAnswer::TruncatedThenSilent);
    let mut response = Message::response(asked.metadata.id, asked.metadata.op_code);
    response.metadata.recursion_desired = asked.metadata.recursion_desired;
    response.metadata.recursion_available = true;
    response.metadata.truncation = is_truncated;
    response.add_query(query.clone());
    match outcome {
        Ok(addresses) => {
            let fitting = addresses.into_iter().filter(|address| record_type(*address) == query.query_type());
            response.add_answers(fitting.map(|address| {
                let data = match address {
                    IpAddr::V4(address) => RData::from(address),
                    IpAddr::V6(address) => RData::from(address),
                };
                Record::from_rdata(query.name().clone(), TIME_TO_LIVE, data)
            }));
        }
        Err(code) => response.metadata.response_code = code,
    }
    Some(Reply { after, message: response.to_vec().ok()? })
}

fn record_type(address: IpAddr) -> RecordType {
    match address {
        IpAddr::V4(_) => RecordType::A,
        IpAddr::V6(_) => RecordType::AAAA,
    }
}
