//! The sockets of one address family: the one in use, and at times a fresh one beside it. Pure: takes `now`, opens nothing.
//!
//! ```text
//!   Unopened ──opened──> Open <──────── answered ─────────┐
//!      ^  └──closed──> Closed (until)                     │
//!      └── forget (it failed) ──┘        fresh: freshened ┴─ FRESH_KEPT over, forget ──> gone
//! ```

use std::time::{Duration, Instant};

use meshvane_shared::outcome::Reason;

/// How long a fresh socket is used: all bursts of one wave share it. A wave is what is suspected within a second or two, and its careful
/// bursts.
pub const FRESH_KEPT: Duration = Duration::from_secs(5);
/// The least time between two fresh sockets. Each makes a new session for each target on all devices of the way, so they must stay
/// few; and a failing cell, which is asked every 10 s at the default interval, finds a fresh socket at each of its turns.
pub const FRESH_SPACING: Duration = Duration::from_secs(9);

/// The sockets of a family. Each has a number that is not used for the next 65,535.
#[derive(Debug)]
pub(super) struct Sockets<S> {
    state: State<S>,
    fresh: Option<Fresh<S>>,
    /// When the last fresh one was opened, or failed to open.
    freshened: Option<Instant>,
    numbers: u16,
}

/// The socket in use.
#[derive(Debug)]
pub(super) enum State<S> {
    Unopened,
    Open(u16, S),
    Closed { reason: Reason, until: Instant },
}

#[derive(Debug)]
struct Fresh<S> {
    number: u16,
    socket: S,
    until: Instant,
}

impl<S> Default for Sockets<S> {
    fn default() -> Self {
        Self { state: State::Unopened, fresh: None, freshened: None, numbers: 0 }
    }
}

impl<S> Sockets<S> {
    pub(super) fn state(&self) -> &State<S> {
        &self.state
    }

    fn number(&mut self) -> u16 {
        self.numbers = self.numbers.wrapping_add(1);
        self.numbers
    }

    /// Takes the socket that is used from now on; returns its number.
    pub(super) fn opened(&mut self, socket: S) -> u16 {
        let number = self.number();
        self.state = State::Open(number, socket);
        number
    }

    /// None could be opened, and none is tried before `until`.
    pub(super) fn closed(&mut self, reason: Reason, until: Instant) {
        self.state = State::Closed { reason, until };
    }

    /// The fresh socket, while there is one.
    pub(super) fn fresh(&mut self, now: Instant) -> Option<(u16, &S)> {
        if self.fresh.as_ref().is_some_and(|fresh| now >= fresh.until) {
            self.fresh = None;
        }
        self.fresh.as_ref().map(|fresh| (fresh.number, &fresh.socket))
    }

    /// Returns true when a fresh socket may be opened beside the one in use, and counts the try.
    pub(super) fn may_freshen(&mut self, now: Instant) -> bool {
        let is_open = matches!(self.state, State::Open(..));
        let is_time = self.freshened.is_none_or(|last| now.saturating_duration_since(last) >= FRESH_SPACING);
        let may = is_open && is_time && self.fresh.is_none();
        if may {
            self.freshened = Some(now);
        }
        may
    }

    /// Takes a fresh socket; returns its number.
    pub(super) fn freshened(&mut self, socket: S, now: Instant) -> u16 {
        let number = self.number();
        self.fresh = Some(Fresh { number, socket, until: now + FRESH_KEPT });
        number
    }

    /// A request of the socket with this number was answered: the fresh one is used from now on. Returns true when that is so.
    pub(super) fn answered(&mut self, number: u16) -> bool {
        let Some(fresh) = self.fresh.take_if(|fresh| fresh.number == number) else {
            return false;
        };
        self.state = State::Open(fresh.number, fresh.socket);
        true
    }

    /// The socket with this number is of no use any more.
    pub(super) fn forget(&mut self, number: u16) {
        if matches!(self.state, State::Open(open, _) if open == number) {
            self.state = State::Unopened;
        }
        self.fresh.take_if(|fresh| fresh.number == number);
    }
}

#[cfg(test)]
mod tests;
