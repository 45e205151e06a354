//! What we cannot ask is told as that, whatever was known before.

use std::cell::Cell;
use std::rc::Rc;

use super::*;

const NO_RESOURCE: Outcome = Outcome::Unmeasured(Reason::NoResource);

/// What a world does with the questions about node 1: it may be dead, and we may be without sockets.
#[derive(Clone, Default)]
struct Knobs {
    is_dead: Rc<Cell<bool>>,
    no_sockets: Rc<Cell<bool>>,
}

impl Knobs {
    fn network(&self) -> Network {
        let knobs = self.clone();
        Box::new(move |question, _| {
            if knobs.no_sockets.get() {
                Reply::With(Duration::ZERO, Answer::Unmeasured(Reason::NoResource))
            } else if knobs.is_dead.get() && node_of(question) == 1 {
                Reply::Never
            } else {
                Reply::After(MILLISECOND)
            }
        })
    }
}

fn last_outcomes(world: &World, node: u8) -> Vec<(Outcome, Option<u64>)> {
    let (_, report) = world.full_rounds().pop().unwrap();
    let name = format!("node-{node}");
    let is_of_node =
        |cell: &&CellBody| report.plan.targets[usize::try_from(cell.target).unwrap()].node.as_str() == name;
    let cells = report.cells.iter().filter(is_of_node);
    cells.map(|cell| (cell.outcome.read(), cell.failing_for_ms)).collect()
}

/// A world in which node 1 is down since about 20 s.
fn down(knobs: &Knobs) -> World {
    let mut world = World::with_plan(3, knobs.network());
    world.run_until(seconds(20.0));
    knobs.is_dead.set(true);
    world.run_until(seconds(40.0));
    assert!(last_outcomes(&world, 1).iter().all(|(outcome, _)| outcome.is_unreached()));
    world
}

fn look(node: &str) -> Event {
    Event::Look(vec![NodeName::parse(node).unwrap()])
}

#[test]
fn a_peer_that_was_down_and_cannot_be_asked_is_unmeasured_also_when_somebody_looks() {
    let knobs = Knobs::default();
    let mut world = down(&knobs);
    // It answers again, and we have no socket to see it with.
    knobs.is_dead.set(false);
    knobs.no_sockets.set(true);
    world.run_until(seconds(60.0));
    world.posts.clear();
    world.tell(look("node-1"));
    world.run_until(seconds(80.0));
    assert_eq!(world.unreached_about(1), []);
    for node in [1, 2] {
        let outcomes = last_outcomes(&world, node);
        assert!(outcomes.iter().all(|outcome| *outcome == (NO_RESOURCE, None)), "{node}: {outcomes:?}");
    }
    knobs.no_sockets.set(false);
    world.run_until(seconds(100.0));
    assert!(last_outcomes(&world, 1).iter().all(|(outcome, _)| matches!(outcome, Outcome::Reached(_))));
}

#[test]
fn a_failure_that_could_not_be_measured_for_a_while_keeps_its_beginning() {
    let knobs = Knobs::default();
    let mut world = down(&knobs);
    knobs.no_sockets.set(true);
    world.run_until(seconds(60.0));
    assert!(last_outcomes(&world, 1).iter().all(|(outcome, _)| *outcome == NO_RESOURCE));
    knobs.no_sockets.set(false);
    world.run_until(seconds(80.0));
    for (outcome, failing_for) in last_outcomes(&world, 1) {
        assert!(outcome.is_unreached());
        let ended = world.full_rounds().pop().unwrap().0;
        let since = ended.saturating_sub(Duration::from_millis(failing_for.unwrap()));
        assert!(since >= seconds(20.0) && since <= seconds(26.0), "{since:?}");
    }
}

#[test]
fn an_answer_in_between_ends_the_beginning() {
    let knobs = Knobs::default();
    let mut world = down(&knobs);
    knobs.no_sockets.set(true);
    world.run_until(seconds(60.0));
    knobs.no_sockets.set(false);
    knobs.is_dead.set(false);
    world.run_until(seconds(80.0));
    knobs.is_dead.set(true);
    world.run_until(seconds(100.0));
    for (outcome, failing_for) in last_outcomes(&world, 1) {
        assert!(outcome.is_unreached());
        assert!(failing_for.unwrap() <= 20_000, "{failing_for:?}");
    }
}

/// What a burst of a suspected cell shows when its probes go as these letters say: `x` is silent, `?` could not be sent, `+` is
/// answered. The probe of the round that raised the suspicion failed; of a cell that is down, a look raises it.
fn burst(is_down: bool, letters: &str) -> Outcome {
    let knobs = Knobs::default();
    let script = Rc::new(Cell::new(None::<usize>));
    let (letters, cursor, inner) = (letters.to_owned(), Rc::clone(&script), knobs.network());
    let is_asked = Question::Tcp("192.0.2.1:22".parse().unwrap());
    let network: Network = Box::new(move |question, sent| {
        if *question == is_asked
            && let Some(next) = cursor.get()
        {
            cursor.set(Some(next + 1));
            return match letters.chars().nth(next) {
                // After the burst the next probe of a round is not judged in time to matter.
                Some('x') | None => Reply::Never,
                Some('+') => Reply::After(MILLISECOND),
                Some('?') => Reply::With(Duration::ZERO, Answer::Unmeasured(Reason::NoResource)),
                Some(other) => panic!("not a letter of a burst: {other}"),
            };
        }
        inner(question, sent)
    });
    let mut world = World::with_plan(2, network);
    world.run_until(seconds(20.0));
    knobs.is_dead.set(true);
    if is_down {
        world.run_until(seconds(40.0));
        script.set(Some(0));
        world.tell(look("node-1"));
    } else {
        // The whole node is silent, so that the burst has four probes. The round's own probe fails first.
        let asked = |world: &World| {
            let tcp =
                |question: &Question| matches!(question, Question::Tcp(address) if address.port() == 22);
            world.started.iter().any(|(at, question)| *at > seconds(20.0) && tcp(question))
        };
        while !asked(&world) {
            world.run_until(world.now + MILLISECOND);
        }
        script.set(Some(0));
    }
    world.run_until(world.now + if is_down { seconds(1.7) } else { seconds(2.7) });
    let said = world.said_about(1);
    let (_, _, _, cell) =
        said.iter().rfind(|(_, check, plane, _)| (*check, *plane) == (CheckKind::Tcp, Plane::Host)).unwrap();
    assert!(!cell.suspect);
    cell.outcome.read()
}

#[test]
fn a_burst_proves_a_failure_only_by_probes_that_were_sent() {
    let timeout = Outcome::Unreached(Cause::Timeout);
    let check = |is_down, letters, expected| assert_eq!(burst(is_down, letters), expected, "{letters}");
    // A new failure takes all four.
    check(false, "xxxx", timeout);
    check(false, "xxx?", NO_RESOURCE);
    check(false, "?xxx", NO_RESOURCE);
    check(false, "????", NO_RESOURCE);
    // One that stands is confirmed by a single one, as in a round.
    check(true, "xxxx", timeout);
    check(true, "???x", timeout);
    check(true, "????", NO_RESOURCE);
    // An answer that is not followed by another one does not end it; beside probes that were not sent it leaves it open.
    check(true, "x+xx", timeout);
    check(true, "x+??", NO_RESOURCE);
}
