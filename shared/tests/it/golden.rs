//! Golden files: the shape of every body that crosses the wire, frozen.
//!
//! Agents, server and readers are rolled out apart from each other, so a body must be read by versions that were
//! written before and after the one that wrote it. A change of a file in `tests/golden` is a change of the protocol.
//! `UPDATE_GOLDEN=1 cargo test -p meshvane-shared golden` rewrites them.

mod bodies;
mod compare;
mod compat;
mod forward;

use std::collections::BTreeSet;

use compare::{Golden, folder};

#[test]
fn every_body_is_written_and_read_as_its_golden_file_says() {
    let all: Vec<Golden> = bodies::all().into_iter().chain(compat::all()).collect();
    let problems: Vec<String> = all.iter().filter_map(|golden| golden.problem.clone()).collect();
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));

    let kept: BTreeSet<String> = all.into_iter().map(|golden| format!("{}.json", golden.name)).collect();
    let found: BTreeSet<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(found, kept, "each golden file has its body, and each body its file");
}
