//! Answers, and the headers that all of them carry.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;

/// The original's content type.
pub(super) const COMPATIBLE_JSON: &str = "application/json; charset=utf-8";
/// Ours.
pub(super) const NATIVE_JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// An answer of a compatible endpoint.
pub(super) fn compatible(body: &impl Serialize) -> Response {
    json(StatusCode::OK, COMPATIBLE_JSON, body)
}

/// An answer of a native endpoint.
pub(super) fn native(body: &impl Serialize) -> Response {
    json(StatusCode::OK, NATIVE_JSON, body)
}

/// An answer as JSON.
pub(super) fn json(status: StatusCode, media_type: &'static str, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => with_type(status, media_type, bytes),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written");
            with_type(
                StatusCode::INTERNAL_SERVER_ERROR,
                TEXT,
                b"the server failed; its log says more\n".to_vec(),
            )
        }
    }
}

/// An answer as text.
pub(super) fn text(status: StatusCode, text: String) -> Response {
    with_type(status, TEXT, text.into_bytes())
}

/// An answer of a given type.
pub(super) fn with_type(status: StatusCode, media_type: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// The answer that the resource is elsewhere for good.
pub(super) fn moved(location: HeaderValue) -> Response {
    let mut response = empty(StatusCode::MOVED_PERMANENTLY);
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// Adds what every answer says: it is of this moment, and is what its type says and nothing else.
pub(super) fn hardened(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
