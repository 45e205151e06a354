use super::*;

#[test]
fn a_plan_is_ordered_and_names_no_address_twice() {
    let plan = plan(300, &[Family::Ipv4, Family::Ipv6], |node| Some(zone(node % 3)));
    assert_eq!(plan.targets.len(), 1_200);
    assert!(meshvane_server::mesh::row::check_targets(&plan.targets).is_ok());
    let addresses: std::collections::BTreeSet<IpAddr> =
        plan.targets.iter().map(|target| target.address).collect();
    assert_eq!(addresses.len(), plan.targets.len());
}
