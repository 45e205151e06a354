//! How the reviews of unknown tokens are shared among the addresses that ask for them.
//!
//! ```text
//!   source within its share, none of its tokens refused lately ─> common pace, or the reserve when that is used up
//!   source within its share, a token refused lately ────────────> common pace
//!   source beyond its share ────────────────────────────────────> half of the common burst
//! ```
//! A source alone may use all that is common, so many agents behind one proxy are reviewed about as fast as
//! before. A flood uses up the common pace, and its sources lose the reserve with their first refused token.
//! So a stranger who shows a good token is asked about at once while fewer than [`SOURCES_MAX`] sources
//! flood, but for the time that the first tokens of those take, 25 to 50 sources a second. Beyond that
//! number, strangers compete with the flood; agents in their pods, and tokens that are known, do not.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use meshvane_shared::address::source_of;

use super::budget::{Pace, Permit, Places};
use crate::mesh::time::Moment;

/// Reviews of unknown tokens at the same time.
pub const UNKNOWN_IN_FLIGHT: usize = 16;
/// Of those, places that sources without a refused token keep for themselves: a quarter.
const RESERVED_IN_FLIGHT: usize = UNKNOWN_IN_FLIGHT / 4;
/// Reviews that all sources share: 25 a second, in bursts of as many. With the reserve that makes 50 a
/// second.
const COMMON: Pace = Pace { every: Duration::from_millis(40), ahead: Duration::from_secs(1) };
/// The part of [`COMMON`] that sources beyond their share may use.
const COMMON_HALF: Pace = Pace { every: COMMON.every, ahead: Duration::from_millis(500) };
/// Reviews for sources of which no token was refused lately: 25 a second, and 50 at once, for readers that
/// start together.
const RESERVE: Pace = Pace { every: Duration::from_millis(40), ahead: Duration::from_secs(2) };
/// A source's share: 5 a second, and 25 at once, for several readers behind one address.
const OF_A_SOURCE: Pace = Pace { every: Duration::from_millis(200), ahead: Duration::from_secs(5) };
/// A refused token keeps its source from the reserve for this long: a flood of 4,096 sources takes the
/// reserve 14 times a second then.
const REFUSED_REMEMBERED: Duration = Duration::from_mins(5);
/// Sources that are remembered, at about 100 bytes each. What one more asks for counts as beyond its share.
pub(super) const SOURCES_MAX: usize = 4_096;
/// Sources without a reason to be remembered are looked for at most this often, when there are
/// [`SOURCES_MAX`].
const CLEANED_EVERY: Duration = Duration::from_secs(1);

/// What is left for unknown tokens.
#[derive(Debug, Default)]
pub(super) struct ReviewBudget {
    common: Option<Moment>,
    reserve: Option<Moment>,
    sources: HashMap<IpAddr, Source>,
    cleaned: Option<Moment>,
}

/// What a source has used.
#[derive(Debug, Clone, Copy)]
struct Source {
    /// Its place in [`OF_A_SOURCE`].
    share: Moment,
    /// When one of its tokens was last refused.
    refused: Option<Moment>,
}

impl Source {
    fn was_refused_lately(&self, now: Moment) -> bool {
        self.refused.is_some_and(|refused| now.since(refused) < REFUSED_REMEMBERED)
    }
}

impl ReviewBudget {
    /// Takes one review for a token from an address; `None` when that must wait. The permit is held while the
    /// review runs.
    pub(super) fn take(&mut self, peer: IpAddr, in_flight: &Places, now: Moment) -> Option<Permit> {
        let key = source_of(peer);
        let known = self.sources.get(&key).copied();
        let has_room = known.is_some() || self.make_room(now);
        let share = OF_A_SOURCE.step(known.map(|source| source.share), now).filter(|_| has_room);
        let is_reserved = share.is_some() && !known.is_some_and(|source| source.was_refused_lately(now));
        let pace = if share.is_some() { COMMON } else { COMMON_HALF };
        let common = pace.step(self.common, now);
        let reserve = RESERVE.step(self.reserve, now).filter(|_| is_reserved && common.is_none());
        if common.is_none() && reserve.is_none() {
            return None;
        }
        let places = if is_reserved { UNKNOWN_IN_FLIGHT } else { UNKNOWN_IN_FLIGHT - RESERVED_IN_FLIGHT };
        let permit = in_flight.take(places)?;
        self.common = common.or(self.common);
        self.reserve = reserve.or(self.reserve);
        if let Some(share) = share {
            self.sources.insert(key, Source { share, refused: known.and_then(|source| source.refused) });
        }
        Some(permit)
    }

    /// Takes note that a token from an address was refused.
    pub(super) fn refused(&mut self, peer: IpAddr, now: Moment) {
        if let Some(source) = self.sources.get_mut(&source_of(peer)) {
            source.refused = Some(now);
        }
    }

    /// Returns true when one more source has room.
    fn make_room(&mut self, now: Moment) -> bool {
        let is_due = self.cleaned.is_none_or(|cleaned| now.since(cleaned) >= CLEANED_EVERY);
        if self.sources.len() >= SOURCES_MAX && is_due {
            self.cleaned = Some(now);
            self.sources.retain(|_, source| source.share > now || source.was_refused_lately(now));
        }
        self.sources.len() < SOURCES_MAX
    }
}

#[cfg(test)]
mod tests;
