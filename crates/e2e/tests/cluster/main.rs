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
mod installation;
mod installs;
mod kube;
mod names;
mod operations;
mod power;
mod traces;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Trial};

/// A test with its name.
type Test = (&'static str, fn());

/// Makes a test of an asynchronous function: its name, and a function that runs it in a runtime of its own.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[crate::Test] =
            &[$((concat!(module_path!(), "::", stringify!($name)), || crate::run($name()))),*];
    };
}
pub(crate) use tests;

/// Runs one test.
fn run(test: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap().block_on(test);
}

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
    let mut tests: Vec<&Test> =
        [installs::TESTS, icmp::TESTS, forged::TESTS, operations::TESTS, names::TESTS, traces::TESTS]
            .into_iter()
            .flatten()
            .collect();
    let of_nodes: Vec<&Test> = [hostile::TESTS, power::TESTS, faults::TESTS].into_iter().flatten().collect();
    if command::nodes_program().is_some() {
        tests.extend(of_nodes);
    } else {
        println!(
            "MESHVANE_CLUSTER_NODES is not set: {} tests that break nodes are not played",
            of_nodes.len()
        );
    }
    let trial = |(name, test): &Test| {
        let test = *test;
        Trial::test(name.trim_start_matches("cluster::"), move || {
            test();
            Ok(())
        })
    };
    libtest_mimic::run(&arguments, tests.into_iter().map(trial).collect()).exit_code()
}
