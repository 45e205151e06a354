//! Members that are only told of: what their agents would post. Pure.

use std::io::Write as _;
use std::net::Ipv4Addr;

use flate2::Compression;
use flate2::write::GzEncoder;
use meshvane_shared::check::CheckKind;
use meshvane_shared::name::{BootId, NodeName};
use meshvane_shared::outcome::Outcome;
use meshvane_shared::plan::PlanVersion;
use meshvane_shared::wire::heartbeat::HeartbeatBody;
use meshvane_shared::wire::outcome::OutcomeBody;
use meshvane_shared::wire::plan::PlanBody;
use meshvane_shared::wire::round::{CellBody, RoundBody};

/// The interval that they claim, the default one.
const INTERVAL_MS: u64 = 5000;
/// The port that hosts are said to answer on.
const HOST_PORT: u16 = 10256;

/// A member, by its number and its addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its number.
    pub(crate) number: u16,
    /// Its node's address.
    pub(crate) host: Ipv4Addr,
    /// Its pod's address.
    pub(crate) pod: Ipv4Addr,
}

impl Member {
    fn name(self) -> NodeName {
        let text = format!("ip-10-82-{:05}.eu-central-1.compute.internal", self.number);
        NodeName::parse(&text).expect("lower-case letters, hyphens, dots and digits are a name")
    }

    fn boot(self) -> BootId {
        BootId::parse(&format!("boot-{}", self.number)).expect("letters, a hyphen and digits are a boot id")
    }

    /// A heartbeat. Each member has a port of its own, so that members at one address are different targets.
    pub(crate) fn heartbeat(self) -> Vec<u8> {
        json(&HeartbeatBody {
            namespace: "kube-system".to_owned(),
            node_ip: self.host.to_string(),
            pod_ip: self.pod.to_string(),
            pod_name: format!("agent-{}", self.number),
            node: Some(self.name()),
            client_port: Some(10_000 + self.number),
            interval_ms: Some(INTERVAL_MS),
            probe_interval_ms: Some(INTERVAL_MS),
            boot_id: Some(self.boot()),
            uptime_ms: Some(1000),
            version: Some("0.1.0".to_owned()),
            ..HeartbeatBody::default()
        })
    }

    /// A whole round in which everything answers, compressed.
    pub(crate) fn round(self, plan: &PlanBody) -> Vec<u8> {
        let own = self.name();
        let targets = plan.targets.as_deref().unwrap_or_default();
        let others = targets.iter().enumerate().filter(|(_, target)| target.node != own);
        let cell = |index: usize, check: CheckKind, port: Option<u16>| CellBody {
            target: u32::try_from(index).expect("a plan has at most 20,000 targets"),
            check: check.into(),
            port,
            outcome: OutcomeBody::from(Outcome::reached(300)),
            age_ms: 0,
            suspect: false,
            failing_for_ms: None,
        };
        let cells = others.flat_map(|(index, target)| {
            let port = Some(target.port.unwrap_or(HOST_PORT));
            CheckKind::ON_PLANES.map(|check| cell(index, check, port.filter(|_| check == CheckKind::Tcp)))
        });
        let round = RoundBody {
            sequence: 1,
            interval_ms: INTERVAL_MS,
            took_ms: 100,
            cells: cells.collect(),
            ..RoundBody::empty(
                own.clone(),
                self.boot(),
                PlanVersion { epoch: plan.epoch, generation: plan.generation },
            )
        };
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let zipped = encoder.write_all(&json(&round)).and_then(|()| encoder.finish());
        zipped.expect("writing to memory does not fail")
    }
}

fn json(body: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(body).expect("bodies hold texts and numbers, which JSON can hold")
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use meshvane_shared::check::Plane;
    use meshvane_shared::plan::Target;

    use super::*;

    #[test]
    fn a_round_has_a_cell_of_each_check_for_each_target_of_others() {
        let member = |number| Member { number, host: [10, 84, 0, 1].into(), pod: [10, 85, 0, 1].into() };
        let target = |number: u16| Target {
            node: member(number).name(),
            plane: Plane::Host,
            address: [10, 84, 0, 1].into(),
            port: None,
            zone: None,
        };
        let mut plan: PlanBody =
            serde_json::from_str(r#"{"epoch":"0123456789abcdef","generation":3}"#).unwrap();
        plan.targets = Some((0..5).map(target).collect());
        let mut text = String::new();
        flate2::read::GzDecoder::new(&member(2).round(&plan)[..]).read_to_string(&mut text).unwrap();
        let round: RoundBody = serde_json::from_str(&text).unwrap();
        assert_eq!(round.cells.len(), 4 * CheckKind::ON_PLANES.len());
        assert!(round.cells.iter().all(|cell| cell.target != 2));
    }
}
