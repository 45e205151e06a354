//! What the schedule takes of the agent's memory.

use super::*;

/// As many members as a server takes, but for some that come and go.
const MEMBERS: u16 = 9_900;
/// Most that a schedule takes with as many members that are all silent, its newest reports among it.
const SCHEDULE_MAX_BYTES: u64 = 40 << 20;

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
fn grow(schedule: &mut Schedule, plan: Arc<Plan>) -> Report {
    let mut newest = None;
    let mut now = Duration::ZERO;
    let mut event = Event::Plan(plan);
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
    newest.unwrap()
}

#[test]
fn silent_members_take_no_more_of_the_memory_than_is_planned() {
    let mut kept = None;
    let memory = allocation_counter::measure(|| {
        let mut schedule = Schedule::new(settings(&[]));
        let newest = grow(&mut schedule, large_plan());
        kept = Some((schedule, newest));
    });
    let (schedule, newest) = kept.unwrap();
    assert_eq!(schedule.cells.len(), 4 * usize::from(MEMBERS));
    assert_eq!(newest.cells.len(), schedule.cells.len());
    let bytes = memory.bytes_max;
    assert!(bytes <= SCHEDULE_MAX_BYTES, "{bytes} bytes are more than {SCHEDULE_MAX_BYTES}");
    assert!(bytes > SCHEDULE_MAX_BYTES / 4, "{bytes} bytes are too few: was it measured?");
}
