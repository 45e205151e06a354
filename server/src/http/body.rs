//! Reading a request's body within its limits: memory of all that arrive, size as sent, size decoded, time, pace, text, depth.

use std::io::Read as _;
use std::pin::pin;
use std::time::Duration;

use axum::body::{Body, HttpBody as _};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_ENCODING;
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt as _;
use tokio::time::{sleep, timeout};

use super::bodies::Place;
use super::error::Fault;
use super::limits::{
    BODY_AT_ONCE_MAX_BYTES, BODY_MAX_BYTES, BODY_PACE_BYTES, BODY_PACE_EVERY, DECODED_MAX_BYTES, DEPTH_MAX,
    OVERSIZE_DISCARD_MAX_BYTES, SMALL_BODY_MAX_BYTES, UNBELIEVED_BODY_MAX_BYTES,
};
use super::state::{ApiState, Ask};

/// How large a body may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    /// As sent.
    pub(super) wire: usize,
    /// After decompression.
    pub(super) decoded: usize,
}

/// A body that holds many results.
pub(super) const LARGE: Size = Size { wire: BODY_MAX_BYTES, decoded: DECODED_MAX_BYTES };
/// A body that is small by nature.
pub(super) const SMALL: Size = Size { wire: SMALL_BODY_MAX_BYTES, decoded: SMALL_BODY_MAX_BYTES };

/// What a writer is told whose body found no place, or lost it.
const TOO_MANY_BODIES: &str = "too many bodies are arriving: send this one again";

/// Reads a small body as JSON text. Its depth is within bounds; nothing else was looked at.
pub(super) async fn text(state: &ApiState, ask: Ask) -> Result<String, Fault> {
    arrived(state, ask, SMALL).await?.unpacked(SMALL.decoded)
}

/// Reads a body that may be large, and takes its JSON text, whose depth is within bounds: a short one on this thread, a long one
/// on a thread beside it, where no two are taken at the same time. A long body whose sender went away meanwhile is taken
/// nevertheless.
pub(super) async fn taken<T: Send + 'static>(
    state: &ApiState,
    ask: Ask,
    take: impl FnOnce(&str) -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let writer = ask.writer();
    let mut arrived = arrived(state, ask, LARGE).await?;
    if arrived.sent.len() <= BODY_AT_ONCE_MAX_BYTES {
        match arrived.unpack_short()? {
            Short::Text(text) => return take(&text),
            Short::Longer(longer) => arrived = longer,
        }
    }
    let Some(aside) = state.bodies.aside().place(writer, 1, state.limits.body_wait).await else {
        return Err(Fault::Busy(TOO_MANY_BODIES.to_owned()));
    };
    let taking = tokio::task::spawn_blocking(move || {
        let taken = arrived.unpacked(LARGE.decoded).and_then(|text| take(&text));
        drop(aside);
        taken
    });
    match taking.await {
        Ok(taken) => taken,
        Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
        // The runtime ends, and nothing reads this answer.
        Err(_) => Err(Fault::Internal),
    }
}

/// A body that arrived whole.
struct Arrived {
    sent: Vec<u8>,
    encoding: Encoding,
    /// Held for as long as the bytes are.
    _place: Place,
}

/// What became of a body that may be short.
enum Short {
    Text(String),
    Longer(Arrived),
}

impl Arrived {
    /// Unpacks the body if its text is short.
    fn unpack_short(self) -> Result<Short, Fault> {
        let decoded = match self.encoding {
            Encoding::Identity => self.sent,
            Encoding::Gzip => match gunzip(&self.sent, BODY_AT_ONCE_MAX_BYTES) {
                Err(Fault::TooLarge(_)) => return Ok(Short::Longer(self)),
                decoded => decoded?,
            },
        };
        checked(decoded).map(Short::Text)
    }

    /// Unpacks the body, up to a limit of bytes.
    fn unpacked(self, limit: usize) -> Result<String, Fault> {
        checked(match self.encoding {
            Encoding::Identity => self.sent,
            Encoding::Gzip => gunzip(&self.sent, limit)?,
        })
    }
}

/// The text of a body, when it is text and its depth is within bounds.
fn checked(decoded: Vec<u8>) -> Result<String, Fault> {
    let text = String::from_utf8(decoded).map_err(|error| {
        Fault::BadBody(format!(
            "the body is not UTF-8 text: byte {} is wrong",
            error.utf8_error().valid_up_to()
        ))
    })?;
    refuse_deep(&text)?;
    Ok(text)
}

/// Waits for a body's place, and for all of the body.
async fn arrived(state: &ApiState, ask: Ask, size: Size) -> Result<Arrived, Fault> {
    let encoding = Encoding::of(ask.headers())?;
    let writer = ask.writer();
    let mut body = ask.body;
    let declared = body.size_hint().upper().and_then(|bytes| usize::try_from(bytes).ok());
    if declared.is_some_and(|declared| declared > size.wire) {
        // Whether all of it came does not matter: the answer is the same.
        let _ =
            timeout(state.limits.body_time, discard(&mut body, size.wire + OVERSIZE_DISCARD_MAX_BYTES)).await;
        return Err(Fault::TooLarge(size.wire));
    }
    let budget = if size == SMALL { state.bodies.small() } else { state.bodies.large() };
    let room = declared.unwrap_or(size.wire);
    let Some(place) = budget.place(writer, room, state.limits.body_wait).await else {
        // The same: its sender sees the refusal and not a reset.
        let _ = timeout(state.limits.body_time, discard(&mut body, size.wire)).await;
        return Err(Fault::Busy(TOO_MANY_BODIES.to_owned()));
    };
    let sent = timeout(state.limits.body_time, collect(body, room, size.wire, &place))
        .await
        .map_err(|_| Fault::TooSlow)??;
    Ok(Arrived { sent, encoding, _place: place })
}

/// Reads and throws away a body that nobody believes, so that its sender sees the refusal and not a reset.
pub(super) async fn discard_unbelieved(mut body: Body, time: Duration) {
    if body.is_end_stream() {
        return;
    }
    // Whether all of it came does not matter: the answer is the same.
    let _ = timeout(time, discard(&mut body, UNBELIEVED_BODY_MAX_BYTES)).await;
}

#[derive(Debug, Clone, Copy)]
enum Encoding {
    Identity,
    Gzip,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Self, Fault> {
        let mut values = headers.get_all(CONTENT_ENCODING).iter();
        match (values.next().map(|value| value.as_bytes().to_ascii_lowercase()), values.next()) {
            (None, _) => Ok(Self::Identity),
            (Some(value), None) if value == b"identity" || value.is_empty() => Ok(Self::Identity),
            (Some(value), None) if value == b"gzip" || value == b"x-gzip" => Ok(Self::Gzip),
            (Some(_), _) => Err(Fault::UnknownEncoding),
        }
    }
}

/// Reads a body for which there is room, while it keeps its pace or no other body waits for its place.
async fn collect(mut body: Body, room: usize, limit: usize, place: &Place) -> Result<Vec<u8>, Fault> {
    let mut bytes: Vec<u8> = Vec::new();
    // A sleep and no interval, whose first tick takes until the next millisecond: each heartbeat would wait for it.
    let mut tick = pin!(sleep(BODY_PACE_EVERY));
    let mut due = 0;
    loop {
        let frame = tokio::select! {
            biased;
            frame = body.frame() => frame,
            () = &mut tick => {
                // From now: a thread that was busy elsewhere read nothing meanwhile, and that time is not the sender's.
                tick.set(sleep(BODY_PACE_EVERY));
                if bytes.len() < due && place.is_awaited() {
                    return Err(Fault::Busy(TOO_MANY_BODIES.to_owned()));
                }
                due += BODY_PACE_BYTES;
                continue;
            }
        };
        let Some(frame) = frame else { return Ok(bytes) };
        let frame = frame.map_err(|_| Fault::BadBody("the body ended before its end".to_owned()))?;
        // What is no data is a trailer, which says nothing to us.
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            drop(bytes);
            discard(&mut body, OVERSIZE_DISCARD_MAX_BYTES).await;
            return Err(Fault::TooLarge(limit));
        }
        grow(&mut bytes, data.len(), room);
        bytes.extend_from_slice(&data);
    }
}

/// Makes room for more bytes by doubling, as a vector does by itself, but never for more than are promised.
fn grow(bytes: &mut Vec<u8>, more: usize, promised: usize) {
    let needed = bytes.len() + more;
    if needed > bytes.capacity() {
        let capacity = (2 * bytes.capacity()).min(promised).max(needed);
        bytes.reserve_exact(capacity - bytes.len());
    }
}

async fn discard(body: &mut Body, limit: usize) {
    let mut left = limit;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, axum::body::Bytes::len);
        if length > left {
            return;
        }
        left -= length;
    }
}

fn gunzip(sent: &[u8], limit: usize) -> Result<Vec<u8>, Fault> {
    // One allocation, whose pages are only used as far as they are written: growing by doubling takes three times as much.
    let mut decoded = Vec::with_capacity(limit + 1);
    MultiGzDecoder::new(sent)
        .take(limit as u64 + 1)
        .read_to_end(&mut decoded)
        .map_err(|_| Fault::BadBody("the body is not whole gzip data".to_owned()))?;
    if decoded.len() > limit {
        return Err(Fault::TooLarge(limit));
    }
    Ok(decoded)
}

/// Refuses JSON that is nested deeper than any body of ours, before a parser sees it. Text that is no JSON passes.
fn refuse_deep(text: &str) -> Result<(), Fault> {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match (in_string, byte) {
            (true, b'\\') => {
                bytes.next();
            }
            (_, b'"') => in_string = !in_string,
            (false, b'[' | b'{') => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(Fault::BadBody(format!("the body is nested deeper than {DEPTH_MAX} levels")));
                }
            }
            (false, b']' | b'}') => depth = depth.saturating_sub(1),
            (_, _) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
