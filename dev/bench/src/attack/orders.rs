//! What a hostile client is told, as one argument.

use std::net::IpAddr;

use meshvane_shared::plan::Epoch;
use serde::{Deserialize, Serialize};

use super::blow::Blow;

/// What to attack, and how long.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Orders {
    /// The server, or what stands for it.
    pub(super) server: IpAddr,
    /// An agent's pod.
    pub(super) agent: IpAddr,
    /// The token that agents share: one of its holders is hostile.
    pub(super) token: String,
    /// The plan that rounds name.
    pub(super) epoch: Epoch,
    /// Its generation.
    pub(super) generation: u64,
    /// How long, in seconds.
    pub(super) seconds: u64,
    /// Which attacks, all at the same time.
    pub(super) blows: Vec<Blow>,
}
