use super::*;
use crate::mesh::picture::snapshot;

fn words(picture: &str, check: CheckKind) -> Vec<String> {
    let snapshot = snapshot(picture);
    let observed = observe(&snapshot);
    let word = |row, column| observed.cell(row, column, check).word.as_str();
    let row = |row| (0..observed.columns.len()).map(|column| word(row, column)).collect::<Vec<_>>().join(" ");
    (0..snapshot.nodes.len()).map(row).collect()
}

#[test]
fn the_four_outcomes_are_four_words() {
    let picture = "a alive | . + x | . ? s
                   b alive | n . + | r . +
                   c alive | + + . | + + .";
    assert_eq!(
        words(picture, CheckKind::Icmp),
        [
            "self self reached unmeasured unreached stale",
            "unmeasured reached self self reached reached",
            "reached reached reached reached self self",
        ]
    );
    assert_eq!(words(picture, CheckKind::Tcp)[1], "reached unreached self self reached reached");
}

#[test]
fn a_node_without_a_row_is_not_yet_measured_while_it_is_alive_and_stale_when_it_is_not() {
    let picture = "a alive | - - | - -
                   b lost  | - - | - -";
    assert_eq!(words(picture, CheckKind::Icmp), ["self self unmeasured unmeasured", "stale stale self self"]);
}

#[test]
fn a_cell_that_a_whole_round_leaves_out_is_not_planned() {
    let picture = "a alive | . - | . +
                   b alive | + . | + .";
    assert_eq!(words(picture, CheckKind::Tcp)[0], "self self not_planned reached");
}

#[test]
fn members_that_said_goodbye_have_no_columns() {
    let snapshot = snapshot(
        "a alive   | . + | . +
         b leaving | + . | + .",
    );
    let observed = observe(&snapshot);
    assert_eq!(observed.columns.iter().map(|column| column.node).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(observed.columns_at(0, Plane::Pod).collect::<Vec<_>>(), [1]);
    assert_eq!(observed.columns_at(1, Plane::Pod).count(), 0);
}
