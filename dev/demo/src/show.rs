//! The run itself: news of the mesh come in, the play decides, the ground acts, the output shows.
//!
//! Signals are taken over before anything is started, so that none of them leaves anything behind. The tasks (the watcher,
//! and a fault being made or mended) are in sets that this owns; all awaits of the loop are cancel-safe.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::cli::Cli;
use crate::edges::{Chronicle, Edge};
use crate::expect;
use crate::ground::{Act, Fault, Ground, GroundError, SERVER_UP_WITHIN};
use crate::journal::{Journal, told};
use crate::output::Output;
use crate::picture::{Extent, Observation};
use crate::play::{Play, Script, Sight, Step, Verdict};
use crate::screen::{State, Tone};
use crate::watch::{self, Api, News};

/// Time between two attempts while the server starts, which takes some milliseconds.
const SERVER_ASKED_EVERY: Duration = Duration::from_millis(20);
/// The shell's convention for a program that SIGINT ended: 128 + 2 (POSIX `sh`, section 2.8.2).
const INTERRUPTED: u8 = 130;

/// A mesh that is full is shown this long at least before it is broken: people want to see it.
const LEAD_MIN: Duration = Duration::from_secs(1);
/// The fault comes at any moment of the agents' interval (5 s), as it does in life. One that always came as far from the
/// last round would show times that nobody else will see.
const LEAD_SPREAD: Duration = Duration::from_secs(5);

/// A run.
#[derive(Debug)]
pub(crate) struct Show {
    cli: Cli,
    start: Instant,
    ground: Ground,
    about: String,
    url: String,
    output: Output,
    journal: Journal,
    chronicle: Chronicle,
    play: Play,
    seen: Option<Observation>,
    silence: Option<String>,
    fault: Option<Fault>,
    acts: JoinSet<Act>,
    was_full: bool,
}

/// The signals that end a run.
#[derive(Debug)]
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn take_over() -> Result<Self, GroundError> {
        let take = |kind| signal(kind).map_err(GroundError::system("taking over signals"));
        Ok(Signals {
            interrupt: take(SignalKind::interrupt())?,
            terminate: take(SignalKind::terminate())?,
            hangup: take(SignalKind::hangup())?,
        })
    }

    /// Resolves at the next of them. Cancel-safe.
    async fn received(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}

impl Show {
    /// Readies a run on this ground.
    pub(crate) fn new(cli: &Cli, start: Instant, ground: Ground, port: u16) -> Result<Self, GroundError> {
        let script = cli.scenario.map(|scenario| Script {
            name: scenario.name(),
            expected: expect::finding(scenario, cli.nodes),
            hold: if expect::lasts(scenario) { cli.hold() } else { Duration::ZERO },
            lead: LEAD_MIN + rand::random_range(Duration::ZERO..LEAD_SPREAD),
        });
        Ok(Show {
            cli: cli.clone(),
            start,
            about: format!("{} nodes {}", cli.nodes, ground.about()),
            url: format!("http://127.0.0.1:{port}"),
            ground,
            output: Output::open().map_err(GroundError::system("writing to standard output"))?,
            journal: Journal::default(),
            chronicle: Chronicle::default(),
            play: Play::new(script),
            seen: None,
            silence: None,
            fault: None,
            acts: JoinSet::new(),
            was_full: false,
        })
    }

    /// Runs until a signal, or with `--once` until the play is over, and ends everything that was started.
    pub(crate) async fn run(mut self, notes: Vec<String>) -> Result<ExitCode, GroundError> {
        let mut signals = Signals::take_over()?;
        for note in notes {
            self.say(Tone::Doubt, note)?;
        }
        let played = tokio::select! {
            () = signals.received() => Ok(None),
            played = self.play() => played.map(Some),
        };
        self.end().await?;
        match played? {
            Some(verdict) if verdict.passed => Ok(ExitCode::SUCCESS),
            Some(_) => Ok(ExitCode::FAILURE),
            None if self.cli.once => Ok(ExitCode::from(INTERRUPTED)),
            None => Ok(ExitCode::SUCCESS),
        }
    }

    async fn play(&mut self) -> Result<Verdict, GroundError> {
        let api = Api::new(self.ground.api());
        self.start_all(&api).await?;
        // Room for one: a poll that nobody has looked at yet makes the next one wait.
        let (sender, mut news) = mpsc::channel(1);
        let mut watcher = JoinSet::new();
        watcher.spawn(watch::poll(api, self.cli.scenario.is_some(), sender));
        loop {
            let verdict = tokio::select! {
                Some(act) = self.acts.join_next(), if !self.acts.is_empty() => self.take_act(act.map_err(std::io::Error::other))?,
                Some(news) = news.recv() => self.take_news(news).await?,
            };
            self.draw()?;
            if let Some(verdict) = verdict.filter(|_| self.cli.once) {
                return Ok(verdict);
            }
        }
    }

    /// The server first: agents that find nobody would wait before they try again.
    async fn start_all(&mut self, api: &Api) -> Result<(), GroundError> {
        self.draw()?;
        self.ground.start_server().await?;
        let begun = self.now();
        while let Err(reason) = api.answers().await {
            self.ground.check().await?;
            if self.now() >= begun + SERVER_UP_WITHIN {
                return Err(GroundError::ServerSilent { reason });
            }
            tokio::time::sleep(SERVER_ASKED_EVERY).await;
        }
        self.ground.start_agents().await?;
        let about = format!("{}; the API is at {}", self.about, self.url);
        self.say(Tone::Plain, about)?;
        let example = format!("try: curl {}/api/v1/report", self.url);
        self.say(Tone::Plain, example)
    }

    async fn take_news(&mut self, news: News) -> Result<Option<Verdict>, GroundError> {
        if self.play.is_gathering() {
            self.ground.check().await?;
        }
        match news {
            News::Silent(reason) => {
                if self.silence.is_none() {
                    self.say(Tone::Doubt, format!("the server does not answer: {reason}"))?;
                }
                self.silence = Some(reason);
            }
            News::Seen(seen) => {
                if self.silence.take().is_some() {
                    self.say(Tone::Plain, "the server answers again")?;
                }
                self.take_edges(&seen)?;
                self.seen = Some(*seen);
            }
        }
        self.decide()
    }

    fn take_edges(&mut self, seen: &Observation) -> Result<(), GroundError> {
        let now = self.now();
        for edge in self.chronicle.take_findings(now, &seen.findings) {
            let (tone, text) = told(&edge);
            self.say(tone, text)?;
        }
        for edge in self.chronicle.take_members(&seen.agents) {
            // Until all are there, each arrival would be a line.
            let worth_a_line = match edge {
                Edge::Member { .. } => self.was_full,
                Edge::Opened(_) | Edge::Resolved(_) | Edge::Dropped(..) => true,
            };
            if worth_a_line {
                let (tone, text) = told(&edge);
                self.say(tone, text)?;
            }
        }
        Ok(())
    }

    fn decide(&mut self) -> Result<Option<Verdict>, GroundError> {
        let extent = Extent { nodes: self.cli.nodes.into(), services: self.ground.services() };
        let full = self.silence.is_none() && self.seen.as_ref().is_some_and(|seen| seen.is_full(extent));
        let sight = Sight { now: self.now(), full, records: &self.chronicle.records };
        let mut ended = None;
        for step in self.play.look(sight) {
            match step {
                Step::SayFull => self.say_full()?,
                Step::Break => self.break_it()?,
                Step::Mend => self.mend_it()?,
                Step::End(verdict) => {
                    let tone = if verdict.passed { Tone::Good } else { Tone::Bad };
                    if !verdict.passed || self.cli.scenario.is_some() {
                        let text = self.with_counts(&verdict);
                        self.say(tone, text)?;
                    }
                    ended = Some(verdict);
                }
            }
        }
        Ok(ended)
    }

    fn say_full(&mut self) -> Result<(), GroundError> {
        self.was_full = true;
        let nodes = usize::from(self.cli.nodes);
        let tally = self.seen.as_ref().map(|seen| seen.tally(nodes).to_string()).unwrap_or_default();
        let after = self.now().as_secs_f64();
        self.say(Tone::Good, format!("full mesh: {nodes} nodes, {tally}, {after:.1} s after start"))
    }

    /// A failure says what the mesh looked like.
    fn with_counts(&self, verdict: &Verdict) -> String {
        match &self.seen {
            Some(seen) if !verdict.passed => {
                format!("{}; {}", verdict.text, seen.tally(usize::from(self.cli.nodes)))
            }
            Some(_) | None => verdict.text.clone(),
        }
    }

    fn break_it(&mut self) -> Result<(), GroundError> {
        let scenario = self.cli.scenario.expect("the play breaks only what the command line names");
        let now = self.now();
        self.journal.fault_at(now);
        self.ground.begin_to_break(&mut self.acts, scenario);
        let victim = expect::victim(scenario, self.cli.nodes);
        let hold = if expect::lasts(scenario) { format!(" for {} s", self.cli.hold) } else { String::new() };
        let text = format!("BREAK {scenario} ({victim}){hold}: {}", scenario.description());
        self.say(Tone::Strong, text)
    }

    fn mend_it(&mut self) -> Result<(), GroundError> {
        if let Some(fault) = self.fault.take() {
            self.ground.begin_to_mend(&mut self.acts, fault);
        }
        if self.cli.scenario.is_some_and(expect::lasts) { self.say(Tone::Strong, "MEND") } else { Ok(()) }
    }

    fn take_act(&mut self, act: Result<Act, std::io::Error>) -> Result<Option<Verdict>, GroundError> {
        match act.map_err(GroundError::system("making or mending a fault"))? {
            Act::Broke(fault) => {
                self.fault = Some(fault?);
                self.play.broke();
            }
            Act::Mended(mended) => {
                mended?;
                let now = self.now();
                self.play.mended(now);
                if self.cli.scenario.is_some_and(expect::lasts) {
                    self.say(Tone::Plain, "mended")?;
                }
            }
        }
        Ok(None)
    }

    /// Ends everything that was started; nothing is mended any more.
    async fn end(&mut self) -> Result<(), GroundError> {
        let drawn = self.draw();
        self.acts.abort_all();
        match self.fault.take() {
            Some(Fault::Lab(broken)) => broken.forget(),
            Some(Fault::Loopback(_)) | None => {}
        }
        self.ground.stop().await;
        let kept = self.cli.logs.as_deref().map_or(Ok(()), |directory| self.ground.keep_logs(directory));
        let output = std::mem::replace(&mut self.output, Output::Lines);
        let closed = output.close(&self.state()).map_err(GroundError::system("writing to standard output"));
        drawn.and(kept).and(closed)
    }

    fn state(&self) -> State<'_> {
        State {
            about: &self.about,
            url: &self.url,
            status: "ended",
            elapsed: self.now(),
            nodes: self.cli.nodes.into(),
            seen: self.seen.as_ref(),
            silence: self.silence.as_deref(),
            entries: &self.journal.entries,
            height: 0,
            colours: false,
        }
    }

    fn draw(&self) -> Result<(), GroundError> {
        let status = format!("{}   Ctrl-C ends it", self.play.status(self.now()));
        let state = State { status: &status, ..self.state() };
        self.output.draw(&state).map_err(GroundError::system("writing to standard output"))
    }

    fn say(&mut self, tone: Tone, text: impl Into<String>) -> Result<(), GroundError> {
        let now = self.now();
        let entry = self.journal.add(now, tone, text);
        self.output.say(&entry).map_err(GroundError::system("writing to standard output"))
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}
