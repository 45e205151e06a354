//! One incident as a readable diary.

use std::fmt::Write as _;
use std::time::Duration;

use crate::incident::Incident;
use crate::oracle::one_of;
use crate::trial::{states, try_story};
use crate::world::play;

/// Plays an incident and tells it.
pub(crate) fn diary(incident: &Incident) -> String {
    let story = play(incident);
    let outcome = try_story(incident, &story);
    let mut lines: Vec<(Duration, String)> = Vec::new();
    for scripted in &incident.script {
        lines.push((scripted.begin, format!("breaks   {}", scripted.fault)));
        lines.push((scripted.end, format!("heals    {}", scripted.fault)));
    }
    for start in &story.server_starts {
        lines.push((*start, "server   begins to run".to_owned()));
    }
    for state in states(incident) {
        for wanted in &state.expectation.must {
            lines.push((state.begin, format!("expected {}", one_of(wanted))));
        }
        if !state.expectation.loose.is_empty() {
            lines.push((state.begin, format!("allowed  anything about {:?}", state.expectation.loose)));
        }
    }
    for edge in &story.edges {
        let line = match &edge.opened {
            Some(message) => format!("opened   {}: {message}", edge.key),
            None => format!("closed   {}", edge.key),
        };
        lines.push((edge.at, line));
    }
    lines.sort_by_key(|(at, _)| *at);
    let mesh = &incident.mesh;
    let mut text = String::new();
    let _written = writeln!(
        text,
        "seed {}, {}: {} nodes in {} zones, {} families, {}, loss {} %, {} probes, {} judgements",
        incident.seed,
        incident.circumstance.as_str(),
        mesh.nodes(),
        mesh.zones_used().len(),
        mesh.families.len(),
        if mesh.has_service { "a service" } else { "no service" },
        incident.loss * 100.0,
        story.probes,
        story.judgements,
    );
    for (at, line) in lines {
        let _written = writeln!(text, "{:8.2} s  {line}", at.as_secs_f64());
    }
    for (at, key) in &outcome.tolerated {
        let _written = writeln!(text, "tolerated: {key} at {:.2} s", at.as_secs_f64());
    }
    for wrong in &outcome.wrong {
        let _written = writeln!(text, "WRONG {wrong}");
    }
    if outcome.wrong.is_empty() {
        let _written = writeln!(text, "right: {} findings were called for", outcome.musts);
    }
    text
}
