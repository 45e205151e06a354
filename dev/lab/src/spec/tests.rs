use super::*;

fn plan(spec: &NodeSpec, present: &[&str]) -> Result<NodePlan, String> {
    NodePlan::new(spec, present.iter().copied()).map_err(|error| error.to_string())
}

#[test]
fn nodes_are_numbered_named_and_zoned_in_turn() {
    let first = plan(&NodeSpec::default(), &[]).unwrap();
    assert_eq!((first.id, first.name.as_str(), first.zone), (NodeId(1), "node-1", Zone(1)));
    let second = plan(&NodeSpec::default(), &["node-1"]).unwrap();
    assert_eq!((second.id, second.name.as_str(), second.zone), (NodeId(2), "node-2", Zone(2)));
}

#[test]
fn a_bad_description_is_refused_with_field_and_rule() {
    let named = |name: &str| NodeSpec { name: Some(name.to_owned()), ..NodeSpec::default() };
    let rows = [
        (named("a b"), "nodes[1].name: letters, digits, `-` and `.` only"),
        (named(""), "nodes[1].name: letters, digits, `-` and `.` only"),
        (named("x"), "nodes[1].name: another node has this name"),
        (NodeSpec { zone: Some(Zone(0)), ..NodeSpec::default() }, "nodes[1].zone: from 1 to 9"),
        (NodeSpec { zone: Some(Zone(10)), ..NodeSpec::default() }, "nodes[1].zone: from 1 to 9"),
    ];
    for (spec, expected) in rows {
        assert_eq!(plan(&spec, &["x"]).unwrap_err(), expected);
    }
}

#[test]
fn more_nodes_than_addresses_are_refused() {
    let present = vec!["x"; MAX_NODES];
    assert_eq!(plan(&NodeSpec::default(), &present).unwrap_err(), "nodes: a cluster has at most 200 nodes");
}
