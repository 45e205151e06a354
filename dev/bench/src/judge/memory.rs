//! The most memory that this process had at any moment.

use std::fs;

use crate::problem::Problem;

/// Sets the high-water mark of the resident memory back to what is resident now (proc(5), `clear_refs`); returns that, in bytes.
pub(super) fn reset() -> Result<u64, Problem> {
    fs::write("/proc/self/clear_refs", "5").map_err(Problem::system("writing /proc/self/clear_refs"))?;
    peak()
}

/// The high-water mark, in bytes.
pub(super) fn peak() -> Result<u64, Problem> {
    let status =
        fs::read_to_string("/proc/self/status").map_err(Problem::system("reading /proc/self/status"))?;
    read(&status).ok_or_else(|| Problem::NotThere("/proc/self/status has no VmHWM".to_owned()))
}

fn read(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_read_in_bytes_and_its_absence_is_seen() {
        assert_eq!(read("VmPeak:\t 9 kB\nVmHWM:\t   12 kB\n"), Some(12_288));
        assert_eq!(read("VmPeak:\t 9 kB\n"), None);
    }

    #[test]
    fn what_is_allocated_after_a_reset_shows() {
        let before = reset().unwrap();
        let block = std::hint::black_box(vec![1_u8; 64 << 20]);
        assert!(peak().unwrap() >= before + (60 << 20));
        drop(block);
    }
}
