//! Plans of a former server that agents bring along.

use meshvane_shared::plan::Target;
use meshvane_shared::wire::matrix::CellWord;

use super::*;

#[test]
fn a_list_that_a_liar_gives_the_version_of_the_others_plan_moves_none_of_their_cells() {
    let former = healthy();
    let targets = lock(&former.plans).book.current().targets.clone();
    let invented = Plane::ALL.map(|plane| {
        let node = NodeName::parse("node-0").unwrap();
        Target { node, plane, address: [10, 9, 9, 9].into(), port: None, zone: None }
    });
    let shifted = invented.into_iter().chain(targets.clone()).collect();
    let collector = collector(Epoch(8));
    for (number, targets) in [(1, shifted), (2, targets.clone()), (3, targets)] {
        collector.heartbeat(heartbeat(number), at(1_000)).unwrap();
        let body = RoundBody { targets: Some(targets), ..round(&former, number, 2, Some(1)) };
        assert_eq!(collector.round(&body, at(1_000)).unwrap().status, RoundStatus::Accepted);
    }
    collector.judge(at(1_000));
    let query = MatrixQuery { plane: MatrixPlane::Host, check: Some(CheckKind::Icmp), family: None };
    let matrix = collector.matrix(query, at(1_000));
    let words = |row: usize| matrix.cells[row].iter().map(|cell| cell.outcome).collect::<Vec<_>>();
    assert_eq!(words(1), [CellWord::Unreached, CellWord::Itself, CellWord::Reached]);
    assert_eq!(words(2), [CellWord::Unreached, CellWord::Reached, CellWord::Itself]);
    let census = collector.census(at(1_000));
    let host = &census.cells[0];
    assert_eq!((host.plane, host.check), (MatrixPlane::Host, CheckKind::Icmp));
    assert_eq!((host.unreached.get("timeout"), host.stale), (Some(&2), 0));
}
