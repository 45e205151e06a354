//! Places beside the zones, as the server's own: for services and name servers that no fault of a node touches.

use super::{Cluster, build, lock};
use crate::LabError;
use crate::address::{Addresses, Place};
use crate::netns::{Forwarding, Netns};
use crate::spec::Ping;

/// The bridge, in the fabric, of what is beside the zones.
pub(super) const BRIDGE: &str = "zone-0";
/// The last part of the first address, and the number of its port among the fabric's: behind those of all nodes.
const FIRST: u8 = 201;
/// Places beside the zones: what is left of a byte, less the broadcast address.
const MAX_BESIDE: u8 = 50;

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
        let place = Place::server();
        let addresses = place.member(number, inner.families);
        let netns = Netns::create(Forwarding::Off, Ping::Permitted)?;
        build::plug(&build::Plug {
            parent: &inner.fabric,
            bridge: BRIDGE,
            new_bridge,
            port: &format!("beside{number}"),
            number,
            child: &netns,
            place,
            addresses,
            families: inner.families,
        })?;
        Ok((netns, addresses))
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
}
