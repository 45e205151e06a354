use super::*;

const LIMITS: PlaceLimits = PlaceLimits {
    unproven: 4,
    unproven_per_source: 2,
    proven: 4,
    readers: 3,
    readers_per_source: 2,
    per_agent: 2,
    agents_per_source: 4,
    grace: Duration::from_millis(250),
};

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Places in which a step must succeed.
struct Hall(Places);

impl Hall {
    fn new() -> Self {
        Self(Places::new(LIMITS))
    }

    /// A new connection that takes a free place.
    fn free(&mut self, from: &str, at: u64) -> PlaceId {
        match self.0.admit(address(from), ms(at)) {
            Admission::Taken { place, yields: None } => place,
            other @ (Admission::Taken { .. } | Admission::Refused | Admission::Wait(_)) => {
                panic!("{from} at {at}: {other:?}")
            }
        }
    }

    /// A new connection, and the one that yields to it.
    fn instead(&mut self, from: &str, at: u64) -> (PlaceId, PlaceId) {
        match self.0.admit(address(from), ms(at)) {
            Admission::Taken { place, yields: Some(yields) } => (place, yields),
            other @ (Admission::Taken { .. } | Admission::Refused | Admission::Wait(_)) => {
                panic!("{from} at {at}: {other:?}")
            }
        }
    }

    /// A connection that is proved at once.
    fn proven(&mut self, from: &str, proof: Proof, at: u64) -> PlaceId {
        let place = self.free(from, at);
        assert_eq!(self.0.prove(place, proof, ms(at)), None);
        assert!(self.0.is_proven(place), "{from} at {at}");
        place
    }
}

fn agent(node: &str) -> Proof {
    Proof::Agent(Some(NodeName::parse(node).unwrap()))
}

#[test]
fn the_oldest_silent_connection_of_a_source_yields_to_its_next() {
    let mut hall = Hall::new();
    let first = hall.free("10.0.0.1", 0);
    let second = hall.free("10.0.0.1", 10);
    let (_, yields) = hall.instead("10.0.0.1", 300);
    assert_eq!(yields, first);
    let (_, yields) = hall.instead("10.0.0.1", 301);
    assert_eq!(yields, second);
    assert_eq!(hall.0.len(), 2);
}

#[test]
fn connections_that_only_just_arrived_keep_their_places_and_their_sources_next_is_refused() {
    let mut hall = Hall::new();
    hall.free("10.0.0.1", 0);
    hall.free("10.0.0.1", 10);
    assert_eq!(hall.0.admit(address("10.0.0.1"), ms(249)), Admission::Refused);
    hall.free("10.0.0.2", 249);
    hall.instead("10.0.0.1", 250);
}

#[test]
fn when_all_places_are_taken_the_oldest_of_all_sources_yields_and_before_its_grace_the_newcomer_waits() {
    let mut hall = Hall::new();
    let oldest = hall.free("10.0.0.1", 0);
    for number in 2..=4 {
        hall.free(&format!("10.0.0.{number}"), number * 10);
    }
    assert_eq!(hall.0.admit(address("10.0.0.5"), ms(100)), Admission::Wait(Some(ms(250))));
    let (_, yields) = hall.instead("10.0.0.5", 250);
    assert_eq!(yields, oldest);
    assert_eq!(hall.0.len(), 4);
}

#[test]
fn when_all_places_are_taken_the_largest_crowd_gives_one_up_at_once() {
    let limits = PlaceLimits { unproven: 12, unproven_per_source: 8, ..LIMITS };
    let mut hall = Hall(Places::new(limits));
    let single = hall.free("10.0.0.1", 0);
    let crowd: Vec<_> = (0..6).map(|at| hall.free("10.0.0.2", at)).collect();
    let smaller: Vec<_> = (0..5).map(|at| hall.free("10.0.0.3", at)).collect();
    let (agent, yields) = hall.instead("10.0.0.4", 10);
    assert_eq!(yields, crowd[0]);
    let (_, yields) = hall.instead("10.0.0.5", 11);
    assert!(crowd.contains(&yields) || smaller.contains(&yields));
    // What is no crowd has its grace.
    let mut last = 0;
    for at in 12..100 {
        match hall.0.admit(address(&format!("10.0.1.{at}")), ms(at)) {
            Admission::Taken { .. } => last = at,
            Admission::Wait(at) => {
                assert_eq!(at, Some(ms(250)));
                break;
            }
            Admission::Refused => panic!("refused at {at}"),
        }
    }
    assert!(hall.0.holds(single) && hall.0.holds(agent) && last > 11, "{last}");
}

#[test]
fn a_silent_connection_yields_before_an_older_one_that_asks() {
    let mut hall = Hall::new();
    let asks = hall.free("10.0.0.1", 0);
    hall.0.set_activity(asks, Activity::Busy, ms(1));
    let silent = hall.free("10.0.0.1", 10);
    assert_eq!(hall.instead("10.0.0.1", 1_000).1, silent);
    // The one that took its place has its grace; one that asks for ever does not keep its place for ever.
    assert_eq!(hall.instead("10.0.0.1", 1_001).1, asks);
}

#[test]
fn a_connection_whose_identity_is_being_decided_never_yields() {
    let mut hall = Hall::new();
    for number in 1..=4 {
        let place = hall.free(&format!("10.0.0.{number}"), 0);
        hall.0.set_activity(place, Activity::Judged, ms(1));
    }
    assert_eq!(hall.0.admit(address("10.0.0.5"), ms(60_000)), Admission::Wait(None));
    let mut hall = Hall::new();
    for _ in 0..2 {
        let place = hall.free("10.0.0.1", 0);
        hall.0.set_activity(place, Activity::Judged, ms(1));
    }
    assert_eq!(hall.0.admit(address("10.0.0.1"), ms(60_000)), Admission::Refused);
}

#[test]
fn a_proven_connection_takes_no_unproven_place_and_never_yields_to_an_unproven_one() {
    let mut hall = Hall::new();
    let agents: Vec<_> = (0..4).map(|at| hall.proven("10.0.0.1", Proof::Agent(None), at)).collect();
    let mut crowd: Vec<_> = (2..=5).map(|number| hall.free(&format!("10.0.0.{number}"), 10)).collect();
    for round in 0..100 {
        let (place, yields) = hall.instead("10.0.0.9", 1_000 * (round + 1));
        assert!(crowd.contains(&yields));
        crowd.push(place);
    }
    assert!(agents.iter().all(|agent| hall.0.holds(*agent)));
}

#[test]
fn a_reader_that_takes_many_places_takes_them_from_itself() {
    let mut hall = Hall::new();
    let first = hall.proven("10.0.0.1", Proof::Reader, 0);
    let second = hall.proven("10.0.0.1", Proof::Reader, 1);
    // The first one is used again, so the second one is idle for longer.
    hall.0.set_activity(first, Activity::Busy, ms(2));
    hall.0.set_activity(first, Activity::Silent, ms(3));
    let third = hall.free("10.0.0.1", 4);
    assert_eq!(hall.0.prove(third, Proof::Reader, ms(4)), Some(second));
    // Of all readers at most three: another source's takes the place of the idlest, too.
    let other = hall.proven("10.0.0.2", Proof::Reader, 5);
    let next = hall.free("10.0.0.3", 6);
    assert_eq!(hall.0.prove(next, Proof::Reader, ms(6)), Some(first));
    assert!(hall.0.holds(third) && hall.0.holds(other) && hall.0.holds(next));
}

#[test]
fn where_no_reader_is_idle_the_next_one_stays_unproven() {
    let mut hall = Hall::new();
    for _ in 0..2 {
        let place = hall.proven("10.0.0.1", Proof::Reader, 0);
        hall.0.set_activity(place, Activity::Busy, ms(1));
    }
    let third = hall.free("10.0.0.1", 2);
    assert_eq!(hall.0.prove(third, Proof::Reader, ms(2)), None);
    assert!(hall.0.holds(third) && !hall.0.is_proven(third));
}

#[test]
fn an_agent_takes_the_place_of_a_reader_first_and_then_of_the_agent_that_is_idle_for_longest() {
    let mut hall = Hall::new();
    let reader = hall.proven("10.0.0.8", Proof::Reader, 0);
    hall.0.set_activity(reader, Activity::Busy, ms(1));
    let agents: Vec<_> = (2..5).map(|at| hall.proven("10.0.0.1", Proof::Agent(None), at)).collect();
    let next = hall.free("10.0.0.1", 10);
    assert_eq!(hall.0.prove(next, Proof::Agent(None), ms(10)), Some(reader));
    let next = hall.free("10.0.0.1", 11);
    assert_eq!(hall.0.prove(next, Proof::Agent(None), ms(11)), Some(agents[0]));
    // A reader never takes an agent's.
    let late = hall.free("10.0.0.8", 12);
    assert_eq!(hall.0.prove(late, Proof::Reader, ms(12)), None);
    assert!(!hall.0.is_proven(late));
}

#[test]
fn an_agent_that_is_known_by_its_node_has_few_places_and_busy_ones_stay() {
    let mut hall = Hall::new();
    let waits = hall.proven("10.0.0.1", agent("node-1"), 0);
    hall.0.set_activity(waits, Activity::Busy, ms(1));
    let idle = hall.proven("10.0.0.1", agent("node-1"), 2);
    let third = hall.free("10.0.0.1", 3);
    assert_eq!(hall.0.prove(third, agent("node-1"), ms(3)), Some(idle));
    hall.proven("10.0.0.1", agent("node-2"), 4);
    assert!(hall.0.holds(waits));
}

#[test]
fn agents_of_one_source_that_no_node_names_take_their_places_from_each_other() {
    let mut hall = Hall(Places::new(PlaceLimits { agents_per_source: 2, ..LIMITS }));
    let waits = hall.proven("10.0.0.1", Proof::Agent(None), 0);
    hall.0.set_activity(waits, Activity::Busy, ms(1));
    let idle = hall.proven("10.0.0.1", Proof::Agent(None), 2);
    let third = hall.free("10.0.0.1", 3);
    assert_eq!(hall.0.prove(third, Proof::Agent(None), ms(3)), Some(idle));
    hall.0.set_activity(third, Activity::Busy, ms(4));
    // Where none is idle the next one stays unproven, and is served for as long as its source leaves it its place.
    let fourth = hall.free("10.0.0.1", 5);
    assert_eq!(hall.0.prove(fourth, Proof::Agent(None), ms(5)), None);
    assert!(hall.0.holds(fourth) && !hall.0.is_proven(fourth));
    // Another source has its own, and one that a node names is not counted among them.
    hall.proven("10.0.0.2", Proof::Agent(None), 6);
    hall.proven("10.0.0.1", agent("node-1"), 7);
    assert!(hall.0.holds(waits) && hall.0.holds(third));
}

#[test]
fn a_reader_that_turns_out_to_be_an_agent_is_counted_once() {
    let mut hall = Hall::new();
    let place = hall.proven("10.0.0.1", Proof::Reader, 0);
    assert_eq!(hall.0.prove(place, Proof::Agent(None), ms(1)), None);
    assert_eq!(hall.0.prove(place, Proof::Reader, ms(2)), None);
    assert_eq!((hall.0.readers, hall.0.agents, hall.0.unproven), (0, 1, 0));
    hall.0.release(place);
    assert!(
        hall.0.is_empty()
            && hall.0.groups.is_empty()
            && hall.0.candidates.is_empty()
            && hall.0.crowds.is_empty()
    );
}

#[test]
fn without_files_the_oldest_silent_connection_goes_at_once_and_an_agents_stays() {
    let mut hall = Hall::new();
    hall.proven("10.0.0.1", Proof::Agent(None), 0);
    let reader = hall.proven("10.0.0.1", Proof::Reader, 1);
    let silent = hall.free("10.0.0.1", 2);
    assert_eq!([hall.0.shed(), hall.0.shed(), hall.0.shed()], [Some(silent), Some(reader), None]);
}

#[test]
fn a_host_cannot_leave_its_source_by_choosing_addresses_of_its_64() {
    let mut hall = Hall::new();
    for host in 1..=2 {
        hall.free(&format!("2001:db8::{host}"), 0);
    }
    assert_eq!(hall.0.admit(address("2001:db8::3"), ms(1)), Admission::Refused);
}
