//! One name server, one complete name: A and AAAA, each by a socket of its own.
//!
//! ```text
//!   UDP ── answer ───────────────> said
//!    │  └─ truncated ── TCP ─────> said, or how TCP failed
//!    ├─── refused, no route ─────> failed at once
//!    └─── silent until the limit > failed: which of the two questions had no answer
//! ```

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use meshvane_shared::outcome::ResolverDetail;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UdpSocket};
use tokio::time::{Instant, timeout_at};

use super::message::{Answer, Question, Reading, Wanted};
use super::search::verdict;
use super::{CompleteName, ResolvConf, each_once};

/// Largest UDP answer that is read: what name servers commonly send at most, whatever was announced.
const UDP_ANSWER_MAX: usize = 4096;
/// Datagrams that are no answer to the question and are skipped before the question is given up. A name
/// server that answers twice or late sends one or two to a port that was used for one question; more are a
/// flood, which costs so many reads and no log line.
pub(super) const FOREIGN_MAX: usize = 32;

/// What a name server says of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// It has these addresses, each once, in ascending order.
    Addresses(Vec<IpAddr>),
    /// It has none: the response code, 0 for an answer without addresses.
    Code(u16),
}

/// Why a name server said nothing of use.
#[derive(Debug)]
pub enum Failure {
    /// A question had no answer until the limit.
    Silent {
        /// Which.
        detail: ResolverDetail,
        /// What the other question gave.
        addresses: Vec<IpAddr>,
    },
    /// It sent what is no answer to the question.
    Wrong,
    /// It closed the connection instead of answering.
    Closed,
    /// There was no socket to ask by.
    Opening(io::Error),
    /// Our own kernel did not let the question out.
    Sending(io::Error),
    /// A socket failed after that: because of the network, or because of us.
    Socket {
        /// What the kernel says.
        error: io::Error,
        /// More than the error says.
        detail: Option<ResolverDetail>,
    },
    /// The name cannot be asked for.
    Unaskable,
}

/// Asks one name server for the addresses of a name, and waits until the limit.
///
/// Cancel-safe: dropping the future closes its sockets.
///
/// # Errors
/// See [`Failure`].
pub async fn ask(
    server: SocketAddr,
    name: &CompleteName,
    conf: &ResolvConf,
    limit: Instant,
) -> Result<Said, Failure> {
    let one = |wanted| {
        one_question(server, Question::new(rand::random(), name, wanted, conf.edns0), conf.use_vc, limit)
    };
    // The first that fails ends both: where one is refused, the kernel may keep the other's refusal to
    // itself.
    let (ipv4, ipv6) = tokio::try_join!(one(Wanted::Ipv4), one(Wanted::Ipv6))?;
    let silent = |detail, answer: Option<Answer>| {
        let addresses = each_once(answer.map(|answer| answer.addresses).unwrap_or_default());
        Err(Failure::Silent { detail, addresses })
    };
    match (ipv4, ipv6) {
        (Some(ipv4), Some(ipv6)) => Ok(both(ipv4, ipv6)),
        (None, ipv6 @ Some(_)) => silent(ResolverDetail::NoIpv4Answer, ipv6),
        (ipv4 @ Some(_), None) => silent(ResolverDetail::NoIpv6Answer, ipv4),
        (None, None) => silent(ResolverDetail::NoUdpAnswer, None),
    }
}

/// Addresses of either kind are an answer, as they are to programs: a server may know one kind and fail at
/// the other.
fn both(ipv4: Answer, ipv6: Answer) -> Said {
    let codes = [ipv4.code, ipv6.code];
    let addresses = each_once(ipv4.addresses.into_iter().chain(ipv6.addresses));
    if addresses.is_empty() { Said::Code(verdict(&codes)) } else { Said::Addresses(addresses) }
}

/// `None`: no answer by UDP until the limit.
async fn one_question(
    server: SocketAddr,
    question: Question,
    by_tcp_at_once: bool,
    limit: Instant,
) -> Result<Option<Answer>, Failure> {
    let bytes = question.bytes().ok_or(Failure::Unaskable)?;
    if by_tcp_at_once {
        return by_tcp(server, &question, &bytes, limit).await.map(Some);
    }
    match by_udp(server, &question, &bytes, limit).await? {
        Some(Reading::Whole(answer)) => Ok(Some(answer)),
        Some(Reading::Truncated) => by_tcp(server, &question, &bytes, limit).await.map(Some),
        Some(Reading::Garbled | Reading::Foreign) => Err(Failure::Wrong),
        None => Ok(None),
    }
}

/// Asks from a port that is used for this question alone. The socket is connected: the kernel drops what
/// comes from elsewhere, and tells what ICMP says of the server.
async fn by_udp(
    server: SocketAddr,
    question: &Question,
    bytes: &[u8],
    limit: Instant,
) -> Result<Option<Reading>, Failure> {
    let ours: IpAddr =
        if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = UdpSocket::bind((ours, 0)).await.map_err(Failure::Opening)?;
    socket.connect(server).await.map_err(Failure::Sending)?;
    socket.send(bytes).await.map_err(Failure::Sending)?;
    let mut buffer = vec![0; UDP_ANSWER_MAX];
    for _ in 0..FOREIGN_MAX {
        let Some(length) = until(limit, socket.recv(&mut buffer)).await.map_err(failed)? else {
            return Ok(None);
        };
        match question.read(&buffer[..length]) {
            Reading::Foreign => {}
            reading @ (Reading::Whole(_) | Reading::Truncated | Reading::Garbled) => {
                return Ok(Some(reading));
            }
        }
    }
    Ok(Some(Reading::Foreign))
}

/// Asks by a connection that is used for this question alone (RFC 1035 section 4.2.2). It is reset at its
/// end: a socket in `TIME_WAIT` for each truncated answer would be ours to carry.
async fn by_tcp(
    server: SocketAddr,
    question: &Question,
    bytes: &[u8],
    limit: Instant,
) -> Result<Answer, Failure> {
    let socket = if server.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
    let socket = socket.map_err(Failure::Opening)?;
    socket.set_zero_linger().map_err(Failure::Opening)?;
    let exchange = async {
        let mut stream = socket.connect(server).await?;
        let length = u16::try_from(bytes.len()).map_err(io::Error::other)?;
        let mut framed = length.to_be_bytes().to_vec();
        framed.extend_from_slice(bytes);
        stream.write_all(&framed).await?;
        let length = stream.read_u16().await?;
        let mut answer = vec![0; usize::from(length)];
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    };
    let detail = ResolverDetail::NoTcpAnswer;
    let Some(answer) = until(limit, exchange).await.map_err(|error: io::Error| {
        let is_closed = error.kind() == io::ErrorKind::UnexpectedEof;
        if is_closed { Failure::Closed } else { Failure::Socket { error, detail: Some(detail) } }
    })?
    else {
        return Err(Failure::Silent { detail, addresses: Vec::new() });
    };
    match question.read(&answer) {
        Reading::Whole(answer) => Ok(answer),
        Reading::Truncated | Reading::Garbled | Reading::Foreign => Err(Failure::Wrong),
    }
}

/// `None` when the limit came first.
async fn until<T>(limit: Instant, work: impl Future<Output = io::Result<T>>) -> io::Result<Option<T>> {
    timeout_at(limit, work).await.map_or(Ok(None), |done| done.map(Some))
}

fn failed(error: io::Error) -> Failure {
    Failure::Socket { error, detail: None }
}

impl Said {
    /// Whether a search goes on after this, and another name server may know more: its own trouble, or a
    /// refusal.
    pub(super) fn is_refusal(&self) -> bool {
        match self {
            Self::Addresses(_) => false,
            Self::Code(code) => {
                [super::SERVER_FAILURE, super::NOT_IMPLEMENTED, super::REFUSED].contains(code)
            }
        }
    }
}

#[cfg(test)]
mod tests;
