use std::io::Read as _;

use super::*;

fn orders() -> Orders {
    Orders {
        server: Ipv4Addr::new(10, 80, 0, 2).into(),
        agent: Ipv4Addr::new(10, 81, 1, 2).into(),
        token: "token".to_owned(),
        epoch: "0123456789abcdef".parse().unwrap(),
        generation: 3,
        seconds: 1,
        blows: Blow::ALL.to_vec(),
    }
}

fn unzipped(request: &[u8]) -> Vec<u8> {
    let begin = request.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap() + 4;
    let mut decoded = Vec::new();
    flate2::read::GzDecoder::new(&request[begin..]).read_to_end(&mut decoded).unwrap();
    decoded
}

#[test]
fn the_bodies_are_rounds_that_a_server_reads_to_their_end() {
    let bytes = Bytes::new(&orders());
    let round: RoundBody = serde_json::from_slice(&unzipped(&bytes.of(Blow::RefusedRounds, 0))).unwrap();
    assert_eq!(round.targets.map(|targets| targets.len()), Some(INVENTED));
    let nested = unzipped(&bytes.of(Blow::NestedBodies, 0));
    assert!((NESTED_BYTES - 16..=NESTED_BYTES).contains(&nested.len()), "{}", nested.len());
    let round: RoundBody = serde_json::from_slice(&nested).unwrap();
    assert_eq!(round.cells.len(), 1);
    let unfinished = bytes.of(Blow::UnfinishedBodies, 0);
    assert!(unfinished.len() > UNFINISHED_BYTES - 1 && unfinished.ends_with(b"    "));
}

#[test]
fn every_new_boot_is_another_one() {
    let bytes = Bytes::new(&orders());
    assert_ne!(bytes.of(Blow::NewBoots, 1), bytes.of(Blow::NewBoots, 2));
    assert_ne!(bytes.of(Blow::ForgedTokens, 1), bytes.of(Blow::ForgedTokens, 2));
}
