//! What this executable does when a test starts it again: the parts of the processes under test.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::Duration;

use lab::sandbox::{self, Entry, Inherited};
use lab::{Cluster, Environment, NodeId, Program, Spec, Where};
use nix::sys::signal::{SigSet, Signal};

/// The first argument that makes this executable play a part.
pub(crate) const PLAY: &str = "--play";

/// This executable, to play a part.
pub(crate) fn program(words: &[&str]) -> Program {
    let args = [PLAY].iter().chain(words).map(Into::into).collect();
    Program { path: std::env::current_exe().unwrap(), args }
}

pub(crate) fn play(name: &str, rest: &[String]) -> ExitCode {
    match name {
        "report" => report(),
        "run" => wait_for(Signal::SIGUSR1),
        "goodbye" => goodbye(),
        "show" => show(&rest[0]),
        "show-at-the-end" => {
            let mut asked = SigSet::empty();
            asked.add(Signal::SIGTERM);
            asked.thread_block().unwrap();
            println!("ready");
            asked.wait().unwrap();
            show(&rest[0])
        }
        "health" => health(),
        "exit" => inside(None, |_| ExitCode::from(rest[0].parse::<u8>().unwrap())),
        "interrupted" => inside(None, |_| {
            println!("ready");
            wait_for(Signal::SIGUSR1)
        }),
        "nested" => inside(None, |inherited| nested(&inherited)),
        "left-behind" => inside(None, |_| left_behind(rest)),
        "relay" => relay(),
        "measure" => inside(None, |_| measure(rest)),
        other => panic!("no part is called {other}"),
    }
}

fn inside(listener: Option<TcpListener>, part: impl FnOnce(Inherited) -> ExitCode) -> ExitCode {
    match sandbox::enter(listener) {
        Ok(Entry::Inside(inherited)) => part(inherited),
        Ok(Entry::Finished(code)) => code,
        Err(refused) => {
            eprintln!("{refused}");
            ExitCode::FAILURE
        }
    }
}

/// Waits for a signal that nobody sends, or for this one.
fn wait_for(signal: Signal) -> ExitCode {
    let mut set = SigSet::empty();
    set.add(signal);
    set.thread_block().unwrap();
    set.wait().unwrap();
    ExitCode::SUCCESS
}

/// Prints what the process was given.
#[expect(clippy::disallowed_methods, reason = "it shows the environment, it does not read settings")]
fn report() -> ExitCode {
    for (name, value) in std::env::vars() {
        println!("env {name}={value}");
    }
    print!("{}", std::fs::read_to_string("/proc/self/status").unwrap());
    ExitCode::SUCCESS
}

/// Ends in order when asked to.
fn goodbye() -> ExitCode {
    wait_for(Signal::SIGTERM);
    println!("goodbye");
    ExitCode::SUCCESS
}

/// Prints a file.
fn show(path: &str) -> ExitCode {
    print!("{}", std::fs::read_to_string(path).unwrap());
    ExitCode::SUCCESS
}

/// Says its node's name to whoever connects to an agent's port.
#[expect(clippy::disallowed_methods, reason = "it shows the environment, it does not read settings")]
fn health() -> ExitCode {
    let listener = TcpListener::bind((std::net::Ipv6Addr::UNSPECIFIED, lab::AGENT_PORT)).unwrap();
    let name = std::env::var("NODE_NAME").unwrap();
    println!("ready, server {}", std::env::var("SERVER_URL").unwrap());
    for connection in listener.incoming() {
        // Whoever asked may have gone.
        let _written = connection.unwrap().write_all(name.as_bytes());
    }
    ExitCode::SUCCESS
}

/// Enters again, which must change nothing.
fn nested(inherited: &Inherited) -> ExitCode {
    let namespace = std::fs::read_link("/proc/self/ns/net").unwrap();
    if inherited.nested {
        println!("nested {}", namespace.display());
        return ExitCode::SUCCESS;
    }
    println!("first {}", namespace.display());
    let again = std::process::Command::new(std::env::current_exe().unwrap()).args([PLAY, "nested"]).status();
    assert!(again.unwrap().success());
    ExitCode::SUCCESS
}

/// Runs a cluster with an agent and waits to be killed, or panics.
fn left_behind(rest: &[String]) -> ExitCode {
    let cluster = Cluster::build(&Spec::nodes(2)).unwrap();
    let agent = cluster.start_agent(NodeId(1), &program(&["run", &rest[1]]), &Environment::new()).unwrap();
    println!("ready");
    std::io::stdout().flush().unwrap();
    assert!(rest[0] != "panic" || !agent.is_running(), "as it was told to");
    wait_for(Signal::SIGUSR1)
}

/// Relays a listener bound outside to the server's namespace, until standard output's reader is gone.
fn relay() -> ExitCode {
    let mut listener = None;
    if std::env::var_os(sandbox::MARKER).is_none() {
        let bound = TcpListener::bind("127.0.0.1:0").unwrap();
        println!("{}", bound.local_addr().unwrap());
        listener = Some(bound);
    }
    inside(listener, |inherited| {
        let cluster = Cluster::build(&Spec::nodes(1)).unwrap();
        let bind = || TcpListener::bind("127.0.0.1:8080").unwrap();
        let server = cluster.in_namespace(Where::Server, bind).unwrap();
        let relay = cluster.relay(inherited.listener.unwrap(), 8080).unwrap();
        let (mut connection, peer) = server.accept().unwrap();
        let mut question = [0; 4];
        connection.read_exact(&mut question).unwrap();
        assert_eq!(&question, b"who?");
        write!(connection, "{}", peer.ip()).unwrap();
        // The relay ends connections when it is dropped; the answer must have been read by then.
        assert_eq!(connection.read(&mut question).unwrap(), 0);
        drop(relay);
        ExitCode::SUCCESS
    })
}

/// Prints how long clusters of these sizes take to build and to drop.
#[expect(clippy::disallowed_methods, reason = "it measures")]
fn measure(rest: &[String]) -> ExitCode {
    for count in rest.iter().map(|word| word.parse().unwrap()) {
        let start = std::time::Instant::now();
        let cluster = Cluster::build(&Spec::nodes(count)).unwrap();
        let built = start.elapsed();
        drop(cluster);
        let dropped: Duration = start.elapsed().saturating_sub(built);
        println!("{count} nodes: built in {built:?}, dropped in {dropped:?}");
    }
    ExitCode::SUCCESS
}
