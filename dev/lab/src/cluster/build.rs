//! Plugging namespaces into bridges.

use std::net::IpAddr;

use crate::LabError;
use crate::address::{Addresses, EVERYWHERE_V4, EVERYWHERE_V6, Place};
use crate::netlink::{Netlink, Veth};
use crate::netns::Netns;
use crate::spec::{Families, NodeId};

/// The link by which every namespace but the fabric is connected.
pub(crate) const UPLINK: &str = "eth0";
/// The bridge of a node's pods, named as most container network plugins name it.
pub(crate) const POD_BRIDGE: &str = "cni0";
/// The last part of the first pod's address; 1 is the gateway.
pub(super) const FIRST_POD: u8 = 2;
/// Links plugged into bridges are numbered from here, so that no number equals that of its peer (see
/// [`Netlink::add_veth`]) or that of a bridge.
const FIRST_PORT_INDEX: u32 = 1000;

/// A connection to make: `child`'s uplink goes into `bridge` of `parent`.
pub(super) struct Plug<'a> {
    pub(super) parent: &'a Netns,
    pub(super) bridge: &'a str,
    /// The bridge is to be made, with the gateway's addresses.
    pub(super) new_bridge: bool,
    /// The name of the near end, in `parent`.
    pub(super) port: &'a str,
    /// Distinguishes the port among those of `parent`.
    pub(super) number: u8,
    pub(super) child: &'a Netns,
    pub(super) place: Place,
    /// The child's addresses in `place`.
    pub(super) addresses: Addresses,
    pub(super) families: Families,
}

/// The near end's name for a pod, in its node's namespace.
pub(crate) fn pod_port(number: u8) -> String {
    format!("pod{number}")
}

pub(super) fn plug(plug: &Plug<'_>) -> Result<(), LabError> {
    plug.parent.netlink(|netlink| {
        let bridge =
            if plug.new_bridge { netlink.add_bridge(plug.bridge)? } else { netlink.index(plug.bridge)? };
        netlink.add_veth(&Veth {
            name: plug.port,
            index: FIRST_PORT_INDEX + u32::from(plug.number),
            bridge,
            peer: UPLINK,
            peer_namespace: plug.child.descriptor(),
        })
    })?;
    plug.child.netlink(|netlink| {
        netlink.set_up(UPLINK)?;
        netlink.wait_for_carrier(UPLINK)?;
        for address in plug.addresses.all() {
            netlink.add_address(UPLINK, address, plug.place.subnet(address))?;
        }
        default_routes(netlink, plug.place, plug.families)
    })?;
    plug.parent.netlink(|netlink| {
        netlink.wait_for_carrier(plug.port)?;
        if plug.new_bridge {
            netlink.set_up(plug.bridge)?;
            for address in plug.place.gateway(plug.families).all() {
                netlink.add_address(plug.bridge, address, plug.place.subnet(address))?;
            }
        }
        netlink.wait_for_carrier(plug.bridge)
    })
}

/// Everything goes to the gateway of the place.
pub(crate) fn default_routes(netlink: &Netlink, place: Place, families: Families) -> Result<(), LabError> {
    for gateway in place.gateway(families).all() {
        let everywhere = match gateway {
            IpAddr::V4(_) => EVERYWHERE_V4,
            IpAddr::V6(_) => EVERYWHERE_V6,
        };
        netlink.route(everywhere, gateway)?;
    }
    Ok(())
}

/// The fabric finds the pods of a node behind the node.
pub(super) fn route_pods(fabric: &Netns, node: NodeId, host: Addresses) -> Result<(), LabError> {
    fabric.netlink(|netlink| {
        for address in host.all() {
            netlink.route(Place::pods(node).subnet(address), address)?;
        }
        Ok(())
    })
}
