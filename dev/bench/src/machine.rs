//! How busy the machine is: figures of a busy machine are worth less, and the reader should see it.

/// One line on the machine's load.
pub(crate) fn state(when: &str) -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let averages: Vec<&str> = load.split_whitespace().take(3).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{when}: load {} on {cores} cores", averages.join(" "))
}
