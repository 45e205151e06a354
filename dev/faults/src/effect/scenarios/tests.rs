//! Effects of scenarios whose place or direction is easy to get wrong.

use super::*;
use crate::expected::tests::places;

fn effect(scenario: Scenario) -> Option<Effect> {
    scenario.effect(&places(5))
}

#[test]
fn effects_are_at_the_place_of_the_fault() {
    assert_eq!(effect(Scenario::FlowsBlocked), Some(Effect::FlowsBlocked(1, 2)));
    assert_eq!(effect(Scenario::BlockCut), Some(Effect::BlockCut(vec![1, 2], vec![0])));
    assert_eq!(effect(Scenario::ZoneCut), Some(Effect::BlockCut(vec![1, 3], vec![0, 2, 4])));
    assert_eq!(effect(Scenario::ZoneDown), Some(Effect::ZoneDown(vec![1, 3])));
    assert_eq!(effect(Scenario::AddressTaken), Some(Effect::AddressTaken(1, 2)));
}

#[test]
fn a_zone_cut_from_a_server_in_the_other_zone_silences_the_victims_zone() {
    let cut = effect(Scenario::ZoneCutServerInside).unwrap();
    let silent: Vec<usize> = (0..5).filter(|node| cut.cuts_server_path(*node)).collect();
    assert_eq!(silent, [1, 3]);
}

#[test]
fn what_has_no_effect_is_known_by_name() {
    let without: Vec<&str> = Scenario::ALL
        .into_iter()
        .filter(|scenario| effect(*scenario).is_none())
        .map(Scenario::name)
        .collect();
    assert_eq!(
        without,
        [
            "echo-sessions-dead",
            "agent-masqueraded",
            "truncated-then-udp-dead",
            "ipv6-answers-dropped",
            "loss-1",
            "loss-3",
            "one-lost-probe",
            "agent-restart",
            "pod-restart",
            "server-restart",
        ]
    );
}
