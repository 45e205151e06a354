//! The answers with a plan: written and compressed once for all callers who get the same.
//!
//! When the plan moves, every agent asks at once, and nearly all of them have the same plan: 2,000 agents would have the same
//! 400 KB written 2,000 times.

use std::collections::VecDeque;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use meshvane_shared::name::NodeName;
use meshvane_shared::plan::{PlanDelta, PlanVersion};
use meshvane_shared::wire::plan::PlanBody;

use crate::collector::{PlanNews, PlanPart};
use crate::http::reply;

/// Answers that are kept: the present plan whole, deltas from a few generations, and a few with looks of their own.
const ANSWERS_KEPT: usize = 8;
/// Shorter answers are sent as they are: they fit one packet.
const COMPRESSED_FROM_BYTES: usize = 1024;

/// Answers that were written before.
#[derive(Debug, Default)]
pub struct PlanAnswers {
    // A std Mutex: held while an answer is found or written, never across an await. Who asks for the same meanwhile waits
    // for it rather than write it once more.
    kept: Mutex<VecDeque<(Key, Bytes)>>,
}

/// What makes two answers the same.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    version: PlanVersion,
    part: Part,
    look: Vec<NodeName>,
    look_number: u64,
    gzip: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Nothing,
    Since(u64),
    Whole,
}

impl Key {
    fn of(news: &PlanNews, gzip: bool) -> Self {
        let part = match &news.part {
            PlanPart::Nothing => Part::Nothing,
            PlanPart::Since(known) => Part::Since(known.version.generation),
            PlanPart::Whole => Part::Whole,
        };
        Self {
            version: news.plan.version.clone(),
            part,
            look: news.look.clone(),
            look_number: news.look_number,
            gzip,
        }
    }
}

impl PlanAnswers {
    /// The answer with these news.
    pub(super) fn answer(&self, news: &PlanNews, gzip: bool) -> Response {
        if matches!(news.part, PlanPart::Nothing) {
            // Looks are many and short: each caller's own.
            return reply::native(&body(news));
        }
        let key = Key::of(news, gzip);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = kept.iter().find(|(held, _)| *held == key) {
            return response(bytes.clone());
        }
        let Ok(json) = serde_json::to_vec(&body(news)) else {
            // Says so, and logs it.
            return reply::native(&body(news));
        };
        let bytes = Bytes::from(if gzip { compressed(json) } else { json });
        if kept.len() == ANSWERS_KEPT {
            kept.pop_front();
        }
        kept.push_back((key, bytes.clone()));
        drop(kept);
        response(bytes)
    }
}

fn body(news: &PlanNews) -> PlanBody {
    let delta = match &news.part {
        PlanPart::Since(known) => Some(PlanDelta::between(known, &news.plan)).filter(PlanDelta::is_worth_it),
        PlanPart::Nothing | PlanPart::Whole => None,
    };
    let is_whole = delta.is_none() && !matches!(news.part, PlanPart::Nothing);
    PlanBody {
        epoch: news.plan.version.epoch,
        generation: news.plan.version.generation,
        targets: is_whole.then(|| news.plan.targets.clone()),
        delta,
        look: news.look.clone(),
        look_number: news.look_number,
    }
}

/// Compresses what is long enough to gain by it.
fn compressed(json: Vec<u8>) -> Vec<u8> {
    if json.len() < COMPRESSED_FROM_BYTES {
        return json;
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(json.len() / 4), Compression::fast());
    // Writing into memory cannot fail; if it did, the answer as it is would still be right.
    match encoder.write_all(&json).and_then(|()| encoder.finish()) {
        Ok(bytes) => bytes,
        Err(_) => json,
    }
}

/// A body of JSON begins with a brace, one of gzip with its magic number (RFC 1952 section 2.3.1).
fn response(bytes: Bytes) -> Response {
    const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
    let is_gzip = bytes.starts_with(&GZIP_MAGIC);
    let mut response = Response::new(Body::from(bytes));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(reply::NATIVE_JSON));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if is_gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

/// Tells whether a caller says that it reads gzip (RFC 9110 section 12.5.3); a weight of zero says that it does not.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let is_refused = parts.any(|weight| {
            let weight = weight.trim_start_matches(['q', 'Q']).trim_start_matches([' ', '=']);
            weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0)
        });
        is_gzip && !is_refused
    })
}

#[cfg(test)]
mod tests;
