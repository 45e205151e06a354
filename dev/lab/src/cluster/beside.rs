//! Places beside the zones, as the server's own: for services and name servers that no fault of a node touches.

use std::sync::Arc;

use super::{Cluster, build, lock};
use crate::LabError;
use crate::address::{Addresses, Place};
use crate::fault::Backend;
use crate::netns::{Forwarding, Netns};
use crate::spec::Ping;

/// The bridge, in the fabric, of what is beside the zones.
const BRIDGE: &str = "zone-0";
/// The last part of the first address, and the number of its port among the fabric's: behind those of all nodes.
const FIRST: u8 = 201;
/// Places beside the zones: what is left of a byte, less the broadcast address.
const MAX_BESIDE: u8 = 50;

/// A place beside the zones that is to be made.
pub(super) struct Spot<'a> {
    /// The name of its port, in the fabric.
    pub(super) port: &'a str,
    /// Distinguishes the port among the fabric's: the nodes' begin at 1.
    pub(super) number: u8,
    pub(super) addresses: Addresses,
    /// Whether there is nothing beside the zones yet.
    pub(super) new_bridge: bool,
}

impl Cluster {
    /// Makes another place beside the zones. It stays for the cluster's life.
    pub(crate) fn add_beside(&self) -> Result<(Netns, Addresses), LabError> {
        let inner = &*self.inner;
        let _turn = lock(&inner.building);
        let (number, new_bridge) = {
            let mut state = lock(&inner.state);
            if state.beside >= MAX_BESIDE {
                let rule = format!("at most {MAX_BESIDE}, counting those that have ended");
                return Err(LabError::Spec { field: "services and name servers".to_owned(), rule });
            }
            let number = FIRST + state.beside;
            state.beside += 1;
            (number, !std::mem::replace(&mut state.has_bridge_beside, true))
        };
        let addresses = Place::server().member(number, inner.families);
        let port = format!("beside{number}");
        let netns = self.plug_beside(&Spot { port: &port, number, addresses, new_bridge })?;
        Ok((netns, addresses))
    }

    /// Makes a namespace beside the zones. Its caller has the turn.
    pub(super) fn plug_beside(&self, spot: &Spot<'_>) -> Result<Netns, LabError> {
        let inner = &*self.inner;
        let netns = Netns::create(Forwarding::Off, Ping::Permitted)?;
        build::plug(&build::Plug {
            parent: &inner.fabric,
            bridge: BRIDGE,
            new_bridge: spot.new_bridge,
            port: spot.port,
            number: spot.number,
            child: &netns,
            place: Place::server(),
            addresses: spot.addresses,
            families: inner.families,
        })?;
        Ok(netns)
    }

    /// Accepts and closes connections to this port, for the cluster's life.
    pub(crate) fn accept_in(&self, place: &Netns, port: u16) -> Result<(), LabError> {
        self.inner.acceptor.listen(place, port)
    }

    /// What agents find in `/etc/resolv.conf`: those started from the first call on, and from then on every change at
    /// once. Without a call they find the machine's own, whose name servers are out of their reach.
    pub fn set_resolv_conf(&self, text: &str) -> Result<(), LabError> {
        let path = self.inner.logs.path().join("resolv.conf");
        // In place: what is mounted is the file, not its name.
        std::fs::write(&path, text).map_err(LabError::system(format!("writing {}", path.display())))?;
        lock(&self.inner.state).resolv_conf = Some(path);
        Ok(())
    }

    /// Keeps the backend for the cluster's life; there may be one.
    pub(crate) fn keep_backend(&self, backend: Backend) -> Result<(), LabError> {
        let mut state = lock(&self.inner.state);
        if state.backend.is_some() {
            return Err(LabError::Spec { field: "backends".to_owned(), rule: "at most one".to_owned() });
        }
        state.backend = Some(Arc::new(backend));
        Ok(())
    }

    pub(crate) fn backend(&self) -> Result<Arc<Backend>, LabError> {
        let backend = lock(&self.inner.state).backend.clone();
        backend.ok_or_else(|| LabError::Unknown("backend".to_owned()))
    }
}
