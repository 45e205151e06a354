use meshvane_shared::check::Plane;
use meshvane_shared::limits::GENERATION_PERIOD;
use meshvane_shared::name::NodeName;
use meshvane_shared::plan::Epoch;

use super::*;

fn version(epoch: u64, generation: u64) -> PlanVersion {
    PlanVersion { epoch: Epoch(epoch), generation }
}

fn plan(generation: u64, nodes: &[u8]) -> Plan {
    let target = |node: &u8| Target {
        node: NodeName::parse(&format!("node-{node}")).unwrap(),
        plane: Plane::Host,
        address: [192, 0, 2, *node].into(),
        port: None,
        zone: None,
    };
    Plan { version: version(1, generation), targets: nodes.iter().map(target).collect() }
}

#[test]
fn a_delta_makes_the_next_plan_of_the_one_that_we_have() {
    let (old, new) = (plan(1, &[1, 2, 3]), plan(4, &[1, 3, 5]));
    let delta = PlanDelta::between(&old, &new);
    assert_eq!(next(Some(&old), None, Some(delta.clone()), &new.version), Next::Plan(new.clone()));
    // It is for another plan, for another server, or we have none.
    let other = plan(2, &[1, 2, 3]);
    assert_eq!(next(Some(&other), None, Some(delta.clone()), &new.version), Next::AskForAll);
    assert_eq!(next(Some(&old), None, Some(delta.clone()), &version(2, 4)), Next::AskForAll);
    assert_eq!(next(None, None, Some(delta), &new.version), Next::AskForAll);
}

#[test]
fn a_whole_plan_is_taken_and_one_without_targets_leaves_it() {
    let (old, new) = (plan(1, &[1, 2]), plan(2, &[3]));
    assert_eq!(next(Some(&old), Some(new.targets.clone()), None, &new.version), Next::Plan(new.clone()));
    assert_eq!(next(Some(&old), None, None, &old.version), Next::Same);
    assert_eq!(next(Some(&old), None, None, &new.version), Next::AskForAll);
}

#[test]
fn plans_keep_a_period_on_average_and_those_of_an_honest_server_never_wait() {
    let (mut pace, mut now) = (Pace::default(), Duration::from_secs(100));
    for _ in 0..20 {
        assert_eq!(pace.took_one(now), Duration::ZERO);
        now += GENERATION_PERIOD;
    }
    let began = now;
    for _ in 0..100 {
        now += pace.took_one(now);
    }
    assert_eq!(now.saturating_sub(began), PLAN_PERIOD * (100 - PLANS_AT_ONCE));
}

#[test]
fn the_targets_of_a_node_and_of_a_zone_share_one_copy_of_its_name() {
    let target = |node: &str, plane: Plane| Target {
        node: NodeName::parse(node).unwrap(),
        plane,
        address: [192, 0, 2, 1].into(),
        port: None,
        zone: Some(Zone::parse("zone-1").unwrap()),
    };
    let targets =
        vec![target("node-1", Plane::Host), target("node-1", Plane::Pod), target("node-2", Plane::Host)];
    let Next::Plan(plan) = next(None, Some(targets.clone()), None, &version(1, 1)) else { panic!("no plan") };
    assert_eq!(plan.targets, targets);
    let shares = |one: &str, other: &str| std::ptr::eq(one.as_ptr(), other.as_ptr());
    let [first, second, third] = &plan.targets[..] else { panic!("three targets") };
    assert!(
        shares(first.node.as_str(), second.node.as_str())
            && !shares(second.node.as_str(), third.node.as_str())
    );
    assert!(shares(first.zone.as_ref().unwrap().as_str(), third.zone.as_ref().unwrap().as_str()));
}
