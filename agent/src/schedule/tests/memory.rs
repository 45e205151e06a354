//! What the schedule takes of the agent's memory, measured in a process of its own.

use std::process::Command as Process;

use super::*;

/// As many members as a server takes, but for some that come and go.
const MEMBERS: u16 = 9_900;
/// Most that a schedule takes with as many members that are all silent, its newest reports among it: 34 MiB were measured,
/// of which the cells are 10 and two reports 10. It was 16 MiB more while the cells stood in the map itself.
const SCHEDULE_MAX_BYTES: u64 = 40 << 20;
/// Set for the process that is the one that is measured.
const MEASURED: &str = "MEASURE_THE_SCHEDULE";

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

fn large_plan() -> Arc<Plan> {
    let targets = (0..MEMBERS).flat_map(|number| {
        let node = NodeName::parse(&format!("ip-10-0-{number:05}.eu-central-1.compute.internal")).unwrap();
        let [high, low] = number.to_be_bytes();
        Plane::ALL.map(|plane| Target {
            node: node.clone(),
            plane,
            address: match plane {
                Plane::Host => [10, 0, high, low].into(),
                Plane::Pod => [10, 1, high, low].into(),
            },
            port: (plane == Plane::Pod).then_some(6100),
            zone: None,
        })
    });
    Arc::new(Plan { version: PlanVersion { epoch: Epoch(1), generation: 1 }, targets: targets.collect() })
}

/// Runs a schedule whose members are all silent for some rounds and keeps its newest report, as the outbox does.
fn grown_by_silent_members() -> u64 {
    let before = resident_bytes();
    let mut schedule = Schedule::new(settings(&[]));
    let mut newest = None;
    let mut now = Duration::ZERO;
    let mut event = Event::Plan(large_plan());
    while now < seconds(11.0) {
        for command in schedule.handle(now, event) {
            if let Command::Post(report) = command
                && !report.partial
            {
                newest = Some(report);
            }
        }
        // A busy agent is called a little late, too.
        now = schedule.next_wake().unwrap().max(now + 50 * MILLISECOND);
        event = Event::Tick;
    }
    let grown = resident_bytes() - before;
    assert_eq!(schedule.cells.len(), 4 * usize::from(MEMBERS));
    assert_eq!(newest.unwrap().cells.len(), schedule.cells.len());
    grown
}

#[test]
fn silent_members_take_no_more_of_the_memory_than_is_planned() {
    if std::env::var_os(MEASURED).is_some() {
        return println!("\nbytes={}\n", grown_by_silent_members());
    }
    let name = "schedule::tests::memory::silent_members_take_no_more_of_the_memory_than_is_planned";
    let output = Process::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(MEASURED, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let bytes = text.lines().find_map(|line| line.strip_prefix("bytes=")?.parse::<u64>().ok());
    let bytes = bytes.unwrap_or_else(|| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)));
    assert!(bytes > SCHEDULE_MAX_BYTES / 4, "{bytes} bytes are too few: was it measured?");
    assert!(bytes <= SCHEDULE_MAX_BYTES, "{bytes} bytes are more than {SCHEDULE_MAX_BYTES}");
}
