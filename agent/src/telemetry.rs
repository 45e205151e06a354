//! Where the log goes: the only place that knows the subscriber.

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;

use meshvane_shared::setting::LogLevel;

/// Sends the log of this process to standard error, in colour when that is a terminal.
///
/// A second call changes nothing: a program that links this library may have its own subscriber.
pub fn start(level: LogLevel) {
    let filter = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let started = tracing_subscriber::fmt()
        .with_max_level(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .try_init();
    if started.is_err() {
        tracing::debug!("the log has a subscriber already");
    }
}
