//! The course of a run, decided in pure code: wait for the full mesh, break, hold, mend, judge.
//!
//! ```text
//! Gathering ──full──> Leading ──> Breaking ──> Broken ──hold is over──> Mending ──> Mended ──quiet and full──> Over
//!     └─────────────────────────── no scenario ───────────────────────────────────────────────────────────> Over
//! ```

use std::time::Duration;

use meshvane_shared::finding::FindingKey;
use meshvane_shared::wire::findings::{FindingKind, Severity};

use crate::edges::Record;
use crate::expect::is_expected;
use crate::journal::seconds;

/// A mesh that is not full by then will not be: the first round ends one interval of 5 s after the plan has the last
/// node, and there is room for a slow machine.
pub(crate) const FULL_WITHIN: Duration = Duration::from_secs(30);
/// After mending, all must be well by then: a restarted agent, two successes of every cell at the reduced rate of peers
/// that were away, and after a server's restart one TTL (15 s) in which nothing is judged.
pub(crate) const MENDED_WITHIN: Duration = Duration::from_secs(45);
/// Where nothing may be found, the mesh is watched this long after mending: a wrong finding would come with the TTL (15 s).
pub(crate) const QUIET_FOR: Duration = Duration::from_secs(20);

/// Where the run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Gathering,
    Leading { from: Duration },
    Breaking { at: Duration },
    Broken { at: Duration },
    Mending { broken: Duration },
    Mended { broken: Duration, at: Duration },
    Over,
}

/// What shall be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// The mesh is full for the first time.
    SayFull,
    /// Break it.
    Break,
    /// Mend it.
    Mend,
    /// The run is over; the sentence says how it went.
    End(Verdict),
}

/// How it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// As it should.
    pub(crate) passed: bool,
    /// In a sentence.
    pub(crate) text: String,
}

/// What is known of the mesh now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight<'a> {
    /// Since the start.
    pub(crate) now: Duration,
    /// Every node is heard and every cell reached.
    pub(crate) full: bool,
    /// The findings seen so far.
    pub(crate) records: &'a [Record],
}

/// A run.
#[derive(Debug)]
pub(crate) struct Play {
    scenario: Option<Script>,
    phase: Phase,
    complained: bool,
}

/// What is played.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Script {
    /// The scenario's name.
    pub(crate) name: &'static str,
    /// What should be found.
    pub(crate) expected: Option<FindingKey>,
    /// How long the full mesh is shown before.
    pub(crate) lead: Duration,
    /// How long the fault lasts.
    pub(crate) hold: Duration,
}

impl Play {
    /// A run that has begun.
    pub(crate) fn new(scenario: Option<Script>) -> Self {
        Play { scenario, phase: Phase::Gathering, complained: false }
    }

    /// Decides what is due.
    pub(crate) fn look(&mut self, sight: Sight<'_>) -> Vec<Step> {
        match (self.phase, &self.scenario) {
            (Phase::Gathering, None) if sight.full => {
                self.phase = Phase::Over;
                vec![Step::SayFull, Step::End(Verdict::passed("the mesh is full"))]
            }
            (Phase::Gathering, Some(_)) if sight.full => {
                self.phase = Phase::Leading { from: sight.now };
                vec![Step::SayFull]
            }
            (Phase::Leading { from }, Some(script)) if sight.full && sight.now >= from + script.lead => {
                self.phase = Phase::Breaking { at: sight.now };
                vec![Step::Break]
            }
            (Phase::Gathering, _) if sight.now >= FULL_WITHIN && !self.complained => {
                self.complained = true;
                let text = format!("the mesh is not full after {}", seconds(FULL_WITHIN));
                vec![Step::End(Verdict { passed: false, text })]
            }
            (Phase::Broken { at }, Some(script)) if sight.now >= at + script.hold => {
                self.phase = Phase::Mending { broken: at };
                vec![Step::Mend]
            }
            (Phase::Mended { broken, at }, Some(script)) => {
                let Some(verdict) = judge(script, broken, at, sight) else {
                    return Vec::new();
                };
                self.phase = Phase::Over;
                vec![Step::End(verdict)]
            }
            (
                Phase::Gathering
                | Phase::Leading { .. }
                | Phase::Breaking { .. }
                | Phase::Broken { .. }
                | Phase::Mending { .. },
                None | Some(_),
            )
            | (Phase::Mended { .. }, None)
            | (Phase::Over, _) => Vec::new(),
        }
    }

    /// It is broken. What counts is the moment at which that began: what is measured is never shorter than it was.
    pub(crate) fn broke(&mut self) {
        if let Phase::Breaking { at } = self.phase {
            self.phase = Phase::Broken { at };
        }
    }

    /// It is mended, since this moment.
    pub(crate) fn mended(&mut self, at: Duration) {
        if let Phase::Mending { broken } = self.phase {
            self.phase = Phase::Mended { broken, at };
        }
    }

    /// Nothing has been broken yet, so every process should run.
    pub(crate) fn is_gathering(&self) -> bool {
        self.phase == Phase::Gathering
    }

    /// In a few words, for the screen.
    pub(crate) fn status(&self, now: Duration) -> String {
        let name = self.scenario.as_ref().map_or("", |script| script.name);
        let left = |at: Duration| {
            let hold = self.scenario.as_ref().map_or(Duration::ZERO, |script| script.hold);
            (at + hold).saturating_sub(now).as_secs_f64().ceil()
        };
        match self.phase {
            Phase::Gathering => "waiting for the full mesh".to_owned(),
            Phase::Leading { .. } => format!("{name}: about to begin"),
            Phase::Breaking { .. } => format!("{name}: breaking"),
            Phase::Broken { at } => format!("{name}: broken, mended in {:.0} s", left(at)),
            Phase::Mending { .. } => format!("{name}: mending"),
            Phase::Mended { .. } => format!("{name}: mended, waiting until all is well"),
            Phase::Over if self.scenario.is_some() => format!("{name}: over"),
            Phase::Over => "watching".to_owned(),
        }
    }
}

impl Verdict {
    fn passed(text: impl Into<String>) -> Self {
        Verdict { passed: true, text: text.into() }
    }
}

/// Judges a scenario after mending; `None` while it may still turn out well.
fn judge(script: &Script, broken: Duration, mended: Duration, sight: Sight<'_>) -> Option<Verdict> {
    // What the machine does not let us measure was known before, is the same after, and is no one's fault.
    let known = sight.records.iter().any(|record| record.opened < broken && is_about_us(record));
    let counts = |record: &&Record| record.opened >= broken && !(known && is_about_us(record));
    let since: Vec<&Record> = sight.records.iter().filter(counts).collect();
    let is_wanted = |record: &&&Record| {
        script.expected.as_ref().is_some_and(|expected| is_expected(expected, &record.key))
    };
    let wanted = since.iter().find(is_wanted).copied();
    let open = since.iter().filter(|record| record.closed.is_none()).count();
    let watched = if script.expected.is_some() { Duration::ZERO } else { QUIET_FOR };
    let well = sight.full && open == 0 && sight.now >= mended + watched;
    if !well && sight.now < mended + MENDED_WITHIN {
        return None;
    }
    let mut problems = Vec::new();
    let mut facts = Vec::new();
    match (&script.expected, wanted) {
        (Some(_), Some(record)) => facts.extend(life(record, broken, mended)),
        (Some(expected), None) => {
            problems.push(format!(
                "{expected} did not open in the {} of the fault",
                seconds(mended.saturating_sub(broken))
            ));
        }
        (None, _) => facts.push("nothing was found, as it should be".to_owned()),
    }
    if wanted.is_some_and(|record| record.opened > mended) {
        problems.push("it opened only after the fault was mended".to_owned());
    }
    let of_weight = |record: &&&Record| record.severity != Severity::Info;
    let others = since.iter().filter(of_weight).filter(|record| Some(**record) != wanted);
    problems.extend(others.map(|record| format!("{} opened, which it should not", record.id)));
    if well {
        facts.push(format!("all well {} after mending", seconds(sight.now.saturating_sub(mended))));
    } else {
        problems.push(format!("not all was well {} after mending", seconds(MENDED_WITHIN)));
    }
    let passed = problems.is_empty();
    if !passed && script.expected.is_none() {
        facts.retain(|fact| !fact.starts_with("nothing"));
    }
    let result = if passed { "passed" } else { "FAILED" };
    let text = [problems, facts].concat().join("; ");
    Some(Verdict { passed, text: format!("scenario {} {result}: {text}", script.name) })
}

fn is_about_us(record: &Record) -> bool {
    record.key.kind == FindingKind::NotMeasurable
}

fn life(record: &Record, broken: Duration, mended: Duration) -> Vec<String> {
    let opened =
        format!("{} opened {} after the fault", record.id, seconds(record.opened.saturating_sub(broken)));
    let resolved = record
        .closed
        .map(|closed| format!("resolved {} after mending", seconds(closed.saturating_sub(mended))));
    std::iter::once(opened).chain(resolved).collect()
}

#[cfg(test)]
mod tests;
