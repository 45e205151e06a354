//! The report: the state of the mesh on one page. Pure; drawn as JSON by serde and as text by [`crate::render::text`].

use std::collections::BTreeMap;

use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::findings::FindingBody;
use meshvane_shared::wire::matrix::{CellWord, MatrixCellBody, MatrixPlane};
use meshvane_shared::wire::report::{NotableMember, ReportBody, SlowPairBody, TotalsBody};

use crate::mesh::observe::Observed;
use crate::view::agents::millis;
use crate::view::matrix::{cell_body, service_cell, service_names};

/// Pairs that a report names.
pub const SLOWEST_SHOWN: usize = 10;

/// Draws the report.
pub fn report(observed: &Observed<'_>, findings: Vec<FindingBody>, judging: bool) -> ReportBody {
    let snapshot = observed.snapshot;
    let mut members: BTreeMap<String, u32> =
        MemberState::ALL.iter().map(|state| (state.as_str().to_owned(), 0)).collect();
    for view in &snapshot.nodes {
        *members.entry(view.state.as_str().to_owned()).or_default() += 1;
    }
    let notable = snapshot.nodes.iter().filter(|view| view.state != MemberState::Alive);
    let notable_members = notable
        .map(|view| NotableMember {
            node: view.member.node.clone(),
            state: view.state,
            heartbeat_age_ms: view.member.heard.map(|heard| millis(snapshot.now.moment.since(heard))),
        })
        .collect();
    let mut tally = Tally::default();
    tally.planes(observed);
    tally.services(observed);
    let (totals, slowest) = tally.finish();
    ReportBody { timestamp: snapshot.now.wall, judging, members, notable_members, totals, slowest, findings }
}

/// Counts cells and keeps the slowest.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<(u8, CheckKind), Counts>,
    slowest: Vec<SlowPairBody>,
}

struct Counts {
    plane: MatrixPlane,
    reached: u64,
    unreached: u64,
    unmeasured: u64,
    stale: u64,
    times: Vec<u32>,
}

impl Tally {
    fn planes(&mut self, observed: &Observed<'_>) {
        let names = |node: usize| &observed.snapshot.nodes[node].member.node;
        for plane in Plane::ALL {
            for check in CheckKind::ON_PLANES {
                self.open(plane.into(), check);
            }
        }
        for (row, view) in observed.snapshot.nodes.iter().enumerate() {
            if view.state == MemberState::Leaving {
                continue;
            }
            for (place, column) in observed.columns.iter().enumerate() {
                for check in CheckKind::ON_PLANES {
                    let cell = cell_body(observed.cell(row, place, check), observed.snapshot.now.moment);
                    let pair = || SlowPairBody {
                        from: names(row).clone(),
                        to: names(column.node).to_string(),
                        plane: column.plane.into(),
                        check,
                        rtt_us: cell.rtt_us.unwrap_or(0),
                    };
                    self.count(column.plane.into(), check, &cell, pair);
                }
            }
        }
    }

    fn services(&mut self, observed: &Observed<'_>) {
        let now = observed.snapshot.now.moment;
        if service_names(observed).is_empty() {
            return;
        }
        for view in &observed.snapshot.nodes {
            let Some(row) = view.row.as_deref().filter(|_| view.state != MemberState::Leaving) else {
                continue;
            };
            for service in &row.services {
                for check in [CheckKind::Dns, CheckKind::Tcp] {
                    let cell = service_cell(service, check, None, now, row);
                    let pair = || SlowPairBody {
                        from: view.member.node.clone(),
                        to: service.address.to_string(),
                        plane: MatrixPlane::Service,
                        check,
                        rtt_us: cell.rtt_us.unwrap_or(0),
                    };
                    self.count(MatrixPlane::Service, check, &cell, pair);
                }
            }
        }
    }

    fn open(&mut self, plane: MatrixPlane, check: CheckKind) -> &mut Counts {
        let order = match plane {
            MatrixPlane::Host => 0,
            MatrixPlane::Pod => 1,
            MatrixPlane::Service => 2,
        };
        self.counts.entry((order, check)).or_insert_with(|| Counts {
            plane,
            reached: 0,
            unreached: 0,
            unmeasured: 0,
            stale: 0,
            times: Vec::new(),
        })
    }

    fn count(
        &mut self,
        plane: MatrixPlane,
        check: CheckKind,
        shown: &MatrixCellBody,
        pair: impl Fn() -> SlowPairBody,
    ) {
        let counts = self.open(plane, check);
        match shown.outcome {
            CellWord::Reached => counts.reached += 1,
            CellWord::Unreached => counts.unreached += 1,
            CellWord::Unmeasured => counts.unmeasured += 1,
            CellWord::Stale => counts.stale += 1,
            CellWord::NotPlanned | CellWord::Itself => {}
        }
        let Some(time) = shown.rtt_us else { return };
        counts.times.push(time);
        let slower =
            self.slowest.len() < SLOWEST_SHOWN || self.slowest.last().is_some_and(|pair| pair.rtt_us < time);
        if slower {
            let rank = self.slowest.partition_point(|pair| pair.rtt_us >= time);
            self.slowest.insert(rank, pair());
            self.slowest.truncate(SLOWEST_SHOWN);
        }
    }

    fn finish(self) -> (Vec<TotalsBody>, Vec<SlowPairBody>) {
        let totals = self.counts.into_iter().map(|((_, check), counts)| counts.totals(check)).collect();
        (totals, self.slowest)
    }
}

impl Counts {
    fn totals(mut self, check: CheckKind) -> TotalsBody {
        let middle = self.times.len() / 2;
        let rtt_max_us = self.times.iter().max().copied();
        let rtt_median_us = (!self.times.is_empty()).then(|| *self.times.select_nth_unstable(middle).1);
        let measured = self.reached + self.unreached;
        TotalsBody {
            plane: self.plane,
            check,
            reached: self.reached,
            unreached: self.unreached,
            unmeasured: self.unmeasured,
            stale: self.stale,
            success_percent: (measured > 0).then(|| 100.0 * self.reached as f64 / measured as f64),
            rtt_median_us,
            rtt_max_us,
        }
    }
}
