//! Counts how the faults were named, and holds that against the promise. Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use super::compare::Verdict;
use super::draw::Kind;
use crate::figures::table;
use crate::start::Findings;

/// Of a thousand faults, so many must be named exactly.
const EXACT_MIN_PERMILLE: u64 = 980;
/// Faults that are described; the others are counted.
const DESCRIBED_MAX: usize = 100;

/// What was counted.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: BTreeMap<Kind, BTreeMap<Verdict, u64>>,
    /// Faults that were named later than they were judged first, by how much later.
    waited: BTreeMap<Duration, u64>,
    failing_cells: usize,
    findings: usize,
    described: Vec<String>,
}

impl Tally {
    /// Adds one fault: how it was named, and how long after it was judged first.
    pub(super) fn add(&mut self, kind: Kind, verdict: Verdict, waited: Duration, described: Option<String>) {
        *self.counts.entry(kind).or_default().entry(verdict).or_default() += 1;
        if verdict.is_exact() && waited > Duration::ZERO {
            *self.waited.entry(waited).or_default() += 1;
        }
        self.described.extend(described.map(|text| format!("{verdict:?}: {text}")));
    }

    /// Adds what a monitor of cells would have said of a fault, and what was said.
    pub(super) fn compare(&mut self, failing_cells: usize, findings: usize) {
        self.failing_cells += failing_cells;
        self.findings += findings;
    }

    fn count(&self, verdict: Verdict) -> u64 {
        self.counts.values().filter_map(|counts| counts.get(&verdict)).sum()
    }

    /// Makes the figures and finds the promises that were not kept.
    pub(super) fn judge(mut self, elapsed: Duration) -> Findings {
        let verdicts = [Verdict::Exact, Verdict::Missed, Verdict::WrongOnHealthy, Verdict::Misnamed];
        let heading = ["fault", "drawn", "exact", "missed", "wrong on healthy", "misnamed"];
        let mut rows = vec![heading.map(str::to_owned).to_vec()];
        let row = |name: &str, counts: [u64; 4]| {
            let mut row = vec![name.to_owned(), counts.iter().sum::<u64>().to_string()];
            row.extend(counts.map(|count| count.to_string()));
            row
        };
        for (kind, counts) in &self.counts {
            rows.push(row(kind.as_str(), verdicts.map(|verdict| counts.get(&verdict).copied().unwrap_or(0))));
        }
        let all = verdicts.map(|verdict| self.count(verdict));
        rows.push(row("all", all));
        let mut text = table(&rows);
        let [exact, missed, wrong, misnamed] = all;
        let faults = exact + missed + wrong + misnamed;
        // Writing to a string cannot fail.
        let _written = writeln!(
            text,
            "{} findings beside {} failing cells: {:.1} alarms of a monitor of cells for each\n{:.1} s, filling the meshes included",
            self.findings,
            self.failing_cells,
            self.failing_cells as f64 / self.findings.max(1) as f64,
            elapsed.as_secs_f64(),
        );
        let held: u64 = self.waited.values().sum();
        let longest = self.waited.last_key_value().map_or(0.0, |(longest, _)| longest.as_secs_f64());
        let _written =
            writeln!(text, "{held} were held back at first and named later, after {longest:.2} s at most");
        let hidden = self.described.len().saturating_sub(DESCRIBED_MAX);
        self.described.truncate(DESCRIBED_MAX);
        for described in &self.described {
            let _written = writeln!(text, "{described}");
        }
        if hidden > 0 {
            let _written = writeln!(text, "and {hidden} more");
        }
        let mut broken = Vec::new();
        if exact * 1_000 < faults * EXACT_MIN_PERMILLE {
            broken.push(format!("{exact} of {faults} are named exactly, 98 % are promised"));
        }
        if missed > 0 {
            broken.push(format!("{missed} were missed"));
        }
        if wrong > 0 {
            broken.push(format!("{wrong} times a healthy node was blamed"));
        }
        Findings { text, broken }
    }
}
