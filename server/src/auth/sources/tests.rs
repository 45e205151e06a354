use std::net::Ipv4Addr;

use super::*;

/// A budget whose reviews are over at once, and whose tokens are all refused but those of `honest`.
#[derive(Default)]
struct Played {
    budget: ReviewBudget,
    in_flight: Places,
}

impl Played {
    /// Returns true when the token is reviewed.
    fn ask(&mut self, peer: IpAddr, is_good: bool, millis: i64) -> bool {
        let now = Moment::from_millis(millis);
        let taken = self.budget.take(peer, &self.in_flight, now).is_some();
        if taken && !is_good {
            self.budget.refused(peer, now);
        }
        taken
    }

    /// Floods for a while, a thousand times a second in turn from so many addresses; returns how many tokens were reviewed.
    fn flood(&mut self, addresses: u32, seconds: std::ops::Range<i64>) -> usize {
        let turns = seconds.start * 1_000..seconds.end * 1_000;
        let flooded = turns.filter(|millis| self.ask(flooder(*millis, addresses), false, *millis));
        flooded.count()
    }
}

fn flooder(turn: i64, addresses: u32) -> IpAddr {
    let number = u32::try_from(turn).unwrap() % addresses;
    Ipv4Addr::from_bits(0x0A00_0000 + number).into()
}

fn reader(number: u8) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, number).into()
}

#[test]
fn a_flood_from_one_address_delays_no_reader_elsewhere() {
    let mut played = Played::default();
    let flooded = played.flood(1, 0..10);
    let read = (0..24).filter(|number| played.ask(reader(*number), true, 10_000)).count();
    assert_eq!(read, 24);
    assert!((250..=276).contains(&flooded), "{flooded} reviews in 10 s");
}

#[test]
fn a_flood_from_two_hundred_addresses_delays_no_reader_but_at_its_beginning() {
    let mut played = Played::default();
    played.flood(200, 0..8);
    for second in 8..20 {
        let read = (0..24).filter(|number| played.ask(reader(*number), true, second * 1_000)).count();
        assert_eq!(read, 24, "after {second} s");
        let flooded = played.flood(200, second..second + 1);
        assert!(flooded <= 26, "{flooded} reviews in a second");
    }
}

#[test]
fn a_source_beyond_its_share_leaves_half_of_the_common_burst_to_others() {
    let mut played = Played::default();
    played.flood(1, 0..10);
    // Its first token is refused, so that it has no part in the reserve.
    let reviewed = (0..25).filter(|_| played.ask(reader(1), false, 10_000)).count();
    assert!((12..=15).contains(&reviewed), "{reviewed}");
}

#[test]
fn readers_behind_one_address_are_reviewed_together() {
    let mut played = Played::default();
    played.flood(1, 0..10);
    assert_eq!((0..100).filter(|_| played.ask(reader(1), true, 10_000)).count(), 26);
}

#[test]
fn a_source_alone_is_asked_about_as_fast_as_is_common() {
    let mut played = Played::default();
    let asked = (0..60_000).filter(|millis| played.ask(reader(1), true, *millis)).count();
    assert!((1_500..1_650).contains(&asked), "{asked} in a minute");
}

#[test]
fn more_sources_than_are_remembered_take_no_more_than_the_budget() {
    let mut played = Played::default();
    let flooded = played.flood(100_000, 0..100);
    assert!(flooded <= 50 * 100 + 77, "{flooded}");
    assert!(played.budget.sources.len() <= SOURCES_MAX);
}

#[test]
fn reviews_that_take_long_leave_places_for_sources_without_a_refused_token() {
    let mut budget = ReviewBudget::default();
    let in_flight = Places::default();
    let now = Moment::from_millis(0);
    let first = budget.take(reader(1), &in_flight, now);
    assert!(first.is_some());
    budget.refused(reader(1), now);
    let held: Vec<Permit> = (0..20).filter_map(|_| budget.take(reader(1), &in_flight, now)).collect();
    assert_eq!(held.len(), UNKNOWN_IN_FLIGHT - RESERVED_IN_FLIGHT - 1);
    assert!(budget.take(reader(2), &in_flight, now).is_some());
}

#[test]
fn a_flood_from_many_addresses_of_one_ipv6_network_is_one_source() {
    let mut played = Played::default();
    for number in 0..60_u32 {
        played.ask(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::try_from(number).unwrap()]), false, 0);
    }
    assert_eq!(played.budget.sources.len(), 1);
}
