use super::*;

#[test]
fn counts_of_clients_add_up_and_only_the_first_texts_are_kept() {
    let mut sum = Tally::default();
    for client in 0..4 {
        let mut tally = Tally::default();
        tally.answered(Route::Round, 200, Duration::from_millis(1));
        tally.answered(Route::Round, 503, Duration::from_millis(1));
        tally.unanswered += 1;
        tally.not_accepted += 1;
        tally.note(|| format!("first of {client}"));
        tally.note(|| format!("second of {client}"));
        sum.merge(tally);
    }
    assert_eq!((sum.answers(), sum.not_ok(), sum.unanswered, sum.not_accepted), (8, 4, 4, 4));
    assert_eq!(sum.times[&Route::Round].count(), 8);
    assert_eq!(sum.texts.len(), TEXTS_KEPT);
    assert_eq!(sum.texts[0], "first of 0");
}
