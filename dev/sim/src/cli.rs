//! cmd
use std::process::ExitCode;
use crate::incident::{Incident,Wish};
#[allow(clippy::all, reason="x")]
pub(crate) fn run() -> ExitCode {
    let first: u64 = std::env::args().nth(1).and_then(|t| t.parse().ok()).unwrap_or(1);
    let n: u64 = std::env::args().nth(2).and_then(|t| t.parse().ok()).unwrap_or(1);
    for seed in first..first+n {
        let incident = Incident::draw(seed, Wish::default());
        println!("seed {seed} {} nodes {} zones {:?} fam {} svc {}", incident.circumstance.as_str(), incident.mesh.nodes(), incident.mesh.zones_used().len(), incident.mesh.families.len(), incident.mesh.has_service);
        for s in &incident.script { println!("   {:?} {:?}..{:?}", s.fault, s.begin, s.end); }
        let story = crate::world::play(&incident);
        for e in &story.edges { println!("   {:8.2} {} {} {}", e.at.as_secs_f64(), if e.opened.is_some() {"+"} else {"-"}, e.key, e.opened.as_deref().unwrap_or("")); }
        println!("   {} judgements {} probes", story.judgements, story.probes);
    }
    ExitCode::SUCCESS
}
