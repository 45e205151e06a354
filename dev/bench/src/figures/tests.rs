use super::*;

#[test]
fn bytes_are_shown_in_units_of_a_million() {
    assert_eq!(megabytes(9_994_999), "9.99");
    assert_eq!(megabytes(0), "0.00");
}

#[test]
fn a_process_that_runs_a_millisecond_each_second_takes_one_thousandth_of_a_core() {
    let share = millicores(Duration::from_millis(120), Duration::from_mins(2));
    assert!((share - 1.0).abs() < 1e-9, "{share}");
    assert!(millicores(Duration::from_secs(1), Duration::ZERO).abs() < f64::EPSILON);
}

#[test]
fn the_median_is_a_value_that_was_seen() {
    let check = |values: &[u64], expected| assert_eq!(median(values), expected, "{values:?}");
    check(&[], None);
    check(&[7], Some(7));
    check(&[9, 1], Some(1));
    check(&[5, 1, 9], Some(5));
}

#[test]
fn columns_are_as_wide_as_their_widest_cell() {
    let row = |cells: &[&str]| cells.iter().map(ToString::to_string).collect::<Vec<_>>();
    let text = table(&[row(&["what", "n"]), row(&["a", "100"]), row(&["longer"])]);
    assert_eq!(text, "what      n\na       100\nlonger\n");
}
