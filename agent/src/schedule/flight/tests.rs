use std::collections::BTreeSet;
use std::sync::Arc;

use meshvane_shared::check::Plane;
use meshvane_shared::name::NodeName;
use meshvane_shared::plan::{Epoch, Plan, PlanVersion, Target};

use super::*;
use crate::schedule::tests::{MILLISECOND, Reply, World, seconds, settings};
use crate::schedule::{Event, FRESH_SPREAD, Question};

/// Far more members than probes of one engine fit into the time of a round.
const MEMBERS: u16 = 600;

fn plan() -> Arc<Plan> {
    let target = |number: u16| {
        let [high, low] = number.to_be_bytes();
        Target {
            node: NodeName::parse(&format!("node-{number:03}")).unwrap(),
            plane: Plane::Pod,
            address: [10, 1, high, low].into(),
            port: Some(6100),
            zone: None,
        }
    };
    let version = PlanVersion { epoch: Epoch(1), generation: 1 };
    Arc::new(Plan { version, targets: (0..MEMBERS).map(target).collect() })
}

/// An engine without a free place holds back its own probes alone, however many of them wait.
#[test]
fn silent_echoes_hold_up_no_connection() {
    let network = |question: &Question, _: Duration| match question {
        Question::Icmp(_) => Reply::Never,
        Question::Tcp(_) | Question::Health(_) | Question::Resolve { .. } => Reply::After(MILLISECOND),
    };
    let mut world = World::new(settings(&[]), Box::new(network));
    world.tell(Event::Plan(plan()));
    world.run_until(FRESH_SPREAD + 2 * MILLISECOND);
    let connected: BTreeSet<_> = world
        .started
        .iter()
        .filter_map(|(_, question)| match question {
            Question::Tcp(address) => Some(*address),
            Question::Icmp(_) | Question::Health(_) | Question::Resolve { .. } => None,
        })
        .collect();
    assert_eq!(connected.len(), usize::from(MEMBERS), "connections that were asked for in the first round");
    assert!(world.schedule.waiting.icmp.len() > 4 * IN_FLIGHT_MAX, "few echo requests wait");
}

/// The work of a wake does not grow with what waits: a full engine is asked once for each of its queues.
#[test]
fn a_full_engine_ends_the_search_at_the_first_that_waits() {
    let mut world = World::new(settings(&[]), Box::new(|_, _| Reply::Never));
    world.tell(Event::Plan(plan()));
    world.run_until(seconds(0.9));
    let waiting =
        |world: &World| [&world.schedule.waiting.icmp, &world.schedule.waiting.others].map(VecDeque::len);
    let before = waiting(&world);
    assert!(before.iter().all(|length| *length > 4 * IN_FLIGHT_MAX), "{before:?}");
    let first = world.schedule.waiting.icmp.front().copied();
    assert!(!world.schedule.start_next(world.now, false, true), "no place is free");
    assert_eq!((waiting(&world), world.schedule.waiting.icmp.front().copied()), (before, first));
}
