//! Holds what the server found in an incident to what the oracle calls for: what opened without a reason, what is missing, late,
//! interrupted or left open.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use faults::Effect;
use meshvane_shared::finding::FindingKey;
use meshvane_shared::wire::findings::FindingKind;

use crate::incident::{Incident, Scripted};
use crate::oracle::{Expectation, Pattern, expect, one_of};
use crate::server::TTL;
use crate::truth::Truth;
use crate::world::Story;

mod members;

use members::{Members, follow};

/// What changed within this may still show, or not show yet, in what agents report: a cell that is down is asked every second
/// round, and an agent that is silent is lost after its TTL.
const RECENT: Duration = TTL;
/// Of the changes within [`RECENT`] so many are tried in every combination; of more, the newest.
const RECENT_MAX: usize = 7;
/// A fault is found within this: half a second out of turn, an interval, a second of silence, the burst, and a judgement.
const FOUND_WITHIN: Duration = Duration::from_secs(11);
/// An agent that fell silent is lost within this.
const LOST_WITHIN: Duration = Duration::from_secs(21);
/// Agents ask whose agent answers at an address once in a minute.
const REPLACED_WITHIN: Duration = Duration::from_secs(70);
/// What is over is closed within this: a cell that is down is asked every second round, twice.
const CLOSED_WITHIN: Duration = Duration::from_secs(22);
/// What is down is asked every second round: an interval more than what is up.
const HEALED_GRACE: Duration = Duration::from_secs(8);
/// A server that starts judges within this: one TTL, and the agents' way back to it.
const JUDGES_WITHIN: Duration = Duration::from_secs(20);
/// What a stop of the server delays is over so long after it: agents send again, and what is down is asked again.
const CATCHES_UP_WITHIN: Duration = Duration::from_secs(12);
/// A finding waits for so many judgements in a row: for the suspicion, for the looks of others, for their answers, each of which
/// may wait for a judgement before and one after it.
const JUDGEMENTS_WAITED: u32 = 6;
/// With random loss a burst may have to be repeated.
const LOSS_GRACE: Duration = Duration::from_secs(10);

/// Something that the server did wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// This opened, and nothing calls for it.
    Never { at: Duration, key: FindingKey, message: String },
    /// Nothing of this opened in time.
    Missing { since: Duration, due: Duration, wanted: Vec<Pattern> },
    /// It opened, and later than it should have.
    Late { since: Duration, due: Duration, opened: Duration, wanted: Vec<Pattern> },
    /// It closed while it was still the case.
    Interrupted { at: Duration, wanted: Vec<Pattern> },
    /// It was open longer than it was the case.
    LeftOpen { over: Duration, until: Duration, key: FindingKey },
}

/// What came of an incident.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) wrong: Vec<Wrong>,
    /// What opened because it may, though the state at that moment did not call for it.
    pub(crate) tolerated: Vec<(Duration, FindingKey)>,
    /// Things that had to be found.
    pub(crate) musts: usize,
}

/// A stretch of time in which nothing of the script changes.
pub(crate) struct State {
    pub(crate) begin: Duration,
    pub(crate) end: Duration,
    pub(crate) truth: Truth,
    pub(crate) members: Members,
    pub(crate) expectation: Expectation,
}

/// A finding while it was open.
struct Opening {
    key: FindingKey,
    message: String,
    begin: Duration,
    end: Duration,
    /// The server ended with it.
    cut_off: bool,
}

/// The states of an incident, in order.
pub(crate) fn states(incident: &Incident) -> Vec<State> {
    let changes = incident.changes();
    let ends = changes.iter().skip(1).copied().chain([incident.end]);
    let mut states: Vec<State> = Vec::new();
    for (begin, end) in changes.iter().copied().zip(ends) {
        let truth = incident.truth(begin);
        let before = states.last().map(|state| (&state.truth, &state.members));
        let members = follow(before, &truth, end.saturating_sub(begin));
        let mut expectation = expect(&truth, &members.known);
        expectation.loose.extend(&members.ghosts);
        if !truth.server_runs() {
            expectation.must.clear();
        }
        states.push(State { begin, end, truth, members, expectation });
    }
    states
}

/// Judges a story.
pub(crate) fn try_story(incident: &Incident, story: &Story) -> Outcome {
    let trial = Trial { incident, states: states(incident), openings: openings(incident, story), story };
    let mut outcome = Outcome::default();
    trial.openings_are_called_for(&mut outcome);
    trial.musts_are_met(&mut outcome);
    outcome
}

struct Trial<'a> {
    incident: &'a Incident,
    states: Vec<State>,
    openings: Vec<Opening>,
    story: &'a Story,
}

impl Trial<'_> {
    /// The state at a moment.
    fn state(&self, at: Duration) -> &State {
        let after = self.states.partition_point(|state| state.begin <= at);
        &self.states[after.saturating_sub(1)]
    }

    fn openings_are_called_for(&self, outcome: &mut Outcome) {
        for opening in &self.openings {
            let Opening { key, message, begin, end, cut_off } = opening;
            if !self.state(*begin).expectation.wants(key) {
                if self.is_allowed(key, *begin) {
                    outcome.tolerated.push((*begin, key.clone()));
                } else {
                    let (at, key, message) = (*begin, key.clone(), message.clone());
                    outcome.wrong.push(Wrong::Never { at, key, message });
                    continue;
                }
            }
            let of_it = self.states.iter().filter(|state| {
                state.begin <= *end && (state.expectation.allows(key) || state.expectation.is_blind())
            });
            let over = of_it.map(|state| state.end).max().unwrap_or(*begin).max(*begin);
            let until = over + CLOSED_WITHIN + self.grace(over, over + CLOSED_WITHIN);
            if *end > until && !cut_off {
                outcome.wrong.push(Wrong::LeftOpen { over, until: *end, key: key.clone() });
            }
        }
    }

    /// Whether a finding is called for, or allowed, by the state at a moment or by one that some of the latest changes make.
    fn is_allowed(&self, key: &FindingKey, at: Duration) -> bool {
        if self.state(at).expectation.allows(key) {
            return true;
        }
        let from = at.saturating_sub(self.recent(at));
        let near = self.states.iter().filter(|state| state.begin <= at && state.end >= from);
        let members =
            near.fold(Members::none(self.incident.mesh.nodes()), |sum, state| sum.with(&state.members));
        if members.ghosts.iter().any(|node| key.nodes().contains(&&crate::mesh::name(*node))) {
            return true;
        }
        let changed = |scripted: &&Scripted| {
            [scripted.begin, scripted.end].iter().any(|edge| *edge > from && *edge <= at)
        };
        let mut recent: Vec<&Scripted> = self.incident.script.iter().filter(changed).collect();
        recent.sort_by_key(|scripted| if scripted.end <= at { scripted.end } else { scripted.begin });
        let recent = recent.split_off(recent.len().saturating_sub(RECENT_MAX));
        let steady = self.incident.script.iter().filter(|scripted| {
            scripted.begin <= at
                && at < scripted.end
                && !recent.iter().any(|other| std::ptr::eq(*other, *scripted))
        });
        let steady: Vec<Effect> = steady.map(|scripted| scripted.fault.clone()).collect();
        (0_u32..1 << recent.len()).any(|subset| {
            let chosen = recent.iter().enumerate().filter(|(index, _)| subset >> index & 1 == 1);
            let faults = chosen.map(|(_, scripted)| scripted.fault.clone()).chain(steady.iter().cloned());
            expect(&Truth::of(&self.incident.mesh, faults.collect()), &members.known).allows(key)
        })
    }

    /// How far back a change still counts: longer while the server could not hear of it.
    fn recent(&self, at: Duration) -> Duration {
        RECENT + self.grace(at.saturating_sub(RECENT), at)
    }

    /// What a stretch of time is longer by because the server was away, stopped or slow, or packets are lost.
    fn grace(&self, from: Duration, to: Duration) -> Duration {
        let mut grace = if self.incident.loss > 0.0 { LOSS_GRACE } else { Duration::ZERO };
        for scripted in &self.incident.script {
            let overlap = scripted.end.min(to).saturating_sub(scripted.begin.max(from));
            let touches = scripted.begin <= to && scripted.end + CATCHES_UP_WITHIN >= from;
            if scripted.fault == Effect::ServerStopped && touches {
                grace += scripted.end.saturating_sub(scripted.begin) + CATCHES_UP_WITHIN;
            } else if scripted.fault == Effect::ServerDown && touches {
                grace += overlap + JUDGES_WITHIN;
            } else if let (Effect::ServerSlow(lag), false) = (&scripted.fault, overlap.is_zero()) {
                grace += *lag * JUDGEMENTS_WAITED;
            }
        }
        grace
    }

    fn musts_are_met(&self, outcome: &mut Outcome) {
        for (index, state) in self.states.iter().enumerate() {
            for wanted in &state.expectation.must {
                let holds = |state: &State| state.expectation.must.contains(wanted);
                if index > 0 && holds(&self.states[index - 1]) {
                    continue;
                }
                let last = self.states[index..].iter().take_while(|state| holds(state)).last();
                let end = last.map_or(state.end, |last| last.end);
                outcome.musts += 1;
                outcome.wrong.extend(self.is_met(wanted, state.begin, end));
            }
        }
    }

    /// When this must be open at the latest.
    fn due(&self, wanted: &[Pattern], begin: Duration) -> Duration {
        let slow = |pattern: &Pattern| {
            matches!(pattern.kind, FindingKind::AgentDown | FindingKind::MonitorBlind | FindingKind::GroupCut)
        };
        let replaced = |pattern: &Pattern| pattern.kind == FindingKind::AgentReplaced;
        let within = match (wanted.iter().all(replaced), wanted.iter().any(slow)) {
            (true, _) => REPLACED_WITHIN,
            (false, true) => LOST_WITHIN,
            (false, false) => FOUND_WITHIN,
        };
        // What else changes meanwhile may have to be asked about first.
        let mut changes = self.states.iter().map(|state| state.begin);
        let last = changes.rfind(|at| *at > begin && *at < begin + within).unwrap_or(begin);
        let judging = self.story.server_starts.iter().filter(|start| **start <= last + within).max();
        let base = judging.map_or(last, |start| last.max(*start + JUDGES_WITHIN));
        // Where something else healed at that moment, what it leaves is plain once all that healed was asked twice.
        let healed = self.incident.script.iter().any(|scripted| scripted.end == begin);
        let within = if healed { within + HEALED_GRACE } else { within };
        base + within + self.grace(begin, base + within)
    }

    fn is_met(&self, wanted: &[Pattern], begin: Duration, end: Duration) -> Option<Wrong> {
        let due = self.due(wanted, begin);
        let mut covered = due;
        let mut opened = None;
        let wanted_ones = self.openings.iter().filter(|opening| {
            wanted.iter().any(|pattern| pattern.is(&opening.key))
                && opening.end > begin
                && opening.begin < end
        });
        for opening in wanted_ones {
            opened = Some(opened.unwrap_or(opening.begin));
            if opening.begin <= covered {
                covered = covered.max(opening.end);
            }
        }
        let wanted = wanted.to_vec();
        let restart = self.states.iter().any(|state| {
            state.begin > begin && state.begin <= covered.max(due) + RECENT && !state.truth.has_server()
        });
        match opened {
            _ if end <= due => None,
            None => Some(Wrong::Missing { since: begin, due, wanted }),
            Some(opened) if opened > due => Some(Wrong::Late { since: begin, due, opened, wanted }),
            Some(_) if covered < end && !restart => Some(Wrong::Interrupted { at: covered, wanted }),
            Some(_) => None,
        }
    }
}

/// Each finding with the time that it was open, in the order of opening.
fn openings(incident: &Incident, story: &Story) -> Vec<Opening> {
    let mut openings: Vec<Opening> = Vec::new();
    let mut open: BTreeSet<usize> = BTreeSet::new();
    let mut starts = story.server_starts.iter().copied().peekable();
    for edge in &story.edges {
        while let Some(start) = starts.next_if(|start| *start <= edge.at) {
            for index in std::mem::take(&mut open) {
                (openings[index].end, openings[index].cut_off) = (start, true);
            }
        }
        if let Some(message) = &edge.opened {
            open.insert(openings.len());
            openings.push(Opening {
                key: edge.key.clone(),
                message: message.clone(),
                begin: edge.at,
                end: incident.end,
                cut_off: false,
            });
        } else if let Some(index) = open.iter().copied().find(|index| openings[*index].key == edge.key) {
            open.remove(&index);
            openings[index].end = edge.at;
        }
    }
    for start in starts {
        for index in std::mem::take(&mut open) {
            (openings[index].end, openings[index].cut_off) = (start, true);
        }
    }
    openings
}

impl fmt::Display for Wrong {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |at: &Duration| format!("{:.1} s", at.as_secs_f64());
        match self {
            Self::Never { at, key, message } => {
                write!(formatter, "never: {key} opened at {}: {message}", seconds(at))
            }
            Self::Missing { since, due, wanted } => {
                write!(
                    formatter,
                    "missing since {}, due {}: {}",
                    seconds(since),
                    seconds(due),
                    one_of(wanted)
                )
            }
            Self::Late { since, due, opened, wanted } => write!(
                formatter,
                "late: opened {}, the case since {}, due {}: {}",
                seconds(opened),
                seconds(since),
                seconds(due),
                one_of(wanted)
            ),
            Self::Interrupted { at, wanted } => {
                write!(formatter, "interrupted at {}: {}", seconds(at), one_of(wanted))
            }
            Self::LeftOpen { over, until, key } => {
                write!(
                    formatter,
                    "left open: {key}, over at {}, open until {}",
                    seconds(over),
                    seconds(until)
                )
            }
        }
    }
}

impl Wrong {
    /// Its kind, as a word for counts.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Never { .. } => "never",
            Self::Missing { .. } => "missing",
            Self::Late { .. } => "late",
            Self::Interrupted { .. } => "interrupted",
            Self::LeftOpen { .. } => "left open",
        }
    }
}
