use hickory_proto::op::ResponseCode;
use hickory_proto::rr::rdata::{A, CNAME};

use super::*;

fn question(name: &str) -> Question {
    Question::new(7, &CompleteName::parse(name).unwrap(), Wanted::Ipv4, false)
}

fn response(question: &Question, records: Vec<(&str, RData)>) -> Message {
    let mut message = Message::response(question.id, OpCode::Query);
    message.add_query(question.query.clone());
    let record = |(name, data): (&str, RData)| {
        let CompleteName(name) = CompleteName::parse(name).unwrap();
        Record::from_rdata(name, 5, data)
    };
    message.add_answers(records.into_iter().map(record));
    message
}

fn read(question: &Question, message: &Message) -> Reading {
    question.read(&message.to_vec().unwrap())
}

fn whole(code: u16, addresses: &[[u8; 4]]) -> Reading {
    Reading::Whole(Answer { code, addresses: addresses.iter().map(|octets| (*octets).into()).collect() })
}

fn a(last: u8) -> RData {
    RData::A(A::new(192, 0, 2, last))
}

fn alias(target: &str) -> RData {
    let CompleteName(name) = CompleteName::parse(target).unwrap();
    RData::CNAME(CNAME(name))
}

#[test]
fn aliases_are_followed_in_any_order_and_other_names_are_not_ours() {
    let question = question("api.test");
    let chain = vec![
        ("end.test", a(1)),
        ("other.test", a(9)),
        ("API.test", alias("middle.test")),
        ("middle.test", alias("END.test")),
    ];
    assert_eq!(read(&question, &response(&question, chain)), whole(0, &[[192, 0, 2, 1]]));
    let circle = vec![("api.test", alias("middle.test")), ("middle.test", alias("api.test"))];
    assert_eq!(read(&question, &response(&question, circle)), whole(0, &[]));
    let half = vec![("api.test", alias("middle.test"))];
    assert_eq!(read(&question, &response(&question, half)), whole(0, &[]), "as to programs: no address");
}

#[test]
fn only_the_answer_to_the_question_is_taken() {
    let ours = question("api.test");
    let right = response(&ours, vec![("api.test", a(1))]);
    let check = |change: fn(&mut Message), expected: Reading| {
        let mut message = right.clone();
        change(&mut message);
        assert_eq!(read(&ours, &message), expected);
    };
    check(|_| {}, whole(0, &[[192, 0, 2, 1]]));
    check(|message| message.metadata.id = 8, Reading::Foreign);
    check(|message| message.metadata.message_type = MessageType::Query, Reading::Foreign);
    check(|message| message.queries.clear(), Reading::Foreign);
    check(|message| message.queries[0].query_type = RecordType::AAAA, Reading::Foreign);
    check(|message| message.queries[0] = question("api2.test").query, Reading::Foreign);
    check(|message| message.metadata.truncation = true, Reading::Truncated);
    check(|message| message.metadata.response_code = ResponseCode::NXDomain, whole(3, &[[192, 0, 2, 1]]));
    // A server that cannot read the question leaves it out.
    check(
        |message| {
            message.queries.clear();
            message.answers.clear();
            message.metadata.response_code = ResponseCode::FormErr;
        },
        whole(1, &[]),
    );
    assert_eq!(ours.read(&[]), Reading::Foreign);
    assert_eq!(ours.read(&[0, 7, 0x81]), Reading::Garbled);
}

#[test]
fn a_question_announces_its_room_only_where_the_file_says_so() {
    let name = CompleteName::parse("api.test").unwrap();
    for (edns0, expected) in [(false, None), (true, Some(EDNS_PAYLOAD))] {
        let bytes = Question::new(7, &name, Wanted::Ipv6, edns0).bytes().unwrap();
        let message = Message::from_vec(&bytes).unwrap();
        assert!(message.metadata.recursion_desired);
        assert_eq!(message.queries[0].query_type(), RecordType::AAAA);
        assert_eq!(message.edns.map(|edns| edns.max_payload()), expected);
    }
}
