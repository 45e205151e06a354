//! The program installed by its chart, in the cluster that `KUBECONFIG` names.
//!
//! `kubectl` and `helm` are taken from `PATH`; the images are in the cluster already. What ordinary Kubernetes has no command
//! for (power off a node, run a command on it) is asked of the program that `MESHVANE_CLUSTER_NODES` names; without it the
//! tests that need it are not there, and a line says so. `tools/cluster-suite` prepares all that.
//!
//! One test after the other: each installs the program in a namespace of its own and takes it out again.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "all of this is test code, which the lints know only by the attributes of the usual harness"
)]

mod command;
mod faults;
mod forged;
mod forward;
mod hostile;
mod icmp;
mod inside;
mod installation;
mod installs;
mod kube;
mod many;
mod names;
mod operations;
mod power;
mod tls;
mod traces;

use std::process::ExitCode;

use e2e::harness::{self, Test};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    if !arguments.list
        && let Err(problem) = kube::check()
    {
        eprintln!("there is no cluster to test in: {problem}");
        return ExitCode::FAILURE;
    }
    // They share one cluster.
    arguments.test_threads = Some(1);
    let mut tests: Vec<&Test> = [
        installs::TESTS,
        icmp::TESTS,
        forged::TESTS,
        operations::TESTS,
        names::TESTS,
        tls::TESTS,
        traces::TESTS,
    ]
    .into_iter()
    .flatten()
    .collect();
    // Kubernetes is busy with thousands of lost Nodes for hours: whoever else loses one waits behind them.
    let of_nodes: Vec<&Test> = [inside::TESTS, hostile::TESTS, faults::TESTS, power::TESTS, many::TESTS]
        .into_iter()
        .flatten()
        .collect();
    if command::nodes_program().is_some() {
        tests.extend(of_nodes);
    } else {
        println!(
            "MESHVANE_CLUSTER_NODES is not set: {} tests that break nodes are not played",
            of_nodes.len()
        );
    }
    libtest_mimic::run(&arguments, tests.into_iter().map(harness::trial).collect()).exit_code()
}
