//! Draws one frame of the terminal: the table, the findings, the newest lines of the journal. Pure.
//!
//! Each cell is a symbol of its own, so that nothing is lost without colours; colours only repeat it.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::time::Duration;

use meshvane_shared::check::Plane;
use meshvane_shared::wire::agents::MemberState;
use meshvane_shared::wire::findings::{FindingBody, FindingState, Severity};

use crate::journal::{Entry, seconds};
use crate::picture::{Glance, Observation, Reach};

/// Lines of the journal that are shown however low the screen is.
const JOURNAL_LINES_MIN: usize = 3;
/// Columns between the table's blocks.
const GAP: &str = "   ";
/// Columns of a row's number.
const NUMBER: usize = 4;
/// Columns of a member's state: the longest is `leaving`.
const STATE: usize = 7;
/// Columns of a member's state and its zone, as `zone-1`.
const STATE_AND_ZONE: usize = STATE + 8;

/// How a piece of text is meant; a colour where there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing special.
    Plain,
    /// What matters most.
    Strong,
    /// Beside the point.
    Faint,
    /// All is well.
    Good,
    /// Something is broken.
    Bad,
    /// Something is not known.
    Doubt,
}

impl Tone {
    /// Select Graphic Rendition, ECMA-48 section 8.3.117.
    fn code(self) -> &'static str {
        match self {
            Tone::Plain => "",
            Tone::Strong => "1",
            Tone::Faint => "2",
            Tone::Good => "32",
            Tone::Bad => "31",
            Tone::Doubt => "33",
        }
    }
}

/// What a frame shows.
#[derive(Debug)]
pub(crate) struct State<'a> {
    /// How the mesh runs, as "5 nodes in network namespaces".
    pub(crate) about: &'a str,
    /// Where the API is.
    pub(crate) url: &'a str,
    /// What is being done.
    pub(crate) status: &'a str,
    /// Since the start.
    pub(crate) elapsed: Duration,
    /// How many nodes the mesh should have.
    pub(crate) nodes: usize,
    /// What the API said last.
    pub(crate) seen: Option<&'a Observation>,
    /// Why the API does not answer now.
    pub(crate) silence: Option<&'a str>,
    /// The journal.
    pub(crate) entries: &'a VecDeque<Entry>,
    /// How many lines there is room for.
    pub(crate) height: usize,
    /// Whether to use colours.
    pub(crate) colours: bool,
}

/// Draws a frame: lines of at most `width` columns, each ended by a line feed.
pub(crate) fn frame(state: &State<'_>, width: usize) -> String {
    let mut lines = head(state);
    if let Some(seen) = state.seen {
        let (table, notes, findings) = (table(seen, width), notes(state, seen), findings(seen, width));
        // On a low screen the findings matter more than what explains the table.
        let rest = lines.len() + table.len() + findings.len() + 1 + JOURNAL_LINES_MIN;
        lines.extend(table);
        if rest + notes.len() <= state.height {
            lines.extend(notes);
        }
        lines.extend(findings);
    } else {
        lines.push(Line::of(Tone::Faint, "no data yet"));
    }
    lines.push(Line::default());
    lines.truncate(state.height.saturating_sub(JOURNAL_LINES_MIN).max(1));
    let room = state.height.saturating_sub(lines.len());
    let journal: Vec<Line> = state.entries.iter().flat_map(|entry| journal_lines(entry, width)).collect();
    let skipped = journal.len().saturating_sub(room);
    lines.extend(journal.into_iter().skip(skipped));
    lines.iter().map(|line| line.draw(width, state.colours)).collect()
}

fn head(state: &State<'_>) -> Vec<Line> {
    let mut first = Line::of(Tone::Strong, "meshvane");
    first.add(Tone::Plain, &format!("  {}   ", state.about));
    first.add(Tone::Strong, state.url);
    let mut second = Line::of(Tone::Faint, &format!("{}   {}", seconds(state.elapsed), state.status));
    if let Some(silence) = state.silence {
        second.add(Tone::Doubt, &format!("   the server does not answer: {silence}"));
    }
    vec![first, second, Line::default()]
}

/// The table of both planes, beside each other where the width allows, if need be with less air, else one below the
/// other.
fn table(seen: &Observation, width: usize) -> Vec<Line> {
    let names = seen.names();
    let [airy, dense] = Sizes::of(&names);
    let beside = [airy, dense].into_iter().find(|sizes| sizes.width(Plane::ALL.len()) <= width);
    match beside {
        Some(sizes) => rows(seen, &names, &Plane::ALL, sizes),
        None => Plane::ALL.iter().flat_map(|plane| rows(seen, &names, &[*plane], dense)).collect(),
    }
}

/// Columns that the parts of the table take.
#[derive(Debug, Clone, Copy)]
struct Sizes {
    label: usize,
    cell: usize,
    block: usize,
    /// Of the members' states; their zones are shown where there is room.
    member: usize,
}

impl Sizes {
    /// With air and zones, and without.
    fn of(names: &[String]) -> [Self; 2] {
        let label = names.iter().map(String::len).max().unwrap_or(0);
        let title = Plane::ALL.iter().map(|plane| plane.as_str().len()).max().unwrap_or(0);
        let sizes = |cell: usize, member| {
            // The title stands above the first number, which is at the right of its cell.
            Sizes { label, cell, block: (cell - 1 + title).max(names.len() * cell), member }
        };
        [sizes(if names.len() > 9 { 3 } else { 2 }, STATE_AND_ZONE), sizes(2, STATE)]
    }

    fn width(self, planes: usize) -> usize {
        NUMBER + self.label + planes * (GAP.len() + self.block) + GAP.len() + self.member
    }

    /// The number above a column: where it does not fit, its last digit.
    fn number(self, number: usize) -> usize {
        if self.cell > 2 { number } else { number % 10 }
    }
}

fn rows(seen: &Observation, names: &[String], planes: &[Plane], sizes: Sizes) -> Vec<Line> {
    let Sizes { label, cell, block, .. } = sizes;
    let filler = " ".repeat(block - names.len() * cell);
    let mut titles = Line::of(Tone::Plain, &" ".repeat(NUMBER + label));
    let mut numbers = Line::of(Tone::Faint, &format!("{:<width$}", "from   to", width = NUMBER + label));
    for plane in planes {
        titles.add(Tone::Plain, &format!("{GAP}{}", " ".repeat(cell - 1)));
        titles.add(Tone::Strong, &format!("{:<width$}", plane.as_str(), width = block + 1 - cell));
        numbers.add(Tone::Plain, GAP);
        for number in 1..=names.len() {
            numbers.add(Tone::Faint, &format!("{:>cell$}", sizes.number(number)));
        }
        numbers.add(Tone::Plain, &filler);
    }
    let mut lines = vec![titles, numbers];
    for (index, from) in names.iter().enumerate() {
        let mut line = Line::of(Tone::Faint, &format!("{:>3} ", index + 1));
        line.add(Tone::Plain, &format!("{from:<label$}"));
        for plane in planes {
            line.add(Tone::Plain, GAP);
            for to in names {
                let glance = seen.glance(*plane, from, to);
                line.add(glance_tone(glance), &format!("{:>cell$}", glance.symbol()));
            }
            line.add(Tone::Plain, &filler);
        }
        line.add(Tone::Plain, GAP);
        line.append(member(seen, from, sizes));
        lines.push(line);
    }
    lines.push(Line::default());
    lines
}

fn member(seen: &Observation, name: &str, sizes: Sizes) -> Line {
    let Some(agent) = seen.agents.agents.iter().find(|agent| agent.node.as_str() == name) else {
        return Line::default();
    };
    let tone = match agent.state {
        MemberState::Alive => Tone::Good,
        MemberState::Late => Tone::Doubt,
        MemberState::Lost => Tone::Bad,
        MemberState::Leaving => Tone::Faint,
    };
    let mut line = Line::of(tone, &format!("{:<7}", agent.state.as_str()));
    if let Some(zone) = agent.zone.as_ref().filter(|_| sizes.member > STATE) {
        line.add(Tone::Faint, &format!("  {zone}"));
    }
    line
}

fn glance_tone(glance: Glance) -> Tone {
    match glance {
        Glance::Itself | Glance::NotPlanned => Tone::Faint,
        Glance::Reached => Tone::Good,
        Glance::Suspect | Glance::Unmeasured | Glance::Stale => Tone::Doubt,
        Glance::Unreached => Tone::Bad,
    }
}

fn notes(state: &State<'_>, seen: &Observation) -> Vec<Line> {
    let mut lines = vec![legend(), totals(state, seen)];
    lines.extend(seen.reach().iter().map(service));
    lines.push(Line::default());
    lines
}

fn legend() -> Line {
    let mut line = Line::default();
    for (glance, meaning) in Glance::LEGEND {
        line.add(glance_tone(glance), &glance.symbol().to_string());
        line.add(Tone::Faint, &format!(" {meaning}  "));
    }
    line
}

fn totals(state: &State<'_>, seen: &Observation) -> Line {
    let tally = seen.tally(state.nodes);
    let mut text = format!("icmp and tcp: {tally}");
    if let Some(median) = tally.median_rtt_us {
        // Writing to a string cannot fail.
        let _written = write!(text, "; median round trip {:.2} ms", f64::from(median) / 1000.0);
    }
    Line::of(if tally.is_full() { Tone::Good } else { Tone::Plain }, &text)
}

fn service(reach: &Reach) -> Line {
    let tone = match (reach.unreached.is_empty(), reach.unknown.is_empty()) {
        (true, true) => Tone::Good,
        (true, false) => Tone::Doubt,
        (false, _) => Tone::Bad,
    };
    Line::of(tone, &format!("service {reach}"))
}

/// The open findings, each on as many lines as its message takes.
fn findings(seen: &Observation, width: usize) -> Vec<Line> {
    let open: Vec<&FindingBody> =
        seen.findings.findings.iter().filter(|finding| finding.state == FindingState::Open).collect();
    if open.is_empty() {
        let text = if seen.findings.judging { "findings: none" } else { "findings: not judged yet" };
        return vec![Line::of(Tone::Plain, text)];
    }
    let mut lines = vec![Line::of(Tone::Plain, "findings:")];
    for finding in open {
        let mut first =
            Line::of(severity_tone(finding.severity), &format!("  {} ", finding.severity.as_str()));
        first.add(Tone::Strong, finding.kind.as_str());
        lines.push(first);
        lines.extend(
            wrap(&finding.message, width.saturating_sub(4))
                .map(|text| Line::of(Tone::Plain, &format!("    {text}"))),
        );
    }
    lines
}

fn severity_tone(severity: Severity) -> Tone {
    match severity {
        Severity::Critical => Tone::Bad,
        Severity::Warning => Tone::Doubt,
        Severity::Info => Tone::Faint,
    }
}

/// Breaks a text between words. A longer word has a line of its own, which the frame cuts.
fn wrap(text: &str, width: usize) -> impl Iterator<Item = String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("it begins with one line");
        if last.is_empty() {
            last.push_str(word);
        } else if last.chars().count() + 1 + word.chars().count() <= width {
            last.push(' ');
            last.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.into_iter()
}

/// The times in front of the first line alone.
fn journal_lines(entry: &Entry, width: usize) -> Vec<Line> {
    let times = format!("{}  ", entry.times());
    let texts = wrap(&entry.text, width.saturating_sub(times.len())).enumerate();
    texts
        .map(|(index, text)| {
            let before = if index == 0 { times.clone() } else { " ".repeat(times.len()) };
            let mut line = Line::of(Tone::Faint, &before);
            line.add(entry.tone, &text);
            line
        })
        .collect()
}

/// A line of pieces.
#[derive(Debug, Default)]
struct Line(Vec<(Tone, String)>);

impl Line {
    fn of(tone: Tone, text: &str) -> Self {
        Line(vec![(tone, text.to_owned())])
    }

    fn add(&mut self, tone: Tone, text: &str) {
        self.0.push((tone, text.to_owned()));
    }

    fn append(&mut self, mut other: Line) {
        self.0.append(&mut other.0);
    }

    /// Cuts what is too long; spaces at the end say nothing. Whatever is not printable is drawn as a space, so that
    /// no text of the API steers the terminal.
    fn draw(&self, width: usize, colours: bool) -> String {
        let mut drawn = String::new();
        let mut left = width;
        for (tone, text) in &self.0 {
            let cut: String = text.chars().take(left).map(|c| if c.is_control() { ' ' } else { c }).collect();
            left -= cut.chars().count();
            match tone.code() {
                code if colours && !code.is_empty() && !cut.is_empty() => {
                    drawn.extend(["\x1b[", code, "m", &cut, "\x1b[0m"]);
                }
                _plain => drawn.push_str(&cut),
            }
        }
        let mut line = drawn.trim_end().to_owned();
        line.push('\n');
        line
    }
}

#[cfg(test)]
mod tests;
