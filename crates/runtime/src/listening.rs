//! Sockets that listen.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use meshvane_shared::setting::Bind;
use nix::errno::Errno;
use socket2::{Domain, Protocol, Socket, Type};

/// Connections whose handshake the kernel completes before we accept them: all agents come at once when the
/// server restarts, and a mesh of thousands may probe one agent within a second. The kernel cuts it to
/// `net.core.somaxconn`, which is 4,096 as well.
pub const BACKLOG: i32 = 4096;

/// Opens a listening socket that does not block. It belongs to no runtime yet, so that any thread may serve
/// it.
///
/// # Errors
/// The address that was tried, and what the kernel says.
pub fn listen(bind: Bind, port: u16) -> io::Result<TcpListener> {
    let address = SocketAddr::new(bind.address(), port);
    let opened = match open(address) {
        // A kernel without IPv6 has no socket for it, one with IPv6 switched off has no address.
        Err(error) if bind == Bind::Everywhere && lacks_ipv6(&error) => {
            open(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))
        }
        opened => opened,
    };
    opened.map_err(|error| io::Error::new(error.kind(), format!("cannot listen on {address}: {error}")))
}

fn lacks_ipv6(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL | Errno::EPROTONOSUPPORT)
    )
}

fn open(address: SocketAddr) -> io::Result<TcpListener> {
    let socket =
        Socket::new(Domain::for_address(address), Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // A restarted program takes its port back while old connections linger in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_and_a_free_one_is_chosen() {
        let bind = Bind::Address(Ipv4Addr::LOCALHOST.into());
        let first = listen(bind, 0).unwrap().local_addr().unwrap();
        assert_ne!(first.port(), 0);
        let held = listen(bind, 0).unwrap();
        let taken = held.local_addr().unwrap();
        let error = listen(bind, taken.port()).unwrap_err();
        assert!(error.to_string().starts_with(&format!("cannot listen on {taken}: ")), "{error}");
    }

    #[test]
    fn a_kernel_without_ipv6_is_told_from_a_taken_port() {
        let of = |errno: Errno| io::Error::from_raw_os_error(errno as i32);
        assert!(lacks_ipv6(&of(Errno::EAFNOSUPPORT)));
        assert!(lacks_ipv6(&of(Errno::EADDRNOTAVAIL)));
        assert!(lacks_ipv6(&of(Errno::EPROTONOSUPPORT)));
        assert!(!lacks_ipv6(&of(Errno::EADDRINUSE)));
        assert!(!lacks_ipv6(&of(Errno::EACCES)));
    }
}
