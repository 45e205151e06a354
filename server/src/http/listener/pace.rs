//! The time that a connection may take: a stream that breaks off when its client is too slow.
//!
//! ```text
//!              first byte                  head complete (the handler begins)
//!   idle, 75 s ──────────> head, 5 s ──────────────────────────────> handling
//!     ^                                                                  │ answered
//!     └──────────────────────────────────────────────────────────────────┘
//! ```
//! While a request is handled no read is timed here: a long poll waits for the server, and a body has its own
//! time. A write that takes no byte is timed always. A part of the next head that arrives while a request is
//! handled counts as idle until the connection rests: its sender then has the longer time, once.
//!
//! A connection **rests** when its answers are sent and nothing of another request was read. Hyper keeps 16
//! KiB of buffers for a connection, and a resting one needs none of it: the listener takes its stream back,
//! and gives it to hyper again with the first byte of the next request ([`Paced::begun`]).

use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::super::limits::Limits;

/// What both the stream and its requests know of one connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Edges between waiting (even) and handling (odd).
    edges: AtomicU64,
    /// Answers that are not sent to their end.
    answers: AtomicUsize,
    /// Something was written and not flushed.
    unflushed: AtomicBool,
    /// A part of a head was read.
    in_head: AtomicBool,
    /// The connection is being closed, or a request's body was not read to its end: hyper has work left then.
    closing: AtomicBool,
}

/// A request is being handled while this lives.
#[derive(Debug)]
pub(super) struct Handling(Pace);

/// An answer is being made and sent while this lives.
#[derive(Debug)]
pub(super) struct Answering(Pace);

impl Pace {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// A request's head is complete.
    pub(super) fn begin(&self) -> (Handling, Answering) {
        self.0.edges.fetch_add(1, Ordering::Relaxed);
        self.0.in_head.store(false, Ordering::Relaxed);
        self.0.answers.fetch_add(1, Ordering::Relaxed);
        (Handling(self.clone()), Answering(self.clone()))
    }

    /// Tells whether a request is being handled.
    pub(super) fn is_handling(&self) -> bool {
        self.edges() % 2 == 1
    }

    /// Returns true when every answer is sent and nothing of the next request was read.
    pub(super) fn is_resting(&self) -> bool {
        let flags = [&self.0.unflushed, &self.0.in_head, &self.0.closing];
        !self.is_handling()
            && self.0.answers.load(Ordering::Relaxed) == 0
            && !flags.iter().any(|flag| flag.load(Ordering::Relaxed))
    }

    /// A request's body was not read to its end: the connection does not rest any more.
    pub(super) fn leave_unread(&self) {
        self.0.closing.store(true, Ordering::Relaxed);
    }

    fn edges(&self) -> u64 {
        self.0.edges.load(Ordering::Relaxed)
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        self.0.0.edges.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.answers.fetch_sub(1, Ordering::Relaxed);
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
    /// What was read already and is to be read again.
    begun: Bytes,
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
            begun: Bytes::new(),
            header_time: limits.header_time,
            idle_time: limits.idle_time,
            write_time: limits.write_time,
            waiting: None,
            read_timer: Box::pin(sleep(limits.idle_time)),
            write_timer: None,
        }
    }

    /// Waits for the first byte of a request, which is read again after it. Cancel-safe.
    ///
    /// # Errors
    /// When the client closed the connection, or sends nothing for the idle time.
    pub(super) async fn begun(&mut self) -> io::Result<()>
    where
        S: AsyncRead + Unpin,
    {
        if !self.begun.is_empty() {
            return Ok(());
        }
        let mut byte = [0; 1];
        let mut buffer = ReadBuf::new(&mut byte);
        poll_fn(|context| Pin::new(&mut *self).poll_read(context, &mut buffer)).await?;
        if buffer.filled().is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.begun = Bytes::copy_from_slice(buffer.filled());
        Ok(())
    }

    /// Takes back what hyper had read of the next request.
    pub(super) fn read_again(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.begun = bytes;
            self.arm_read();
            self.note_read();
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
            self.pace.0.in_head.store(true, Ordering::Relaxed);
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
        if !this.begun.is_empty() {
            let length = this.begun.len().min(buffer.remaining());
            buffer.put_slice(&this.begun.split_to(length));
            return Poll::Ready(Ok(()));
        }
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
        this.pace.0.unflushed.store(true, Ordering::Relaxed);
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
        this.pace.0.unflushed.store(true, Ordering::Relaxed);
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
        if flushed.is_ready() {
            this.pace.0.unflushed.store(false, Ordering::Relaxed);
        }
        this.time_write(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.pace.0.closing.store(true, Ordering::Relaxed);
        let closed = Pin::new(&mut this.stream).poll_shutdown(context);
        this.time_write(closed, context)
    }
}

#[cfg(test)]
mod tests;
