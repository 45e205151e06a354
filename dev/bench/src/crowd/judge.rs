//! Holds what was measured against what was promised. Pure.

use std::fmt::Write as _;
use std::time::Duration;

use crate::figures::{megabytes, table};
use crate::start::Findings;

/// One address gets this many probes a second from one agent, whoever names it (`agent/src/schedule/pace.rs`).
const PROBES_A_SECOND: u64 = 20;
/// And this many at once after a rest.
const PROBES_SAVED: u64 = 112;
/// A probe is two packets at most when nothing answers: a segment that opens a connection is sent again after 1 s.
const PACKETS_OF_A_PROBE: u64 = 2;
/// The memory that the chart gives an agent, in bytes.
const AGENT_LIMIT: u64 = 64 << 20;

/// One agent in one stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AgentCost {
    /// Its processor time.
    pub(super) cpu: Duration,
    /// Its greatest resident memory, in bytes.
    pub(super) peak: u64,
}

/// One stretch of time.
#[derive(Debug)]
pub(super) struct Phase {
    pub(super) elapsed: Duration,
    /// Packets that arrived at the invented addresses.
    pub(super) packets: u64,
    pub(super) costs: Vec<AgentCost>,
}

/// All that was measured.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) members: u16,
    pub(super) nodes: u8,
    /// All members are at one address.
    pub(super) is_one: bool,
    /// Their targets in the plan.
    pub(super) planned: usize,
    pub(super) quiet: Phase,
    pub(super) loud: Phase,
    pub(super) alive: bool,
}

/// Makes the figures and finds the promises that were not kept.
pub(super) fn judge(measured: &Measured) -> Findings {
    let heading = ["", "packets a second", "agent: cores", "agent: peak MB"];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    for (name, phase) in [("none invented", &measured.quiet), ("invented", &measured.loud)] {
        let cpu: Duration = phase.costs.iter().map(|cost| cost.cpu).max().unwrap_or_default();
        let peak = phase.costs.iter().map(|cost| cost.peak).max().unwrap_or_default();
        rows.push(vec![
            name.to_owned(),
            format!("{:.1}", phase.packets as f64 / phase.elapsed.as_secs_f64()),
            format!("{:.3}", cpu.as_secs_f64() / phase.elapsed.as_secs_f64()),
            megabytes(peak),
        ]);
    }
    let mut text = table(&rows);
    let place = if measured.is_one { "at one address" } else { "at two addresses each" };
    // Writing to a string cannot fail.
    let _written = writeln!(
        text,
        "{} members {place}, {} targets in the plan, {} agents: the largest of each",
        measured.members, measured.planned, measured.nodes
    );
    Findings { text, broken: broken(measured) }
}

fn broken(measured: &Measured) -> Vec<String> {
    let mut broken = Vec::new();
    let seconds = measured.loud.elapsed.as_secs();
    let probes = PROBES_A_SECOND * seconds + PROBES_SAVED;
    let most = u64::from(measured.nodes) * probes * PACKETS_OF_A_PROBE;
    if measured.is_one && measured.loud.packets > most {
        broken.push(format!("the one address got {} packets, more than {most}", measured.loud.packets));
    }
    if measured.planned == 0 || measured.loud.packets == 0 {
        broken.push("no invented member was asked".to_owned());
    }
    let peak = measured.loud.costs.iter().map(|cost| cost.peak).max().unwrap_or_default();
    if peak > AGENT_LIMIT {
        broken.push(format!("an agent took {} MB of {}", megabytes(peak), megabytes(AGENT_LIMIT)));
    }
    if !measured.alive {
        broken.push("a program has ended".to_owned());
    }
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(packets: u64, peak: u64) -> Phase {
        let costs = vec![AgentCost { cpu: Duration::from_millis(100), peak: peak << 20 }];
        Phase { elapsed: Duration::from_secs(10), packets, costs }
    }

    fn measured(packets: u64, peak: u64, is_one: bool) -> Measured {
        let (quiet, loud) = (phase(0, 8), phase(packets, peak));
        Measured { members: 2_000, nodes: 3, is_one, planned: 8, quiet, loud, alive: true }
    }

    #[test]
    fn each_promise_is_held() {
        let broken = |measured: &Measured| judge(measured).broken.len();
        assert_eq!(broken(&measured(1_872, 64, true)), 0);
        assert_eq!(broken(&measured(1_873, 64, true)), 1, "packets");
        assert_eq!(broken(&measured(1_873, 64, false)), 0, "at addresses of their own");
        assert_eq!(broken(&measured(100, 65, true)), 1, "memory");
        assert_eq!(broken(&measured(0, 64, true)), 1, "no packet");
        assert_eq!(broken(&Measured { alive: false, ..measured(100, 8, true) }), 1, "it ended");
    }
}
