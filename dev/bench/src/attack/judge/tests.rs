use super::*;

fn seen(millis: u64) -> Seen {
    let mut seen = Seen::default();
    seen.livez.add(Duration::from_millis(millis));
    seen.heartbeats.add(Duration::from_millis(millis));
    seen
}

fn wave(millis: u64, peak: u64) -> Wave {
    Wave { seen: seen(millis), outcomes: BTreeMap::new(), peak: peak << 20, alive: true }
}

fn measured(waves: Vec<Wave>) -> Measured {
    let look =
        Look { epoch: "0123456789abcdef".parse().unwrap(), generation: 1, fresh: 10, findings: Vec::new() };
    Measured { idle: 16 << 20, baseline: wave(2, 16), waves, after: Some((look, 10)), lost: Vec::new() }
}

#[test]
fn what_stays_within_the_promises_breaks_none() {
    let found = judge(measured(vec![wave(6, 72), wave(6, 79)]));
    assert_eq!(found.broken, [""; 0], "{}", found.text);
}

#[test]
fn each_promise_is_held() {
    let broken = |measured| judge(measured).broken;
    assert_eq!(broken(measured(vec![wave(7, 20), wave(6, 20)])).len(), 2, "both kinds of questions");
    assert_eq!(broken(measured(vec![wave(1, 81), wave(1, 81)])).len(), 2, "above idle");
    assert_eq!(broken(measured(vec![wave(1, 20), wave(1, 28)])).len(), 1, "the second wave");
    assert_eq!(broken(Measured { lost: vec!["one".to_owned()], ..measured(vec![wave(1, 20)]) }).len(), 2);
    assert_eq!(broken(Measured { after: None, ..measured(vec![wave(1, 20)]) }).len(), 1, "it ended");
    let mut silent = measured(vec![wave(1, 20)]);
    silent.waves[0].seen.failed.push("/livez: nothing".to_owned());
    assert_eq!(broken(silent).len(), 2, "a question without an answer");
}
