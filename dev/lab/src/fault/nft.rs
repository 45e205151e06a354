//! The door to the packet filter: the program `nft`, run inside a namespace.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::LabError;
use crate::netns::Netns;

/// Where it is when PATH does not lead there: distributions leave these out of ordinary users' PATH.
const OTHER_PLACES: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Gives the rules to `nft`, which applies all or none.
pub(crate) fn run(netns: &Netns, rules: &str) -> Result<(), LabError> {
    let program = find().ok_or(LabError::NftMissing)?;
    netns.run(|| {
        let mut child = Command::new(&program)
            .args(["-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|source| LabError::Spawn { program, source })?;
        if let Some(mut input) = child.stdin.take() {
            // One that ends before it has read all says why on standard error.
            let _written = input.write_all(rules.as_bytes());
        }
        let output = child.wait_with_output().map_err(LabError::system("waiting for nft"))?;
        if output.status.success() {
            return Ok(());
        }
        let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(LabError::Nft { message, rules: rules.to_owned() })
    })?
}

fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let others = OTHER_PLACES.iter().map(PathBuf::from);
    std::env::split_paths(&path).chain(others).map(|place| place.join("nft")).find(|file| file.is_file())
}
