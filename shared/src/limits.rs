//! Limits and periods that both sides hold to.

use std::time::Duration;

use crate::check::CheckKind;

/// A probe without an answer after this is suspect: posted at once, and confirmed by a burst.
pub const PROBE_SOFT_LIMIT: Duration = Duration::from_secs(1);
/// A probe without an answer after this has none. Answers between the soft limit and this one are late.
pub const PROBE_HARD_LIMIT: Duration = Duration::from_millis(3500);
/// Probes in a confirm burst. With 1 % loss each way four fail together 4 times in 100 million; three would do so 8 times in a million.
pub const BURST_PROBES: u32 = 4;
/// Probes in a burst where haste is of no use: where this agent suspected nothing by itself, or the address answers another
/// check, so that no node is in danger. With 3 % loss each way seven fail together 3 times in a billion.
pub const CAREFUL_PROBES: u32 = 7;
/// Distance between the probes of a burst.
pub const BURST_SPACING: Duration = Duration::from_millis(200);
/// Consecutive answers that end a failure.
pub const UP_AFTER_ANSWERS: u32 = 2;
/// A cell is stale when it is older than this many of its planned periods.
pub const STALE_AFTER_PERIODS: u32 = 3;
/// A cell of an original agent is stale after this: those test every 60 s.
pub const ORIGINAL_STALE_AFTER: Duration = Duration::from_mins(3);
/// Shortest interval of heartbeats and of probes: the soft limit of a probe.
pub const INTERVAL_MIN: Duration = PROBE_SOFT_LIMIT;
/// Longest interval of heartbeats and of probes. A node that may be silent for longer is not monitored.
pub const INTERVAL_MAX: Duration = Duration::from_hours(1);
/// Rounds and parts that an agent makes in a second at most: a part every 100 ms, and a round every [`INTERVAL_MIN`].
pub const ROUNDS_PER_SECOND_MAX: u64 = 11;
/// A member is late when its heartbeat is overdue by this.
pub const LATE_GRACE: Duration = Duration::from_secs(1);
/// The plan's generation moves at most once in this time, so that a rollout does not send a plan per pod.
pub const GENERATION_PERIOD: Duration = Duration::from_secs(2);
/// The longest that a caller may keep a plan request open.
pub const PLAN_WAIT_MAX: Duration = Duration::from_secs(30);
/// A target that is new in the plan is probed within this.
pub const NEW_TARGET_WITHIN: Duration = Duration::from_secs(1);
/// Free text in a body is cut to this many bytes.
pub const FREE_TEXT_MAX_BYTES: usize = 256;
/// Addresses of one plane that a member may name: one of each family, and room for a dual-stack node with two networks.
pub const ADDRESSES_PER_PLANE_MAX: usize = 4;
/// Starts of the server that an agent names as answering it in turn: two are enough to say that there are two.
pub const EPOCHS_IN_TURN_MAX: usize = 2;
/// Agents try again after at most this when the server does not answer. After a restart a node that is not heard is missed no
/// sooner. 5,000 agents of three parts each, whose waits are shortened by a quarter on average, try 6,700 times a second then; where
/// a Service has no server, that is refused on the agent's own node.
pub const RETRY_CAP: Duration = Duration::from_secs(3);
/// A connection from an agent to the server may take this long to come about.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Targets in one plan: 5,000 nodes, two planes, two families.
pub const TARGETS_MAX: usize = 20_000;
/// Cells in one round: each check of a plane on each target of the largest plan.
pub const CELLS_MAX: usize = TARGETS_MAX * CheckKind::ON_PLANES.len();
/// Services that one agent checks.
pub const SERVICES_MAX: usize = 64;
/// Resolved addresses of one service that are checked; a headless service may have thousands.
pub const SERVICE_ADDRESSES_MAX: usize = 8;
/// Name servers that are asked, each on its own: `MAXNS` of resolv.conf(5).
pub const RESOLVERS_MAX: usize = 3;
/// Looks that one answer of the plan carries: more suspects at once are a wide outage, which every agent sees by itself.
pub const LOOKS_MAX: usize = 64;

/// Characters that a reader does not see and that change what is seen beside them: category Cf of Unicode 17 (directions,
/// joiners, tags), line and paragraph separators (Zl, Zp), and the code points that the standard keeps for more of their kind.
const INVISIBLE: [(char, char); 21] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{180e}', '\u{180e}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{2029}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e00ff}'),
    ('\u{e01f0}', '\u{e0fff}'),
];

/// Returns true for a character that may stand in free text: it is seen, or is a space, and does nothing to its neighbours.
fn is_seen(character: char) -> bool {
    !character.is_control() && !INVISIBLE.iter().any(|(first, last)| (*first..=*last).contains(&character))
}

/// Cleans free text of a body: control and format characters go, and it is cut at [`FREE_TEXT_MAX_BYTES`] on a character's
/// border.
pub fn clean_free_text(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len().min(FREE_TEXT_MAX_BYTES));
    for character in text.chars().filter(|character| is_seen(*character)) {
        if cleaned.len() + character.len_utf8() > FREE_TEXT_MAX_BYTES {
            break;
        }
        cleaned.push(character);
    }
    cleaned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_text_loses_control_characters_and_is_cut_between_characters() {
        assert_eq!(clean_free_text("a\u{1b}[31mb\n"), "a[31mb");
        let cut = clean_free_text(&"é".repeat(200));
        assert_eq!((cut.len(), cut.chars().count()), (256, 128));
    }

    #[test]
    fn free_text_loses_what_is_not_seen_and_changes_what_is() {
        for (name, character) in [
            ("right-to-left override", '\u{202e}'),
            ("left-to-right embedding", '\u{202a}'),
            ("right-to-left isolate", '\u{2067}'),
            ("pop directional isolate", '\u{2069}'),
            ("zero width space", '\u{200b}'),
            ("right-to-left mark", '\u{200f}'),
            ("Arabic letter mark", '\u{61c}'),
            ("soft hyphen", '\u{ad}'),
            ("word joiner", '\u{2060}'),
            ("byte order mark", '\u{feff}'),
            ("interlinear annotation", '\u{fff9}'),
            ("line separator", '\u{2028}'),
            ("paragraph separator", '\u{2029}'),
            ("next line", '\u{85}'),
            ("tag letter", '\u{e0061}'),
            ("cancel tag", '\u{e007f}'),
            ("musical beam", '\u{1d173}'),
        ] {
            assert_eq!(clean_free_text(&format!("agent{character}-1")), "agent-1", "{name}");
        }
        for kept in ["v1.2.3 (linux)", "узел-1", "节点", "ノード", "نود", "e\u{301}", "😀", "\u{a0}"]
        {
            assert_eq!(clean_free_text(kept), kept);
        }
    }
}
