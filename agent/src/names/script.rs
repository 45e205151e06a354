//! A name server that says what a test tells it to say, by UDP and by TCP at one port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::{NamedTempFile, TempPath};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::JoinSet;

pub(crate) const ONE: Ipv4Addr = Ipv4Addr::LOCALHOST;
pub(crate) const TWO: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// How a question came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    Udp,
    Tcp,
}

/// A question as the server got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) by: By,
    pub(crate) from: SocketAddr,
    pub(crate) name: String,
    pub(crate) is_a: bool,
}

/// What is said to it.
#[derive(Debug, Clone)]
pub(crate) enum Says {
    /// Those of the asked kind.
    Addresses(Vec<IpAddr>),
    Code(u8),
    Truncated,
    Nothing,
    /// A connection is closed; a datagram is not answered.
    Close,
    /// The right answer with another identifier, so many times, and then nothing.
    Foreign(usize),
    /// The answer to another question.
    Another,
    /// The right identifier, and then nothing that can be read.
    Garbled,
}

impl Says {
    pub(crate) fn address(address: impl Into<IpAddr>) -> Self {
        Self::Addresses(vec![address.into()])
    }
}

/// Name servers that all listen at one port, and a `resolv.conf` beside them.
pub(crate) struct Place {
    pub(crate) path: TempPath,
    pub(crate) port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    servers: JoinSet<()>,
}

impl Place {
    /// A free port, without a listener yet.
    pub(crate) async fn new() -> Self {
        let path = NamedTempFile::new().unwrap().into_temp_path();
        // One that is free for TCP as well.
        let (udp, tcp) = bind(ONE, 0).await;
        let port = udp.local_addr().unwrap().port();
        drop((udp, tcp));
        Self { path, port, asked: Arc::default(), servers: JoinSet::new() }
    }

    /// Starts a name server at an address.
    pub(crate) async fn serve(
        &mut self,
        at: Ipv4Addr,
        says: impl Fn(&Asked) -> Says + Send + Sync + 'static,
    ) {
        self.serve_late(at, Duration::ZERO, says).await;
    }

    /// Starts one whose answers take this long, one after the other.
    pub(crate) async fn serve_late(
        &mut self,
        at: Ipv4Addr,
        delay: Duration,
        says: impl Fn(&Asked) -> Says + Send + Sync + 'static,
    ) {
        let (udp, tcp) = bind(at, self.port).await;
        let says = Arc::new(says);
        self.servers.spawn(serve_udp(udp, Arc::clone(&self.asked), Arc::clone(&says), delay));
        self.servers.spawn(serve_tcp(tcp, Arc::clone(&self.asked), says));
    }

    pub(crate) fn write(&self, text: &str) {
        std::fs::write(&self.path, text).unwrap();
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn bind(at: Ipv4Addr, port: u16) -> (UdpSocket, TcpListener) {
    loop {
        let tcp = TcpListener::bind((at, port)).await.unwrap();
        let taken = tcp.local_addr().unwrap().port();
        match UdpSocket::bind((at, taken)).await {
            Ok(udp) => return (udp, tcp),
            Err(error) => assert_eq!(port, 0, "{error}"),
        }
    }
}

async fn serve_udp(
    socket: UdpSocket,
    log: Arc<Mutex<Vec<Asked>>>,
    says: Arc<impl Fn(&Asked) -> Says>,
    delay: Duration,
) {
    let mut buffer = [0u8; 1500];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let packet = &buffer[..length];
        let (asked, end) = read_question(packet, By::Udp, from);
        log.lock().unwrap().push(asked.clone());
        let said = says(&asked);
        let times = if let Says::Foreign(times) = said { times } else { 1 };
        if let Some(reply) = reply(&packet[..end], asked.is_a, &said) {
            tokio::time::sleep(delay).await;
            for _ in 0..times {
                socket.send_to(&reply, from).await.unwrap();
            }
        }
    }
}

async fn serve_tcp(listener: TcpListener, log: Arc<Mutex<Vec<Asked>>>, says: Arc<impl Fn(&Asked) -> Says>) {
    let mut held: Vec<TcpStream> = Vec::new();
    loop {
        let (mut stream, from) = listener.accept().await.unwrap();
        let length = stream.read_u16().await.unwrap();
        let mut packet = vec![0; usize::from(length)];
        stream.read_exact(&mut packet).await.unwrap();
        let (asked, end) = read_question(&packet, By::Tcp, from);
        log.lock().unwrap().push(asked.clone());
        let said = says(&asked);
        if let Some(reply) = reply(&packet[..end], asked.is_a, &said) {
            let length = u16::try_from(reply.len()).unwrap();
            stream.write_all(&[&length.to_be_bytes()[..], &reply].concat()).await.unwrap();
        }
        // Its peer must end it: a server need not.
        if !matches!(said, Says::Close) {
            held.push(stream);
        }
    }
}

/// The question, and its end in the packet.
fn read_question(packet: &[u8], by: By, from: SocketAddr) -> (Asked, usize) {
    let (mut at, mut name) = (12, String::new());
    while packet[at] != 0 {
        let end = at + 1 + usize::from(packet[at]);
        name.push_str(std::str::from_utf8(&packet[at + 1..end]).unwrap());
        name.push('.');
        at = end;
    }
    (Asked { by, from, name, is_a: packet[at + 2] == 1 }, at + 5)
}

fn reply(question: &[u8], is_a: bool, says: &Says) -> Option<Vec<u8>> {
    let addresses: Vec<IpAddr> = match says {
        Says::Addresses(addresses) => addresses.iter().copied().filter(|one| one.is_ipv4() == is_a).collect(),
        Says::Foreign(_) | Says::Another => vec![ONE.into()],
        Says::Code(_) | Says::Truncated | Says::Garbled => Vec::new(),
        Says::Nothing | Says::Close => return None,
    };
    let mut reply = question.to_vec();
    reply[2] = if matches!(says, Says::Truncated) { 0x83 } else { 0x81 };
    reply[3] = 0x80 | if let Says::Code(code) = says { *code } else { 0 };
    reply[6..12].copy_from_slice(&[0, u8::try_from(addresses.len()).unwrap(), 0, 0, 0, 0]);
    match says {
        Says::Foreign(_) => reply[0] ^= 0xff,
        Says::Another => reply[13] ^= 0x01,
        Says::Garbled => reply.truncate(14),
        Says::Addresses(_) | Says::Code(_) | Says::Truncated | Says::Nothing | Says::Close => {}
    }
    for address in addresses {
        match address {
            IpAddr::V4(address) => {
                reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
                reply.extend(address.octets());
            }
            IpAddr::V6(address) => {
                reply.extend([0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 60, 0, 16]);
                reply.extend(address.octets());
            }
        }
    }
    Some(reply)
}
