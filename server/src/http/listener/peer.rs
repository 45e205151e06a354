//! Who is at the other end of a connection.

use std::net::SocketAddr;
use std::sync::Arc;

use runtime::places::Proof;
use runtime::{Doing, HeldPlace};

/// Who is at the other end of a request's connection.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The address, as the kernel tells it.
    pub address: SocketAddr,
    place: Arc<HeldPlace>,
}

impl Peer {
    pub(super) fn new(address: SocketAddr, place: HeldPlace) -> Self {
        Self { address, place: Arc::new(place) }
    }

    /// A request of the connection showed whose it is, so it has a place among the proven ones.
    pub fn prove(&self, proof: Proof) {
        self.place.prove(proof);
    }

    /// The connection does not yield while the returned value lives: it is being decided whose it is.
    pub fn judged(&self) -> Doing {
        self.place.judged()
    }

    /// A request is handled, and its answer sent, while the returned value lives.
    pub(super) fn busy(&self) -> Doing {
        self.place.busy()
    }
}
