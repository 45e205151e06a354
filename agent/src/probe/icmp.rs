//! ICMP echo, one socket for each address family.
//!
//! Unprivileged datagram sockets come first, raw ones only when those are not permitted, and when neither is, every answer
//! is `Unmeasured(not_permitted)`, said once in the log. The library would choose silently, so the choice is made here and
//! checked afterwards. On raw sockets it hands out any ICMP message that quotes our request: only an echo reply is a reply.
//! On datagram sockets the kernel owns the identifier, so one counter numbers all requests of a socket.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use meshvane_shared::address::Family;
use meshvane_shared::limits::PROBE_HARD_LIMIT;
use meshvane_shared::outcome::{Cause, Reason};
use nix::errno::Errno;
use socket2::{Domain, Protocol, Socket, Type};
use surge_ping::{Client, Config, ICMP, IcmpPacket, PingIdentifier, PingSequence, SurgeError};

use super::Answer;
use super::tcp::{is_rejection, unmeasured};

/// How long a socket that could not be opened is left alone: a permission may be granted while we run.
pub const REOPEN_AFTER: Duration = Duration::from_secs(30);
/// The library's own limit. The schedule drops the probe before that.
const LIBRARY_LIMIT: Duration = PROBE_HARD_LIMIT.saturating_add(Duration::from_secs(1));
/// Payload of a request: as `ping` sends, so that no firewall takes it for something else.
const PAYLOAD: [u8; 56] = [0x6d; 56];
/// Type of an echo reply, RFC 792.
const ECHO_REPLY_V4: u8 = 0;
/// Type of an echo reply, RFC 4443 section 4.2.
const ECHO_REPLY_V6: u8 = 129;

/// The two kinds of socket that can send an echo request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketKind {
    /// Unprivileged, where `net.ipv4.ping_group_range` includes our group.
    Datagram,
    /// Needs `CAP_NET_RAW`.
    Raw,
}

/// Opens a socket of a kind and closes it again: may we?
pub type Opener = fn(Family, SocketKind) -> io::Result<()>;

/// Both families.
#[derive(Debug)]
pub struct Pingers {
    ipv4: Pinger,
    ipv6: Pinger,
}

#[derive(Debug)]
struct Pinger {
    family: Family,
    opener: Opener,
    identifier: u16,
    // A std mutex: held for a few instructions, never across an await.
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Unopened,
    Open(Open),
    Closed { reason: Reason, until: Instant },
}

#[derive(Clone)]
struct Open {
    client: Client,
    next_sequence: Arc<std::sync::atomic::AtomicU16>,
}

impl std::fmt::Debug for Open {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Open")
    }
}

impl Pingers {
    /// Makes pingers; `identifier` tells our replies from those to other processes on a raw socket. Sockets are opened when
    /// first needed, so a family without addresses has none.
    pub fn new(opener: Opener, identifier: u16) -> Self {
        let pinger = |family| Pinger { family, opener, identifier, state: Mutex::new(State::Unopened) };
        Self { ipv4: pinger(Family::Ipv4), ipv6: pinger(Family::Ipv6) }
    }

    /// Sends an echo request and waits for its reply.
    pub async fn ask(&self, address: IpAddr) -> Answer {
        let address = address.to_canonical();
        match Family::of(address) {
            Family::Ipv4 => self.ipv4.ask(address).await,
            Family::Ipv6 => self.ipv6.ask(address).await,
        }
    }

    /// Opens the socket of a family now, so that a missing permission is said at the start.
    pub fn open(&self, family: Family) {
        let pinger = match family {
            Family::Ipv4 => &self.ipv4,
            Family::Ipv6 => &self.ipv6,
        };
        // What is wrong is in the log, and every answer says it again.
        let _told = pinger.opened();
    }
}

impl Pinger {
    async fn ask(&self, address: IpAddr) -> Answer {
        let open = match self.opened() {
            Ok(open) => open,
            Err(reason) => return Answer::Unmeasured(reason),
        };
        let mut pinger = open.client.pinger(address, PingIdentifier(self.identifier)).await;
        pinger.timeout(LIBRARY_LIMIT);
        let sequence = open.next_sequence.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        match pinger.ping(PingSequence(sequence), &PAYLOAD).await {
            Ok((packet, rtt)) => read_reply(&packet, rtt),
            Err(SurgeError::IOError(error)) => {
                let answer = judge_send_error(&error);
                if answer.is_none() {
                    tracing::warn!(family = %self.family, %error, "ICMP socket failed and is opened anew");
                    self.forget();
                }
                answer.unwrap_or(Answer::Unmeasured(Reason::NoResource))
            }
            Err(SurgeError::ClientDestroyed | SurgeError::NetworkError) => {
                self.forget();
                Answer::Unmeasured(Reason::NoResource)
            }
            Err(SurgeError::Timeout { .. }) => Answer::Failed(Cause::Timeout),
            Err(
                SurgeError::IdenticalRequests { .. }
                | SurgeError::IncorrectBufferSize
                | SurgeError::MalformedPacket(_)
                | SurgeError::EchoRequestPacket,
            ) => Answer::Unmeasured(Reason::NoResource),
        }
    }

    fn forget(&self) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = State::Unopened;
    }

    fn opened(&self) -> Result<Open, Reason> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now();
        match &*state {
            State::Open(open) => return Ok(open.clone()),
            State::Closed { reason, until } if now < *until => return Err(*reason),
            State::Closed { .. } | State::Unopened => {}
        }
        let told = matches!(&*state, State::Closed { .. });
        match self.open_client() {
            Ok(open) => {
                *state = State::Open(open.clone());
                Ok(open)
            }
            Err((reason, error)) => {
                if !told {
                    tracing::warn!(
                        family = %self.family,
                        %error,
                        "no ICMP socket, so icmp checks of this family are not measured: let net.ipv4.ping_group_range \
                         include the group of this process, or give it CAP_NET_RAW"
                    );
                }
                *state = State::Closed { reason, until: now + REOPEN_AFTER };
                Err(reason)
            }
        }
    }

    fn open_client(&self) -> Result<Open, (Reason, io::Error)> {
        let kind = choose(|kind| (self.opener)(self.family, kind))?;
        let config = Config::builder()
            .kind(match self.family {
                Family::Ipv4 => ICMP::V4,
                Family::Ipv6 => ICMP::V6,
            })
            .sock_type_hint(kind.socket_type())
            .build();
        let client = Client::new(&config).map_err(|error| (unmeasured(&error), error))?;
        if client.get_socket().get_type() != kind.socket_type() {
            let error = io::Error::other("the kind of socket that was chosen could not be opened");
            return Err((Reason::NoResource, error));
        }
        tracing::info!(family = %self.family, kind = ?kind, "ICMP socket open");
        Ok(Open { client, next_sequence: Arc::default() })
    }
}

impl SocketKind {
    fn socket_type(self) -> Type {
        match self {
            Self::Datagram => Type::DGRAM,
            Self::Raw => Type::RAW,
        }
    }
}

/// Opens a real socket.
///
/// # Errors
/// What the kernel says.
pub fn open_socket(family: Family, kind: SocketKind) -> io::Result<()> {
    let (domain, protocol) = match family {
        Family::Ipv4 => (Domain::IPV4, Protocol::ICMPV4),
        Family::Ipv6 => (Domain::IPV6, Protocol::ICMPV6),
    };
    Socket::new(domain, kind.socket_type().cloexec(), Some(protocol)).map(drop)
}

/// Chooses the kind of socket: raw only when a datagram one is not permitted.
fn choose(may_open: impl Fn(SocketKind) -> io::Result<()>) -> Result<SocketKind, (Reason, io::Error)> {
    let Err(error) = may_open(SocketKind::Datagram) else {
        return Ok(SocketKind::Datagram);
    };
    if unmeasured(&error) != Reason::NotPermitted {
        return Err((unmeasured(&error), error));
    }
    match may_open(SocketKind::Raw) {
        Ok(()) => Ok(SocketKind::Raw),
        Err(error) => Err((unmeasured(&error), error)),
    }
}

fn read_reply(packet: &IcmpPacket, rtt: Duration) -> Answer {
    let (family, icmp_type, icmp_code) = match packet {
        IcmpPacket::V4(packet) => (Family::Ipv4, packet.get_icmp_type().0, packet.get_icmp_code().0),
        IcmpPacket::V6(packet) => (Family::Ipv6, packet.get_icmpv6_type().0, packet.get_icmpv6_code().0),
    };
    judge_message(family, icmp_type, icmp_code, rtt)
}

fn judge_message(family: Family, icmp_type: u8, icmp_code: u8, rtt: Duration) -> Answer {
    let echo_reply = match family {
        Family::Ipv4 => ECHO_REPLY_V4,
        Family::Ipv6 => ECHO_REPLY_V6,
    };
    if icmp_type == echo_reply {
        return Answer::Reached { rtt };
    }
    if is_rejection(family, icmp_type, icmp_code) {
        return Answer::Failed(Cause::Rejected { icmp_type, icmp_code });
    }
    Answer::Failed(Cause::NoRoute)
}

/// What an error of sending shows; `None` when it shows that the socket is of no use any more.
fn judge_send_error(error: &io::Error) -> Option<Answer> {
    match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENETUNREACH | Errno::EHOSTUNREACH | Errno::ENETDOWN | Errno::EHOSTDOWN) => {
            Some(Answer::Failed(Cause::NoRoute))
        }
        // A firewall of this machine dropped the request: that says nothing about the network.
        Some(Errno::EPERM | Errno::EACCES) => Some(Answer::Unmeasured(Reason::NotPermitted)),
        Some(
            Errno::ENOBUFS
            | Errno::EMFILE
            | Errno::ENFILE
            | Errno::ENOMEM
            | Errno::EAGAIN
            | Errno::EADDRNOTAVAIL
            | Errno::EINVAL,
        ) => Some(Answer::Unmeasured(Reason::NoResource)),
        Some(_) | None => None,
    }
}

#[expect(clippy::disallowed_methods, reason = "a driver: when a socket is tried again")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
