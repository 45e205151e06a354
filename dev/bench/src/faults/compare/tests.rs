use meshvane_server::mesh::diagnose::diagnose;
use meshvane_server::mesh::observe::observe;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;

use super::super::fault::{Fault, Mesh};
use super::super::{expect, fill};
use super::*;

fn mesh() -> Mesh {
    Mesh { nodes: 5, zones: vec![None; 5] }
}

fn judged(fault: &Fault) -> Diagnosis {
    let filled = fill::fill(&mesh(), fault, 0.0, &mut SmallRng::seed_from_u64(1));
    diagnose(&observe(&filled.snapshot))
}

#[test]
fn a_dead_node_is_exact_and_any_other_expectation_is_not() {
    let fault = Fault::NodeDown { node: 2 };
    let diagnosis = judged(&fault);
    let verdict = |other: &Fault| compare(&expect::expect(&mesh(), other), &other.nodes(&mesh()), &diagnosis);
    assert_eq!(verdict(&fault), Verdict::Exact);
    assert_eq!(verdict(&Fault::AgentDown { node: 2, refused: false }), Verdict::Misnamed);
    assert_eq!(verdict(&Fault::NodeDown { node: 3 }), Verdict::WrongOnHealthy);
    assert_eq!(verdict(&Fault::Nothing), Verdict::WrongOnHealthy);
}

#[test]
fn a_fault_of_which_nothing_is_said_is_missed() {
    let fault = Fault::NodeDown { node: 2 };
    let diagnosis = judged(&Fault::Nothing);
    let expected = expect::expect(&mesh(), &fault);
    assert_eq!(compare(&expected, &fault.nodes(&mesh()), &diagnosis), Verdict::Missed);
}
