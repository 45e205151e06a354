//! `GET /matrix`.

use std::collections::BTreeSet;

use meshvane_shared::address::Family;
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::name::ServiceAddress;
use meshvane_shared::outcome::{Outcome, Reason};
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::matrix::{CellWord, MatrixBody, MatrixCellBody, MatrixPlane};
use meshvane_shared::wire::outcome::CauseWord;

use super::agents::millis;
use crate::mesh::observe::{Cell, Observed, word_of};
use crate::mesh::row::{Row, Service, Timed};
use crate::mesh::time::Moment;

/// Draws the matrix of a plane of the members.
pub fn planes(observed: &Observed<'_>, plane: Plane, check: CheckKind, family: Option<Family>) -> MatrixBody {
    let nodes: Vec<usize> = shown(observed);
    let names: Vec<String> =
        nodes.iter().map(|node| observed.snapshot.nodes[*node].member.node.to_string()).collect();
    let cell = |from: usize, to: usize| {
        if from == to {
            return MatrixCellBody::bare(CellWord::Itself);
        }
        let columns = observed.columns_at(to, plane);
        let of_family =
            columns.filter(|column| family.is_none_or(|family| observed.columns[*column].family() == family));
        of_family
            .map(|column| cell_body(observed.cell(from, column, check), observed.snapshot.now.moment))
            .max_by_key(|cell| badness(cell.outcome))
            .unwrap_or(MatrixCellBody::bare(CellWord::NotPlanned))
    };
    let cells = nodes.iter().map(|from| nodes.iter().map(|to| cell(*from, *to)).collect()).collect();
    MatrixBody { plane: plane.into(), check, family, from: names.clone(), to: names, cells }
}

/// Draws the matrix of the services.
pub fn services(observed: &Observed<'_>, check: CheckKind, family: Option<Family>) -> MatrixBody {
    let nodes = shown(observed);
    let names = service_names(observed);
    let now = observed.snapshot.now.moment;
    let cell = |row: Option<&Row>, name: &ServiceAddress| {
        let Some(row) = row else {
            return MatrixCellBody::bare(CellWord::Stale);
        };
        let Some(service) = row.services.iter().find(|service| service.address == *name) else {
            return MatrixCellBody::bare(CellWord::NotPlanned);
        };
        service_cell(service, check, family, now, row)
    };
    let row = |node: &usize| {
        let row = observed.snapshot.nodes[*node].row.as_deref();
        names.iter().map(|name| cell(row, name)).collect()
    };
    MatrixBody {
        plane: MatrixPlane::Service,
        check,
        family,
        from: nodes.iter().map(|node| observed.snapshot.nodes[*node].member.node.to_string()).collect(),
        to: names.iter().map(ToString::to_string).collect(),
        cells: nodes.iter().map(row).collect(),
    }
}

/// The services that anybody checks, sorted.
pub fn service_names(observed: &Observed<'_>) -> Vec<ServiceAddress> {
    let rows = observed.snapshot.nodes.iter().filter_map(|view| view.row.as_deref());
    let names: BTreeSet<_> =
        rows.flat_map(|row| row.services.iter().map(|service| service.address.clone())).collect();
    names.into_iter().collect()
}

/// The members that have a row and a column: all but those that said goodbye.
fn shown(observed: &Observed<'_>) -> Vec<usize> {
    let nodes = observed.snapshot.nodes.iter().enumerate();
    nodes.filter(|(_, view)| view.state != MemberState::Leaving).map(|(node, _)| node).collect()
}

/// One check of one service: the worst of its addresses.
pub fn service_cell(
    service: &Service,
    check: CheckKind,
    family: Option<Family>,
    now: Moment,
    row: &Row,
) -> MatrixCellBody {
    let draw = |timed: &Timed| {
        let stale = now.since(timed.measured) > row.stale_after();
        let word = if stale { CellWord::Stale } else { word_of(timed.outcome) };
        cell_body(Cell { word, timed: Some(*timed) }, now)
    };
    if check == CheckKind::Dns {
        // An address is not resolved, so there is nothing to be right or wrong.
        let is_planned = !service.needs_no_name();
        let cell =
            if is_planned { draw(&service.resolution) } else { MatrixCellBody::bare(CellWord::NotPlanned) };
        let resolved_as = service.resolved_as.as_ref().filter(|_| cell.outcome == CellWord::Reached);
        return MatrixCellBody { resolved_as: resolved_as.cloned(), ..cell };
    }
    if check == CheckKind::Icmp {
        return MatrixCellBody::bare(CellWord::NotPlanned);
    }
    let of_family = |address: &std::net::IpAddr| family.is_none_or(|family| Family::of(*address) == family);
    let cells =
        service.connects.iter().filter(|(address, _)| of_family(address)).map(|(_, timed)| draw(timed));
    // Without an address there was nothing to connect to: the name is to blame, not the port.
    cells.max_by_key(|cell| badness(cell.outcome)).unwrap_or(MatrixCellBody {
        reason: Some(Reason::NotYet),
        ..MatrixCellBody::bare(CellWord::Unmeasured)
    })
}

/// Order in which one of several cells stands for all: a failure first, an absence of knowledge before an answer.
fn badness(word: CellWord) -> u8 {
    match word {
        CellWord::Itself => 0,
        CellWord::NotPlanned => 1,
        CellWord::Reached => 2,
        CellWord::Unmeasured => 3,
        CellWord::Stale => 4,
        CellWord::Unreached => 5,
    }
}

/// Draws one cell. A stale one shows its age and nothing of its last value.
pub fn cell_body(cell: Cell, now: Moment) -> MatrixCellBody {
    let mut body = MatrixCellBody::bare(cell.word);
    let Some(timed) = cell.timed else {
        body.reason = (cell.word == CellWord::Unmeasured).then_some(Reason::NotYet);
        return body;
    };
    body.age_ms = Some(millis(now.since(timed.measured)));
    if cell.word == CellWord::Stale {
        return body;
    }
    body.suspect = timed.suspect;
    match timed.outcome {
        Outcome::Reached(reached) => body.rtt_us = reached.rtt_us.filter(|_| !reached.retransmitted),
        Outcome::Unreached(cause) => body.cause = Some(CauseWord::from(cause)),
        Outcome::Unmeasured(reason) => body.reason = Some(reason),
    }
    body
}
