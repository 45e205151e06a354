//! The time that a connection may take: a stream that breaks off when its client is too slow.
//!
//! ```text
//!              first byte                  head complete (the handler begins)
//!   idle, 75 s ──────────> head, 5 s ──────────────────────────────> handling
//!     ^                                                                  │ answered
//!     └──────────────────────────────────────────────────────────────────┘
//! ```
//! While a request is handled no read is timed here: a long poll waits for the server, and a body has its own time. A write
//! that takes no byte is timed always. A part of the next head that arrives while a request is handled counts as idle: its
//! sender then has the longer time, once.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::super::limits::Limits;

/// Counts the edges between waiting (even) and handling (odd) of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace(Arc<AtomicU64>);

/// A request is being handled while this lives.
#[derive(Debug)]
pub(super) struct Handling(Pace);

impl Pace {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A request's head is complete.
    pub(super) fn begin(&self) -> Handling {
        self.0.fetch_add(1, Ordering::Relaxed);
        Handling(self.clone())
    }

    /// Tells whether a request is being handled.
    pub(super) fn is_handling(&self) -> bool {
        self.edges() % 2 == 1
    }

    fn edges(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// What the read timer stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waiting {
    /// For the first byte of a head, after this many edges.
    Idle(u64),
    /// For the rest of the head.
    Head(u64),
}

/// A stream that breaks off when its client is too slow.
#[derive(Debug)]
pub(super) struct Paced<S> {
    stream: S,
    pace: Pace,
    header_time: Duration,
    idle_time: Duration,
    write_time: Duration,
    waiting: Option<Waiting>,
    read_timer: Pin<Box<Sleep>>,
    write_timer: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    pub(super) fn new(stream: S, pace: Pace, limits: &Limits) -> Self {
        Self {
            stream,
            pace,
            header_time: limits.header_time,
            idle_time: limits.idle_time,
            write_time: limits.write_time,
            waiting: None,
            read_timer: Box::pin(sleep(limits.idle_time)),
            write_timer: None,
        }
    }

    /// Sets the read timer for what is waited for now; returns whether a read is timed at all.
    fn arm_read(&mut self) -> bool {
        if self.pace.is_handling() {
            return false;
        }
        let edges = self.pace.edges();
        if self.waiting != Some(Waiting::Idle(edges)) && self.waiting != Some(Waiting::Head(edges)) {
            self.rest(edges);
        }
        true
    }

    fn rest(&mut self, edges: u64) {
        self.waiting = Some(Waiting::Idle(edges));
        self.read_timer.set(sleep(self.idle_time));
    }

    /// A byte arrived: the head has begun, unless it had before.
    fn note_read(&mut self) {
        if let Some(Waiting::Idle(edges)) = self.waiting {
            self.waiting = Some(Waiting::Head(edges));
            self.read_timer.set(sleep(self.header_time));
        }
    }

    /// A byte was taken: the client lives, so its idle time begins anew.
    fn note_written(&mut self, context: &mut Context<'_>) {
        let edges = self.pace.edges();
        if !self.pace.is_handling() && self.waiting != Some(Waiting::Head(edges)) {
            self.rest(edges);
            // Registers the timer: no read may be polled between this write and the next event.
            let _ = self.read_timer.as_mut().poll(context);
        }
    }

    /// Times a write that did not get on.
    fn time_write<T>(
        &mut self,
        written: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.write_timer = None;
            return written;
        }
        let write_time = self.write_time;
        let timer = self.write_timer.get_or_insert_with(|| Box::pin(sleep(write_time)));
        ready!(timer.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes no bytes")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let timed = this.arm_read();
        let filled = buffer.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(context, buffer);
        if !timed {
            return read;
        }
        if buffer.filled().len() > filled {
            this.note_read();
        }
        if read.is_ready() {
            return read;
        }
        ready!(this.read_timer.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client sends no whole request")))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = Pin::new(&mut this.stream).poll_write(context, bytes);
        if matches!(written, Poll::Ready(Ok(1..))) {
            this.note_written(context);
        }
        this.time_write(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, slices);
        if matches!(written, Poll::Ready(Ok(1..))) {
            this.note_written(context);
        }
        this.time_write(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let flushed = Pin::new(&mut this.stream).poll_flush(context);
        this.time_write(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let closed = Pin::new(&mut this.stream).poll_shutdown(context);
        this.time_write(closed, context)
    }
}

#[cfg(test)]
mod tests;
