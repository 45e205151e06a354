use super::token_file::tests::file;
use super::*;
use crate::mesh::time::Moment;

const NOW: Moment = Moment::from_millis(0);

/// Decides by tokens in files, which nobody need be asked about.
fn admit(gate: &Gate, access: Access, caller: &Caller<'_>) -> Result<Identity, Refused> {
    let now = Now { moment: NOW, wall: chrono::DateTime::UNIX_EPOCH };
    match gate.admit(access, caller, &Cluster::default(), now) {
        Admission::Decided(decided) => decided,
        Admission::Ask(question) => panic!("asks {question:?}"),
    }
}

fn gate(readers: bool, loopback_reads: bool) -> Gate {
    // The hour in which nobody looks at the file again is longer than the test.
    let token = |content: &[u8]| TokenFile::open("X", &file(content), Duration::from_hours(1)).unwrap();
    Gate {
        writers: WriterAuth::Token(token(b"agents-token")),
        readers: readers.then(|| token(b"readers-token")),
        loopback_reads,
    }
}

fn caller<'a>(peer: &str, credential: Credential<'a>) -> Caller<'a> {
    Caller { peer: peer.parse().unwrap(), credential, forwarded: false, hosts: vec!["localhost:8080"] }
}

#[test]
fn who_may_do_what_is_a_table() {
    let agents = Credential::Bearer(b"agents-token");
    let readers = Credential::Bearer(b"readers-token");
    let wrong = Credential::Bearer(b"wrong");
    let near = "127.0.0.1";
    let far = "10.0.0.7";
    let gate = gate(true, true);
    for (access, peer, credential, expected) in [
        (Access::Open, far, Credential::Absent, Ok(Identity::Unasked)),
        (Access::Open, far, wrong, Ok(Identity::Unasked)),
        (Access::Writer, near, Credential::Absent, Err(Refused::WriterWithoutToken)),
        (Access::Writer, far, Credential::Absent, Err(Refused::WriterWithoutToken)),
        (Access::Writer, far, agents, Ok(Identity::Agent)),
        (Access::Writer, near, agents, Ok(Identity::Agent)),
        (Access::Writer, far, readers, Err(Refused::WrongToken)),
        (Access::Writer, far, wrong, Err(Refused::WrongToken)),
        (Access::Writer, far, Credential::Unusable, Err(Refused::WrongToken)),
        (Access::OriginalWriter, far, agents, Ok(Identity::Agent)),
        (Access::OriginalWriter, far, readers, Err(Refused::WrongToken)),
        (Access::OriginalWriter, near, Credential::Absent, Err(Refused::WriterWithoutToken)),
        (Access::ReaderOrAgent, near, Credential::Absent, Ok(Identity::Loopback)),
        (Access::ReaderOrAgent, far, agents, Ok(Identity::Agent)),
        (Access::ReaderOrAgent, far, readers, Ok(Identity::Reader)),
        (Access::Reader, near, Credential::Absent, Ok(Identity::Loopback)),
        (Access::Reader, "::1", Credential::Absent, Ok(Identity::Loopback)),
        (Access::Reader, "::ffff:127.0.0.1", Credential::Absent, Ok(Identity::Loopback)),
        (Access::Reader, "127.0.0.2", Credential::Absent, Err(Refused::ReaderWithoutToken)),
        (Access::Reader, "127.0.0.6", Credential::Absent, Err(Refused::ReaderWithoutToken)),
        (Access::Reader, "::ffff:127.0.0.2", Credential::Absent, Err(Refused::ReaderWithoutToken)),
        (Access::Reader, far, Credential::Absent, Err(Refused::ReaderWithoutToken)),
        (Access::Reader, far, agents, Ok(Identity::Agent)),
        (Access::Reader, far, readers, Ok(Identity::Reader)),
        (Access::Reader, near, wrong, Err(Refused::WrongToken)),
        (Access::Reader, near, Credential::Unusable, Err(Refused::WrongToken)),
    ] {
        assert_eq!(
            admit(&gate, access, &caller(peer, credential)),
            expected,
            "{access:?} {peer} {credential:?}"
        );
    }
}

#[test]
fn a_forwarded_or_closed_loopback_needs_a_token() {
    let forwarded = Caller { forwarded: true, ..caller("127.0.0.1", Credential::Absent) };
    assert_eq!(admit(&gate(false, true), Access::Reader, &forwarded), Err(Refused::Forwarded));
    let with_token = Caller { forwarded: true, ..caller("127.0.0.1", Credential::Bearer(b"agents-token")) };
    assert_eq!(admit(&gate(false, true), Access::Reader, &with_token), Ok(Identity::Agent));
    let plain = caller("127.0.0.1", Credential::Absent);
    assert_eq!(admit(&gate(false, false), Access::Reader, &plain), Err(Refused::LoopbackClosed));
}

#[test]
fn without_auth_everybody_may_do_everything() {
    let gate = Gate { writers: WriterAuth::Open, readers: None, loopback_reads: false };
    for access in
        [Access::Open, Access::Writer, Access::OriginalWriter, Access::Reader, Access::ReaderOrAgent]
    {
        let caller = Caller { forwarded: true, hosts: vec![], ..caller("10.0.0.7", Credential::Unusable) };
        assert_eq!(admit(&gate, access, &caller), Ok(Identity::Everybody));
    }
}

#[test]
fn a_loopback_reader_must_name_this_machine() {
    let gate = gate(false, true);
    for (hosts, expected) in [
        (&["localhost"][..], true),
        (&["localhost:8080"], true),
        (&["LocalHost."], true),
        (&["127.0.0.1"], true),
        (&["127.0.0.1:18080"], true),
        (&["[::1]:8080"], true),
        (&["[::1]"], true),
        (&["localhost", "localhost"], true),
        (&[], false),
        (&[""], false),
        (&["evil.example"], false),
        (&["evil.example:8080"], false),
        (&["localhost.evil.example"], false),
        (&["127.0.0.1.evil.example"], false),
        (&["localhost", "evil.example"], false),
        (&["10.0.0.7:8080"], false),
        (&["0.0.0.0"], false),
        (&["[::]"], false),
        (&["[::1"], false),
        (&["[::1]evil"], false),
        (&["localhost:80@evil"], false),
        (&["evil@localhost"], false),
    ] {
        let caller = Caller { hosts: hosts.to_vec(), ..caller("127.0.0.1", Credential::Absent) };
        let admitted = admit(&gate, Access::Reader, &caller);
        let expected = if expected { Ok(Identity::Loopback) } else { Err(Refused::ForeignHost) };
        assert_eq!(admitted, expected, "{hosts:?}");
    }
}

#[test]
fn every_refusal_says_what_to_do() {
    for refused in Refused::ALL {
        assert!(refused.advice().len() > 20, "{refused:?}");
    }
}
