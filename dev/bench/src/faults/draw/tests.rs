use rand::SeedableRng as _;

use super::*;

#[test]
fn a_fault_lies_within_its_mesh_and_its_groups_share_no_node() {
    for seed in 0..3_000 {
        let mut random = SmallRng::seed_from_u64(seed);
        let kind = Kind::draw(&mut random);
        let (mesh, fault) = draw(kind, &mut random);
        assert!(fault.nodes(&mesh).iter().all(|node| *node < mesh.nodes), "{seed}: {fault:?}");
        let Fault::Cut { left, right, .. } = &fault else { continue };
        assert!(left.iter().all(|node| !right.contains(node)), "{seed}: {fault:?}");
        let alone = left.len().min(right.len()) == 1;
        assert!(!alone || left.len() + right.len() < mesh.nodes, "{seed}: {fault:?}");
    }
}

#[test]
fn every_kind_has_a_name_that_is_read_back() {
    for kind in Kind::ALL {
        assert_eq!(Kind::parse(kind.as_str()), Ok(kind));
    }
    assert!(Kind::parse("elsewhere").is_err());
}
