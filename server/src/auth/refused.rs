//! Why requests are refused, in words for their makers.

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refused {
    /// A writer shows no token.
    WriterWithoutToken,
    /// A reader from elsewhere shows no token.
    ReaderWithoutToken,
    /// A reader shows no token, and a proxy says that it speaks for somebody else.
    Forwarded,
    /// A loopback reader shows no token, and `MESHVANE_LOOPBACK_READS` is false.
    LoopbackClosed,
    /// The token is not one of ours, or not one for this.
    WrongToken,
    /// A loopback reader without token names a host that is not this machine: a rebound DNS name in a browser, say.
    ForeignHost,
    /// What is shown is no token of Kubernetes.
    NotAnAccountToken,
    /// The token was made for another audience.
    OtherAudience,
    /// The token's time is over.
    Expired,
    /// The API server does not confirm the token.
    NotConfirmed,
    /// The token's pod was deleted.
    PodGone,
    /// The token belongs to another service account than the agents'.
    OtherAccount,
    /// The token is bound to no pod on a node.
    Unbound,
    /// The request comes from another address than the token's pod has.
    OtherAddress,
    /// The body speaks for another node than the token's.
    OtherNode,
    /// The body names addresses that neither the token's pod nor its node has.
    OtherPlaces,
    /// The body is an original agent's, which has no identity.
    OriginalAgent,
    /// The reader's account has no right to read.
    MayNotRead,
    /// Too many unknown tokens are waiting to be reviewed.
    OverBudget,
    /// The API server cannot be asked about a token that it has not confirmed before.
    ReviewUnavailable,
    /// The server has not seen the token's pod yet.
    PodUnknown,
}

impl Refused {
    /// Every reason, as metrics list them.
    pub const ALL: [Self; 21] = [
        Self::WriterWithoutToken,
        Self::ReaderWithoutToken,
        Self::Forwarded,
        Self::LoopbackClosed,
        Self::WrongToken,
        Self::ForeignHost,
        Self::NotAnAccountToken,
        Self::OtherAudience,
        Self::Expired,
        Self::NotConfirmed,
        Self::PodGone,
        Self::OtherAccount,
        Self::Unbound,
        Self::OtherAddress,
        Self::OtherNode,
        Self::OtherPlaces,
        Self::OriginalAgent,
        Self::MayNotRead,
        Self::OverBudget,
        Self::ReviewUnavailable,
        Self::PodUnknown,
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
            Self::NotAnAccountToken => "not_an_account_token",
            Self::OtherAudience => "other_audience",
            Self::Expired => "expired",
            Self::NotConfirmed => "not_confirmed",
            Self::PodGone => "pod_gone",
            Self::OtherAccount => "other_account",
            Self::Unbound => "unbound",
            Self::OtherAddress => "other_address",
            Self::OtherNode => "other_node",
            Self::OtherPlaces => "other_places",
            Self::OriginalAgent => "original_agent",
            Self::MayNotRead => "may_not_read",
            Self::OverBudget => "over_budget",
            Self::ReviewUnavailable => "review_unavailable",
            Self::PodUnknown => "pod_unknown",
        }
    }

    /// Tells whether it passes without anybody's doing: an agent that goes on asking will be let in.
    pub fn passes(self) -> bool {
        matches!(self, Self::Expired | Self::ReviewUnavailable)
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::WriterWithoutToken => {
                "writing needs an agent's token: send `Authorization: Bearer` and the content of the file that the server's \
                 MESHVANE_TOKEN_FILE names or, with MESHVANE_AUTH=kubernetes, the agent's service-account token"
            }
            Self::ReaderWithoutToken => {
                "reading from another machine needs a token: send `Authorization: Bearer` and the content of the server's \
                 MESHVANE_READ_TOKEN_FILE or, with MESHVANE_AUTH=kubernetes, a reader's service-account token; or read through \
                 `kubectl port-forward`, which needs none"
            }
            Self::Forwarded => {
                "a proxy forwarded this request and no token came with it (the API server's own proxy takes tokens away): read \
                 through `kubectl port-forward`, or send a reader's token to the server directly"
            }
            Self::LoopbackClosed => {
                "MESHVANE_LOOPBACK_READS is false, so reading needs a token here too: send `Authorization: Bearer` and the content \
                 of the server's MESHVANE_READ_TOKEN_FILE or, with MESHVANE_AUTH=kubernetes, a reader's service-account token"
            }
            Self::WrongToken => {
                "the token is not accepted for this: writing takes the content of the server's MESHVANE_TOKEN_FILE, reading that or \
                 MESHVANE_READ_TOKEN_FILE, or no token at all through `kubectl port-forward`"
            }
            Self::ForeignHost => {
                "without a token the request must name this machine: use http://localhost and the port, as with \
                 `kubectl port-forward`, or send a token"
            }
            Self::NotAnAccountToken => {
                "this is no token of a service account: an agent sends its projected token, a reader one of \
                 `kubectl create token` with --audience; `kubectl port-forward` needs none"
            }
            Self::OtherAudience => {
                "the token was made for another audience than the server's MESHVANE_AUDIENCE: project or create it for that one"
            }
            Self::Expired => "the token's time is over: send a newer one",
            Self::NotConfirmed => {
                "the API server does not confirm this token: it is forged, or its pod or account was deleted"
            }
            Self::PodGone => "the token's pod was deleted",
            Self::OtherAccount => {
                "only the agents' service account may write (MESHVANE_AGENT_SERVICE_ACCOUNT in the server's namespace)"
            }
            Self::Unbound => {
                "an agent's token is bound to its pod on its node: send the pod's projected token, not one of `kubectl create token`"
            }
            Self::OtherAddress => {
                "an agent is believed from its own pod's addresses alone, and this request comes from another one: keep proxies and \
                 address translation out of the way, or give the server a certificate (MESHVANE_TLS_CERT_FILE)"
            }
            Self::OtherNode => "an agent speaks for the node of its own pod alone",
            Self::OtherPlaces => "an agent names the addresses of its own pod and node alone",
            Self::OriginalAgent => {
                "agents of the original tool have no identity: they are heard with MESHVANE_AUTH=none, or by a shared token"
            }
            Self::MayNotRead => {
                "this account may not read here: bind it to a role with the verb `get` on the nonResourceURL /meshvane.io/read, \
                 such as the chart's meshvane-reader"
            }
            Self::OverBudget => "too many unknown tokens arrive at once: try again",
            Self::ReviewUnavailable => "the API server cannot be asked about this token now: try again",
            Self::PodUnknown => "the server has not seen this token's pod yet: try again",
        }
    }
}
