//! How many connections have places.

use std::time::Duration;

/// How many connections have places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PlaceLimits {
    /// Connections that have proved nothing, of all sources.
    pub unproven: usize,
    /// Connections that have proved nothing, of one source.
    pub unproven_per_source: usize,
    /// Connections that have proved something, of readers and agents together.
    pub proven: usize,
    /// Connections of readers, of all sources.
    pub readers: usize,
    /// Connections of readers, of one source.
    pub readers_per_source: usize,
    /// Connections of one agent that is known by its node.
    pub per_agent: usize,
    /// Connections of agents of one source that are known by no node.
    pub agents_per_source: usize,
    /// A connection keeps its place for this long after it was accepted, so that a burst of honest clients
    /// does not evict itself.
    pub grace: Duration,
}

impl PlaceLimits {
    /// Limits of a listener on which nothing is ever proved.
    pub const fn unproven(all: usize, per_source: usize) -> Self {
        Self {
            unproven: all,
            unproven_per_source: per_source,
            proven: 0,
            readers: 0,
            readers_per_source: 0,
            per_agent: 0,
            agents_per_source: 0,
            grace: Duration::ZERO,
        }
    }
}

/// Unproven connections of one source that are a crowd: an agent or a browser has fewer while it starts. When
/// all places are taken, the largest crowd gives one up at once, so that a flood from few sources does not
/// make others wait.
pub const CROWD: usize = 5;
