//! Bodies that the listener looks after: an answer's, with what is held until it is sent, and a request's, of
//! which it must be known whether it was read to its end.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, Incoming, SizeHint};

use super::pace::Pace;

/// A body, and what is dropped with it.
#[derive(Debug)]
pub(super) struct Held<Guard> {
    body: Body,
    _guard: Guard,
}

impl<Guard> Held<Guard> {
    pub(super) fn new(body: Body, guard: Guard) -> Self {
        Self { body, _guard: guard }
    }
}

impl<Guard: Unpin> HttpBody for Held<Guard> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A request's body. When it is dropped before its end, hyper has work left: it drains what is small, or
/// closes.
#[derive(Debug)]
pub(super) struct Sent {
    body: Incoming,
    is_read: bool,
    pace: Pace,
}

impl Sent {
    pub(super) fn new(body: Incoming, pace: Pace) -> Self {
        Self { is_read: body.is_end_stream(), body, pace }
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        self.is_read |= matches!(frame, Poll::Ready(None)) || self.body.is_end_stream();
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Sent {
    fn drop(&mut self) {
        if !self.is_read {
            self.pace.leave_unread();
        }
    }
}
