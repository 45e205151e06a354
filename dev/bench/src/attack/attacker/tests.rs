use std::collections::BTreeSet;

use super::*;

#[test]
fn attacks_come_from_addresses_of_their_own_outside_of_the_cluster() {
    let mut seen = BTreeSet::new();
    for blow in Blow::ALL {
        for number in 0..u64::from(blow.manner().sources) {
            let IpAddr::V4(address) = source(blow, number) else { panic!("{blow:?} is not IPv4") };
            assert!(seen.insert(address), "{blow:?} shares {address}");
            assert_eq!(&address.octets()[..2], [10, 82]);
        }
    }
}

#[test]
fn an_answer_is_counted_by_its_status() {
    assert_eq!(word_of(b"HTTP/1.1 429 Too Many Requests\r\n"), "429");
    assert_eq!(word_of(b""), "closed");
}
