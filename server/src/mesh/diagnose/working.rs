//! Where what fails at some places works.

use meshvane_shared::check::CheckKind;

use super::bits::Bits;
use super::survey::{ANSWERS, Survey};
use super::symptoms::{Place, Trait};
use crate::mesh::observe::Mark;

/// Where it works in one place.
#[derive(Debug)]
pub(super) struct Working {
    /// Nodes at which somebody looks and it works.
    pub(super) to: Bits,
    /// Nodes that look at somebody and it works.
    pub(super) from: Bits,
}

/// Where it works in a place: each node is looked for once.
pub(super) fn working(survey: &Survey<'_>, place: Place) -> Working {
    let nodes = survey.observed.snapshot.nodes.len();
    let mut working = Working { to: Bits::below(nodes), from: Bits::below(nodes) };
    for (from, view) in survey.observed.snapshot.nodes.iter().enumerate() {
        if !view.is_observer() || survey.row(from) & ANSWERS == 0 {
            continue;
        }
        for (index, column) in survey.observed.columns.iter().enumerate() {
            let known = working.from.contains(from) && working.to.contains(column.node);
            if !known && works(survey, place, from, index) {
                working.from.insert(from);
                working.to.insert(column.node);
            }
        }
    }
    working
}

/// Tells whether it works in a place for one cell.
pub(super) fn works(survey: &Survey<'_>, place: Place, from: usize, index: usize) -> bool {
    let observed = survey.observed;
    let column = &observed.columns[index];
    if column.plane != place.plane || column.family() != place.family {
        return false;
    }
    let mark = |check: CheckKind| survey.mark(from, index, check);
    match place.failing {
        Trait::Icmp => mark(CheckKind::Icmp) == Mark::Reached.bit(),
        Trait::Tcp => {
            mark(CheckKind::Tcp) == Mark::Reached.bit()
                && observed.cell(from, index, CheckKind::Tcp).timed.and_then(|timed| timed.port) == place.port
        }
        Trait::Family => (mark(CheckKind::Icmp) | mark(CheckKind::Tcp)) & ANSWERS != 0,
    }
}
