//! The first command of the README, as a script runs it, and the tables that it shows.

mod readme;

use std::process::Command;

/// Runs the demo to its end; its exit code and what it printed.
fn demo(arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_demo"))
        .args(arguments)
        .output()
        .expect("cargo built the demo for this test");
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}

#[test]
fn a_node_that_dies_in_the_demo_is_named_and_heals() {
    let (code, text) = demo(&["--scenario", "node-down", "--once", "--hold", "10"]);
    assert_eq!(code, Some(0), "{text}");
    for expected in
        ["full mesh: 5 nodes, 80 of 80 cells reached", "OPENED node_down", "RESOLVED node_down", "passed"]
    {
        assert!(text.contains(expected), "{expected} is not in\n{text}");
    }
}

#[test]
fn without_namespaces_the_demo_says_so_and_shows_a_mesh_on_loopback_addresses() {
    let (code, text) = demo(&["--loopback", "--nodes", "3", "--once"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("loopback"), "{text}");
}

#[test]
fn a_scenario_that_does_not_exist_is_an_error_that_names_those_that_do() {
    let (code, text) = demo(&["--scenario", "earthquake"]);
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("node-down"), "{text}");
}
