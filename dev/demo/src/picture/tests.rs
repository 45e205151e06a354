//! Observations made by hand, and what is read from them.

use meshvane_shared::name::NodeName;
use meshvane_shared::wire::agents::AgentBody;
use meshvane_shared::wire::matrix::MatrixPlane;

use super::*;

/// A full mesh of `node-1` to `node-N`.
pub(crate) fn full(nodes: usize) -> Observation {
    let names: Vec<String> = (1..=nodes).map(|number| format!("node-{number}")).collect();
    let matrices = Observation::ASKED.map(|(plane, check)| MatrixBody {
        plane: plane.into(),
        check,
        family: None,
        from: names.clone(),
        to: names.clone(),
        cells: names.iter().map(|from| names.iter().map(|to| reached_or_self(from, to)).collect()).collect(),
    });
    Observation {
        agents: AgentsBody {
            agents: names.iter().map(|name| agent(name, MemberState::Alive)).collect(),
            cluster: None,
        },
        matrices: matrices.into(),
        services: Vec::new(),
        findings: FindingsBody { judging: true, findings: Vec::new() },
    }
}

fn reached_or_self(from: &str, to: &str) -> MatrixCellBody {
    if from == to {
        MatrixCellBody::bare(CellWord::Itself)
    } else {
        MatrixCellBody { rtt_us: Some(100), ..MatrixCellBody::bare(CellWord::Reached) }
    }
}

fn agent(name: &str, state: MemberState) -> AgentBody {
    AgentBody {
        node: NodeName::parse(name).unwrap(),
        state,
        context: Vec::new(),
        zone: None,
        host_addresses: Vec::new(),
        pod_addresses: Vec::new(),
        pod: None,
        namespace: None,
        version: None,
        boot_id: None,
        heartbeat_age_ms: Some(100),
        interval_ms: Some(5000),
        round_age_ms: None,
        rounds: 1,
        last_sequence: None,
        clock_offset_ms: None,
        original: false,
        problems: Vec::new(),
    }
}

/// Adds a service that all members reach.
pub(crate) fn add_service(seen: &mut Observation) {
    let names = seen.names();
    let cell = MatrixCellBody { rtt_us: Some(300), ..MatrixCellBody::bare(CellWord::Reached) };
    let matrix = |check| MatrixBody {
        plane: MatrixPlane::Service,
        check,
        family: None,
        from: names.clone(),
        to: vec!["api.shop.test:8443".to_owned()],
        cells: names.iter().map(|_| vec![cell.clone()]).collect(),
    };
    seen.services = Observation::ASKED_OF_SERVICES.map(matrix).into();
}

fn extent(nodes: usize, services: usize) -> Extent {
    Extent { nodes, services }
}

/// Changes a member's state.
pub(crate) fn set_state(seen: &mut Observation, node: &str, state: MemberState) {
    let found = seen.agents.agents.iter_mut().find(|agent| agent.node.as_str() == node);
    found.unwrap().state = state;
}

/// Changes one cell, by plane, check, row and column.
pub(crate) fn set_cell(seen: &mut Observation, asked: usize, from: usize, to: usize, cell: MatrixCellBody) {
    seen.matrices[asked].cells[from - 1][to - 1] = cell;
}

#[test]
fn a_full_mesh_of_five_has_eighty_cells() {
    let seen = full(5);
    assert!(seen.is_full(extent(5, 0)));
    assert_eq!(seen.tally(5).to_string(), "80 of 80 cells reached");
    assert_eq!(seen.tally(5).median_rtt_us, Some(100));
}

#[test]
fn a_mesh_that_lacks_a_node_a_member_or_a_cell_is_not_full() {
    assert!(!full(4).is_full(extent(5, 0)));
    let mut late = full(5);
    set_state(&mut late, "node-3", MemberState::Late);
    assert!(!late.is_full(extent(5, 0)));
    for word in [CellWord::Unreached, CellWord::Unmeasured, CellWord::Stale, CellWord::NotPlanned] {
        let mut seen = full(5);
        set_cell(&mut seen, 2, 1, 2, MatrixCellBody::bare(word));
        assert!(!seen.is_full(extent(5, 0)), "{word:?}");
    }
}

#[test]
fn a_mesh_is_full_when_every_node_reaches_every_service() {
    let mut seen = full(2);
    assert!(!seen.is_full(extent(2, 1)));
    add_service(&mut seen);
    assert!(seen.is_full(extent(2, 1)));
    assert_eq!(seen.tally(2), full(2).tally(2));
    seen.services[1].cells[1][0] = MatrixCellBody::bare(CellWord::Unreached);
    assert!(!seen.is_full(extent(2, 1)));
}

#[test]
fn a_service_is_told_with_those_that_do_not_reach_it_and_those_of_which_it_is_not_known() {
    let mut seen = full(4);
    add_service(&mut seen);
    let before = seen.clone();
    assert_eq!(seen.reach()[0].to_string(), "api.shop.test:8443: reached by 4 of 4 nodes");
    seen.services[1].cells[1][0] = MatrixCellBody::bare(CellWord::Unreached);
    seen.services[0].cells[2][0] = MatrixCellBody::bare(CellWord::Stale);
    let text = "api.shop.test:8443: reached by 2 of 4 nodes, unreached by node-2, not known of node-3";
    assert_eq!(seen.reach()[0].to_string(), text);
    assert!(seen.differs(&before));
}

#[test]
fn what_the_kernel_forbids_is_told_and_does_not_hold_the_mesh_up() {
    let mut seen = full(2);
    let forbidden = MatrixCellBody {
        reason: Some(Reason::NotPermitted),
        rtt_us: None,
        ..MatrixCellBody::bare(CellWord::Unmeasured)
    };
    set_cell(&mut seen, 0, 1, 2, forbidden);
    assert!(seen.is_full(extent(2, 0)));
    assert_eq!(seen.tally(2).to_string(), "7 of 8 cells reached, 1 could not be measured (not permitted)");
}

#[test]
fn a_glance_shows_the_worst_check_of_its_plane_alone() {
    let mut seen = full(2);
    set_cell(&mut seen, 1, 1, 2, MatrixCellBody::bare(CellWord::Unreached));
    assert_eq!(seen.glance(Plane::Host, "node-1", "node-2"), Glance::Unreached);
    assert_eq!(seen.glance(Plane::Host, "node-2", "node-1"), Glance::Reached);
    assert_eq!(seen.glance(Plane::Pod, "node-1", "node-2"), Glance::Reached);
    assert_eq!(seen.glance(Plane::Pod, "node-1", "node-9"), Glance::NotPlanned);
    let suspect = MatrixCellBody { suspect: true, ..MatrixCellBody::bare(CellWord::Reached) };
    set_cell(&mut seen, 2, 1, 2, suspect);
    assert_eq!(seen.glance(Plane::Pod, "node-1", "node-2"), Glance::Suspect);
}

#[test]
fn every_glance_has_a_symbol_of_its_own() {
    let mut symbols: Vec<char> = Glance::LEGEND.iter().map(|(glance, _)| glance.symbol()).collect();
    symbols.push(Glance::Itself.symbol());
    let all = symbols.len();
    symbols.sort_unstable();
    symbols.dedup();
    assert_eq!(symbols.len(), all);
}

#[test]
fn ages_alone_are_no_change() {
    let before = full(2);
    let mut after = before.clone();
    after.agents.agents[0].heartbeat_age_ms = Some(350);
    after.matrices[0].cells[0][1].age_ms = Some(7);
    assert!(!after.differs(&before));
    set_state(&mut after, "node-1", MemberState::Late);
    assert!(after.differs(&before));
}

#[test]
fn names_are_in_the_order_of_their_numbers() {
    let names = full(11).names();
    assert_eq!(names[1], "node-2");
    assert_eq!(names[10], "node-11");
}
