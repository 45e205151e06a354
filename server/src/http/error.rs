//! Every error of the HTTP side: the only place that gives domain errors their status codes.
//!
//! Native endpoints answer RFC 9457 problems, compatible ones the original's `ErrorResponse`. The detail says what is wrong
//! with the request; causes inside the server stay in its log.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use meshvane_shared::limits::clean_free_text;
use meshvane_shared::wire::problem::{ErrorBody, MEDIA_TYPE, Problem, UNKNOWN_PLAN};

use super::reply;
use crate::auth::Refused;
use crate::collector::Refusal;

/// How an endpoint says its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// RFC 9457 problems.
    Native,
    /// The original's `ErrorResponse`.
    Compatible,
}

/// Why a request got no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The body is not what the endpoint takes.
    BadBody(String),
    /// A field that must be there is not.
    MissingField(String),
    /// A parameter of the query is wrong.
    BadParameter(String),
    /// The round names a plan that the server does not know.
    UnknownPlan(String),
    /// The body is larger than this many bytes.
    TooLarge(usize),
    /// The body did not arrive in time.
    TooSlow,
    /// The writer's bodies, or all, take as much memory as they may; the same body may be taken later.
    Busy(String),
    /// The body is compressed in a way that the server does not know.
    UnknownEncoding,
    /// The maker of the request may not.
    Refused(Refused),
    /// There is no such path.
    NotFound,
    /// The path does not take this method; it takes these.
    MethodNotAllowed {
        /// As in `Allow`.
        allowed: String,
    },
    /// The server is at fault.
    Internal,
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.to_string();
        match refusal {
            Refusal::MissingField(_) => Self::MissingField(text),
            Refusal::InvalidField(_) => Self::BadBody(text),
            Refusal::UnknownPlan(_) => Self::UnknownPlan(text),
            Refusal::Busy(_) => Self::Busy(text),
        }
    }
}

/// A fault as both dialects say it.
struct Said {
    status: StatusCode,
    /// The end of a problem's type.
    slug: &'static str,
    /// The code of the compatible body.
    code: &'static str,
    /// The same in words.
    title: &'static str,
    detail: Option<String>,
}

/// Draws the answer to a fault.
pub fn answer(fault: Fault, dialect: Dialect) -> Response {
    let header = extra_header(&fault);
    let closes = matches!(fault, Fault::TooLarge(_) | Fault::TooSlow | Fault::Busy(_));
    // kubectl, which comes through the API server's proxy, shows its user a text, and of a body that it does not know nothing.
    let for_kubectl = matches!(fault, Fault::Refused(Refused::Forwarded));
    let said = say(fault);
    let mut response = match (&said.detail, dialect) {
        (Some(detail), _) if for_kubectl => reply::text(said.status, format!("{detail}\n")),
        (_, Dialect::Native) => problem(&said),
        (_, Dialect::Compatible) => compatible(&said),
    };
    if let Some((name, value)) = header {
        response.headers_mut().insert(name, value);
    }
    if closes {
        // The rest of the body may still be on its way; nothing after it can be told from it.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Closes the connection of an agent that is refused. It comes back by a new one, which has its true source address once a
/// translation on the way is repaired; an old one never does.
pub fn close_refused(mut response: Response) -> Response {
    if matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn say(fault: Fault) -> Said {
    const INVALID: &str = "INVALID_REQUEST";
    let said = |status, slug, code, title, detail: Option<String>| Said { status, slug, code, title, detail };
    match fault {
        Fault::BadBody(detail) => {
            said(StatusCode::BAD_REQUEST, "invalid-body", INVALID, "invalid request data", Some(detail))
        }
        Fault::MissingField(detail) => {
            said(StatusCode::BAD_REQUEST, "missing-field", INVALID, "missing required field", Some(detail))
        }
        Fault::BadParameter(detail) => {
            said(StatusCode::BAD_REQUEST, "invalid-parameter", INVALID, "invalid parameter", Some(detail))
        }
        Fault::UnknownPlan(detail) => {
            said(StatusCode::CONFLICT, "unknown-plan", INVALID, "unknown plan", Some(detail))
        }
        Fault::TooLarge(limit) => said(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            "TOO_LARGE",
            "the body is too large",
            Some(format!("at most {limit} bytes are accepted")),
        ),
        Fault::TooSlow => said(
            StatusCode::REQUEST_TIMEOUT,
            "body-too-slow",
            "TIMEOUT",
            "the body did not arrive in time",
            None,
        ),
        Fault::Busy(detail) => {
            said(StatusCode::TOO_MANY_REQUESTS, "busy", "BUSY", "too much arrives at once", Some(detail))
        }
        Fault::UnknownEncoding => said(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unknown-encoding",
            "UNSUPPORTED_ENCODING",
            "the body's encoding is not known",
            Some("a body is accepted as it is, or with Content-Encoding: gzip".to_owned()),
        ),
        Fault::Refused(refused) => say_refused(refused),
        Fault::NotFound => said(
            StatusCode::NOT_FOUND,
            "not-found",
            "NOT_FOUND",
            "there is nothing at this path",
            Some("docs/api.md lists the paths".to_owned()),
        ),
        Fault::MethodNotAllowed { allowed } => said(
            StatusCode::METHOD_NOT_ALLOWED,
            "method-not-allowed",
            "METHOD_NOT_ALLOWED",
            "the path does not take this method",
            Some(format!("{allowed} is accepted")),
        ),
        Fault::Internal => said(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "INTERNAL_ERROR",
            "the server failed; its log says more",
            None,
        ),
    }
}

fn say_refused(refused: Refused) -> Said {
    let said = |status, slug, code, title| Said {
        status,
        slug,
        code,
        title,
        detail: Some(refused.advice().to_owned()),
    };
    match refused {
        Refused::WriterWithoutToken
        | Refused::ReaderWithoutToken
        | Refused::LoopbackClosed
        | Refused::WrongToken
        | Refused::NotAnAccountToken
        | Refused::OtherAudience
        | Refused::Expired
        | Refused::NotConfirmed
        | Refused::PodGone => {
            said(StatusCode::UNAUTHORIZED, "unauthorized", "UNAUTHORIZED", "a token is needed")
        }
        Refused::ForeignHost => {
            said(StatusCode::FORBIDDEN, "foreign-host", "FORBIDDEN", "the request names another host")
        }
        // Not 401, which kubectl answers with words of its own.
        Refused::Forwarded => {
            said(StatusCode::FORBIDDEN, "forwarded", "FORBIDDEN", "a proxy forwarded the request")
        }
        Refused::OtherAccount
        | Refused::Unbound
        | Refused::OtherAddress
        | Refused::OtherNode
        | Refused::OtherPlaces
        | Refused::OriginalAgent
        | Refused::MayNotRead => {
            said(StatusCode::FORBIDDEN, "forbidden", "FORBIDDEN", "this identity may not do that")
        }
        Refused::OverBudget => said(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "TOO_MANY_REQUESTS",
            "too many unknown tokens",
        ),
        Refused::ReviewUnavailable | Refused::PodUnknown => said(
            StatusCode::SERVICE_UNAVAILABLE,
            "identity-unavailable",
            "UNAVAILABLE",
            "the identity cannot be confirmed now",
        ),
    }
}

/// How a client should ask (RFC 9110 section 11.6.1, RFC 6750 section 3), or when again.
fn refused_header(refused: Refused) -> Option<(header::HeaderName, HeaderValue)> {
    let ask = |text| Some((header::WWW_AUTHENTICATE, HeaderValue::from_static(text)));
    match refused {
        Refused::WriterWithoutToken | Refused::ReaderWithoutToken | Refused::LoopbackClosed => ask("Bearer"),
        Refused::WrongToken
        | Refused::NotAnAccountToken
        | Refused::OtherAudience
        | Refused::Expired
        | Refused::NotConfirmed
        | Refused::PodGone => ask("Bearer error=\"invalid_token\""),
        Refused::ForeignHost
        | Refused::Forwarded
        | Refused::OtherAccount
        | Refused::Unbound
        | Refused::OtherAddress
        | Refused::OtherNode
        | Refused::OtherPlaces
        | Refused::OriginalAgent
        | Refused::MayNotRead => None,
        Refused::OverBudget | Refused::ReviewUnavailable | Refused::PodUnknown => {
            Some((header::RETRY_AFTER, HeaderValue::from_static("1")))
        }
    }
}

fn extra_header(fault: &Fault) -> Option<(header::HeaderName, HeaderValue)> {
    match fault {
        Fault::Refused(refused) => refused_header(*refused),
        // RFC 9110 section 15.5.6.
        Fault::MethodNotAllowed { allowed } => {
            HeaderValue::try_from(allowed.as_str()).ok().map(|value| (header::ALLOW, value))
        }
        // RFC 6585 section 4.
        Fault::Busy(_) => Some((header::RETRY_AFTER, HeaderValue::from_static("1"))),
        // RFC 9110 section 15.5.16.
        Fault::UnknownEncoding => Some((header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"))),
        Fault::BadBody(_)
        | Fault::MissingField(_)
        | Fault::BadParameter(_)
        | Fault::UnknownPlan(_)
        | Fault::TooLarge(_)
        | Fault::TooSlow
        | Fault::NotFound
        | Fault::Internal => None,
    }
}

fn problem(said: &Said) -> Response {
    let kind = if said.slug == "unknown-plan" {
        UNKNOWN_PLAN.to_owned()
    } else {
        format!("/problems/{}", said.slug)
    };
    let body = Problem {
        kind,
        title: said.title.to_owned(),
        status: said.status.as_u16(),
        detail: said.detail.as_deref().map(clean_free_text),
    };
    reply::json(said.status, MEDIA_TYPE, &body)
}

fn compatible(said: &Said) -> Response {
    let body = ErrorBody {
        code: said.code.to_owned(),
        message: said.title.to_owned(),
        details: said.detail.as_deref().map(clean_free_text),
    };
    reply::json(said.status, reply::COMPATIBLE_JSON, &body)
}

#[cfg(test)]
mod tests;
