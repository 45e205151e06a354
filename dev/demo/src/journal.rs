//! What happened, one line each, with the time since the start and since the fault.

use std::collections::VecDeque;
use std::time::Duration;

use meshvane_shared::wire::agents::MemberState;

use crate::edges::Edge;
use crate::screen::Tone;

/// Lines that are kept for the screen, the newest: some screens full.
const ENTRIES_MAX: usize = 200;

/// The lines.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// The newest lines, oldest first.
    pub(crate) entries: VecDeque<Entry>,
    /// When the newest fault began, since the start.
    fault: Option<Duration>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Since the start.
    pub(crate) at: Duration,
    /// Since the fault.
    pub(crate) since_fault: Option<Duration>,
    /// How it is drawn.
    pub(crate) tone: Tone,
    /// What happened.
    pub(crate) text: String,
}

impl Journal {
    /// From now on, lines tell the time since this moment as well.
    pub(crate) fn fault_at(&mut self, at: Duration) {
        self.fault = Some(at);
    }

    /// Adds a line and returns it.
    pub(crate) fn add(&mut self, at: Duration, tone: Tone, text: impl Into<String>) -> Entry {
        let since_fault = self.fault.map(|fault| at.saturating_sub(fault));
        let entry = Entry { at, since_fault, tone, text: text.into() };
        if self.entries.len() == ENTRIES_MAX {
            self.entries.pop_front();
        }
        self.entries.push_back(entry.clone());
        entry
    }
}

impl Entry {
    /// The two times, in columns.
    pub(crate) fn times(&self) -> String {
        let since = self.since_fault.map_or_else(String::new, |since| format!("+{}", seconds(since)));
        format!("{:>8}  {since:>9}", seconds(self.at))
    }

    /// The whole line.
    pub(crate) fn line(&self) -> String {
        format!("{}  {}", self.times(), self.text)
    }
}

/// Seconds with two decimals and their unit.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// What a change says in the journal.
pub(crate) fn told(edge: &Edge) -> (Tone, String) {
    let state = |state: &Option<MemberState>| state.map_or("not a member", MemberState::as_str);
    match edge {
        Edge::Opened(finding) => {
            (Tone::Bad, format!("OPENED {}: {}", finding.kind.as_str(), finding.message))
        }
        Edge::Resolved(finding) => {
            (Tone::Good, format!("RESOLVED {}: {}", finding.kind.as_str(), finding.message))
        }
        Edge::Dropped(kind, id) => (
            Tone::Doubt,
            format!(
                "DROPPED {}: {id} is not known to the server any more, which started anew",
                kind.as_str()
            ),
        ),
        Edge::Member { node, before, after } => {
            (Tone::Plain, format!("{node} is {}, was {}", state(after), state(before)))
        }
    }
}

#[cfg(test)]
mod tests;
