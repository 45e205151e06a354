//! Errors: RFC 9457 problems on native endpoints, the original's `ErrorResponse` on compatible ones.

use serde::{Deserialize, Serialize};

/// The media type of a [`Problem`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A problem, RFC 9457 section 3.1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// A stable reference, `/problems/unknown-plan` for instance; clients decide by it.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same in words.
    pub title: String,
    /// The HTTP status code.
    pub status: u16,
    /// What is wrong with this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// [`Problem::kind`] of the answer to a round whose plan the server does not know.
pub const UNKNOWN_PLAN: &str = "/problems/unknown-plan";

/// An error of a compatible endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// `INVALID_REQUEST`, `CACHE_ERROR`, `INTERNAL_ERROR`, or one of ours for what the original does not have.
    pub code: String,
    /// A sentence.
    pub message: String,
    /// Which field, and how it is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<String>,
}
