//! A whole mesh on this machine: a server and several agents, a table of it in the terminal, and faults by name.

mod cli;
mod edges;
mod expect;
mod ground;
mod journal;
mod listen;
mod loopback;
mod namespaces;
mod output;
mod parts;
mod picture;
mod play;
mod screen;
mod show;
mod start;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    start::main()
}
