//! The listening socket that the user's browser and curl reach.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// The product's port.
pub(crate) const USUAL_PORT: u16 = 8080;
/// Ports that are tried when the user named none: enough for some other programs, few enough to guess the URL.
const PORTS_TRIED: u16 = 20;

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ListenError {
    /// The port that the user named.
    #[error("--port {port}: 127.0.0.1:{port} cannot be listened on: {source}")]
    Named {
        /// The port.
        port: u16,
        /// What the kernel said.
        source: io::Error,
    },
    /// Any of those that were tried.
    #[error(
        "none of the ports {USUAL_PORT} to {} of 127.0.0.1 can be listened on ({source}); name one with --port",
        USUAL_PORT + PORTS_TRIED - 1
    )]
    All {
        /// What the kernel said of the last.
        source: io::Error,
    },
}

/// Listens on 127.0.0.1, on this port, or on the usual one or the next that is free.
pub(crate) fn open(named: Option<u16>) -> Result<TcpListener, ListenError> {
    if let Some(port) = named {
        return bind(port).map_err(|source| ListenError::Named { port, source });
    }
    let mut refusal = io::ErrorKind::AddrInUse.into();
    for port in USUAL_PORT..USUAL_PORT + PORTS_TRIED {
        match bind(port) {
            Ok(listener) => return Ok(listener),
            Err(error) => refusal = error,
        }
    }
    Err(ListenError::All { source: refusal })
}

/// A port of 127.0.0.1 that nobody listens on now.
pub(crate) fn free_port() -> io::Result<u16> {
    Ok(bind(0)?.local_addr()?.port())
}

fn bind(port: u16) -> io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_named_and_taken_is_refused_by_name() {
        let taken = bind(0).unwrap();
        let port = taken.local_addr().unwrap().port();
        let error = open(Some(port)).unwrap_err().to_string();
        assert!(error.starts_with(&format!("--port {port}: ")), "{error}");
    }

    #[test]
    fn without_a_name_a_free_port_is_found_though_the_usual_one_is_taken() {
        // Whether or not somebody else has it: from here on it is taken.
        let _taken = bind(USUAL_PORT);
        let port = open(None).unwrap().local_addr().unwrap().port();
        assert!((USUAL_PORT + 1..USUAL_PORT + PORTS_TRIED).contains(&port), "{port}");
    }
}
