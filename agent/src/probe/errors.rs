//! What an error of a socket shows: something about the network, or something about us.
//!
//! ```text
//!   opening a socket, registering it    always about us:     Unmeasured(not_permitted | no_resource)
//!   sending, connecting (at once)       our kernel's routes: Failed(no_route); loopback's refusal: Failed(refused)
//!                                       a rule of ours:      Unmeasured(blocked)
//!                                       port, buffer, memory: Unmeasured(no_resource)
//!   SO_ERROR of a connect under way     always about the network, but for the lack of memory
//! ```

use std::io;

use meshvane_shared::outcome::{Cause, Reason};
use nix::errno::Errno;

use super::Answer;

/// Why a socket could not be opened or watched.
pub(crate) fn of_opening(error: &io::Error) -> Reason {
    match errno(error) {
        Some(Errno::EPERM | Errno::EACCES) => Reason::NotPermitted,
        // EMFILE, ENFILE, ENOBUFS, ENOMEM, a family that the kernel does not have: nothing to ask with.
        Some(_) | None => Reason::NoResource,
    }
}

/// What an error of sending, or of a connect that fails at once, shows; `None` where it shows nothing that is known.
///
/// EINVAL is what a `blackhole` route answers (`fib_props` of the kernel): what we pass ourselves is valid. EPERM comes from a rule of
/// our own machine that drops the packet, EACCES from a `prohibit` route or a security module.
pub(crate) fn of_sending(error: &io::Error) -> Option<Answer> {
    match errno(error) {
        Some(
            Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::ENETDOWN | Errno::EHOSTDOWN | Errno::EINVAL,
        ) => Some(Answer::Failed(Cause::NoRoute)),
        Some(Errno::ECONNREFUSED) => Some(Answer::Failed(Cause::Refused)),
        Some(Errno::ECONNRESET | Errno::ECONNABORTED | Errno::EPIPE) => Some(Answer::Failed(Cause::Reset)),
        Some(Errno::ETIMEDOUT) => Some(Answer::Failed(Cause::Timeout)),
        Some(Errno::EPERM | Errno::EACCES) => Some(Answer::Unmeasured(Reason::Blocked)),
        Some(
            Errno::ENOBUFS
            | Errno::ENOMEM
            | Errno::EMFILE
            | Errno::ENFILE
            | Errno::EAGAIN
            | Errno::EADDRINUSE
            | Errno::EADDRNOTAVAIL,
        ) => Some(Answer::Unmeasured(Reason::NoResource)),
        Some(_) | None => None,
    }
}

/// What the error of a connection that was under way shows (`icmp_err_convert` and `tab_unreach` of the kernel say what becomes of ICMP).
pub(crate) fn of_connecting(error: &io::Error) -> Answer {
    match errno(error) {
        // An ICMP error of the way, whose type and code the error queue did not keep.
        Some(
            Errno::EACCES
            | Errno::ENOPROTOOPT
            | Errno::EPROTO
            | Errno::EOPNOTSUPP
            | Errno::ENONET
            | Errno::EMSGSIZE,
        ) => Answer::Failed(Cause::NoRoute),
        Some(_) | None => of_sending(error).unwrap_or(Answer::Unmeasured(Reason::NoResource)),
    }
}

fn errno(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw)
}

#[cfg(test)]
mod tests;
