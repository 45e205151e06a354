//! A small name server that can lie, be slow, refuse, or say nothing, to all or to some.

mod answer;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::LabError;
use crate::address::{Addresses, Place};
use crate::cluster::{Cluster, lock};
use crate::netns::Netns;
use crate::spec::NodeId;
use answer::{Reply, reply};

/// The port of name servers: RFC 1035, section 4.2.
const DNS_PORT: u16 = 53;
/// The largest question taken: what resolvers commonly announce by EDNS(0); those of agents have 60 bytes.
const MAX_QUESTION: usize = 1232;
/// Answers that wait for their time, and connections: every agent of the largest cluster, some times over. What comes
/// above is dropped, as a busy name server does.
const MAX_WAITING: usize = 1024;
/// Connections the kernel completes ahead of us.
const BACKLOG: i32 = 256;
/// How long accepting rests when there are no descriptors left, rather than spin.
const PAUSE: Duration = Duration::from_millis(20);

/// What a name server says to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsAnswer {
    /// What it knows; a name that it does not know does not exist.
    Right,
    /// These addresses, for the names that it knows.
    Wrong(Vec<IpAddr>),
    /// That no name exists.
    NxDomain,
    /// That it failed.
    ServFail,
    /// That it refuses.
    Refused,
    /// Nothing.
    Silent,
    /// What it knows, after this time.
    Slow(Duration),
    /// What it knows, and by UDP only that it is too much for a datagram.
    Truncated,
    /// The same; and to those who then asked by TCP nothing by UDP any more. By TCP what it knows,
    /// throughout.
    TruncatedThenSilent,
    /// What it knows of IPv4 addresses, and to questions for IPv6 ones nothing.
    Ipv4Alone,
}

/// How a question came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Udp,
    Tcp,
}

/// What a name server knows and how it behaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsBehaviour {
    /// The names that exist, in lower case and without the last dot, and their addresses.
    pub names: BTreeMap<String, Vec<IpAddr>>,
    /// What it says to everybody.
    pub answer: DnsAnswer,
    /// What it says to the pods of these nodes instead.
    pub only: BTreeMap<NodeId, DnsAnswer>,
}

impl DnsBehaviour {
    /// The right answer for one name.
    pub fn right(name: &str, addresses: Addresses) -> Self {
        let names = BTreeMap::from([(name.to_ascii_lowercase(), addresses.all().collect())]);
        DnsBehaviour { names, answer: DnsAnswer::Right, only: BTreeMap::new() }
    }

    /// The same names with this answer for everybody.
    pub fn with_answer(&self, answer: DnsAnswer) -> Self {
        DnsBehaviour { names: self.names.clone(), answer, only: BTreeMap::new() }
    }

    /// With this answer for the pods of one node.
    pub fn but_for(mut self, node: NodeId, answer: DnsAnswer) -> Self {
        self.only.insert(node, answer);
        self
    }

    fn towards(&self, source: IpAddr) -> &DnsAnswer {
        let node = Place::node_of_pod(source);
        node.and_then(|node| self.only.get(&node)).unwrap_or(&self.answer)
    }
}

/// A name server at an address of its own, beside the zones, on UDP and TCP. Dropping it ends it: its port is then
/// closed, and refuses.
#[derive(Debug)]
pub struct DnsServer {
    addresses: Addresses,
    // A std mutex: held to copy or replace, never across an await.
    state: Arc<Mutex<State>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How a name server behaves, and what it remembers of those who asked.
#[derive(Debug)]
struct State {
    behaviour: DnsBehaviour,
    /// Who asked by TCP since it behaves like this: one place for each pod.
    asked_by_tcp: BTreeSet<IpAddr>,
}

impl State {
    fn new(behaviour: DnsBehaviour) -> Self {
        State { behaviour, asked_by_tcp: BTreeSet::new() }
    }

    /// What is to be said to this question, asked from here.
    fn decide(&mut self, source: IpAddr, by: By, question: &[u8]) -> Option<Reply> {
        let source = source.to_canonical();
        if by == By::Tcp {
            self.asked_by_tcp.insert(source);
        }
        let answer = self.behaviour.towards(source);
        let is_over = by == By::Udp && self.asked_by_tcp.contains(&source);
        let answer =
            if is_over && *answer == DnsAnswer::TruncatedThenSilent { &DnsAnswer::Silent } else { answer };
        reply(question, by, &self.behaviour.names, answer)
    }
}

impl Cluster {
    /// Starts a name server; see [`Cluster::set_resolv_conf`] for how agents come to ask it.
    pub fn dns_server(&self, behaviour: DnsBehaviour) -> Result<DnsServer, LabError> {
        let (netns, addresses) = self.add_beside()?;
        let (udp, tcp) = bind(&netns)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(LabError::system("making the name server's runtime"))?;
        let watched = {
            let _entered = runtime.enter();
            UdpSocket::from_std(udp).and_then(|udp| Ok((Arc::new(udp), TcpListener::from_std(tcp)?)))
        };
        let (udp, tcp) = watched.map_err(LabError::system("watching the name server's sockets"))?;
        let state = Arc::new(Mutex::new(State::new(behaviour)));
        let (stop, stopped) = oneshot::channel();
        let known = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("lab-dns".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = serve_udp(udp, &known) => {}
                        () = serve_tcp(tcp, &known) => {}
                        _ = stopped => {}
                    }
                });
            })
            .map_err(LabError::system("starting a thread"))?;
        Ok(DnsServer { addresses, state, stop: Some(stop), thread: Some(thread) })
    }
}

impl DnsServer {
    /// Its addresses.
    pub fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Behaves like this, from now on.
    pub fn behave(&self, behaviour: DnsBehaviour) {
        *lock(&self.state) = State::new(behaviour);
    }

    /// How it behaves.
    pub fn behaviour(&self) -> DnsBehaviour {
        lock(&self.state).behaviour.clone()
    }
}

impl Drop for DnsServer {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            // A panic of that thread was printed when it happened.
            let _ended = thread.join();
        }
    }
}

/// Sockets stay in the namespace that they were made in.
fn bind(netns: &Netns) -> Result<(std::net::UdpSocket, std::net::TcpListener), LabError> {
    let socket = |kind: Type| -> std::io::Result<Socket> {
        let socket = Socket::new(Domain::IPV6, kind, None)?;
        socket.set_only_v6(false)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SocketAddr::from((Ipv6Addr::UNSPECIFIED, DNS_PORT)).into())?;
        Ok(socket)
    };
    let both = netns.run(|| {
        let (udp, tcp) = (socket(Type::DGRAM)?, socket(Type::STREAM)?);
        tcp.listen(BACKLOG)?;
        Ok((udp.into(), tcp.into()))
    })?;
    both.map_err(LabError::system::<std::io::Error>(format!("listening on port {DNS_PORT}")))
}

async fn serve_udp(socket: Arc<UdpSocket>, state: &Mutex<State>) {
    let mut waiting = JoinSet::new();
    let mut buffer = [0; MAX_QUESTION];
    loop {
        // An error is one of an earlier answer whose asker had gone.
        let Ok((length, source)) = socket.recv_from(&mut buffer).await else { continue };
        while waiting.try_join_next().is_some() {}
        if let Some(reply) = lock(state).decide(source.ip(), By::Udp, &buffer[..length])
            && waiting.len() < MAX_WAITING
        {
            let socket = Arc::clone(&socket);
            waiting.spawn(async move {
                tokio::time::sleep(reply.after).await;
                // Whoever asked may have gone.
                let _sent = socket.send_to(&reply.message, source).await;
            });
        }
    }
}

async fn serve_tcp(listener: TcpListener, state: &Mutex<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MAX_WAITING => match accepted {
                Ok((connection, source)) => {
                    connections.spawn(take_question(connection, source.ip()));
                }
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            Some(taken) = connections.join_next() => {
                if let Ok(Some(asked)) = taken {
                    connections.spawn(asked.answered(state));
                }
            }
        }
    }
}

/// A question that came by a connection.
struct Asked {
    connection: TcpStream,
    source: IpAddr,
    question: Vec<u8>,
}

/// Reads a question: two bytes of length go before it (RFC 1035, section 4.2.2).
async fn take_question(mut connection: TcpStream, source: IpAddr) -> Option<Asked> {
    let length = connection.read_u16().await.ok()?;
    let mut question = vec![0; usize::from(length).min(MAX_QUESTION)];
    connection.read_exact(&mut question).await.ok()?;
    Some(Asked { connection, source, question })
}

impl Asked {
    /// Answers and closes; without an answer the connection stays until its peer leaves.
    fn answered(mut self, state: &Mutex<State>) -> impl Future<Output = Option<Asked>> + use<> {
        let reply = lock(state).decide(self.source, By::Tcp, &self.question);
        async move {
            match reply {
                Some(reply) => {
                    tokio::time::sleep(reply.after).await;
                    let length = u16::try_from(reply.message.len()).ok()?;
                    self.connection.write_u16(length).await.ok()?;
                    self.connection.write_all(&reply.message).await.ok()?;
                }
                None => {
                    let _gone = self.connection.read(&mut [0]).await;
                }
            }
            None
        }
    }
}
