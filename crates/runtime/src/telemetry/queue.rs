//! The queue between those who log and the thread that writes.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes of lines that wait to be written. A reader that pauses for a second misses nothing of an ordinary log; and an agent,
/// which promises 10 MB, stays far below that when its log is not read.
pub(super) const QUEUE_BYTES_MAX: usize = 512 << 10;
/// Lost lines are told when the queue holds less than this: then their reader reads again.
const TOLD_BELOW_BYTES: usize = QUEUE_BYTES_MAX / 2;
/// Stack of the thread that writes: writing needs a few KiB, and formatting the line about lost ones a few more.
const STACK_BYTES: usize = 128 << 10;

/// Lines on their way to where they are written. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Lines {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    // A std mutex: held for a few instructions, never while a line is written.
    queue: Mutex<Queue>,
    pushed: Condvar,
    written: Condvar,
    lost: &'static AtomicU64,
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    /// Of all lines, and of the one that is being written.
    bytes: usize,
    /// Lines lost and not told yet.
    untold: u64,
}

impl Lines {
    /// Starts the thread that writes to `out`. Lost lines are counted in `lost`, and told by `tell` from that thread.
    ///
    /// # Errors
    /// When there is no thread to be had.
    pub(super) fn start(
        out: impl Write + Send + 'static,
        lost: &'static AtomicU64,
        tell: fn(u64),
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            pushed: Condvar::new(),
            written: Condvar::new(),
            lost,
        });
        let writing = shared.clone();
        thread::Builder::new()
            .name("log".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || writing.write(out, tell))?;
        Ok(Self { shared })
    }

    /// Puts a line into the queue, or loses it when the queue is full. Never waits for the reader. What is longer than the
    /// whole queue is cut.
    pub(super) fn push(&self, mut line: Vec<u8>) {
        line.truncate(QUEUE_BYTES_MAX);
        let mut queue = self.shared.queue();
        if queue.bytes + line.len() > QUEUE_BYTES_MAX {
            queue.untold += 1;
            self.shared.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        queue.bytes += line.len();
        queue.lines.push_back(line);
        drop(queue);
        self.shared.pushed.notify_one();
    }

    /// Waits until all is written, for `limit` at most. Returns whether it is.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let queue = self.shared.queue();
        let waited = self.shared.written.wait_timeout_while(queue, limit, |queue| queue.bytes > 0);
        let (_queue, over) = waited.unwrap_or_else(PoisonError::into_inner);
        !over.timed_out()
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // A panic while the lock was held left a queue that is whole: at worst, a count is off.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes lines as they come, for as long as the program runs.
    fn write(&self, mut out: impl Write, tell: fn(u64)) {
        loop {
            let line = self.next();
            let result = out.write_all(&line).and_then(|()| out.flush());
            let untold = self.ended(line.len(), result.is_ok());
            if untold > 0 {
                tell(untold);
            }
        }
    }

    fn next(&self) -> Vec<u8> {
        let mut queue = self.queue();
        loop {
            if let Some(line) = queue.lines.pop_front() {
                return line;
            }
            queue = self.pushed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A line of so many bytes is out of the way. Returns how many lost lines to tell of now.
    fn ended(&self, bytes: usize, is_written: bool) -> u64 {
        let mut queue = self.queue();
        queue.bytes -= bytes;
        if !is_written {
            // It is not told: this log has no reader any more.
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
        let goes_on = is_written && queue.bytes < TOLD_BELOW_BYTES;
        let untold = if goes_on { std::mem::take(&mut queue.untold) } else { 0 };
        drop(queue);
        self.written.notify_all();
        untold
    }
}

/// Takes the text of one event.
#[derive(Debug)]
pub(super) struct LineWriter {
    lines: Option<Lines>,
    line: Vec<u8>,
}

impl LineWriter {
    /// `None` writes to standard error at once.
    pub(super) fn new(lines: Option<Lines>) -> Self {
        Self { lines, line: Vec::new() }
    }
}

impl Write for LineWriter {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LineWriter {
    fn drop(&mut self) {
        let line = std::mem::take(&mut self.line);
        match &self.lines {
            _ if line.is_empty() => {}
            Some(lines) => lines.push(line),
            None => drop(io::stderr().write_all(&line)),
        }
    }
}

#[cfg(test)]
mod tests;
