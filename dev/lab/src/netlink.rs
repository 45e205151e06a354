//! The door to rtnetlink: links, addresses and routes of the calling thread's network namespace.
//!
//! The calls block. Each takes about a tenth of a millisecond, and blocking lets a guard undo its fault when it is dropped.

use std::net::IpAddr;
use std::os::fd::RawFd;
use std::time::Duration;

use futures_util::TryStreamExt;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags};
use rtnetlink::packet_route::link::{
    InfoBridge, InfoData, InfoKind, InfoVeth, LinkAttribute, LinkMessage, State,
};
use rtnetlink::packet_route::route::{RouteScope, RouteType};
use rtnetlink::{Handle, LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth, RouteMessageBuilder};
use tokio::runtime::Runtime;

use crate::LabError;
use crate::address::Subnet;

/// How often, a millisecond apart, a link is looked at until it is up. The kernel tells carrier changes with
/// up to a second of delay (`net/core/link_watch.c` groups them); asking for the link hurries it.
const CARRIER_LOOKS: u64 = 3000;

/// The hardware address of every bridge: locally administered (IEEE 802, bit 1 of the first byte), and no two
/// bridges share a segment.
const BRIDGE_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];

/// The table in which the kernel keeps its own addresses: `RT_TABLE_LOCAL` in rtnetlink(7).
const LOCAL_TABLE: u32 = 255;

/// A pair of connected links: one here, the other in another namespace.
pub(crate) struct Veth<'a> {
    /// The name of the end in this namespace.
    pub(crate) name: &'a str,
    /// Its number; must differ from the number of the other end, see [`Netlink::add_veth`].
    pub(crate) index: u32,
    /// The bridge in this namespace it is plugged into.
    pub(crate) bridge: u32,
    /// The other end's name.
    pub(crate) peer: &'a str,
    /// The other end's namespace.
    pub(crate) peer_namespace: RawFd,
}

/// A connection to the kernel's routing subsystem in one network namespace.
pub(crate) struct Netlink {
    runtime: Runtime,
    handle: Handle,
}

impl Netlink {
    /// Opens a connection in the namespace of the calling thread.
    pub(crate) fn open() -> Result<Self, LabError> {
        let opening = "opening a netlink socket";
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .map_err(LabError::system(opening))?;
        let entered = runtime.enter();
        let (connection, handle, _messages) =
            rtnetlink::new_connection().map_err(LabError::system(opening))?;
        drop(entered);
        runtime.spawn(connection);
        Ok(Netlink { runtime, handle })
    }

    fn run(
        &self,
        action: impl FnOnce() -> String,
        request: impl Future<Output = Result<(), rtnetlink::Error>>,
    ) -> Result<(), LabError> {
        self.runtime.block_on(request).map_err(|source| LabError::Netlink { action: action(), source })
    }

    fn link(&self, name: &str) -> Result<LinkMessage, LabError> {
        let mut found = self.handle.link().get().match_name(name).execute();
        let failed = |source| LabError::Netlink { action: format!("looking at link {name}"), source };
        self.runtime
            .block_on(found.try_next())
            .map_err(failed)?
            .ok_or_else(|| LabError::Unknown(format!("link {name}")))
    }

    /// The number of the link.
    pub(crate) fn index(&self, name: &str) -> Result<u32, LabError> {
        self.link(name).map(|link| link.header.index)
    }

    pub(crate) fn loopback_up(&self) -> Result<(), LabError> {
        self.set_up("lo")
    }

    /// Makes a bridge, still down: it is raised once it has a port, so that it has a carrier from the first moment.
    pub(crate) fn add_bridge(&self, name: &str) -> Result<u32, LabError> {
        let message = LinkMessageBuilder::<LinkBridge>::new(name)
            // Otherwise a bridge takes the lowest of its ports' and changes it as ports come and go, and whoever
            // knew the gateway by the old one sends into the void for up to eight seconds.
            .address(BRIDGE_MAC.to_vec())
            // Snooping would hold multicast back until a querier is seen, and there is none;
            // IPv6 finds its neighbours by multicast.
            .append_info_data(InfoBridge::MulticastSnooping(false))
            .build();
        self.run(|| format!("making bridge {name}"), self.handle.link().add(message).execute())?;
        self.index(name)
    }

    /// Makes a pair of links. The near end is up; the far one cannot be yet, because the kernel opens it before it
    /// knows its peer (`veth_open`).
    ///
    /// The number of the near end is chosen by the caller: the kernel hurries a carrier change only where a
    /// link's number differs from its peer's (`linkwatch_urgent_event`), and each namespace counts from 1.
    pub(crate) fn add_veth(&self, veth: &Veth<'_>) -> Result<(), LabError> {
        let peer =
            LinkMessageBuilder::<LinkUnspec>::new().name(veth.peer).setns_by_fd(veth.peer_namespace).build();
        let message = LinkMessageBuilder::<LinkVeth>::new_with_info_kind(InfoKind::Veth)
            .name(veth.name)
            .index(veth.index)
            .controller(veth.bridge)
            .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
            .up()
            .build();
        self.run(
            || format!("making link {} to {}", veth.name, veth.peer),
            self.handle.link().add(message).execute(),
        )
    }

    pub(crate) fn set_up(&self, name: &str) -> Result<(), LabError> {
        let message = LinkUnspec::new_with_name(name).up().build();
        self.run(|| format!("setting link {name} up"), self.handle.link().set(message).execute())
    }

    pub(crate) fn set_down(&self, name: &str) -> Result<(), LabError> {
        let message = LinkUnspec::new_with_name(name).down().build();
        self.run(|| format!("setting link {name} down"), self.handle.link().set(message).execute())
    }

    /// Takes the link away, and with it its other end.
    pub(crate) fn delete(&self, name: &str) -> Result<(), LabError> {
        let index = self.index(name)?;
        self.run(|| format!("deleting link {name}"), self.handle.link().del(index).execute())
    }

    /// Waits until the link carries traffic.
    pub(crate) fn wait_for_carrier(&self, name: &str) -> Result<(), LabError> {
        for _ in 0..CARRIER_LOOKS {
            let link = self.link(name)?;
            if link.attributes.contains(&LinkAttribute::OperState(State::Up)) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(LabError::Carrier { link: name.to_owned(), waited_ms: CARRIER_LOOKS })
    }

    /// Gives the link an address that can be used at once.
    pub(crate) fn add_address(&self, link: &str, address: IpAddr, subnet: Subnet) -> Result<(), LabError> {
        let index = self.index(link)?;
        let mut request = self.handle.address().add(index, address, subnet.length);
        if address.is_ipv6() {
            // Nobody else can have it, and detection would withhold it for a second: RFC 4862 section 5.4.
            request.message_mut().attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        }
        self.run(|| format!("giving {address}/{} to {link}", subnet.length), request.execute())
    }

    /// Sends what goes to the subnet to this neighbour; replaces the route that was there.
    pub(crate) fn route(&self, to: Subnet, via: IpAddr) -> Result<(), LabError> {
        let action = || format!("routing {to} via {via}");
        let refused =
            |_| LabError::Spec { field: action(), rule: "both must be of one address family".to_owned() };
        let message = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(to.address, to.length)
            .map_err(refused)?
            .gateway(via)
            .map_err(refused)?
            .build();
        self.run(action, self.handle.route().add(message).replace().execute())
    }

    /// Makes every address of the subnet an own one: programs here may bind to any of them.
    pub(crate) fn own(&self, subnet: Subnet) -> Result<(), LabError> {
        let action = || format!("taking {subnet} as own addresses");
        let refused =
            |_| LabError::Spec { field: action(), rule: "its prefix must fit its family".to_owned() };
        let message = RouteMessageBuilder::<IpAddr>::new()
            .destination_prefix(subnet.address, subnet.length)
            .map_err(refused)?
            .output_interface(self.index("lo")?)
            .kind(RouteType::Local)
            .scope(RouteScope::Host)
            .table_id(LOCAL_TABLE)
            .build();
        self.run(action, self.handle.route().add(message).execute())
    }

    /// Forgets which neighbours were found and which were not. The kernel goes on reporting one that it did not
    /// find as unreachable, for up to three seconds after it is back; a real machine announces itself.
    pub(crate) fn forget_neighbours(&self) -> Result<(), LabError> {
        let failed = |source| LabError::Netlink { action: "forgetting neighbours".to_owned(), source };
        let neighbours: Vec<_> =
            self.runtime.block_on(self.handle.neighbours().get().execute().try_collect()).map_err(failed)?;
        for neighbour in neighbours {
            // It may have been forgotten since; that is what was wanted.
            let _forgotten = self.runtime.block_on(self.handle.neighbours().del(neighbour).execute());
        }
        Ok(())
    }
}
