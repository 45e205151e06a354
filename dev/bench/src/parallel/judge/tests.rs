use super::super::route::Route;
use super::*;

fn phase() -> Phase {
    let mut tally = Tally::default();
    tally.answered(Route::Health, 200, Duration::from_millis(1));
    Phase { tally, elapsed: Duration::from_secs(1), cpu: Duration::from_millis(10) }
}

fn curve(last: u64) -> Curve {
    let mut curve = Curve::default();
    (0..60).for_each(|second| curve.push(if second < 50 { 10_000_000 } else { last }));
    curve
}

fn measured() -> Measured {
    Measured { load: phase(), baseline: phase(), curve: curve(10_000_000), lost: Vec::new(), rows: 2 }
}

#[test]
fn a_run_without_a_fault_keeps_every_promise() {
    let found = judge(measured());
    assert!(found.broken.is_empty(), "{:?}", found.broken);
    assert!(found.text.contains("GET /api/v1/health"), "{}", found.text);
}

#[test]
fn each_kind_of_fault_breaks_a_promise() {
    let check = |fault: fn(&mut Measured), expected: &[&str]| {
        let mut measured = measured();
        fault(&mut measured);
        assert_eq!(judge(measured).broken, expected);
    };
    check(
        |run| run.load.tally.answered(Route::Agents, 500, Duration::ZERO),
        &["1 answers had another status than 200 under load"],
    );
    check(|run| run.load.tally.unanswered = 2, &["2 requests had no answer under load"]);
    check(|run| run.load.tally.not_accepted = 3, &["3 rounds were not accepted under load"]);
    check(|run| run.baseline.tally.unanswered = 1, &["1 requests had no answer in the baseline"]);
    check(|run| run.lost.push("a row".to_owned()), &["1 rows are not shown as they were posted", "a row"]);
    check(
        |run| run.curve = curve(20_000_000),
        &["the memory grew from 10.00 to 20.00 MB; 13.10 are promised"],
    );
    check(|run| run.curve = Curve::default(), &["too few samples of the memory"]);
    check(|run| run.load.tally = Tally::default(), &["nothing was answered under load"]);
}
