//! TCP: a handshake, nothing said, and a reset instead of a farewell.
//!
//! `SO_LINGER` with 0 seconds makes the close a reset: no `TIME_WAIT` here, no conntrack entry that outlives it on the way.
//! The socket's error queue names who rejected a SYN by ICMP; it needs no privilege.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use meshvane_shared::address::Family;
use meshvane_shared::outcome::{Cause, Reason};
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpStream;

use super::{Answer, errors};

/// Room for one entry of the error queue: the extended error and the address of who sent it, twice over.
const ERROR_QUEUE_BYTES: usize = 256;

/// Connects, and tells how that went.
pub async fn ask(address: SocketAddr) -> Answer {
    let asked = now();
    match connect(address).await {
        Ok(()) => Answer::Reached { rtt: now().saturating_duration_since(asked) },
        Err(Failure::Opening(error)) => Answer::Unmeasured(errors::of_opening(&error)),
        Err(Failure::Sending(error)) => {
            errors::of_sending(&error).unwrap_or(Answer::Unmeasured(Reason::NoResource))
        }
        Err(Failure::Rejected { icmp_type, icmp_code }) => {
            Answer::Failed(Cause::Rejected { icmp_type, icmp_code })
        }
        Err(Failure::Connecting(error)) => errors::of_connecting(&error),
    }
}

#[derive(Debug)]
enum Failure {
    /// No socket, or none that can be watched.
    Opening(io::Error),
    /// Our own kernel did not let the connection begin.
    Sending(io::Error),
    /// It began and failed.
    Connecting(io::Error),
    Rejected {
        icmp_type: u8,
        icmp_code: u8,
    },
}

async fn connect(address: SocketAddr) -> Result<(), Failure> {
    let socket = open(address).map_err(Failure::Opening)?;
    match socket.connect(&address.into()) {
        Ok(()) => return Ok(()),
        Err(error) if error.raw_os_error() == Some(Errno::EINPROGRESS as i32) => {}
        Err(error) => return Err(Failure::Sending(error)),
    }
    let stream = TcpStream::from_std(socket.into()).map_err(Failure::Opening)?;
    stream.writable().await.map_err(Failure::Opening)?;
    let Some(error) = stream.take_error().map_err(Failure::Opening)? else {
        return Ok(());
    };
    match read_rejection(&stream) {
        Some((icmp_type, icmp_code)) => Err(Failure::Rejected { icmp_type, icmp_code }),
        None => Err(Failure::Connecting(error)),
    }
}

fn open(address: SocketAddr) -> io::Result<Socket> {
    let socket =
        Socket::new(Domain::for_address(address), Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))?;
    socket.set_linger(Some(Duration::ZERO))?;
    // Without the error queue a rejection is told as "no route": less said, nothing wrong.
    let _unsupported = match address {
        SocketAddr::V4(_) => setsockopt(&socket, sockopt::Ipv4RecvErr, &true),
        SocketAddr::V6(_) => setsockopt(&socket, sockopt::Ipv6RecvErr, &true),
    };
    Ok(socket)
}

/// Reads the ICMP type and code of a rejection from the socket's error queue, if one is there.
fn read_rejection(stream: &TcpStream) -> Option<(u8, u8)> {
    let mut ancillary = nix::cmsg_space!([u8; ERROR_QUEUE_BYTES]);
    let message = recvmsg::<SockaddrStorage>(
        stream.as_raw_fd(),
        &mut [],
        Some(&mut ancillary),
        MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT,
    )
    .ok()?;
    message
        .cmsgs()
        .ok()?
        .find_map(|control| {
            if let ControlMessageOwned::Ipv4RecvErr(error, _) = control {
                let (icmp_type, icmp_code) = (error.ee_type, error.ee_code);
                return (error.ee_origin == ORIGIN_ICMP).then_some((Family::Ipv4, icmp_type, icmp_code));
            }
            if let ControlMessageOwned::Ipv6RecvErr(error, _) = control {
                let (icmp_type, icmp_code) = (error.ee_type, error.ee_code);
                return (error.ee_origin == ORIGIN_ICMP6).then_some((Family::Ipv6, icmp_type, icmp_code));
            }
            None
        })
        .filter(|(family, icmp_type, icmp_code)| is_rejection(*family, *icmp_type, *icmp_code))
        .map(|(_, icmp_type, icmp_code)| (icmp_type, icmp_code))
}

/// `SO_EE_ORIGIN_ICMP` of the kernel's `errqueue.h`.
const ORIGIN_ICMP: u8 = 2;
/// `SO_EE_ORIGIN_ICMP6` of the kernel's `errqueue.h`.
const ORIGIN_ICMP6: u8 = 3;

/// Tells whether somebody forbade the packet: RFC 1812 section 5.2.7.1 and RFC 4443 section 3.1 (and RFC 4443's later
/// codes 5 and 6). Every other unreachable means that nobody answers.
pub(super) fn is_rejection(family: Family, icmp_type: u8, icmp_code: u8) -> bool {
    match family {
        Family::Ipv4 => icmp_type == 3 && matches!(icmp_code, 9 | 10 | 13),
        Family::Ipv6 => icmp_type == 1 && matches!(icmp_code, 1 | 5 | 6),
    }
}

#[expect(clippy::disallowed_methods, reason = "a probe measures its own time")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
