//! The original tool's lists, maps and summaries.
//!
//! Lists show members that are heard. Maps show the rows of those; what an original agent posted without a heartbeat is shown
//! for one TTL. Where the original knows two words, ours has four: see [`compat::UNMEASURED`] and [`compat::STALE`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::go_duration::GoDuration;
use meshvane_shared::name::ServiceAddress;
use meshvane_shared::wire::compat::{
    self, ConnectivityResult, ResultMap, ResultsAnswer, ServiceStatus, ServiceTestSummary, TestStatus,
    TestSummary,
};
use meshvane_shared::wire::matrix::{CellWord, MatrixCellBody};

use super::matrix::{cell_body, service_cell};
use crate::mesh::member::Origin;
use crate::mesh::observe::Observed;
use crate::mesh::original::OriginalReport;
use crate::mesh::row::Service;
use crate::mesh::snapshot::{NodeView, Snapshot};

/// What original agents reported, by source address.
pub type Originals = [(String, Arc<OriginalReport>)];

/// Addresses of the members that are heard, sorted by value, each once.
pub fn addresses(snapshot: &Snapshot, plane: Plane) -> Vec<String> {
    let heard = snapshot.nodes.iter().filter(|view| view.is_heard());
    let mut addresses: Vec<_> = heard.filter_map(|view| view.member.main_address(plane)).collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses.iter().map(ToString::to_string).collect()
}

/// How many members are heard.
pub fn clients(snapshot: &Snapshot) -> usize {
    snapshot.nodes.iter().filter(|view| view.is_heard()).count()
}

/// Source address to target address to status.
pub fn results(observed: &Observed<'_>, originals: &Originals, plane: Plane) -> ResultMap {
    let mut map: ResultMap = native_sources(observed.snapshot)
        .map(|(row, view, source)| (source, native_row(observed, row, view, plane)))
        .collect();
    for (source, report) in shown_originals(observed.snapshot, originals) {
        if let Some(reported) = report.plane(plane) {
            map.insert(source.clone(), reported.value.clone());
        }
    }
    map
}

/// Native members that are heard and have a row, with the address that stands for them.
fn native_sources(snapshot: &Snapshot) -> impl Iterator<Item = (usize, &NodeView, String)> {
    let nodes = snapshot.nodes.iter().enumerate();
    nodes.filter_map(|(row, view)| {
        let source = view.member.main_address(Plane::Pod)?;
        let shown = view.is_heard() && view.member.origin != Origin::Original && view.row.is_some();
        shown.then(|| (row, view, source.to_string()))
    })
}

/// Original reports whose source is a member that is heard, or that arrived within one TTL.
fn shown_originals<'a>(
    snapshot: &'a Snapshot,
    originals: &'a Originals,
) -> impl Iterator<Item = (&'a String, &'a Arc<OriginalReport>)> {
    let is_heard = |source: &str| {
        snapshot.nodes.iter().any(|view| {
            view.is_heard() && view.member.pod_addresses.iter().any(|address| address.to_string() == source)
        })
    };
    let shown = move |source: &str, report: &OriginalReport| {
        let age = report.newest().map(|newest| snapshot.now.moment.since(newest));
        is_heard(source) || age.is_some_and(|age| age < snapshot.timing.ttl)
    };
    originals
        .iter()
        .filter(move |(source, report)| shown(source, report))
        .map(|(source, report)| (source, report))
}

fn native_row(
    observed: &Observed<'_>,
    row: usize,
    _view: &NodeView,
    plane: Plane,
) -> BTreeMap<String, TestStatus> {
    let mut statuses = BTreeMap::new();
    for (place, column) in observed.columns.iter().enumerate() {
        if column.plane != plane || column.node == row {
            continue;
        }
        let now = observed.snapshot.now.moment;
        let icmp = cell_body(observed.cell(row, place, CheckKind::Icmp), now);
        let tcp = cell_body(observed.cell(row, place, CheckKind::Tcp), now);
        if icmp.outcome == CellWord::NotPlanned && tcp.outcome == CellWord::NotPlanned {
            continue;
        }
        let micros = u64::from(icmp.rtt_us.unwrap_or(0)) + u64::from(tcp.rtt_us.unwrap_or(0));
        let status = TestStatus {
            ping: word(icmp.outcome, compat::REACHABLE, compat::UNREACHABLE).to_owned(),
            port_status: word(tcp.outcome, compat::OPEN, compat::CLOSED).to_owned(),
            test_duration: GoDuration(Duration::from_micros(micros)),
        };
        statuses.insert(column.address.to_string(), status);
    }
    statuses
}

fn word(word: CellWord, good: &'static str, bad: &'static str) -> &'static str {
    match word {
        CellWord::Reached => good,
        CellWord::Unreached => bad,
        CellWord::Unmeasured => compat::UNMEASURED,
        CellWord::Stale => compat::STALE,
        CellWord::NotPlanned | CellWord::Itself => compat::UNKNOWN,
    }
}

/// Source address to the result of its services.
pub fn service_results(
    observed: &Observed<'_>,
    originals: &Originals,
) -> BTreeMap<String, ConnectivityResult> {
    let mut map = BTreeMap::new();
    for (row, view, source) in native_sources(observed.snapshot) {
        let Some(reported) = view.row.as_deref() else {
            continue;
        };
        if !reported.services.is_empty() {
            map.insert(source.clone(), native_service(observed, row, &source));
        }
    }
    for (source, report) in shown_originals(observed.snapshot, originals) {
        if let Some(reported) = &report.service {
            map.insert(source.clone(), reported.value.clone());
        }
    }
    map
}

/// The two cells of a service as one node sees it.
struct ServiceCells<'a> {
    service: &'a Service,
    name: MatrixCellBody,
    port: MatrixCellBody,
}

fn service_cells<'a>(observed: &'a Observed<'_>, row: usize) -> Vec<ServiceCells<'a>> {
    let now = observed.snapshot.now.moment;
    let Some(reported) = observed.snapshot.nodes[row].row.as_deref() else {
        return Vec::new();
    };
    let cells = |service: &'a Service| ServiceCells {
        service,
        name: service_cell(service, CheckKind::Dns, None, now, reported),
        port: service_cell(service, CheckKind::Tcp, None, now, reported),
    };
    reported.services.iter().map(cells).collect()
}

impl ServiceCells<'_> {
    fn passes(&self) -> bool {
        // The name of an address is not asked for.
        [CellWord::Reached, CellWord::NotPlanned].contains(&self.name.outcome)
            && self.port.outcome == CellWord::Reached
    }

    fn fails(&self) -> bool {
        self.name.outcome == CellWord::Unreached || self.port.outcome == CellWord::Unreached
    }
}

/// One result stands for all services of a node: the first that fails, or the first. The others are in `services`.
fn native_service(observed: &Observed<'_>, row: usize, source: &str) -> ConnectivityResult {
    let cells = service_cells(observed, row);
    let Some(shown) = cells.iter().find(|cells| cells.fails()).or(cells.first()) else {
        return ConnectivityResult::default();
    };
    let ServiceAddress { name, port } = &shown.service.address;
    let first_address = shown.service.connects.first().map(|(address, _)| address.to_string());
    let resolver = Duration::from_micros(u64::from(shown.name.rtt_us.unwrap_or(0)));
    let connect = Duration::from_micros(u64::from(shown.port.rtt_us.unwrap_or(0)));
    let status = |cells: &ServiceCells<'_>| ServiceStatus {
        name: cells.name.outcome.as_str().to_owned(),
        port: cells.port.outcome.as_str().to_owned(),
    };
    ConnectivityResult {
        source_ip: source.to_owned(),
        target_ip: first_address.unwrap_or_else(|| name.to_string()),
        // Our agents do not ping services: a cluster address need not answer, and it would decide nothing.
        ping_status: compat::UNMEASURED.to_owned(),
        port_status: Some(BTreeMap::from([(
            i64::from(*port),
            word(shown.port.outcome, compat::OPEN, compat::CLOSED).to_owned(),
        )])),
        latency: GoDuration(connect),
        test_duration: GoDuration(resolver + connect),
        timestamp: observed
            .snapshot
            .now
            .wall_of(shown.service.resolution.measured)
            .to_rfc3339_opts(chrono::SecondsFormat::Nanos, true),
        services: cells.iter().map(|cells| (cells.service.address.to_string(), status(cells))).collect(),
    }
}

/// Totals of one plane.
pub fn summary(map: &ResultMap) -> TestSummary {
    let mut summary = TestSummary::default();
    let mut time = Duration::ZERO;
    for status in map.values().flat_map(BTreeMap::values) {
        let words = [status.ping.as_str(), status.port_status.as_str()];
        let unmeasured = words.iter().any(|word| [compat::UNMEASURED, compat::STALE].contains(word));
        let failed = status.ping == compat::UNREACHABLE || status.port_status == compat::CLOSED;
        if unmeasured && !failed {
            summary.unmeasured_tests += 1;
            continue;
        }
        summary.total_tests += 1;
        time += status.test_duration.0;
        if status.ping == compat::REACHABLE && status.port_status == compat::OPEN {
            summary.successful_tests += 1;
        }
    }
    summary.failed_tests = summary.total_tests - summary.successful_tests;
    summary.success_rate = percent(summary.successful_tests, summary.total_tests);
    summary.total_test_duration = GoDuration(time);
    let divisor = u32::try_from(summary.total_tests.max(1)).unwrap_or(u32::MAX);
    summary.avg_test_duration = GoDuration(time / divisor);
    summary
}

fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { 100.0 * part as f64 / whole as f64 }
}

/// Totals of the services, `None` when nobody checks one.
pub fn service_summary(observed: &Observed<'_>, originals: &Originals) -> Option<ServiceTestSummary> {
    let mut summary = ServiceTestSummary::default();
    let mut names = std::collections::BTreeSet::new();
    for (row, _, _) in native_sources(observed.snapshot) {
        for cells in service_cells(observed, row) {
            names.insert(cells.service.address.name.to_string());
            count(&mut summary, cells.passes(), cells.fails());
        }
    }
    for (_, report) in shown_originals(observed.snapshot, originals) {
        let Some(reported) = &report.service else { continue };
        names.insert(reported.value.target_ip.clone());
        let open = |ports: &BTreeMap<i64, String>| ports.values().any(|status| status == compat::OPEN);
        let passes = reported.value.port_status.as_ref().is_some_and(open);
        count(&mut summary, passes, !passes);
    }
    summary.service_name = names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(",");
    summary.success_rate = percent(summary.successful_tests, summary.total_tests);
    (summary.total_tests + summary.unmeasured_tests > 0).then_some(summary)
}

fn count(summary: &mut ServiceTestSummary, passes: bool, fails: bool) {
    if !passes && !fails {
        summary.unmeasured_tests += 1;
        return;
    }
    summary.total_tests += 1;
    if passes {
        summary.successful_tests += 1;
    } else {
        summary.failed_tests += 1;
    }
}

/// `GET /results`: everything above in one body.
pub fn all(observed: &Observed<'_>, originals: &Originals) -> ResultsAnswer {
    let hosts = results(observed, originals, Plane::Host);
    let pods = results(observed, originals, Plane::Pod);
    ResultsAnswer {
        timestamp: observed.snapshot.now.wall,
        active_client_count: clients(observed.snapshot),
        host_ips: addresses(observed.snapshot, Plane::Host),
        pod_ips: addresses(observed.snapshot, Plane::Pod),
        host_test_summary: summary(&hosts),
        pod_test_summary: summary(&pods),
        service_test_summary: service_summary(observed, originals),
        host_test_results: hosts,
        pod_test_results: pods,
        service_test_results: service_results(observed, originals),
    }
}
