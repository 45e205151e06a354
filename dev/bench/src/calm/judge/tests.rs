use super::*;

fn part(false_verdicts: u64) -> Part {
    let tally = Tally {
        probes: 2_000_000,
        echoes: 1_000_000,
        looked_echoes: 100_000,
        false_verdicts: [false_verdicts, 0],
        ..Tally::default()
    };
    Part { network: Network { loss: 0.1, late: 0.0 }, tally }
}

#[test]
fn one_false_verdict_breaks_the_promise_and_those_of_the_check_do_not() {
    let second = Duration::from_secs(1);
    assert!(judge(&part(0), &part(300), second).broken.is_empty());
    assert_eq!(judge(&part(1), &part(300), second).broken.len(), 1);
}

#[test]
fn a_verdict_needs_seven_silences_after_a_look_and_eight_without() {
    let predicted = part(0).predicted();
    // Round trips fail at 19 %; a burst asks 1 + 0.19 + 0.19^2 ... + 0.19^6 times, and a suspicion the other check as well.
    let burst = (1.0 - 0.19_f64.powi(7)) / (1.0 - 0.19);
    let rounds = (1_000_000.0 - 100_000.0 * burst) / (1.0 + 2.0 * 0.19 * burst);
    assert!((predicted.own - rounds * 0.19_f64.powi(8)).abs() < 1e-6);
    assert!((predicted.looked - (100_000.0 + rounds * 0.19) * 0.19_f64.powi(7)).abs() < 1e-6);
}
