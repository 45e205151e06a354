//! What a process costs, finer than [`lab::Usage`]: processor time in nanoseconds, and its share of shared memory.

use std::fs;
use std::time::Duration;

use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;

use crate::problem::Problem;

/// The memory and processor time of a process at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cost {
    /// Memory that is resident, pages shared with other processes included.
    pub(super) resident_bytes: u64,
    /// The same, each shared page divided by the processes that share it; `None` where that may not be read.
    pub(super) proportional_bytes: Option<u64>,
    /// Memory that is resident and no file's: heap, stacks and what was changed of the program.
    pub(super) anonymous_bytes: Option<u64>,
    /// Processor time since its start, of all its threads, those that ended included.
    pub(super) cpu: Duration,
}

impl Cost {
    /// Reads it.
    ///
    /// The time is that of the process's own clock (`clock_getcpuclockid(3)`), which counts in nanoseconds what the threads'
    /// schedstat files count, and does not lose what a thread took that ended meanwhile; /proc/PID/stat has steps of 10 ms.
    pub(super) fn read(pid: u32) -> Result<Self, Problem> {
        let number = i32::try_from(pid).map_or(Pid::from_raw(0), Pid::from_raw);
        let clock = clock_getcpuclockid(number).and_then(clock_gettime);
        let cpu = clock.map_err(Problem::system(format!("reading the processor time of process {pid}")))?;
        let path = format!("/proc/{pid}/status");
        let status = fs::read_to_string(&path).map_err(Problem::system(format!("reading {path}")))?;
        let resident_bytes = kibibytes(&status, "VmRSS:")
            .ok_or_else(|| Problem::NotThere(format!("{path} does not say VmRSS: the process has ended")))?;
        let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
        Ok(Self {
            resident_bytes,
            proportional_bytes: kibibytes(&rollup, "Pss:"),
            anonymous_bytes: kibibytes(&rollup, "Anonymous:"),
            cpu: cpu.into(),
        })
    }
}

/// A line such as `VmRSS:  1234 kB`, which counts in units of 1024 bytes.
fn kibibytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let count: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(count * 1024)
}

/// The most memory that was seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Peak(pub(super) u64);

impl Peak {
    /// Sees this much.
    pub(super) fn see(&mut self, bytes: u64) {
        self.0 = self.0.max(bytes);
    }
}

#[cfg(test)]
mod tests;
