//! From the command line to the exit code.

use std::io::{self, Write as _};
use std::net::TcpListener;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser as _;
use lab::sandbox::{self, EnterError, Entry, Inherited};
use tokio::runtime::Builder;

use crate::cli::{self, Cli};
use crate::expect::needs_namespaces;
use crate::ground::{Ground, GroundError};
use crate::loopback::Loopback;
use crate::namespaces::Namespaces;
use crate::show::Show;
use crate::{listen, output, parts};

/// The exit code of a wrong word on the command line, as clap has it.
const WRONG_WORD: u8 = 2;
/// Blocking work that is still under way at the end, a fault being made say, is not waited for longer: it ends with the
/// process.
const LEFTOVERS: Duration = Duration::from_millis(100);

/// Runs the program.
#[expect(clippy::disallowed_methods, reason = "the clock of the whole run starts here")]
pub(crate) fn main() -> ExitCode {
    let start = Instant::now();
    if let Some(code) = parts::play(std::env::args_os().skip(1)) {
        return code;
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // When even standard error is closed, the exit code is all that is left to say.
            let _unheard = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(WRONG_WORD));
        }
    };
    if cli.list {
        return match write!(io::stdout(), "{}", cli::list(cli.nodes)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        };
    }
    if let Some(problem) = cli.problem() {
        return fail(&problem, ExitCode::from(WRONG_WORD));
    }
    if cli.loopback {
        return on_loopback(&cli, start, "--loopback asks for loopback addresses");
    }
    in_namespaces(&cli, start)
}

fn in_namespaces(cli: &Cli, start: Instant) -> ExitCode {
    let outside = std::env::var_os(sandbox::MARKER).is_none();
    let listener = match outside.then(|| listen::open(cli.port)).transpose() {
        Ok(listener) => listener,
        Err(error) => return fail(&error, ExitCode::from(WRONG_WORD)),
    };
    match sandbox::enter(listener) {
        Ok(Entry::Finished(code)) => {
            output::restore_after_a_kill();
            code
        }
        Ok(Entry::Inside(inherited)) => inside(cli, start, inherited),
        Err(refused) if outside && is_forbidden(&refused) => {
            on_loopback(cli, start, &format!("network namespaces are forbidden here: {refused}"))
        }
        Err(refused) => fail(&refused, ExitCode::FAILURE),
    }
}

/// Whether this process is still as it was, so that it can do without namespaces.
fn is_forbidden(refused: &EnterError) -> bool {
    match refused {
        EnterError::UserNamespace { .. } | EnterError::Namespaces { .. } | EnterError::Mapping { .. } => true,
        EnterError::Spawn(_)
        | EnterError::Wait(_)
        | EnterError::Loopback(_)
        | EnterError::Orphaned
        | EnterError::Marker { .. } => false,
    }
}

fn inside(cli: &Cli, start: Instant, inherited: Inherited) -> ExitCode {
    // Started from within another sandbox, nobody handed a listener in.
    let listener = match inherited.listener.map_or_else(|| listen::open(cli.port), Ok) {
        Ok(listener) => listener,
        Err(error) => return fail(&error, ExitCode::from(WRONG_WORD)),
    };
    let mut notes = inherited.lacking;
    run(cli, start, || {
        let port = port_of(cli, &listener, &mut notes)?;
        let ground = Ground::Namespaces(Namespaces::build(cli.nodes, listener)?);
        Ok((ground, port, notes))
    })
}

fn on_loopback(cli: &Cli, start: Instant, reason: &str) -> ExitCode {
    if let Some((scenario, why)) =
        cli.scenario.and_then(|scenario| Some((scenario, needs_namespaces(scenario)?)))
    {
        let refused = GroundError::NotHere { scenario, reason: why };
        return fail(&format!("{refused} ({reason})"), ExitCode::from(WRONG_WORD));
    }
    let listener = match listen::open(cli.port) {
        Ok(listener) => listener,
        Err(error) => return fail(&error, ExitCode::from(WRONG_WORD)),
    };
    let mut notes = vec![format!("{reason}; faults of the network cannot be shown")];
    run(cli, start, || {
        let port = port_of(cli, &listener, &mut notes)?;
        // The server itself listens there.
        drop(listener);
        Ok((Ground::Loopback(Loopback::build(cli.nodes, port)?), port, notes))
    })
}

/// The port of the API, with a note when it is not the usual one though the user named none.
fn port_of(cli: &Cli, listener: &TcpListener, notes: &mut Vec<String>) -> Result<u16, GroundError> {
    let address = listener.local_addr().map_err(GroundError::system("reading a socket's address"))?;
    if cli.port.is_none() && address.port() != listen::USUAL_PORT {
        notes.push(format!("port {} is taken, so the API is on {}", listen::USUAL_PORT, address.port()));
    }
    Ok(address.port())
}

/// The ground, the port of the API and what the user should know.
type Built = (Ground, u16, Vec<String>);

fn run(cli: &Cli, start: Instant, build: impl FnOnce() -> Result<Built, GroundError>) -> ExitCode {
    // One thread, this one: processes that are bound to their parent's life are bound to the thread that started them.
    let runtime = match Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error, ExitCode::FAILURE),
    };
    let ended = runtime.block_on(async {
        let (ground, port, notes) = build()?;
        Show::new(cli, start, ground, port)?.run(notes).await
    });
    runtime.shutdown_timeout(LEFTOVERS);
    match ended {
        Ok(code) => code,
        Err(error) => fail(&error, ExitCode::FAILURE),
    }
}

/// Says why, in one line.
fn fail(problem: &dyn std::fmt::Display, code: ExitCode) -> ExitCode {
    // When even standard error is closed, the exit code is all that is left to say.
    let _unheard = writeln!(io::stderr(), "demo: {problem}");
    code
}
