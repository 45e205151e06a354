//! Which addresses become targets, and what agents say of other servers.

use std::net::IpAddr;

use meshvane_shared::plan::Target;

use super::*;

/// The target of a node that was not heard, at this address.
fn remembered(address: &str) -> Vec<Target> {
    let address = address.parse().unwrap();
    vec![Target { node: name(9), plane: Plane::Host, address, port: None, zone: None }]
}

/// A server after a restart: two agents are heard, one of them at this address, and both remember these targets.
fn recalled(own: &str, targets: &[Target]) -> Vec<IpAddr> {
    let collector = collector(Epoch(8));
    for number in 1..=2 {
        let node_ip = if number == 1 { own.to_owned() } else { heartbeat(number).node_ip };
        collector.heartbeat(HeartbeatBody { node_ip, ..heartbeat(number) }, at(1_000)).unwrap();
        let version = PlanVersion { epoch: Epoch(7), generation: 1 };
        let empty = RoundBody::empty(name(number), BootId::parse("boot").unwrap(), version);
        let body = RoundBody { sequence: 1, interval_ms: 5_000, targets: Some(targets.to_vec()), ..empty };
        let _refused = collector.round(&body, at(1_000));
    }
    collector.judge(at(1_000));
    let plan = collector.plan(&PlanAsk::default(), at(1_000)).unwrap().plan;
    plan.targets.iter().filter(|target| target.node == name(9)).map(|target| target.address).collect()
}

#[test]
fn what_agents_remember_becomes_a_target_only_where_a_heartbeat_could_have_named_it() {
    let ordinary = remembered("10.0.0.9");
    assert_eq!(recalled("10.0.0.1", &ordinary), [ordinary[0].address]);
    let mapped = recalled("10.0.0.1", &remembered("::ffff:10.0.0.9"));
    assert_eq!(mapped, [ordinary[0].address], "members at one address are counted whatever its form");
    for address in ["224.0.0.1", "169.254.169.254", "64:ff9b::a9fe:a9fe"] {
        assert_eq!(recalled("10.0.0.1", &remembered(address)), [] as [IpAddr; 0], "{address}");
    }
}

#[test]
fn loopback_addresses_are_recalled_only_in_a_mesh_of_loopback_addresses() {
    let loopback = remembered("127.0.1.9");
    assert_eq!(recalled("10.0.0.1", &loopback), [] as [IpAddr; 0]);
    assert_eq!(recalled("127.0.1.1", &loopback), [loopback[0].address]);
}

fn problems(collector: &Collector, millis: i64) -> Vec<(String, Vec<String>)> {
    let agents = collector.agents(at(millis)).agents;
    agents.into_iter().map(|agent| (agent.node.to_string(), agent.problems)).collect()
}

#[test]
fn members_that_are_left_out_of_the_plan_are_said() {
    let collector = collector(EPOCH);
    for number in 1..=6 {
        let body = HeartbeatBody { node_ip: "10.0.0.1".into(), ..heartbeat(number) };
        collector.heartbeat(body, at(i64::from(number))).unwrap();
    }
    collector.judge(at(100));
    let said = problems(&collector, 100);
    assert!(said[..4].iter().all(|(_, problems)| problems.is_empty()), "{said:?}");
    assert!(said[4..].iter().all(|(_, problems)| problems[0].contains("10.0.0.1")), "{said:?}");
}

#[test]
fn a_second_server_is_said_when_two_agents_report_it() {
    let collector = collector(EPOCH);
    let report = |number: u8, epochs: &[u64], millis| {
        let epochs_in_turn = epochs.iter().map(|epoch| Epoch(*epoch)).collect();
        collector.heartbeat(HeartbeatBody { epochs_in_turn, ..heartbeat(number) }, at(millis)).unwrap();
        collector.judge(at(millis));
        let said = problems(&collector, millis);
        said.into_iter()
            .filter(|(_, problems)| !problems.is_empty())
            .map(|(node, _)| node)
            .collect::<Vec<_>>()
    };
    let own = EPOCH.0;
    assert_eq!(report(1, &[own, 99], 0), [""; 0], "one alone may lie");
    assert_eq!(report(2, &[], 100), [""; 0]);
    assert_eq!(report(3, &[98, 99], 200), [""; 0], "that was before this server started");
    assert_eq!(report(2, &[99, own], 300), ["node-1", "node-2"]);
    assert!(collector.second_server.load(Ordering::Relaxed));
    collector.judge(at(30_000));
    assert!(!collector.second_server.load(Ordering::Relaxed), "those who report it are silent");
    assert_eq!(report(1, &[own, 99], 30_100), [""; 0]);
    assert_eq!(report(2, &[99, own], 30_300), ["node-1", "node-2"]);
    assert_eq!(report(1, &[], 30_400), [""; 0]);
    assert!(!collector.second_server.load(Ordering::Relaxed));
}
