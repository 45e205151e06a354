//! Whom Kubernetes vouches for: tokens of service accounts, reviewed by the API server. Pure: it says what to ask, and
//! decides by the answer.
//!
//! ```text
//!   token ─> known? ─ fresh ───────────────────────────────────────────> placed? ─> believed
//!              │  └── older than CHECKED_FOR: one request asks again ──┐    │
//!              └ no ─> claims ─> budget ─> TokenReview (and access) ───┴────┘
//!                        └ refused: nobody was asked
//! ```
//! While the API server cannot be asked, or takes long, whom it confirmed is believed until an hour after the token's end.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use meshvane_shared::name::NodeName;

use super::budget::{Permit, Places};
use super::claims::Claims;
use super::{Identity, Refused};
use crate::mesh::context::{Cluster, Uid};
use crate::mesh::time::{Moment, Now};

mod known;

use known::{Known, State, Who};

/// An answer of the API server counts for so long. It keeps its own for 10 s, and whoever was deleted is to be refused within
/// 20 s.
pub const CHECKED_FOR: Duration = Duration::from_secs(8);
/// One request asks again about a known token, and the others go on with the old answer for at most so long: a review takes
/// milliseconds and ends after [`REVIEW_TIME`].
pub const REVIEW_TIME: Duration = Duration::from_secs(3);
/// After a review that failed nobody asks for so long: the next ones would wait and fail as well.
pub(super) const FAILED_FOR: Duration = Duration::from_secs(1);
/// While the API server cannot be asked, a token that it confirmed is believed for so long after its end.
pub(super) const BELIEVED_AFTER_END: Duration = Duration::from_hours(1);

/// An agent whom Kubernetes vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentIdentity {
    /// The node of its pod: the only one that it speaks for.
    pub node: NodeName,
    /// Its pod.
    pub pod: Uid,
}

/// What a token is shown for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// To speak for a node.
    Agent,
    /// To read.
    Reader,
}

/// Which tokens are good for what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// The audience that tokens must be made for.
    pub audience: String,
    /// The agents' account, as `system:serviceaccount:NAMESPACE:NAME`.
    pub agents: String,
    /// Agents are believed from their own pod's addresses alone: a token on plain HTTP can be read on the way.
    pub source_bound: bool,
}

/// What to ask the API server.
pub struct Question {
    /// The token, which must not reach any log.
    pub token: String,
    /// What it is shown for.
    pub role: Role,
    key: Key,
    peer: IpAddr,
    expires: i64,
    again: bool,
    /// Held while the question is open; only unknown tokens need one.
    permit: Option<Permit>,
}

impl fmt::Debug for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question").field("role", &self.role).field("peer", &self.peer).finish_non_exhaustive()
    }
}

impl Question {
    /// Tells whether the API server confirmed the token before.
    pub fn is_again(&self) -> bool {
        self.again
    }
}

/// What the API server says about a token.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Review {
    /// It is good.
    pub authenticated: bool,
    /// For these audiences.
    pub audiences: Vec<String>,
    /// Whose it is.
    pub username: String,
    /// The node and the pod that the token is bound to.
    pub bound: Option<(String, Uid)>,
    /// Whether the account may read; not asked for agents.
    pub may_read: bool,
}

/// The API server cannot be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailable;

/// What becomes of a request.
#[derive(Debug)]
pub enum Admission {
    /// This.
    Decided(Result<Identity, Refused>),
    /// The API server must be asked first.
    Ask(Question),
}

type Key = (Role, [u8; 32]);

/// The tokens that are known.
#[derive(Debug)]
pub struct Accounts {
    rules: Rules,
    // A std Mutex: held for a few instructions, never across an await.
    state: Mutex<State>,
    unknown: Places,
}

impl Accounts {
    /// Knows nobody yet.
    pub fn new(rules: Rules) -> Self {
        Self { rules, state: Mutex::default(), unknown: Places::default() }
    }

    /// Tells whether a token says that it is an agent's.
    pub fn claims_agent(&self, token: &[u8]) -> bool {
        Claims::read(token).is_some_and(|claims| claims.subject == self.rules.agents)
    }

    /// The node of the agent whose token the API server confirmed, wherever the request comes from.
    pub fn confirmed_node(&self, token: &[u8]) -> Option<NodeName> {
        match &self.state().confirmed.get(&(Role::Agent, digest(token)))?.who {
            Who::Agent(agent) => Some(agent.node.clone()),
            Who::Reader => None,
        }
    }

    /// The node of the pod that a token names, when the request comes from that pod's own address. Nobody vouches for the token;
    /// that somebody is there is true.
    pub fn node_behind(&self, token: &[u8], peer: IpAddr, cluster: &Cluster) -> Option<NodeName> {
        let pod = cluster.pods.get(&Claims::read(token)?.pod?)?;
        pod.addresses.contains(&peer.to_canonical()).then(|| pod.node.clone())
    }

    /// Decides about a token, or says what to ask.
    pub fn admit(&self, role: Role, token: &[u8], peer: IpAddr, cluster: &Cluster, now: Now) -> Admission {
        let key = (role, digest(token));
        let mut state = self.state();
        match state.recall(&key, now.moment) {
            Some(Known::Refused(refused)) => return Admission::Decided(Err(refused)),
            Some(Known::Believed(who)) => return Admission::Decided(self.place(who, peer, cluster)),
            Some(Known::AskAgain) | None => {}
        }
        match self.question(&mut state, key, token, peer, cluster, now) {
            Ok(question) => Admission::Ask(question),
            Err(refused) => Admission::Decided(Err(refused)),
        }
    }

    /// Takes the API server's answer, and decides.
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
        let mut state = self.state();
        let Ok(review) = answer else {
            state.unanswered(now.moment);
            if let Some(held) = state.confirmed.get_mut(&question.key) {
                held.asking = None;
            }
            drop(state);
            return self.believe(question, cluster, now);
        };
        state.answered(now.moment);
        match self.judge(question.role, &review) {
            Err(Refused::NotConfirmed) if state.bridge(question, now) => {
                drop(state);
                self.believe(question, cluster, now)
            }
            Ok(who) => {
                state.confirm(question, who.clone(), now);
                self.place(who, question.peer, cluster)
            }
            Err(refused) => {
                let has_ended = refused == Refused::NotConfirmed && question.expires <= now.wall.timestamp();
                let refused = if has_ended { Refused::Expired } else { refused };
                if question.permit.is_some() && !has_ended {
                    state.unknown.refused(question.peer, now.moment);
                }
                state.refuse(question.key, refused, now.moment);
                Err(refused)
            }
        }
    }

    /// Decides without the API server's answer: whom it confirmed is believed.
    ///
    /// # Errors
    /// Why the request is refused.
    pub fn believe(&self, question: &Question, cluster: &Cluster, now: Now) -> Result<Identity, Refused> {
        let who = {
            let state = self.state();
            let held = state.confirmed.get(&question.key).filter(|held| now.moment < held.believed_until);
            held.map(|held| held.who.clone()).ok_or(Refused::ReviewUnavailable)?
        };
        self.place(who, question.peer, cluster)
    }

    /// What to ask about a token that nobody knows, or that was confirmed a while ago.
    fn question(
        &self,
        state: &mut State,
        key: Key,
        token: &[u8],
        peer: IpAddr,
        cluster: &Cluster,
        now: Now,
    ) -> Result<Question, Refused> {
        let claims = Claims::read(token).ok_or(Refused::NotAnAccountToken)?;
        // base64url and dots are ASCII, or the claims could not have been read.
        let text = std::str::from_utf8(token).map_err(|_| Refused::NotAnAccountToken)?;
        let mut permit = None;
        let held = state.confirmed.get_mut(&key);
        let again = held.is_some();
        if let Some(held) = held {
            held.asking = Some(now.moment);
        } else {
            self.precheck(key.0, &claims, now)?;
            if state.is_away(now.moment) {
                return Err(Refused::ReviewUnavailable);
            }
            permit = self.budget(state, key.0, &claims, peer, cluster, now.moment)?;
        }
        state.asks(now.moment);
        Ok(Question {
            token: text.to_owned(),
            role: key.0,
            key,
            peer,
            expires: claims.expires,
            again,
            permit,
        })
    }

    /// What can be said without asking anybody.
    fn precheck(&self, role: Role, claims: &Claims, now: Now) -> Result<(), Refused> {
        if !claims.audiences.contains(&self.rules.audience) {
            return Err(Refused::OtherAudience);
        }
        if claims.expires <= now.wall.timestamp() {
            return Err(Refused::Expired);
        }
        match role {
            Role::Agent if claims.subject != self.rules.agents => Err(Refused::OtherAccount),
            Role::Agent if claims.pod.is_none() || !claims.has_node => Err(Refused::Unbound),
            Role::Agent | Role::Reader => Ok(()),
        }
    }

    /// Lets few unknown tokens through, and each source its share (`auth/sources.rs`). One that comes from the address of
    /// the pod that it names has a pace of its own, so that a flood from elsewhere does not keep agents away.
    fn budget(
        &self,
        state: &mut State,
        role: Role,
        claims: &Claims,
        peer: IpAddr,
        cluster: &Cluster,
        now: Moment,
    ) -> Result<Option<Permit>, Refused> {
        let mut refused = Refused::OverBudget;
        if role == Role::Agent
            && let Some(uid) = &claims.pod
        {
            if cluster.pods.is_gone(uid) {
                return Err(Refused::PodGone);
            }
            let addresses = cluster.pods.get(uid).map(|pod| pod.addresses.as_slice()).unwrap_or_default();
            if addresses.contains(&peer.to_canonical()) {
                return state.pace_of(uid, now).then_some(None).ok_or(Refused::OverBudget);
            }
            // The claims alone say nothing; once the API server confirms them, operators are told which node's agent
            // is refused.
            if self.rules.source_bound && !addresses.is_empty() {
                refused = Refused::OtherAddress;
            }
        }
        state.unknown.take(peer, &self.unknown, now).map(Some).ok_or(refused)
    }

    /// What the answer makes of the token's holder.
    fn judge(&self, role: Role, review: &Review) -> Result<Who, Refused> {
        if !review.authenticated {
            return Err(Refused::NotConfirmed);
        }
        // An API server that does not know of audiences confirms tokens for any.
        if !review.audiences.contains(&self.rules.audience) {
            return Err(Refused::OtherAudience);
        }
        match role {
            Role::Reader if review.may_read => Ok(Who::Reader),
            Role::Reader => Err(Refused::MayNotRead),
            Role::Agent if review.username != self.rules.agents => Err(Refused::OtherAccount),
            Role::Agent => {
                let (node, pod) = review.bound.clone().ok_or(Refused::Unbound)?;
                let node = NodeName::parse(&node).map_err(|_| Refused::Unbound)?;
                Ok(Who::Agent(Arc::new(AgentIdentity { node, pod })))
            }
        }
    }

    /// Whether an agent's pod is there, and the request comes from it.
    fn place(&self, who: Who, peer: IpAddr, cluster: &Cluster) -> Result<Identity, Refused> {
        let agent = match who {
            Who::Reader => return Ok(Identity::Reader),
            Who::Agent(agent) => agent,
        };
        if cluster.pods.is_gone(&agent.pod) {
            return Err(Refused::PodGone);
        }
        let pod = cluster.pods.get(&agent.pod).filter(|pod| !pod.addresses.is_empty());
        let pod = pod.ok_or(Refused::PodUnknown)?;
        if self.rules.source_bound && !pod.addresses.contains(&peer.to_canonical()) {
            return Err(Refused::OtherAddress);
        }
        Ok(Identity::Node(agent))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one insertion: a panic leaves a whole value.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tokens are known by their digest: what is kept cannot be shown to anybody else.
fn digest(token: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, token).as_ref());
    bytes
}

#[cfg(test)]
mod tests;
