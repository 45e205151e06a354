//! Holds what was measured against what was promised. Pure.

use std::time::Duration;

use super::scrapers::Scraped;
use crate::attack::honest::Seen;
use crate::figures::{megabytes, milliseconds, table};
use crate::samples::Samples;
use crate::start::Findings;

/// All but one of a hundred heartbeats are answered within this while others scrape, whatever the machine: a fiftieth of their
/// interval.
const HEARTBEATS_WITHIN: Duration = Duration::from_millis(100);
/// What scrapes may add to the server's memory: a text and its counts, and what the allocator keeps of those before.
const SCRAPES_ADD: u64 = 32 << 20;

/// One stretch of time.
#[derive(Debug, Default)]
pub(super) struct Phase {
    pub(super) seen: Seen,
    /// Processor time of the server in it.
    pub(super) cpu: Duration,
    pub(super) elapsed: Duration,
    /// The server's greatest memory in it, in bytes.
    pub(super) peak: u64,
}

/// One server.
#[derive(Debug, Default)]
pub(super) struct Measured {
    pub(super) members: u16,
    pub(super) rows: u16,
    pub(super) scrapers: u16,
    /// The server's memory before the first phase, in bytes.
    pub(super) idle: u64,
    pub(super) quiet: Phase,
    pub(super) loud: Phase,
    pub(super) scraped: Scraped,
    pub(super) alive: bool,
}

impl Measured {
    /// The server's processor time beyond what it takes without scrapers.
    fn of_scrapes(&self) -> Duration {
        self.loud.cpu.saturating_sub(self.quiet.cpu)
    }

    fn of_one_scrape(&self) -> Duration {
        let count = u32::try_from(self.scraped.answered).unwrap_or(u32::MAX).max(1);
        self.of_scrapes() / count
    }
}

/// Makes the figures and finds the promises that were not kept.
pub(super) fn judge(mut measured: Vec<Measured>) -> Findings {
    let heading = [
        "members x scrapers",
        "heartbeat p50 ms",
        "p99",
        "scraped: p50",
        "p99",
        "scrapes",
        "failed",
        "kB each",
        "p99 ms",
        "cpu ms each",
        "cores",
        "idle MB",
        "peak MB",
        "scraped: peak",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    let mut broken = Vec::new();
    for measured in &mut measured {
        rows.push(row(measured));
        hold(measured, &mut broken);
    }
    Findings { text: table(&rows), broken }
}

fn row(measured: &mut Measured) -> Vec<String> {
    let shown =
        |samples: &mut Samples, percent| samples.percentile(percent).map_or_else(String::new, milliseconds);
    let scraped = &measured.scraped;
    let each = scraped.bytes / scraped.answered.max(1);
    let cores = measured.of_scrapes().as_secs_f64() / measured.loud.elapsed.as_secs_f64();
    let (one, idle) = (measured.of_one_scrape(), measured.idle);
    let (quiet, loud) = (&mut measured.quiet, &mut measured.loud);
    vec![
        format!("{} x {}", measured.members, measured.scrapers),
        shown(&mut quiet.seen.heartbeats, 50),
        shown(&mut quiet.seen.heartbeats, 99),
        shown(&mut loud.seen.heartbeats, 50),
        shown(&mut loud.seen.heartbeats, 99),
        measured.scraped.answered.to_string(),
        measured.scraped.failed.to_string(),
        format!("{:.1}", each as f64 / 1e3),
        milliseconds(Duration::from_micros(measured.scraped.p99_us)),
        milliseconds(one),
        format!("{cores:.2}"),
        megabytes(idle),
        megabytes(quiet.peak),
        megabytes(loud.peak),
    ]
}

fn hold(measured: &mut Measured, broken: &mut Vec<String>) {
    let Measured { members, rows, scrapers, .. } = *measured;
    let mut say =
        |what: String| broken.push(format!("{members} members, {rows} rows, {scrapers} scrapers: {what}"));
    match measured.loud.seen.heartbeats.percentile(99) {
        Some(time) if time <= HEARTBEATS_WITHIN => {}
        time => say(format!("heartbeats p99 {time:?}, promised are {HEARTBEATS_WITHIN:?}")),
    }
    for problem in measured.quiet.seen.failed.iter().chain(&measured.loud.seen.failed).take(3) {
        say(problem.clone());
    }
    if measured.loud.peak > measured.quiet.peak.max(measured.idle) + SCRAPES_ADD {
        say(format!("scrapes added more than {SCRAPES_ADD} bytes"));
    }
    if measured.scraped.answered < u64::from(scrapers) || measured.scraped.failed > 0 {
        say(format!(
            "{} scrapes were answered and {} were not",
            measured.scraped.answered, measured.scraped.failed
        ));
    }
    if !measured.alive {
        say("the server has ended".to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phase(millis: u64, peak: u64) -> Phase {
        let mut seen = Seen::default();
        seen.heartbeats.add(Duration::from_millis(millis));
        Phase { seen, cpu: Duration::from_millis(millis), elapsed: Duration::from_secs(1), peak: peak << 20 }
    }

    fn measured(millis: u64, peak: u64, answered: u64) -> Measured {
        Measured {
            members: 100,
            scrapers: 31,
            idle: 20 << 20,
            quiet: phase(2, 21),
            loud: phase(millis, peak),
            scraped: Scraped { answered, ..Scraped::default() },
            alive: true,
            ..Measured::default()
        }
    }

    #[test]
    fn each_promise_is_held() {
        let broken = |measured| judge(vec![measured]).broken.len();
        assert_eq!(broken(measured(100, 53, 31)), 0);
        assert_eq!(broken(measured(101, 53, 31)), 1, "late heartbeats");
        assert_eq!(broken(measured(100, 54, 31)), 1, "memory");
        assert_eq!(broken(measured(100, 53, 30)), 1, "a scraper without an answer");
        assert_eq!(broken(Measured { alive: false, ..measured(100, 53, 31) }), 1, "it ended");
    }

    #[test]
    fn one_scrape_costs_what_the_server_took_beyond_its_quiet_time() {
        assert_eq!(measured(64, 21, 31).of_one_scrape(), Duration::from_millis(2));
    }
}
