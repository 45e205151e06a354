//! What is there now, counted when somebody asks: members, findings, cells. Reached, unreached, unmeasured and stale cells
//! are metrics of their own, so that no sum mixes them.

use std::collections::BTreeMap;

use meshvane_shared::check::CheckKind;
use meshvane_shared::outcome::Reason;
use meshvane_shared::wire::agents::{ClusterBody, MemberState, ViewState};
use meshvane_shared::wire::findings::{FindingKind, Severity};
use meshvane_shared::wire::matrix::{CellWord, MatrixCellBody, MatrixPlane};
use meshvane_shared::wire::outcome::CauseWord;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Gauges, PREFIX, Word, gauges};
use crate::collector::{Collector, FindingsFilter, MatrixQuery, PlanAsk};
use crate::mesh::planning::LeftOut;
use crate::mesh::time::Now;

/// Every plane with the checks that it has.
const COLUMNS: [(MatrixPlane, Word, CheckKind); 6] = [
    (MatrixPlane::Host, "host", CheckKind::Icmp),
    (MatrixPlane::Host, "host", CheckKind::Tcp),
    (MatrixPlane::Pod, "pod", CheckKind::Icmp),
    (MatrixPlane::Pod, "pod", CheckKind::Tcp),
    (MatrixPlane::Service, "service", CheckKind::Dns),
    (MatrixPlane::Service, "service", CheckKind::Tcp),
];

/// Counts what is there.
pub(super) fn registry(collector: &Collector, now: Now) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    count_members(&mut registry, collector, now);
    count_findings(&mut registry, collector, now);
    count_cells(&mut registry, collector, now);
    let generation = collector.plan(&PlanAsk::default(), now).map_or(0, |news| news.plan.version.generation);
    set(&mut registry, "plan_generation", "Generation of the plan", generation);
    count_left_out(&mut registry, &collector.left_out());
    registry
}

fn set(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge: Gauge = Gauge::default();
    gauge.set(whole(value));
    registry.register(name, help, gauge);
}

fn count_members(registry: &mut Registry, collector: &Collector, now: Now) {
    let members: Gauges<1> = gauges(registry, "members", "Members, by state");
    for state in MemberState::ALL {
        drop(members.get_or_create(&[("state", state.as_str())]));
    }
    let body = collector.agents(now);
    for agent in body.agents {
        members.get_or_create(&[("state", agent.state.as_str())]).inc();
    }
    if let Some(cluster) = body.cluster {
        count_cluster(registry, &cluster);
    }
}

fn count_left_out(registry: &mut Registry, left_out: &LeftOut) {
    let targets: Gauges<1> = gauges(
        registry,
        "plan_targets_left_out",
        "Targets that are not in the plan: enough other members have their address, or the plan has no room",
    );
    for (why, count) in [("crowded_address", left_out.crowded_targets), ("no_room", left_out.no_room_targets)]
    {
        targets.get_or_create(&[("why", why)]).set(whole(count as u64));
    }
}

/// Outside of Kubernetes there is none of it.
fn count_cluster(registry: &mut Registry, cluster: &ClusterBody) {
    let views: Gauges<2> =
        gauges(registry, "kubernetes_view", "1 for the state of the view of pods and of Nodes");
    for (what, view) in [("pods", &cluster.pods), ("nodes", &cluster.nodes)] {
        for state in ViewState::ALL {
            let labels = [("what", what), ("state", state.as_str())];
            views.get_or_create(&labels).set((state == view.state).into());
        }
    }
    let nodes: Gauges<1> =
        gauges(registry, "nodes_without_agent", "Nodes without an agent, by whether they need one");
    for (why, list) in [
        ("uncovered", &cluster.uncovered),
        ("awaited", &cluster.awaited),
        ("not_covered", &cluster.not_covered),
    ] {
        nodes.get_or_create(&[("state", why)]).set(whole(list.len() as u64));
    }
}

fn count_findings(registry: &mut Registry, collector: &Collector, now: Now) {
    let body = collector.findings(FindingsFilter::Open, now);
    set(
        registry,
        "judging",
        "1 when the server judges, 0 while it waits for the agents after its start",
        body.judging.into(),
    );
    let open: Gauges<2> = gauges(registry, "findings_open", "Findings that hold, by kind and severity");
    // Each kind at its usual severity, so that an alert has a series before its first finding.
    for kind in FindingKind::ALL {
        drop(open.get_or_create(&[("kind", kind.as_str()), ("severity", usual_severity(kind).as_str())]));
    }
    for finding in body.findings {
        open.get_or_create(&[("kind", finding.kind.as_str()), ("severity", finding.severity.as_str())]).inc();
    }
}

/// DESIGN: critical for node, plane, group and monitor, warning for the rest.
fn usual_severity(kind: FindingKind) -> Severity {
    match kind {
        FindingKind::MonitorBlind | FindingKind::GroupCut | FindingKind::NodeDown | FindingKind::PlaneCut => {
            Severity::Critical
        }
        FindingKind::NodeOneWay
        | FindingKind::AgentReplaced
        | FindingKind::AgentDown
        | FindingKind::PairCut
        | FindingKind::PairOneWay
        | FindingKind::FamilyCut
        | FindingKind::IcmpFiltered
        | FindingKind::PortRefused
        | FindingKind::PortFiltered
        | FindingKind::NameFailed
        | FindingKind::ServiceUnreachable
        | FindingKind::NotMeasurable
        | FindingKind::Stale
        | FindingKind::AgentOverloaded
        | FindingKind::LossOutlier
        | FindingKind::LatencyOutlier
        | FindingKind::Flapping
        | FindingKind::Uncovered => Severity::Warning,
    }
}

fn count_cells(registry: &mut Registry, collector: &Collector, now: Now) {
    let reached: Gauges<2> = gauges(registry, "cells_reached", "Cells measured and reached");
    let unreached: Gauges<3> = gauges(registry, "cells_unreached", "Cells measured and failed, by cause");
    let unmeasured: Gauges<3> =
        gauges(registry, "cells_unmeasured", "Cells that could not be measured, by reason");
    let stale: Gauges<2> = gauges(registry, "cells_stale", "Cells without fresh data");
    for (plane, plane_word, check) in COLUMNS {
        let labels = [("plane", plane_word), ("check", check.as_str())];
        let with = |name, word| [labels[0], labels[1], (name, word)];
        let counts = count(collector, MatrixQuery { plane, check: Some(check), family: None }, now);
        reached.get_or_create(&labels).set(whole(counts.reached));
        stale.get_or_create(&labels).set(whole(counts.stale));
        for (cause, cells) in counts.unreached {
            unreached.get_or_create(&with("cause", cause)).set(whole(cells));
        }
        for (reason, cells) in counts.unmeasured {
            unmeasured.get_or_create(&with("reason", reason)).set(whole(cells));
        }
    }
}

/// Cells of one plane and check.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    reached: u64,
    unreached: BTreeMap<Word, u64>,
    unmeasured: BTreeMap<Word, u64>,
    stale: u64,
}

fn count(collector: &Collector, query: MatrixQuery, now: Now) -> Counts {
    let mut counts = Counts::default();
    for cell in collector.matrix(query, now).cells.iter().flatten() {
        counts.add(cell);
    }
    counts
}

impl Counts {
    fn add(&mut self, cell: &MatrixCellBody) {
        match cell.outcome {
            CellWord::Reached => self.reached += 1,
            CellWord::Unreached => {
                *self
                    .unreached
                    .entry(cause_word(cell.cause.unwrap_or(CauseWord::Unspecified)))
                    .or_default() += 1;
            }
            CellWord::Unmeasured => {
                *self.unmeasured.entry(cell.reason.unwrap_or(Reason::Unspecified).as_str()).or_default() += 1;
            }
            CellWord::Stale => self.stale += 1,
            CellWord::NotPlanned | CellWord::Itself => {}
        }
    }
}

fn cause_word(cause: CauseWord) -> Word {
    match cause {
        CauseWord::Timeout => "timeout",
        CauseWord::Refused => "refused",
        CauseWord::Reset => "reset",
        CauseWord::Rejected => "rejected",
        CauseWord::NoRoute => "no_route",
        CauseWord::Name => "name",
        CauseWord::ResolverTimeout => "resolver_timeout",
        CauseWord::Tls => "tls",
        CauseWord::Protocol => "protocol",
        CauseWord::Unspecified => "unspecified",
    }
}

/// A count as the library's gauges hold it.
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_counted_apart() {
        let mut counts = Counts::default();
        let unreached =
            MatrixCellBody { cause: Some(CauseWord::Refused), ..MatrixCellBody::bare(CellWord::Unreached) };
        let unmeasured =
            MatrixCellBody { reason: Some(Reason::Overloaded), ..MatrixCellBody::bare(CellWord::Unmeasured) };
        for cell in [unreached.clone(), unreached, unmeasured, MatrixCellBody::bare(CellWord::Unreached)] {
            counts.add(&cell);
        }
        for word in [CellWord::Reached, CellWord::Stale, CellWord::NotPlanned, CellWord::Itself] {
            counts.add(&MatrixCellBody::bare(word));
        }
        let expected = Counts {
            reached: 1,
            unreached: BTreeMap::from([("refused", 2), ("unspecified", 1)]),
            unmeasured: BTreeMap::from([("overloaded", 1)]),
            stale: 1,
        };
        assert_eq!(counts, expected);
    }
}
