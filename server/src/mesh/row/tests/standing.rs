//! Failures that cannot be measured any more.

use super::*;

#[test]
fn what_cannot_be_measured_keeps_the_beginning_of_a_failure_until_something_answers() {
    let plan = three();
    let unmeasured = Outcome::Unmeasured(Reason::NoResource);
    let mut row = take(None, &plan, &round(1, &plan, vec![cell(1, REFUSED, 0)]), 1_000).row;
    let mut step = |sequence, body: CellBody| {
        let body = round(sequence, &plan, vec![body]);
        let applied = take(Some(&row), &plan, &body, i64::try_from(sequence).unwrap() * 1_000);
        row = applied.row;
        let timed = row.get(1, CheckKind::Icmp).unwrap();
        (timed, applied.changes.first().map(|change| change.kind))
    };
    let began = Some(Moment::default());
    let standing = Some(Standing { outcome: REFUSED, measured: Moment::from_millis(1_000) });
    for sequence in 2..4 {
        let (timed, change) = step(sequence, cell(1, unmeasured, 0));
        assert_eq!((timed.outcome, timed.failing_since, timed.standing), (unmeasured, began, standing));
        assert_eq!(change, None);
    }
    // It is measured again: the same failure, and its refusal is no news. This agent does not say since when.
    let (timed, change) = step(4, CellBody { failing_for_ms: None, ..cell(1, REFUSED, 0) });
    assert_eq!((timed.failing_since, timed.standing, change), (began, None, None));
    step(5, cell(1, unmeasured, 0));
    let (timed, change) = step(6, cell(1, Outcome::reached(1), 0));
    assert_eq!((timed.failing_since, timed.standing), (None, None));
    assert_eq!(change, Some(ChangeKind::Recovered));
    let (timed, _) = step(7, cell(1, unmeasured, 0));
    assert_eq!((timed.failing_since, timed.standing), (None, None), "an answer came before");
    let (timed, change) = step(8, cell(1, DOWN, 0));
    assert_eq!((timed.failing_since, change), (Some(Moment::from_millis(7_000)), Some(ChangeKind::Failed)));
}

#[test]
fn a_failure_that_stands_follows_its_target_and_not_another_port() {
    let plan = three();
    let unmeasured = Outcome::Unmeasured(Reason::NoResource);
    let tcp =
        |outcome, port| CellBody { check: CheckKind::Tcp.into(), port: Some(port), ..cell(1, outcome, 0) };
    let first = take(None, &plan, &round(1, &plan, vec![cell(2, DOWN, 0), tcp(DOWN, 22)]), 0).row;
    let body = round(2, &plan, vec![cell(2, unmeasured, 0), tcp(unmeasured, 23)]);
    let row = take(Some(&first), &plan, &body, 1_000).row;
    assert_eq!(row.get(1, CheckKind::Tcp).unwrap().standing, None);
    let after = super::plan(2, &[("node-3", "10.0.0.3")]);
    let mut part = round(3, &after, Vec::new());
    part.partial = true;
    let moved = take(Some(&row), &after, &part, 2_000).row;
    let standing = Some(Standing { outcome: DOWN, measured: Moment::default() });
    assert_eq!(moved.get(0, CheckKind::Icmp).unwrap().standing, standing);
    assert!(moved.has_standing());
}

#[test]
fn a_name_that_cannot_be_asked_for_keeps_its_failure_until_it_resolves() {
    let plan = three();
    let unmeasured = Outcome::Unmeasured(Reason::NoResource);
    let mut row = None;
    let mut step = |sequence: u64, outcome| {
        let mut body = round(sequence, &plan, Vec::new());
        body.services = vec![service(outcome, &[("10.96.0.10", outcome)])];
        let applied = take(row.as_ref(), &plan, &body, i64::try_from(sequence).unwrap() * 1_000);
        let service = row.insert(applied.row).services[0].clone();
        [service.resolution, service.resolvers[0].1].map(|timed| (timed.failing_since, timed.standing))
    };
    let [failed, _] = step(1, DOWN);
    let (since, measured) = (failed.0, Moment::from_millis(1_000));
    assert!(since.is_some());
    for sequence in 2..4 {
        let standing = Some(Standing { outcome: DOWN, measured });
        let [resolution, resolver] = step(sequence, unmeasured);
        assert_eq!((resolution.0, resolver.0), (since, since));
        let at_last = [resolution.1, resolver.1].map(|held| held.map(|held| held.outcome));
        assert_eq!(at_last, [standing.map(|held| held.outcome); 2]);
    }
    assert_eq!(step(4, Outcome::reached(1)), [(None, None); 2]);
}
