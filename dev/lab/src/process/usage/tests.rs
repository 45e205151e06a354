use super::*;

#[test]
fn resident_memory_is_read_in_bytes() {
    assert_eq!(resident("Name:\tx\nVmRSS:\t    2048 kB\nThreads:\t1\n"), Some(2_097_152));
    assert_eq!(resident("Name:\tkernel thread\n"), None);
}

#[test]
fn a_process_name_with_spaces_and_parentheses_does_not_shift_the_fields() {
    let stat = "42 (a b) c) S 1 42 42 0 -1 4194304 100 0 0 0 150 25 0 0 20 0 3 0 1 2 3";
    assert_eq!(processor_time(stat), Some(Duration::from_millis(1750)));
}

#[test]
fn this_process_has_a_cost() {
    let usage = read(std::process::id()).unwrap();
    assert!(usage.resident_bytes > 100_000, "{usage:?}");
}
