//! The report as text: for the log, and for `curl`.

use std::fmt::Write;

use meshvane_shared::wire::findings::FindingBody;
use meshvane_shared::wire::report::ReportBody;

/// Draws the report. Every line stands alone, so `grep` finds what it looks for.
pub fn report(report: &ReportBody) -> String {
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = draw(&mut text, report);
    text
}

fn draw(text: &mut String, report: &ReportBody) -> std::fmt::Result {
    writeln!(text, "Network Connectivity Report  {}", report.timestamp.format("%Y-%m-%d %H:%M:%S UTC"))?;
    let members: Vec<String> = ["alive", "late", "lost", "leaving"]
        .iter()
        .map(|state| format!("{} {state}", report.members.get(*state).copied().unwrap_or(0)))
        .collect();
    writeln!(text, "members: {}", members.join(", "))?;
    for member in &report.notable_members {
        let heard = member.heartbeat_age_ms.map_or_else(
            || "not heard since this server started".to_owned(),
            |age| format!("last heartbeat {} ago", span(age)),
        );
        writeln!(text, "  {} is {}: {heard}", member.node, member.state.as_str())?;
    }
    draw_totals(text, report)?;
    if !report.slowest.is_empty() {
        writeln!(text, "slowest pairs:")?;
        for pair in &report.slowest {
            let (plane, rtt) = (pair.plane.as_str(), micros(pair.rtt_us));
            writeln!(text, "  {} -> {} {plane} {}: {rtt}", pair.from, pair.to, pair.check)?;
        }
    }
    if !report.judging {
        return writeln!(text, "findings: not judged yet, waiting for the agents to report");
    }
    if report.findings.is_empty() {
        return writeln!(text, "findings: none");
    }
    writeln!(text, "findings: {}", report.findings.len())?;
    report.findings.iter().try_for_each(|found| writeln!(text, "  {}", finding(found)))
}

/// One finding in one line.
pub fn finding(finding: &FindingBody) -> String {
    let context =
        if finding.context.is_empty() { String::new() } else { format!(" [{}]", finding.context.join(", ")) };
    format!(
        "{} {}: {}{context}",
        finding.severity.as_str().to_uppercase(),
        finding.kind.as_str(),
        finding.message
    )
}

fn draw_totals(text: &mut String, report: &ReportBody) -> std::fmt::Result {
    writeln!(
        text,
        "{:<8} {:<5} {:>8} {:>9} {:>10} {:>6} {:>9} {:>10} {:>10}",
        "plane", "check", "reached", "unreached", "unmeasured", "stale", "success", "rtt median", "rtt max"
    )?;
    for totals in &report.totals {
        let success =
            totals.success_percent.map_or_else(|| "-".to_owned(), |percent| format!("{percent:.2}%"));
        let time = |time: Option<u32>| time.map_or_else(|| "-".to_owned(), micros);
        writeln!(
            text,
            "{:<8} {:<5} {:>8} {:>9} {:>10} {:>6} {:>9} {:>10} {:>10}",
            totals.plane.as_str(),
            totals.check.as_str(),
            totals.reached,
            totals.unreached,
            totals.unmeasured,
            totals.stale,
            success,
            time(totals.rtt_median_us),
            time(totals.rtt_max_us),
        )?;
    }
    Ok(())
}

fn micros(micros: u32) -> String {
    if micros < 1_000 {
        format!("{micros} us")
    } else if micros < 1_000_000 {
        format!("{:.2} ms", f64::from(micros) / 1e3)
    } else {
        format!("{:.2} s", f64::from(micros) / 1e6)
    }
}

fn span(millis: u64) -> String {
    let seconds = millis / 1_000;
    match seconds {
        0..60 => format!("{}.{} s", seconds, millis % 1_000 / 100),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

#[cfg(test)]
mod tests;
