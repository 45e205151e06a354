use proptest::prelude::*;

use super::*;
use crate::check::Plane;
use crate::name::NodeName;
use crate::plan::Epoch;

/// A plan of these nodes; each has the address that stands beside it, on both planes.
fn plan(generation: u64, nodes: &[(u8, u8)]) -> Plan {
    let target = |(node, address): &(u8, u8), plane: Plane| Target {
        node: NodeName::parse(&format!("node-{node:03}")).unwrap(),
        plane,
        address: [192, 0, 2 + u8::from(plane == Plane::Pod), *address].into(),
        port: (plane == Plane::Pod).then_some(6100),
        zone: None,
    };
    let targets = nodes.iter().flat_map(|node| Plane::ALL.map(|plane| target(node, plane))).collect();
    Plan { version: PlanVersion { epoch: Epoch(7), generation }, targets }
}

#[test]
fn a_node_that_left_one_that_came_and_one_that_moved_are_all_that_it_holds() {
    let old = plan(3, &[(1, 1), (2, 2), (4, 4), (5, 5)]);
    let new = plan(9, &[(1, 1), (3, 3), (4, 40), (5, 5)]);
    let delta = PlanDelta::between(&old, &new);
    assert_eq!((delta.since, delta.count), (3, 8));
    assert_eq!(delta.removed, [2, 3, 4, 5]);
    assert_eq!(delta.added, new.targets[2..6]);
    assert_eq!(delta.apply(&old, 9), Ok(new));
}

#[test]
fn one_that_is_not_for_the_plan_is_refused() {
    let (old, new) = (plan(3, &[(1, 1), (2, 2)]), plan(4, &[(1, 1), (3, 3)]));
    let delta = PlanDelta::between(&old, &new);
    assert_eq!(delta.apply(&new, 5), Err(DeltaError::OtherPlan { since: 3, have: 4 }));
    let check = |delta: PlanDelta, expected: DeltaError| assert_eq!(delta.apply(&old, 4), Err(expected));
    check(PlanDelta { removed: vec![2, 4], ..delta.clone() }, DeltaError::NoSuchPlace { place: 4 });
    check(PlanDelta { removed: vec![3, 2], ..delta.clone() }, DeltaError::NoSuchPlace { place: 2 });
    let added = new.targets[..1].to_vec();
    check(PlanDelta { added, ..delta.clone() }, DeltaError::Twice { node: "node-001".to_owned() });
    check(PlanDelta { count: 5, ..delta }, DeltaError::WrongCount { count: 5, found: 4 });
}

#[test]
fn it_is_worth_it_unless_nearly_everything_changed() {
    let old = plan(1, &[(1, 1), (2, 2), (3, 3)]);
    let worth = |new: &[(u8, u8)]| PlanDelta::between(&old, &plan(2, new)).is_worth_it();
    assert!(worth(&[(1, 1), (2, 2)]));
    assert!(worth(&[(1, 1), (2, 2), (3, 30)]));
    assert!(!worth(&[(1, 10), (2, 20), (3, 30)]));
    assert!(!worth(&[]));
}

proptest! {
    #[test]
    fn the_delta_of_any_two_plans_makes_the_one_of_the_other(
        old in proptest::collection::btree_map(0_u8..40, 0_u8..3, 0..40),
        new in proptest::collection::btree_map(0_u8..40, 0_u8..3, 0..40),
    ) {
        let plans = [(1, old), (2, new)].map(|(generation, nodes)| {
            plan(generation, &nodes.into_iter().collect::<Vec<_>>())
        });
        let delta = PlanDelta::between(&plans[0], &plans[1]);
        let written = serde_json::to_string(&delta).unwrap();
        let read: PlanDelta = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(read.apply(&plans[0], 2).unwrap(), plans[1].clone());
    }
}
