//! How many silences make a failure, and whose.

use super::*;

#[test]
fn six_silences_at_a_look_alone_are_no_failure() {
    let lost = seconds(20.0)..seconds(21.1);
    let network: Network = Box::new(move |question, sent| {
        let hit = node_of(question) == 1 && lost.contains(&sent) && matches!(question, Question::Icmp(_));
        if hit { Reply::Never } else { Reply::After(MILLISECOND) }
    });
    let mut world = World::with_plan(3, network);
    world.run_until(seconds(20.0));
    world.posts.clear();
    world.tell(Event::Look(vec![NodeName::parse("node-1").unwrap()]));
    world.run_until(seconds(30.0));
    assert_eq!(world.unreached_about(1), []);
    assert!(world.said_about(1).iter().any(|(_, _, _, cell)| cell.suspect));
    assert_eq!(world.reached_cells(1).len(), 4);
}

#[test]
fn where_one_check_is_answered_the_silence_of_the_other_takes_a_longer_burst() {
    let silent: Network = Box::new(|question, sent| {
        let hit = node_of(question) == 1 && sent >= seconds(20.0) && matches!(question, Question::Icmp(_));
        if hit { Reply::Never } else { Reply::After(MILLISECOND) }
    });
    let mut world = World::with_plan(2, silent);
    world.run_until(seconds(20.0));
    world.started.clear();
    world.run_until(seconds(30.0));
    let first = world
        .started
        .iter()
        .find(|(_, question)| node_of(question) == 1 && matches!(question, Question::Icmp(_)))
        .map(|(at, _)| *at)
        .unwrap();
    let (down, _) = world.unreached_about(1)[0];
    let confirmed = first + seconds(1.0 + 2.2);
    assert!(down >= confirmed && down <= confirmed + PARTIAL_SPACING, "{first:?} {down:?}");
}

#[test]
fn an_answer_to_the_other_check_that_comes_late_still_makes_the_burst_longer() {
    let (echo, syn) = (Question::Icmp([192, 0, 2, 1].into()), Question::Tcp(([192, 0, 2, 1], 22).into()));
    let (silent, first_syn) = (echo.clone(), std::cell::Cell::new(true));
    let half: Network = Box::new(move |question, sent| {
        let hit = sent >= seconds(20.0);
        match question {
            question if hit && *question == silent => Reply::Never,
            question if hit && *question == syn && first_syn.replace(false) => Reply::Never,
            question if hit && *question == syn => Reply::After(seconds(0.9)),
            _ => Reply::After(MILLISECOND),
        }
    });
    let mut world = World::with_plan(2, half);
    world.run_until(seconds(20.0));
    world.started.clear();
    world.run_until(seconds(30.0));
    let (down, _) = world.unreached_about(1)[0];
    let probes = world.started.iter().filter(|(at, question)| *at <= down && *question == echo).count();
    assert_eq!(probes, 8, "that of the round and seven");
}

#[test]
fn a_refusal_is_believed_at_once() {
    let refused: Network = Box::new(|question, sent| {
        let hit = node_of(question) == 1 && sent >= seconds(20.0) && matches!(question, Question::Tcp(_));
        if hit { Reply::With(MILLISECOND, Answer::Failed(Cause::Refused)) } else { Reply::After(MILLISECOND) }
    });
    let mut world = World::with_plan(2, refused);
    world.run_until(seconds(20.0));
    world.started.clear();
    world.run_until(seconds(30.0));
    let asked = world
        .started
        .iter()
        .filter(|(_, question)| matches!(question, Question::Tcp(address) if address.port() == 22));
    let first = asked.map(|(at, _)| *at).next().unwrap();
    let (down, _) = world.unreached_about(1)[0];
    assert!(down <= first + seconds(0.7) + PARTIAL_SPACING, "{first:?} {down:?}");
}
