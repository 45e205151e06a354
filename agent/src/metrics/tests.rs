use std::time::Duration;

use meshvane_shared::check::Plane;
use meshvane_shared::name::{BootId, NodeName};
use meshvane_shared::outcome::{Cause, Reached, Reason};

use super::*;
use crate::clock::Clock;
use crate::outbox::{Outbox, Sender};

#[tokio::test]
async fn what_failed_and_what_was_not_measured_are_different_metrics() {
    let metrics = Metrics::default();
    let host = Place::Plane(Plane::Host);
    metrics.tally(Tally::Outcome(CheckKind::Icmp, host, Outcome::reached(10)));
    let slow = Outcome::Reached(Reached { rtt_us: None, late: true, retransmitted: true });
    metrics.tally(Tally::Outcome(CheckKind::Tcp, host, slow));
    let timeout = Outcome::Unreached(Cause::Timeout);
    metrics.tally(Tally::Outcome(CheckKind::Dns, Place::Service, timeout));
    let forbidden = Outcome::Unmeasured(Reason::NotPermitted);
    metrics.tally(Tally::Outcome(CheckKind::Icmp, host, forbidden));
    metrics.tally(Tally::Lost(CheckKind::Icmp, host));
    metrics.tally(Tally::Round { overrun: true });
    metrics.tally(Tally::Lag);
    metrics.heartbeat(true);
    metrics.heartbeat(false);
    metrics.in_flight(3);
    let sender = Sender {
        node: NodeName::parse("node-1").unwrap(),
        boot_id: BootId::parse("boot").unwrap(),
        interval: Duration::from_secs(5),
    };
    let mailbox = Arc::new(Mailbox::new(Outbox::new(sender), Clock::start()));
    let text = text(&metrics, &mailbox);
    for line in [
        "meshvane_agent_checks_reached_total{check=\"icmp\",plane=\"host\"} 1",
        "meshvane_agent_checks_unreached_total{check=\"dns\",plane=\"service\",cause=\"timeout\"} 1",
        "meshvane_agent_checks_unmeasured_total{check=\"icmp\",plane=\"host\",reason=\"not_permitted\"} 1",
        "meshvane_agent_answers_late_total{check=\"tcp\",plane=\"host\"} 1",
        "meshvane_agent_connects_retransmitted_total{check=\"tcp\",plane=\"host\"} 1",
        "meshvane_agent_probes_lost_total{check=\"icmp\",plane=\"host\"} 1",
        "meshvane_agent_rounds_overrun_total 1",
        "meshvane_agent_lags_total 1",
        "meshvane_agent_heartbeats_total{result=\"sent\"} 1",
        "meshvane_agent_heartbeats_total{result=\"failed\"} 1",
        "meshvane_agent_probes_in_flight 3",
        "meshvane_agent_outbox_rounds_total{state=\"produced\"} 0",
        "meshvane_agent_outbox_pending 0",
        "meshvane_agent_log_lines_dropped_total{reason=\"unread\"} 0",
        "meshvane_agent_log_lines_dropped_total{reason=\"limited\"} 0",
        &format!("meshvane_agent_build_info{{version=\"{VERSION}\"}} 1"),
    ] {
        assert!(text.contains(&format!("{line}\n")), "{line} in\n{text}");
    }
}
