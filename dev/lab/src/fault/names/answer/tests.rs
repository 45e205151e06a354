//! Answers to questions, message by message.

use hickory_proto::op::{OpCode, Query};
use hickory_proto::rr::Name;

use super::*;

fn question(name: &str, kind: RecordType) -> Vec<u8> {
    let mut message = Message::new(7, MessageType::Query, OpCode::Query);
    message.add_query(Query::query(Name::from_ascii(name).unwrap(), kind));
    message.to_vec().unwrap()
}

fn names() -> BTreeMap<String, Vec<IpAddr>> {
    BTreeMap::from([("web.test".to_owned(), vec!["10.0.0.1".parse().unwrap(), "fd00::1".parse().unwrap()])])
}

/// The response code and the addresses, in text.
fn said(name: &str, kind: RecordType, answer: &DnsAnswer) -> (ResponseCode, String) {
    let reply = reply(&question(name, kind), By::Udp, &names(), answer).unwrap();
    let message = Message::from_vec(&reply.message).unwrap();
    assert_eq!(message.metadata.id, 7);
    let data: Vec<_> = message.answers.iter().map(|record| record.data.to_string()).collect();
    (message.metadata.response_code, data.join(" "))
}

#[test]
fn each_answer_says_what_it_is_called() {
    let check = |name, kind, answer: &DnsAnswer, code, data: &str| {
        assert_eq!(said(name, kind, answer), (code, data.to_owned()), "{name} {kind} {answer:?}");
    };
    let wrong = DnsAnswer::Wrong(vec!["10.9.9.9".parse().unwrap()]);
    check("web.test.", RecordType::A, &DnsAnswer::Right, ResponseCode::NoError, "10.0.0.1");
    check("WEB.test.", RecordType::AAAA, &DnsAnswer::Right, ResponseCode::NoError, "fd00::1");
    check("web.test.", RecordType::TXT, &DnsAnswer::Right, ResponseCode::NoError, "");
    check("other.test.", RecordType::A, &DnsAnswer::Right, ResponseCode::NXDomain, "");
    check("web.test.", RecordType::A, &wrong, ResponseCode::NoError, "10.9.9.9");
    check("web.test.", RecordType::AAAA, &wrong, ResponseCode::NoError, "");
    check("web.test.", RecordType::A, &DnsAnswer::NxDomain, ResponseCode::NXDomain, "");
    check("web.test.", RecordType::A, &DnsAnswer::ServFail, ResponseCode::ServFail, "");
    check("web.test.", RecordType::A, &DnsAnswer::Refused, ResponseCode::Refused, "");
}

#[test]
fn a_slow_answer_is_the_right_one_later_and_a_silent_one_is_none() {
    let asked = question("web.test.", RecordType::A);
    let slow = reply(&asked, By::Udp, &names(), &DnsAnswer::Slow(Duration::from_secs(2))).unwrap();
    assert_eq!(slow.after, Duration::from_secs(2));
    let right = reply(&asked, By::Udp, &names(), &DnsAnswer::Right).unwrap();
    assert_eq!((slow.message, right.after), (right.message, Duration::ZERO));
    assert!(reply(&asked, By::Udp, &names(), &DnsAnswer::Silent).is_none());
}

#[test]
fn a_truncated_answer_is_whole_by_tcp_and_ipv6_may_be_missing_alone() {
    let said = |by, kind, answer: &DnsAnswer| {
        let reply = reply(&question("web.test.", kind), by, &names(), answer)?;
        let message = Message::from_vec(&reply.message).unwrap();
        Some((message.metadata.truncation, message.answers.len()))
    };
    for answer in [DnsAnswer::Truncated, DnsAnswer::TruncatedThenSilent] {
        assert_eq!(said(By::Udp, RecordType::A, &answer), Some((true, 0)), "{answer:?}");
        assert_eq!(said(By::Tcp, RecordType::AAAA, &answer), Some((false, 1)), "{answer:?}");
    }
    for by in [By::Udp, By::Tcp] {
        assert_eq!(said(by, RecordType::A, &DnsAnswer::Ipv4Alone), Some((false, 1)));
        assert_eq!(said(by, RecordType::AAAA, &DnsAnswer::Ipv4Alone), None);
    }
}

#[test]
fn what_is_no_question_is_not_answered() {
    assert!(reply(b"hello", By::Udp, &names(), &DnsAnswer::Right).is_none());
    let answer = reply(&question("web.test.", RecordType::A), By::Udp, &names(), &DnsAnswer::Right).unwrap();
    assert!(reply(&answer.message, By::Udp, &names(), &DnsAnswer::Right).is_none());
}
