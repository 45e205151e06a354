use super::*;

fn tally(network: Network, seed: u64) -> Tally {
    let mut world = World::new(5, network, true, seed);
    world.run(20_000);
    world.into_tally()
}

#[test]
fn a_network_without_loss_raises_nothing() {
    let tally = tally(Network { loss: 0.0, late: 0.0 }, 1);
    assert!(tally.probes >= 20_000);
    assert_eq!((tally.suspicions, tally.looks, tally.false_verdicts), (0, 0, [0, 0]));
}

#[test]
fn a_network_that_loses_half_makes_agents_say_false_things() {
    let tally = tally(Network { loss: 0.5, late: 0.0 }, 1);
    assert!(tally.suspicions > 1_000, "{tally:?}");
    assert!(tally.looks > 0 && tally.false_verdicts[0] > 100, "{tally:?}");
    assert_eq!(tally.described.len(), DESCRIBED_MAX);
}

#[test]
fn a_seed_gives_the_same_world_again() {
    let network = Network { loss: 0.1, late: 0.1 };
    assert_eq!(tally(network, 7), tally(network, 7));
    assert_ne!(tally(network, 7), tally(network, 8));
}
