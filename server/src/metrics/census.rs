//! What is there now as metrics: members, findings, cells. Reached, unreached, unmeasured and stale cells are metrics of their
//! own, so that no sum mixes them.

use meshvane_shared::wire::agents::{MemberState, ViewState};
use meshvane_shared::wire::findings::{FindingKind, Severity};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{Gauges, PREFIX, gauges};
use crate::collector::{Census, NodesWithoutAgent};
use crate::mesh::planning::LeftOut;

/// The metrics of a census.
pub(super) fn registry(census: &Census) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    show_members(&mut registry, census);
    show_findings(&mut registry, census);
    show_cells(&mut registry, census);
    set(&mut registry, "plan_generation", "Generation of the plan", census.plan_generation);
    let contradictions: Counter = Counter::default();
    contradictions.inc_by(census.contradictions);
    registry.register(
        "round_contradictions",
        "Rounds whose number contradicted the earlier ones of the same agent",
        contradictions,
    );
    show_left_out(&mut registry, &census.left_out);
    registry
}

fn set(registry: &mut Registry, name: &str, help: &str, value: u64) {
    let gauge: Gauge = Gauge::default();
    gauge.set(whole(value));
    registry.register(name, help, gauge);
}

fn show_members(registry: &mut Registry, census: &Census) {
    let members: Gauges<1> = gauges(registry, "members", "Members, by state");
    for state in MemberState::ALL {
        let count = census.members.get(state.as_str()).copied().unwrap_or(0);
        members.get_or_create(&[("state", state.as_str())]).set(whole(count));
    }
    // Outside of Kubernetes there is none of it.
    if let Some(states) = census.views {
        show_views(registry, states);
    }
    if let Some(nodes) = census.nodes_without_agent {
        show_nodes(registry, nodes);
    }
}

fn show_left_out(registry: &mut Registry, left_out: &LeftOut) {
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

fn show_views(registry: &mut Registry, states: [ViewState; 2]) {
    let views: Gauges<2> =
        gauges(registry, "kubernetes_view", "1 for the state of the view of pods and of Nodes");
    for (what, shown) in ["pods", "nodes"].into_iter().zip(states) {
        for state in ViewState::ALL {
            let labels = [("what", what), ("state", state.as_str())];
            views.get_or_create(&labels).set((state == shown).into());
        }
    }
}

fn show_nodes(registry: &mut Registry, nodes: NodesWithoutAgent) {
    let without: Gauges<1> =
        gauges(registry, "nodes_without_agent", "Nodes without an agent, by whether they need one");
    let NodesWithoutAgent { uncovered, awaited, not_covered } = nodes;
    for (why, count) in [("uncovered", uncovered), ("awaited", awaited), ("not_covered", not_covered)] {
        without.get_or_create(&[("state", why)]).set(whole(count));
    }
}

fn show_findings(registry: &mut Registry, census: &Census) {
    set(
        registry,
        "judging",
        "1 when the server judges, 0 while it waits for the agents after its start",
        census.judging.into(),
    );
    let open: Gauges<2> = gauges(registry, "findings_open", "Findings that hold, by kind and severity");
    // Each kind at its usual severity, so that an alert has a series before its first finding.
    for kind in FindingKind::ALL {
        drop(open.get_or_create(&[("kind", kind.as_str()), ("severity", usual_severity(kind).as_str())]));
    }
    for ((kind, severity), count) in &census.findings {
        open.get_or_create(&[("kind", kind.as_str()), ("severity", severity.as_str())]).set(whole(*count));
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

fn show_cells(registry: &mut Registry, census: &Census) {
    let reached: Gauges<2> = gauges(registry, "cells_reached", "Cells measured and reached");
    let unreached: Gauges<3> = gauges(registry, "cells_unreached", "Cells measured and failed, by cause");
    let unmeasured: Gauges<3> =
        gauges(registry, "cells_unmeasured", "Cells that could not be measured, by reason");
    let stale: Gauges<2> = gauges(registry, "cells_stale", "Cells without fresh data");
    for totals in &census.cells {
        let labels = [("plane", totals.plane.as_str()), ("check", totals.check.as_str())];
        let with = |name, word| [labels[0], labels[1], (name, word)];
        reached.get_or_create(&labels).set(whole(totals.reached));
        stale.get_or_create(&labels).set(whole(totals.stale));
        for (cause, cells) in &totals.unreached {
            unreached.get_or_create(&with("cause", *cause)).set(whole(*cells));
        }
        for (reason, cells) in &totals.unmeasured {
            unmeasured.get_or_create(&with("reason", *reason)).set(whole(*cells));
        }
    }
}

/// A count as the library's gauges hold it.
fn whole(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
