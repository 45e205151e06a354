//! ICMP echo, one socket for each address family.
//!
//! Unprivileged datagram sockets come first, raw ones only when those are not permitted, and when neither is, every answer
//! is `Unmeasured(not_permitted)`, said once in the log. The library would choose silently, so the choice is made here and
//! checked afterwards. On raw sockets it hands out any ICMP message that quotes our request: only an echo reply is a reply.
//! On datagram sockets the kernel owns the identifier, so one counter numbers all requests of a socket.
//!
//! A socket has one echo identifier for its life, and devices on the way keep a session for each identifier. A session that died there
//! stays dead as long as we use it. So the schedule can ask by a *fresh* socket, and one that is answered replaces the one in use
//! (`icmp/sockets.rs`).

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use meshvane_shared::address::Family;
use meshvane_shared::limits::PROBE_HARD_LIMIT;
use meshvane_shared::outcome::{Cause, Reason};
use socket2::{Domain, Protocol, Socket, Type};
use surge_ping::{Client, Config, ICMP, IcmpPacket, PingIdentifier, PingSequence, SurgeError};

use super::tcp::is_rejection;
use super::{Answer, errors};
use sockets::{Sockets, State};

mod sockets;

pub use sockets::{FRESH_KEPT, FRESH_SPACING};

/// How long a socket that is not permitted is left alone: a permission may be granted while we run.
pub const REOPEN_AFTER: Duration = Duration::from_secs(30);
/// The same for want of a descriptor or of memory, which may be there in a moment. A try costs microseconds.
pub const REOPEN_SOON: Duration = Duration::from_secs(1);
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
    sockets: Mutex<Sockets<Open>>,
}

#[derive(Clone)]
struct Open {
    client: Client,
    next_sequence: Arc<std::sync::atomic::AtomicU16>,
}

/// Which socket sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// The one in use.
    Usual,
    /// A fresh one, where one may be opened.
    Fresh,
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
        let pinger = |family| Pinger { family, opener, identifier, sockets: Mutex::default() };
        Self { ipv4: pinger(Family::Ipv4), ipv6: pinger(Family::Ipv6) }
    }

    /// Sends an echo request and waits for its reply.
    pub async fn ask(&self, address: IpAddr) -> Answer {
        self.send(address, By::Usual).await
    }

    /// Does the same by a fresh socket, if one is open or may be opened now; otherwise by the one in use. A fresh socket that is answered
    /// replaces the one in use.
    pub async fn ask_afresh(&self, address: IpAddr) -> Answer {
        self.send(address, By::Fresh).await
    }

    async fn send(&self, address: IpAddr, by: By) -> Answer {
        let address = address.to_canonical();
        self.pinger(Family::of(address)).send(address, by).await
    }

    /// Opens the socket of a family now, so that a missing permission is said at the start.
    pub fn open(&self, family: Family) {
        // What is wrong is in the log, and every answer says it again.
        let _told = self.pinger(family).usual(now());
    }

    fn pinger(&self, family: Family) -> &Pinger {
        match family {
            Family::Ipv4 => &self.ipv4,
            Family::Ipv6 => &self.ipv6,
        }
    }
}

impl Pinger {
    async fn send(&self, address: IpAddr, by: By) -> Answer {
        let found = match by {
            By::Usual => self.usual(now()),
            By::Fresh => self.fresh(now()),
        };
        let (number, open) = match found {
            Ok(found) => found,
            Err(reason) => return Answer::Unmeasured(reason),
        };
        // On a raw socket the identifier is ours to choose: each socket has its own.
        let identifier = PingIdentifier(self.identifier.wrapping_add(number));
        let mut pinger = open.client.pinger(address, identifier).await;
        pinger.timeout(LIBRARY_LIMIT);
        let sequence = open.next_sequence.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        match pinger.ping(PingSequence(sequence), &PAYLOAD).await {
            Ok((packet, rtt)) => {
                let answer = read_reply(&packet, rtt);
                if matches!(answer, Answer::Reached { .. }) && self.sockets().answered(number) {
                    tracing::info!(
                        family = %self.family,
                        %address,
                        "a fresh ICMP socket is answered where the one in use was not, and replaces it"
                    );
                }
                answer
            }
            Err(SurgeError::IOError(error)) => errors::of_sending(&error).unwrap_or_else(|| {
                tracing::warn!(family = %self.family, %error, "ICMP socket failed and will be opened again");
                self.sockets().forget(number);
                Answer::Unmeasured(Reason::NoResource)
            }),
            Err(SurgeError::ClientDestroyed | SurgeError::NetworkError) => {
                self.sockets().forget(number);
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

    fn sockets(&self) -> MutexGuard<'_, Sockets<Open>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The socket in use with its number, opened when there is none.
    fn usual(&self, now: Instant) -> Result<(u16, Open), Reason> {
        let mut sockets = self.sockets();
        let told = match sockets.state() {
            State::Open(number, open) => return Ok((*number, open.clone())),
            State::Closed { reason, until } if now < *until => return Err(*reason),
            State::Closed { .. } => true,
            State::Unopened => false,
        };
        match self.open_client() {
            Ok(open) => Ok((sockets.opened(open.clone()), open)),
            Err((reason, error)) => {
                if !told {
                    self.tell(reason, &error);
                }
                let wait = if reason == Reason::NotPermitted { REOPEN_AFTER } else { REOPEN_SOON };
                sockets.closed(reason, now + wait);
                Err(reason)
            }
        }
    }

    /// A fresh socket where there is one, or the time for one has come; else the one in use.
    fn fresh(&self, now: Instant) -> Result<(u16, Open), Reason> {
        {
            let mut sockets = self.sockets();
            if let Some((number, open)) = sockets.fresh(now) {
                return Ok((number, open.clone()));
            }
            if sockets.may_freshen(now)
                && let Ok(open) = self.open_client()
            {
                return Ok((sockets.freshened(open.clone(), now), open));
            }
        }
        self.usual(now)
    }

    fn tell(&self, reason: Reason, error: &io::Error) {
        if reason == Reason::NotPermitted {
            tracing::warn!(
                family = %self.family,
                %error,
                "no ICMP socket, so icmp checks of this family are not measured: let net.ipv4.ping_group_range \
                 include the group of this process, or give it CAP_NET_RAW"
            );
        } else {
            tracing::warn!(
                family = %self.family,
                %error,
                "no ICMP socket, so icmp checks of this family are not measured until one can be opened"
            );
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
        let client = Client::new(&config).map_err(|error| (errors::of_opening(&error), error))?;
        if client.get_socket().get_type() != kind.socket_type() {
            let error = io::Error::other("the kind of socket that was chosen could not be opened");
            return Err((Reason::NoResource, error));
        }
        tracing::debug!(family = %self.family, kind = ?kind, "ICMP socket open");
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
    if errors::of_opening(&error) != Reason::NotPermitted {
        return Err((errors::of_opening(&error), error));
    }
    match may_open(SocketKind::Raw) {
        Ok(()) => Ok(SocketKind::Raw),
        Err(error) => Err((errors::of_opening(&error), error)),
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

#[expect(clippy::disallowed_methods, reason = "a driver: when a socket is tried again")]
fn now() -> Instant {
    Instant::now()
}

#[cfg(test)]
mod tests;
