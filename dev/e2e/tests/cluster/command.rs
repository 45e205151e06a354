//! Programs that the tests run.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// What became of a program.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) ok: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a program to its end.
pub(crate) fn run(program: &str, arguments: &[&str], stdin: &str) -> Ran {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{program}: {error}"));
    let mut input = child.stdin.take().unwrap();
    // A program that ends without reading its input says why on its other streams.
    let _unread = input.write_all(stdin.as_bytes());
    drop(input);
    let output = child.wait_with_output().unwrap();
    Ran {
        ok: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// Runs a program that must succeed; what it prints.
pub(crate) fn must(program: &str, arguments: &[&str], stdin: &str) -> String {
    let ran = run(program, arguments, stdin);
    assert!(ran.ok, "{program} {}: {}{}", arguments.join(" "), ran.stdout, ran.stderr);
    ran.stdout
}

/// The program that breaks nodes: `stop NODE`, `start NODE`, `unplug NODE`, `plug NODE`, `on NODE COMMAND...`, `api-stop`,
/// `api-start`, `log NODE PROGRAM`.
pub(crate) fn nodes_program() -> Option<PathBuf> {
    std::env::var_os("MESHVANE_CLUSTER_NODES").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Asks it.
pub(crate) fn nodes(arguments: &[&str]) -> String {
    let program = nodes_program().unwrap();
    must(program.to_str().unwrap(), arguments, "")
}

/// Puts the cluster right again, whatever became of the test: a command that is run when this is dropped.
#[derive(Debug)]
pub(crate) struct Undo {
    program: String,
    arguments: Vec<String>,
}

impl Undo {
    /// By a program.
    pub(crate) fn by(program: &str, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { program: program.to_owned(), arguments }
    }

    /// By the program that breaks nodes.
    pub(crate) fn on_nodes(arguments: &[&str]) -> Self {
        Self::by(nodes_program().unwrap().to_str().unwrap(), arguments)
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        // A test that fails may be what runs this; the next one tells when it did not help.
        let _ran = run(&self.program, &arguments, "");
    }
}
