//! What a process costs, read from /proc.

use std::fs;
use std::time::Duration;

use crate::LabError;

/// The unit of processor time in /proc: `USER_HZ`, 100 a second in the kernel's interface to programs (`proc_pid_stat(5)`).
const TICKS_PER_SECOND: u64 = 100;

/// The memory and processor time of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Memory that is resident now.
    pub resident_bytes: u64,
    /// Processor time since its start, user and system, in steps of 10 ms.
    pub cpu: Duration,
}

pub(super) fn read(pid: u32) -> Result<Usage, LabError> {
    let text = |name: &str| {
        let path = format!("/proc/{pid}/{name}");
        fs::read_to_string(&path).map_err(LabError::system(format!("reading {path}")))
    };
    let missing = |what: &str| LabError::Unknown(format!("{what} of process {pid}"));
    let status = text("status")?;
    let resident_bytes = resident(&status).ok_or_else(|| missing("resident memory"))?;
    let cpu = processor_time(&text("stat")?).ok_or_else(|| missing("processor time"))?;
    Ok(Usage { resident_bytes, cpu })
}

/// `VmRSS` in /proc/PID/status, which counts in KiB.
fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The 14th and 15th field of /proc/PID/stat; the second is a name that may hold anything, so counting
/// begins after its last parenthesis.
fn processor_time(stat: &str) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1000 / TICKS_PER_SECOND))
}

#[cfg(test)]
mod tests;
