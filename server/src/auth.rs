//! Who is believed: the one seam between a request and the right to read or write.
//!
//! Pure but for the token files; what must be asked of others is returned as a [`Question`]. Writers show an identity
//! ([`WriterAuth`]); readers show a token, or come from the machine itself, which is how
//! `kubectl port-forward` arrives: Kubernetes' own right to port-forward guards that way.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use meshvane_shared::name::NodeName;
use meshvane_shared::setting::SettingError;
use runtime::places::Proof;

use crate::config::{AuthConfig, Config};
use crate::mesh::context::Cluster;
use crate::mesh::time::Now;

mod accounts;
mod budget;
mod claims;
mod refusals;
mod refused;
mod sources;
mod token_file;

pub use accounts::{
    Accounts, Admission, AgentIdentity, CHECKED_FOR, Question, REVIEW_TIME, Review, Role, Rules, Unavailable,
};
pub use refusals::{REFUSALS_LOGGED_EVERY, REFUSALS_LOGGED_MAX, RefusalLog};
pub use refused::Refused;
pub use sources::UNKNOWN_IN_FLIGHT;
pub use token_file::TokenFile;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Agents.
    Writer,
    /// Agents of the original tool, which know no identity of their own: writers but in Kubernetes.
    OriginalWriter,
    /// Whoever has a right to read, and loopback peers.
    Reader,
    /// Readers, and agents: what an agent must read to do its work.
    ReaderOrAgent,
}

impl Access {
    /// Returns true for routes that agents use.
    pub fn is_of_agents(self) -> bool {
        match self {
            Self::Writer | Self::OriginalWriter | Self::ReaderOrAgent => true,
            Self::Open | Self::Reader => false,
        }
    }
}

/// How agents and readers show who they are.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of it in a program")]
pub enum WriterAuth {
    /// By a token that all agents share.
    Token(TokenFile),
    /// By tokens of service accounts, which the API server reviews.
    Accounts(Accounts),
    /// They need not: everybody may write, and read.
    Open,
}

/// Who made a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// An agent, by the shared token.
    Agent,
    /// An agent whom Kubernetes vouches for.
    Node(Arc<AgentIdentity>),
    /// A holder of the readers' token, or of an account that may read.
    Reader,
    /// A process on this machine, or somebody whom Kubernetes lets forward a port.
    Loopback,
    /// Anybody, because the server was told to believe everybody.
    Everybody,
    /// Nobody asked: the route is open.
    Unasked,
}

impl Identity {
    /// What the request proves about its connection, if it does. Where everybody is believed it proves nothing.
    pub fn proof(&self) -> Option<Proof> {
        match self {
            Self::Agent => Some(Proof::Agent(None)),
            Self::Node(agent) => Some(Proof::Agent(Some(agent.node.clone()))),
            Self::Reader | Self::Loopback => Some(Proof::Reader),
            Self::Everybody | Self::Unasked => None,
        }
    }

    /// Tells whether the requester may be an agent.
    pub fn is_agent(&self) -> bool {
        match self {
            Self::Agent | Self::Node(_) | Self::Everybody => true,
            Self::Reader | Self::Loopback | Self::Unasked => false,
        }
    }

    /// The agent whom Kubernetes vouches for, if it is one.
    pub fn agent(&self) -> Option<&AgentIdentity> {
        match self {
            Self::Node(agent) => Some(agent),
            Self::Agent | Self::Reader | Self::Loopback | Self::Everybody | Self::Unasked => None,
        }
    }
}

/// What a request says about its maker.
#[derive(Debug, Clone)]
pub struct Caller<'a> {
    /// The address at the other end of the connection.
    pub peer: IpAddr,
    /// What stands in `Authorization`.
    pub credential: Credential<'a>,
    /// A proxy says that it passes the request on for somebody else.
    pub forwarded: bool,
    /// Every authority that the request names: `Host`, and that of an absolute target.
    pub hosts: Vec<&'a str>,
}

/// What stands in `Authorization`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential<'a> {
    /// Nothing.
    Absent,
    /// A bearer token (RFC 6750 section 2.1).
    Bearer(&'a [u8]),
    /// Something else, or several things.
    Unusable,
}

/// Decides who may do what.
#[derive(Debug)]
pub struct Gate {
    /// How agents show who they are.
    pub writers: WriterAuth,
    /// The readers' token, when there is one.
    pub readers: Option<TokenFile>,
    /// Whether loopback peers may read without a token.
    pub loopback_reads: bool,
}

impl Gate {
    /// Makes the gate that the settings ask for, and reads its token files. `namespace` is our own, which matters in Kubernetes.
    ///
    /// # Errors
    /// Names the setting whose file cannot be used.
    pub fn open(config: &Config, namespace: &str) -> Result<Self, SettingError> {
        let every: Duration = config.files_checked_every;
        let (writers, readers) = match &config.auth {
            AuthConfig::None => (WriterAuth::Open, None),
            AuthConfig::Kubernetes(kubernetes) => {
                let agents = format!("system:serviceaccount:{namespace}:{}", kubernetes.agent_account);
                let source_bound = config.tls.is_none();
                let rules = Rules { audience: kubernetes.audience.clone(), agents, source_bound };
                (WriterAuth::Accounts(Accounts::new(rules)), None)
            }
            AuthConfig::Token { agents, readers } => {
                let agents = TokenFile::open("MESHVANE_TOKEN_FILE", agents, every)?;
                let readers = readers
                    .as_ref()
                    .map(|path| TokenFile::open("MESHVANE_READ_TOKEN_FILE", path, every))
                    .transpose()?;
                (WriterAuth::Token(agents), readers)
            }
        };
        Ok(Self { writers, readers, loopback_reads: config.loopback_reads })
    }

    /// Decides about a request, or says what to ask first.
    pub fn admit(&self, access: Access, caller: &Caller<'_>, cluster: &Cluster, now: Now) -> Admission {
        let token = match (access, caller.credential) {
            (_, _) if matches!(self.writers, WriterAuth::Open) => {
                return Admission::Decided(Ok(Identity::Everybody));
            }
            (Access::Open, _) => return Admission::Decided(Ok(Identity::Unasked)),
            (Access::Writer | Access::OriginalWriter, Credential::Absent) => {
                return Admission::Decided(Err(Refused::WriterWithoutToken));
            }
            (Access::Reader | Access::ReaderOrAgent, Credential::Absent) => {
                return Admission::Decided(self.admit_loopback(caller));
            }
            (_, Credential::Unusable) => return Admission::Decided(Err(self.unusable())),
            (_, Credential::Bearer(token)) => token,
        };
        match &self.writers {
            WriterAuth::Open => Admission::Decided(Ok(Identity::Everybody)),
            WriterAuth::Token(agents) => Admission::Decided(self.admit_holder(agents, access, token)),
            WriterAuth::Accounts(accounts) => {
                let role = match access {
                    Access::Writer => Role::Agent,
                    Access::OriginalWriter => return Admission::Decided(Err(Refused::OriginalAgent)),
                    Access::ReaderOrAgent if accounts.claims_agent(token) => Role::Agent,
                    Access::Open | Access::Reader | Access::ReaderOrAgent => Role::Reader,
                };
                accounts.admit(role, token, caller.peer, cluster, now)
            }
        }
    }

    /// Takes the API server's answer to a question of [`Gate::admit`], and decides.
    ///
    /// # Errors
    /// Why the request is refused.
    pub fn settle(
        &self,
        question: &Question,
        answer: Result<Review, Unavailable>,
        cluster: &Cluster,
        now: Now,
    ) -> Result<Identity, Refused> {
        match &self.writers {
            WriterAuth::Accounts(accounts) => accounts.settle(question, answer, cluster, now),
            WriterAuth::Open | WriterAuth::Token(_) => Err(Refused::WrongToken),
        }
    }

    /// The node whose agent asked, by the address that it asked from; only Kubernetes can tell.
    pub fn node_behind(&self, caller: &Caller<'_>, cluster: &Cluster) -> Option<NodeName> {
        match (&self.writers, caller.credential) {
            (WriterAuth::Accounts(accounts), Credential::Bearer(token)) => {
                accounts.node_behind(token, caller.peer, cluster)
            }
            (WriterAuth::Open | WriterAuth::Token(_) | WriterAuth::Accounts(_), _) => None,
        }
    }

    /// The node of the agent whose confirmed token came with a request, wherever that comes from. `None` outside of
    /// Kubernetes.
    pub fn confirmed_node(&self, caller: &Caller<'_>) -> Option<NodeName> {
        match (&self.writers, caller.credential) {
            (WriterAuth::Accounts(accounts), Credential::Bearer(token)) => accounts.confirmed_node(token),
            (WriterAuth::Open | WriterAuth::Token(_) | WriterAuth::Accounts(_), _) => None,
        }
    }

    /// Decides before the answer to a question about a token that was confirmed before.
    ///
    /// # Errors
    /// Why the request is refused.
    pub fn believe(&self, question: &Question, cluster: &Cluster, now: Now) -> Result<Identity, Refused> {
        match &self.writers {
            WriterAuth::Accounts(accounts) => accounts.believe(question, cluster, now),
            WriterAuth::Open | WriterAuth::Token(_) => Err(Refused::WrongToken),
        }
    }

    /// Decides about the holder of one of the tokens in files.
    fn admit_holder(&self, agents: &TokenFile, access: Access, token: &[u8]) -> Result<Identity, Refused> {
        if agents.matches(token) {
            return Ok(Identity::Agent);
        }
        let reads = matches!(access, Access::Reader | Access::ReaderOrAgent)
            && self.readers.as_ref().is_some_and(|readers| readers.matches(token));
        if reads { Ok(Identity::Reader) } else { Err(Refused::WrongToken) }
    }

    fn unusable(&self) -> Refused {
        match &self.writers {
            WriterAuth::Accounts(_) => Refused::NotAnAccountToken,
            WriterAuth::Open | WriterAuth::Token(_) => Refused::WrongToken,
        }
    }

    /// Decides about a reader without a token.
    fn admit_loopback(&self, caller: &Caller<'_>) -> Result<Identity, Refused> {
        if caller.forwarded {
            return Err(Refused::Forwarded);
        }
        if !is_loopback_peer(caller.peer) {
            return Err(Refused::ReaderWithoutToken);
        }
        if !self.loopback_reads {
            return Err(Refused::LoopbackClosed);
        }
        if caller.hosts.is_empty() || !caller.hosts.iter().all(|host| is_loopback_host(host)) {
            return Err(Refused::ForeignHost);
        }
        Ok(Identity::Loopback)
    }
}

/// Returns true when a peer is this machine: 127.0.0.1 and `::1` exactly, for service meshes relay the traffic of others from
/// the rest of 127/8.
pub fn is_loopback_peer(peer: IpAddr) -> bool {
    let peer = peer.to_canonical();
    peer == IpAddr::V4(Ipv4Addr::LOCALHOST) || peer == IpAddr::V6(Ipv6Addr::LOCALHOST)
}

/// Tells whether an authority (RFC 3986 section 3.2, without user) names this machine, whatever a DNS server says.
fn is_loopback_host(authority: &str) -> bool {
    let name = match authority.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((name, port)) if is_port_suffix(port) => name,
            Some(_) | None => return false,
        },
        None => match authority.split_once(':') {
            Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
            Some(_) => return false,
            None => authority,
        },
    };
    match name.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => name.strip_suffix('.').unwrap_or(name).eq_ignore_ascii_case("localhost"),
    }
}

fn is_port_suffix(text: &str) -> bool {
    text.is_empty()
        || text.strip_prefix(':').is_some_and(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests;
