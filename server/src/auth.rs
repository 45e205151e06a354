//! Who is believed: the one seam between a request and the right to read or write.
//!
//! Pure but for the token files. Writers show an identity ([`WriterAuth`]); readers show a token, or come from the
//! machine itself, which is how `kubectl port-forward` arrives: Kubernetes' own right to port-forward guards that way.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use meshvane_shared::setting::SettingError;

use crate::config::{AuthConfig, Config};
use crate::mesh::time::Moment;

mod refusals;
mod token_file;

pub use refusals::{REFUSALS_LOGGED_EVERY, RefusalLog};
pub use token_file::TokenFile;

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Everybody.
    Open,
    /// Agents.
    Writer,
    /// Agents, holders of the readers' token, and loopback peers.
    Reader,
}

/// How agents show who they are. Tokens that Kubernetes reviews will be another variant.
#[derive(Debug)]
pub enum WriterAuth {
    /// By a token that all agents share.
    Token(TokenFile),
    /// They need not: everybody may write, and read.
    Open,
}

/// Who made a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// An agent, by the shared token.
    Agent,
    /// A holder of the readers' token.
    Reader,
    /// A process on this machine, or somebody whom Kubernetes lets forward a port.
    Loopback,
    /// Anybody, because the server was told to believe everybody.
    Everybody,
    /// Nobody asked: the route is open.
    Unasked,
}

impl Identity {
    /// Tells whether somebody vouches for the requester, so that its source address need not be held to few connections.
    pub fn is_believed(self) -> bool {
        match self {
            Self::Agent | Self::Reader | Self::Everybody => true,
            Self::Loopback | Self::Unasked => false,
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

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refused {
    /// A writer shows no token.
    WriterWithoutToken,
    /// A reader from elsewhere shows no token.
    ReaderWithoutToken,
    /// A loopback reader shows no token, and a proxy says that it speaks for somebody else.
    Forwarded,
    /// A loopback reader shows no token, and `MESHVANE_LOOPBACK_READS` is false.
    LoopbackClosed,
    /// The token is not one of ours, or not one for this.
    WrongToken,
    /// A loopback reader without token names a host that is not this machine: a rebound DNS name in a browser, say.
    ForeignHost,
}

impl Refused {
    /// Every reason, as metrics list them.
    pub const ALL: [Self; 6] = [
        Self::WriterWithoutToken,
        Self::ReaderWithoutToken,
        Self::Forwarded,
        Self::LoopbackClosed,
        Self::WrongToken,
        Self::ForeignHost,
    ];

    /// The name as it stands in metrics and in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::WriterWithoutToken => "writer_without_token",
            Self::ReaderWithoutToken => "reader_without_token",
            Self::Forwarded => "forwarded",
            Self::LoopbackClosed => "loopback_closed",
            Self::WrongToken => "wrong_token",
            Self::ForeignHost => "foreign_host",
        }
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::WriterWithoutToken => {
                "writing needs the agents' token: send `Authorization: Bearer` and the content of the server's MESHVANE_TOKEN_FILE"
            }
            Self::ReaderWithoutToken => {
                "reading from another machine needs a token: send `Authorization: Bearer` and the content of the server's \
                 MESHVANE_READ_TOKEN_FILE, or read through `kubectl port-forward`, which needs none"
            }
            Self::Forwarded => {
                "a proxy forwarded this request, so it needs a token: send `Authorization: Bearer` and the content of the server's \
                 MESHVANE_READ_TOKEN_FILE, or read through `kubectl port-forward` directly"
            }
            Self::LoopbackClosed => {
                "MESHVANE_LOOPBACK_READS is false, so reading needs a token here too: send `Authorization: Bearer` and the \
                 content of the server's MESHVANE_READ_TOKEN_FILE"
            }
            Self::WrongToken => {
                "the token is not accepted for this: writing takes the content of the server's MESHVANE_TOKEN_FILE, reading that or \
                 MESHVANE_READ_TOKEN_FILE, or no token at all through `kubectl port-forward`"
            }
            Self::ForeignHost => {
                "without a token the request must name this machine: use http://localhost and the port, as with \
                 `kubectl port-forward`, or send a token"
            }
        }
    }
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
    /// Makes the gate that the settings ask for, and reads its token files.
    ///
    /// # Errors
    /// Names the setting whose file cannot be used.
    pub fn open(config: &Config, now: Moment) -> Result<Self, SettingError> {
        let every: Duration = config.files_checked_every;
        let (writers, readers) = match &config.auth {
            AuthConfig::None => (WriterAuth::Open, None),
            AuthConfig::Token { agents, readers } => {
                let agents = TokenFile::open("MESHVANE_TOKEN_FILE", agents, every, now)?;
                let readers = readers
                    .as_ref()
                    .map(|path| TokenFile::open("MESHVANE_READ_TOKEN_FILE", path, every, now))
                    .transpose()?;
                (WriterAuth::Token(agents), readers)
            }
        };
        Ok(Self { writers, readers, loopback_reads: config.loopback_reads })
    }

    /// Decides about a request.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn admit(&self, access: Access, caller: &Caller<'_>, now: Moment) -> Result<Identity, Refused> {
        let agents = match &self.writers {
            WriterAuth::Open => return Ok(Identity::Everybody),
            WriterAuth::Token(agents) => agents,
        };
        let token = match (access, caller.credential) {
            (Access::Open, _) => return Ok(Identity::Unasked),
            (Access::Writer, Credential::Absent) => return Err(Refused::WriterWithoutToken),
            (Access::Reader, Credential::Absent) => return self.admit_loopback(caller),
            (Access::Writer | Access::Reader, Credential::Unusable) => return Err(Refused::WrongToken),
            (Access::Writer | Access::Reader, Credential::Bearer(token)) => token,
        };
        if agents.matches(token, now) {
            return Ok(Identity::Agent);
        }
        let reads = access == Access::Reader
            && self.readers.as_ref().is_some_and(|readers| readers.matches(token, now));
        if reads { Ok(Identity::Reader) } else { Err(Refused::WrongToken) }
    }

    /// Decides about a reader without a token.
    fn admit_loopback(&self, caller: &Caller<'_>) -> Result<Identity, Refused> {
        if !is_loopback_peer(caller.peer) {
            return Err(Refused::ReaderWithoutToken);
        }
        if !self.loopback_reads {
            return Err(Refused::LoopbackClosed);
        }
        if caller.forwarded {
            return Err(Refused::Forwarded);
        }
        if caller.hosts.is_empty() || !caller.hosts.iter().all(|host| is_loopback_host(host)) {
            return Err(Refused::ForeignHost);
        }
        Ok(Identity::Loopback)
    }
}

/// Tells whether a peer is this machine: 127.0.0.1 and `::1` exactly, for service meshes relay the traffic of others from
/// the rest of 127/8.
fn is_loopback_peer(peer: IpAddr) -> bool {
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
