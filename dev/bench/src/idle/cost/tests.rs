use super::*;

#[test]
fn memory_is_read_from_the_line_of_its_name() {
    let text = "VmHWM:\t    9000 kB\nVmRSS:\t    1234 kB\nPss_Anon:   7 kB\nPss:   12 kB\n";
    let check = |name, expected| assert_eq!(kibibytes(text, name), expected, "{name}");
    check("VmRSS:", Some(1234 * 1024));
    check("Pss:", Some(12 * 1024));
    check("VmSwap:", None);
}

#[test]
fn a_process_that_works_has_taken_time_and_memory() {
    let before = Cost::read(std::process::id()).unwrap();
    let mut sum = 0_u64;
    for number in 0..10_000_000_u64 {
        sum = std::hint::black_box(sum.wrapping_add(number));
    }
    let after = Cost::read(std::process::id()).unwrap();
    assert!(after.cpu > before.cpu, "{before:?} {after:?}");
    assert!(after.resident_bytes > 100_000, "{after:?}");
}

#[test]
fn a_process_that_is_not_there_is_a_problem_with_its_number() {
    // Above the largest number that a kernel gives out (proc_sys_kernel(5), pid_max).
    let problem = Cost::read(4_194_305).unwrap_err().to_string();
    assert!(problem.contains("4194305"), "{problem}");
}
