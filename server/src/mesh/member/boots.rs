//! Which start of an agent speaks for its node.
//!
//! A rollout with surge runs two agents on a node for a while. The one that started last speaks; the
//! heartbeats, goodbyes and rounds of the other one are superseded. A later start is only a claim, so it
//! counts for as long as its heartbeats keep coming:
//!
//! ```text
//!                    ┌── a boot that started later beats: it speaks from now on
//!                    │
//!   S speaks ────────┼── an earlier boot beats while S beats: superseded, told so, changes nothing
//!                    │
//!                    ├── an earlier boot says goodbye: superseded
//!                    │
//!                    └── an earlier boot beats, and S said goodbye or is silent for longer than
//!                        either of the two may be: it speaks from now on
//! ```
//! A forged later start therefore lasts for one more heartbeat than the forger sends. An agent that was
//! displaced speaks again within its interval, [`LATE_GRACE`](meshvane_shared::limits::LATE_GRACE) and the
//! time until its next heartbeat: 11 s by default.

use super::Member;
use crate::mesh::time::Moment;

/// Returns true when the maker of a heartbeat, drawn as the member that it describes, speaks for the node
/// from now on.
pub(super) fn speaks(known: &Member, heard: &Member, now: Moment) -> bool {
    let (Some(speaking), Some(heard_boot)) = (&known.boot, &heard.boot) else { return true };
    if speaking.id == heard_boot.id || heard_boot.started >= speaking.started {
        return true;
    }
    // Of the two intervals the shorter one counts: that of the speaking boot is a claim as well.
    let silence_allowed = known.late_after().min(heard.late_after());
    let is_silent = known.heard.is_none_or(|last| now.since(last) > silence_allowed);
    heard.left.is_none() && (known.left.is_some() || is_silent)
}
