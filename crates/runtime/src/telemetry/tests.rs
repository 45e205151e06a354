use tracing::Level;

use super::*;

#[test]
fn libraries_are_heard_only_in_errors_unless_somebody_looks_for_faults() {
    let check = |level: LogLevel, target: &str, event: Level, expected: bool| {
        assert_eq!(targets(level).would_enable(target, &event), expected, "{level:?}: {target} {event}");
    };
    for level in [LogLevel::Error, LogLevel::Warn, LogLevel::Info] {
        check(level, "hickory_net::udp", Level::WARN, false);
        check(level, "hickory_net::udp", Level::ERROR, true);
    }
    check(LogLevel::Debug, "hickory_net::udp", Level::WARN, true);
    check(LogLevel::Debug, "hickory_net::udp", Level::TRACE, false);
    check(LogLevel::Trace, "hickory_net::udp", Level::TRACE, true);
    for ours in ["meshvane_server::collector", "meshvane_agent::courier", "runtime::shutdown"] {
        check(LogLevel::Info, ours, Level::INFO, true);
        check(LogLevel::Info, ours, Level::DEBUG, false);
        check(LogLevel::Warn, ours, Level::WARN, true);
        check(LogLevel::Error, ours, Level::WARN, false);
    }
}
