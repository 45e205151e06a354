//! Processes: what they are given, and what becomes of them.

use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use lab::{Cluster, Environment, LabError, NodeId, NodeSpec, Ping, Program, Spec, Where};

use crate::plays::program;

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("an_agent_has_no_capability_and_a_clean_environment", report),
    ("a_process_is_killed_terminated_paused_and_resumed", signals),
    ("a_restarted_agent_has_its_place_and_environment_again", restart),
    ("a_new_pod_has_a_new_address_and_the_old_ping_permission", new_pod),
    ("dropping_the_cluster_kills_what_runs_in_it", dropped),
    ("a_program_that_is_not_there_is_named", missing_program),
    ("a_process_tells_its_cost", usage),
    ("a_future_runs_inside_a_namespace", future_inside),
    ("a_panic_inside_a_namespace_reaches_the_caller", panic_inside),
];

/// Far above what any process here takes to start or end.
const LONG: Duration = Duration::from_secs(30);

fn report() {
    let cluster = Cluster::build(&Spec::nodes(2)).unwrap();
    let changes = Environment::new().with("EXTRA", "yes").without("HOST_IPS");
    let agent = cluster.start_agent(NodeId(2), &program(&["report"]), &changes).unwrap();
    assert!(agent.wait(LONG).unwrap().success());
    let log = agent.log().unwrap();
    for expected in [
        "CapEff:\t0000000000000000",
        "CapPrm:\t0000000000000000",
        "CapBnd:\t0000000000000000",
        "env EXTRA=yes",
        "env NODE_NAME=node-2",
        "env POD_NAME=meshvane-agent-node-2-1",
        "env POD_IPS=10.81.2.2,fd81:2::2",
        "env SERVER_URL=http://10.80.0.2:8080",
        "env MESHVANE_ZONE=zone-2",
    ] {
        assert!(log.lines().any(|line| line == expected), "{expected:?} is not in\n{log}");
    }
    assert!(!log.contains("HOST_IPS") && !log.contains("env HOME="), "{log}");
}

fn signals() {
    let cluster = Cluster::build(&Spec::nodes(1)).unwrap();
    let start = |part| cluster.start_agent(NodeId(1), &program(&[part]), &Environment::new()).unwrap();
    let killed = start("run");
    killed.pause();
    assert!(killed.is_running());
    assert_eq!(state(killed.pid(), &['T']), 'T');
    killed.resume();
    assert_ne!(state(killed.pid(), &['R', 'S', 'D']), 'T');
    killed.kill();
    assert!(!killed.is_running());
    assert_eq!(killed.status().unwrap().signal(), Some(9));
    assert!(!std::path::Path::new(&format!("/proc/{}", killed.pid())).exists());

    let polite = start("run");
    polite.terminate();
    assert_eq!(polite.wait(LONG).unwrap().signal(), Some(15));
    assert_eq!(cluster.agents(NodeId(1)).len(), 0);
}

/// The process's state letter, as soon as it is one of the wanted: a signal to another process is delivered
/// when that one next runs.
fn state(pid: u32, wanted: &[char]) -> char {
    loop {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let letter = stat.rsplit_once(") ").unwrap().1.chars().next().unwrap();
        if wanted.contains(&letter) {
            return letter;
        }
        std::thread::yield_now();
    }
}

fn restart() {
    let cluster = Cluster::build(&Spec::nodes(1)).unwrap();
    let changes = Environment::new().with("EXTRA", "yes");
    let first = cluster.start_agent(NodeId(1), &program(&["report"]), &changes).unwrap();
    assert!(first.wait(LONG).unwrap().success());
    let second = cluster.restart(&first).unwrap();
    assert!(second.wait(LONG).unwrap().success());
    let environment = |log: String| -> Vec<String> {
        let mut lines: Vec<_> =
            log.lines().filter(|line| line.starts_with("env ")).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let lines = environment(second.log().unwrap());
    assert!(lines.contains(&"env EXTRA=yes".to_owned()), "{lines:?}");
    assert_eq!(environment(first.log().unwrap()), lines);
    assert_ne!(first.pid(), second.pid());
}

fn new_pod() {
    let refused = NodeSpec { ping: Ping::Refused, ..NodeSpec::default() };
    let cluster = Cluster::build(&Spec { nodes: vec![refused], ..Spec::default() }).unwrap();
    let first = cluster.start_agent(NodeId(1), &program(&["report"]), &Environment::new()).unwrap();
    assert!(first.wait(LONG).unwrap().success());
    cluster.delete_pod(&first).unwrap();
    let second = cluster.start_in_new_pod(&first).unwrap();
    assert!(second.wait(LONG).unwrap().success());
    assert!(second.log().unwrap().contains("env POD_IP=10.81.1.3\n"));
    assert!(second.log().unwrap().contains("env POD_NAME=meshvane-agent-node-1-2\n"));
    let pods = cluster.node(NodeId(1)).unwrap().pods;
    assert_eq!(pods.iter().map(|pod| (pod.id.number, pod.ping)).collect::<Vec<_>>(), [(3, Ping::Refused)]);
}

fn dropped() {
    let cluster = Cluster::build(&Spec::nodes(2)).unwrap();
    let logs = cluster.log_dir().to_owned();
    let start = |node| cluster.start_agent(NodeId(node), &program(&["run"]), &Environment::new()).unwrap();
    let agents = [start(1), start(2)];
    let server = cluster.start_server(&program(&["run"]), &Environment::new()).unwrap();
    assert_eq!(cluster.server().unwrap().pid(), server.pid());
    assert!(logs.exists());
    drop(cluster);
    for process in agents.iter().chain([&server]) {
        assert_eq!(process.status().unwrap().signal(), Some(9));
    }
    assert!(!logs.exists());
}

fn missing_program() {
    let cluster = Cluster::build(&Spec::nodes(1)).unwrap();
    let nothing = Program { path: "/nowhere/agent".into(), args: Vec::new() };
    let error = cluster.start_agent(NodeId(1), &nothing, &Environment::new()).unwrap_err();
    assert!(matches!(error, LabError::Spawn { .. }));
    assert!(error.to_string().starts_with("starting /nowhere/agent: "), "{error}");
}

fn usage() {
    let cluster = Cluster::build(&Spec::nodes(1)).unwrap();
    let agent = cluster.start_agent(NodeId(1), &program(&["run"]), &Environment::new()).unwrap();
    let usage = agent.usage().unwrap();
    assert!(usage.resident_bytes > 0 && usage.cpu < LONG, "{usage:?}");
    agent.kill();
    assert!(agent.usage().is_err());
}

fn future_inside() {
    let cluster = Cluster::build(&Spec::nodes(1)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let bound = runtime.block_on(cluster.run_in(Where::Server, || async {
        tokio::net::TcpListener::bind("10.80.0.2:0").await.unwrap().local_addr().unwrap().ip()
    }));
    assert_eq!(bound.unwrap(), cluster.server_addresses().primary());
}

fn panic_inside() {
    let cluster = Cluster::build(&Spec::nodes(1)).unwrap();
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        cluster.in_namespace(Where::Server, || std::panic::resume_unwind(Box::new("inside")))
    }));
    assert_eq!(*caught.unwrap_err().downcast::<&str>().unwrap(), "inside");
}
