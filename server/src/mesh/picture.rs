//! For tests: a snapshot from a picture of the matrix in text.
//!
//! One line for each node, in the order of the names: the node, its agent's state, and for either plane a row of symbols.
//!
//! ```text
//!   node  state   host     pod
//!   a     alive | . + x  | . + x
//! ```
//! States: `alive` (heard 1 s ago), `quiet` (heard 4 s ago: still alive, but before the failures of the picture), `late`,
//! `lost`, `leaving`, `back` (heard 1 s ago for the first time after a silence), `original`.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use meshvane_shared::check::{CheckKind, Plane};
use meshvane_shared::name::{BootId, NodeName, Zone};
use meshvane_shared::outcome::{Cause, Outcome, Reason};
use meshvane_shared::plan::{Epoch, Plan, PlanVersion, Target};
use meshvane_shared::wire::outcome::OutcomeBody;
use meshvane_shared::wire::round::{CellBody, RoundBody};

use super::member::{Boot, Member, Origin, Timing};
use super::row::Row;
use super::snapshot::{NodeView, Snapshot};
use super::time::{Moment, Now};

/// The moment of every picture: 1000 s after the start.
pub(crate) const NOW: Moment = Moment::from_millis(1_000_000);
/// Failing cells of a picture fail since 3 s and were measured 1 s ago.
const FAILING_FOR_MS: u64 = 3_000;
const MEASURED_AGO_MS: u64 = 1_000;
/// What cannot be measured any more failed for the last time then.
const FAILED_AGO_MS: u64 = 1_500;
/// Older than the failures, and still fresh.
const OLD_MS: u64 = 5_000;
/// When the failures had just begun.
const EARLY_MS: u64 = 2_500;
const INTERVAL_MS: u64 = 5_000;

pub(crate) const TIMING: Timing =
    Timing { ttl: Duration::from_secs(15), forget_after: Duration::from_hours(1) };

/// Makes a snapshot.
pub(crate) fn snapshot(picture: &str) -> Snapshot {
    let lines: Vec<Line> =
        picture.lines().map(str::trim).filter(|line| !line.is_empty()).map(Line::parse).collect();
    let plan = Arc::new(plan(&lines));
    let now = Now { moment: NOW, wall: DateTime::<Utc>::UNIX_EPOCH + chrono::TimeDelta::hours(12) };
    let nodes = lines.iter().enumerate().map(|(place, line)| line.view(place, &plan, now)).collect();
    Snapshot { now, timing: TIMING, plan, nodes }
}

struct Line {
    node: NodeName,
    state: String,
    planes: [Vec<char>; 2],
}

fn plan(lines: &[Line]) -> Plan {
    let mut targets = Vec::new();
    for (place, line) in lines.iter().enumerate() {
        for (plane, subnet) in [(Plane::Host, 0), (Plane::Pod, 1)] {
            let address = format!("10.{subnet}.0.{}", place + 1).parse().unwrap();
            let port = (plane == Plane::Pod).then_some(6100);
            targets.push(Target { node: line.node.clone(), plane, address, port, zone: None });
        }
    }
    Plan { version: PlanVersion { epoch: Epoch(1), generation: 1 }, targets }
}

impl Line {
    fn parse(line: &str) -> Self {
        let parts: Vec<&str> = line.split('|').collect();
        let [head, host, pod] = parts[..] else { panic!("not a line of a picture: {line}") };
        let words: Vec<&str> = head.split_whitespace().collect();
        let symbols =
            |row: &str| row.split_whitespace().map(|symbol| symbol.chars().next().unwrap()).collect();
        Self {
            node: NodeName::parse(words[0]).unwrap(),
            state: words[1].to_owned(),
            planes: [symbols(host), symbols(pod)],
        }
    }

    fn view(&self, place: usize, plan: &Arc<Plan>, now: Now) -> NodeView {
        let ago = |millis: u64| NOW.before(Duration::from_millis(millis));
        let heard = match self.state.as_str() {
            "alive" | "back" | "original" | "leaving" => ago(1_000),
            "quiet" => ago(4_000),
            "late" => ago(7_000),
            "lost" => ago(20_000),
            other => panic!("not a state of a picture: {other}"),
        };
        let member = Member {
            node: self.node.clone(),
            zone: Zone::parse(if place.is_multiple_of(2) { "zone-1" } else { "zone-2" }).ok(),
            host_addresses: vec![plan.targets[place * 2].address],
            pod_addresses: vec![plan.targets[place * 2 + 1].address],
            client_port: 6100,
            pod: Some(format!("agent-{}", self.node)),
            namespace: None,
            version: None,
            boot: Some(Boot { id: BootId::parse("boot").unwrap(), started: Moment::default() }),
            interval: Duration::from_millis(INTERVAL_MS),
            probe_interval: Some(Duration::from_millis(INTERVAL_MS)),
            heard: Some(heard),
            received: Some(heard),
            steady_since: if self.state == "back" { heard } else { Moment::default() },
            known_since: Moment::default(),
            left: (self.state == "leaving").then_some(heard),
            clock_offset_ms: None,
            epochs_in_turn: Vec::new(),
            origin: if self.state == "original" { Origin::Original } else { Origin::Native },
        };
        let state = member.state(NOW, &TIMING).unwrap();
        NodeView::new(Arc::new(member), state, self.row(plan, now).map(Arc::new))
    }

    fn row(&self, plan: &Arc<Plan>, now: Now) -> Option<Row> {
        let mut cells = Vec::new();
        for (plane, symbols) in self.planes.iter().enumerate() {
            for (node, symbol) in symbols.iter().enumerate() {
                let target = u32::try_from(node * 2 + plane).unwrap();
                cells.extend(
                    cells_of(*symbol).map(|(check, outcome, age_ms)| cell(target, check, outcome, age_ms)),
                );
            }
        }
        if cells.is_empty() {
            return None;
        }
        let body = |sequence, cells| RoundBody {
            sequence,
            interval_ms: INTERVAL_MS,
            took_ms: 4_000,
            cells,
            ..RoundBody::empty(self.node.clone(), BootId::parse("boot").unwrap(), plan.version.clone())
        };
        let first = Row::take(None, plan, &body(1, self.failures_before()), now.moment).unwrap().row;
        Some(Row::take(Some(&first), plan, &body(2, cells), now.moment).unwrap().row)
    }

    /// What was reported before of the cells that failed and could not be measured since.
    fn failures_before(&self) -> Vec<CellBody> {
        let symbols = self.planes.iter().enumerate().flat_map(|(plane, symbols)| {
            symbols
                .iter()
                .enumerate()
                .map(move |(node, symbol)| (u32::try_from(node * 2 + plane).unwrap(), *symbol))
        });
        let failed = |(target, symbol): (u32, char)| {
            let checks = match symbol {
                'd' => &CheckKind::ON_PLANES[..],
                'c' => &[CheckKind::Icmp],
                _ => &[],
            };
            let cells = checks
                .iter()
                .map(move |check| cell(target, *check, Outcome::Unreached(Cause::Timeout), FAILED_AGO_MS));
            cells.collect::<Vec<_>>()
        };
        symbols.flat_map(failed).collect()
    }
}

/// The two cells that a symbol stands for.
fn cells_of(symbol: char) -> impl Iterator<Item = (CheckKind, Outcome, u64)> {
    let good = Outcome::reached(200);
    let silent = Outcome::Unreached(Cause::Timeout);
    let refused = Outcome::Unreached(Cause::Refused);
    let new = MEASURED_AGO_MS;
    let (icmp, tcp, age_ms) = match symbol {
        // Reached; reached before the failures; not reached at all; reached for the last time when they began; stale.
        '+' => (Some(good), Some(good), new),
        'o' => (Some(good), Some(good), OLD_MS),
        'x' => (Some(silent), Some(silent), new),
        'e' => (Some(good), Some(good), EARLY_MS),
        's' => (Some(good), Some(good), 3 * INTERVAL_MS + 1),
        // The port refuses; the port is silent; echo is filtered; echo is not permitted.
        'r' => (Some(good), Some(refused), new),
        't' => (Some(good), Some(silent), new),
        'i' => (Some(silent), Some(good), new),
        'n' => (Some(Outcome::Unmeasured(Reason::NotPermitted)), Some(good), new),
        // Echo fails, the port was not asked since: neither dead nor alive.
        'p' => (Some(silent), None, new),
        // Echo is not permitted, the port is silent.
        'm' => (Some(Outcome::Unmeasured(Reason::NotPermitted)), Some(silent), new),
        // Failed, and could not be measured since; the same of echo alone.
        'c' => (Some(Outcome::Unmeasured(Reason::Blocked)), Some(good), new),
        '?' | 'd' => (
            Some(Outcome::Unmeasured(Reason::Overloaded)),
            Some(Outcome::Unmeasured(Reason::Overloaded)),
            new,
        ),
        '.' | '-' => (None, None, 0),
        other => panic!("not a symbol of a picture: {other}"),
    };
    let tcp = if symbol == 'p' {
        Some((CheckKind::Tcp, good, OLD_MS))
    } else {
        tcp.map(|tcp| (CheckKind::Tcp, tcp, age_ms))
    };
    icmp.map(|icmp| (CheckKind::Icmp, icmp, age_ms)).into_iter().chain(tcp)
}

fn cell(target: u32, check: CheckKind, outcome: Outcome, age_ms: u64) -> CellBody {
    let failing_for_ms = outcome.is_unreached().then_some(FAILING_FOR_MS);
    let outcome = OutcomeBody::from(outcome);
    // Targets come in turn, the host's and the pod's.
    let port = (check == CheckKind::Tcp).then_some(if target.is_multiple_of(2) { 10_256 } else { 6100 });
    CellBody { target, check: check.into(), port, outcome, age_ms, suspect: false, failing_for_ms }
}
