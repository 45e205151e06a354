//! What each kind of finding means and what to look at next: the table that `docs/findings.md` is generated from.

use meshvane_shared::wire::findings::FindingKind;

/// Said of a kind that is in the schema and that no rule judges.
pub const NOT_JUDGED: &str = "not judged yet";

/// What a reader of a finding needs to know of its kind. The texts are Markdown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindDoc {
    /// The kind.
    pub kind: FindingKind,
    /// How loud it is, and when it is less so.
    pub severity: &'static str,
    /// What was seen.
    pub meaning: &'static str,
    /// The subject, and the fields beside it that it carries.
    pub subject: &'static str,
    /// What to do next, in this order. NODE, PEER, POD, NAME stand for those of the finding.
    pub look_next: &'static [&'static str],
    /// Its sentence, of some finding.
    pub example: &'static str,
}

/// All kinds, in judging order.
pub const KINDS: [KindDoc; 22] = [
    KindDoc {
        kind: FindingKind::MonitorBlind,
        severity: "critical",
        meaning: "Half of the agents or more, and at least two, fell silent together, and no fresh report \
             of another node says why: it is the server that is cut off. Nothing else is judged while it \
             lasts.",
        subject: "`scope` is `server`",
        look_next: &[
            "`kubectl get pods -A -o wide | grep meshvane-server`: on which node the server runs; then \
             that node's network",
            "`kubectl get networkpolicy -A` and the server's Service: do they let agents in on its port?",
            "the agents' logs, which say how their reports fail: a timeout, a refusal, an answer such as \
             401 or 429",
            "the rest of the cluster by other means, until the server sees again",
        ],
        example: "the server is cut off: 9 of 12 agents fell silent together and none of the others sees \
             why, since 12:03:07 UTC; nothing else is judged until they are heard: look at the server's \
             own network",
    },
    KindDoc {
        kind: FindingKind::GroupCut,
        severity: "critical",
        meaning: "Two groups of nodes do not reach each other while each is fine within itself: zones, \
             racks, or any two sets between which every pair fails; also one node and all others while \
             its heartbeats arrive. A whole zone of at least two nodes that falls silent together is one \
             finding as well: cut off or down, which cannot be told apart from here.",
        subject: "`groups`: two lists of nodes; `zones`: those that are a group as a whole; of a zone that \
             is silent the first group is that zone, which is the only one in `zones`, and the second is \
             whoever is left; `direction` is `out` when only the first group fails to reach the second; \
             `plane` when only one is cut",
        look_next: &[
            "what the nodes of a group share: `kubectl get nodes -L topology.kubernetes.io/zone`, rack, \
             switch, hypervisor",
            "`traceroute -n PEER` from a node of either group: the last hop that answers is before the \
             fault",
            "the links, routes and security groups between the zones; `ip route get PEER` on both sides",
            "when a whole zone is silent: the provider's status page, power, the zone's uplink",
        ],
        example: "node-1, node-3 and node-5 and node-2, node-4 and node-6 do not reach each other (zone-1 \
             and zone-2), from 6 of 6 observers in 2 zones, since 12:03:07 UTC; each reaches the others: \
             look at what lies between them (uplinks, routes, firewalls)",
    },
    KindDoc {
        kind: FindingKind::NodeDown,
        severity: "critical; warning when only one observer could look",
        meaning: "No address of the node answers anybody, and its agent has not been heard since. Until \
             its heartbeat is overdue the finding is held back, so a dying node is never shown as two \
             broken planes first.",
        subject: "`node`",
        look_next: &[
            "`kubectl get node NODE`, `kubectl describe node NODE`: conditions, and since when",
            "the machine's console or its provider's page: power, kernel panic, out of memory",
            "its network card and switch port: `ip -s link` on the console, errors and carrier",
        ],
        example: "node-7 is down: no address of it answers, from 11 of 11 observers in 3 zones, since \
             12:03:07 UTC; its agent was last heard at 12:03:05 UTC",
    },
    KindDoc {
        kind: FindingKind::NodeOneWay,
        severity: "critical",
        meaning: "On every plane, new connections work one way only. `out`: the node reaches nobody but \
             is reached. `in`: nobody reaches it, though its heartbeats arrive and it reaches others.",
        subject: "`node`; `direction`",
        look_next: &[
            "`nft list ruleset` or `iptables-save` on NODE: rules for new connections (`ct state new`), \
             on `input` for `in`, on `output` and `forward` for `out`",
            "the cloud's security group and network ACL of NODE: they filter by direction",
            "`conntrack -S` and `sysctl net.netfilter.nf_conntrack_count net.netfilter.nf_conntrack_max` \
             on NODE: a full table drops what is new",
            "`sysctl -a | grep rp_filter` on NODE when it has more than one interface",
        ],
        example: "nobody reaches node-7 though it reaches others, from 11 of 11 observers in 3 zones, \
             since 12:03:07 UTC; look at its incoming firewall rules and at who has its address",
    },
    KindDoc {
        kind: FindingKind::PlaneCut,
        severity: "critical; warning when only one observer could look",
        meaning: "One plane of a node answers nobody while its other plane answers. `pod`: the overlay of \
             that node is broken, or, when its agent is silent too, the pod is gone. `host`: the node's \
             own address is filtered or its route is lost.",
        subject: "`node`; `plane`",
        look_next: &[
            "on `pod`: `kubectl get pods -A -o wide --field-selector spec.nodeName=NODE`: the agent's \
             pod, and the CNI's (calico, cilium, flannel, ...): restarted, not ready, and its log",
            "on `pod`: `ip route`, `ip neigh` and `ip -d link` on NODE: routes to the other nodes' pod \
             ranges, the tunnel interface; and whether the tunnel's port passes between nodes (VXLAN: UDP \
             4789 or 8472; WireGuard: UDP 51820; IP in IP: protocol 4)",
            "on `pod`: `kubectl get networkpolicy -A`, and the CNI's own policies: what selects the \
             agent's pod",
            "on `host`: `ip addr`, `ip route get PEER` and `nft list ruleset` (or `iptables-save`) on NODE",
        ],
        example: "node-7 is unreachable on pod, from 11 of 11 observers in 3 zones, since 12:03:07 UTC; \
             its host address answers: look at the pod network (CNI, overlay, routes) of that node",
    },
    KindDoc {
        kind: FindingKind::AgentReplaced,
        severity: "warning",
        meaning: "The agent that answers at a node's pod address says that it is on another node: the \
             address was given to another pod, or two pods have it. What is measured there says nothing \
             of the node.",
        subject: "`node`, whose address it was",
        look_next: &[
            "`kubectl get pods -A -o wide | grep ADDRESS`: who has the address now",
            "`ip neigh show ADDRESS` on two other nodes: different MAC addresses mean that two have it",
            "the CNI's address management: leaked or doubled allocations, overlapping pod ranges \
             (`kubectl get nodes -o custom-columns=N:.metadata.name,R:.spec.podCIDRs`)",
        ],
        example: "at the pod address of node-7 the agent of node-3 answers, from 11 of 11 observers in 3 \
             zones, since 12:03:07 UTC; the address was given away or is in use twice: look at the CNI's \
             address pools",
    },
    KindDoc {
        kind: FindingKind::AgentDown,
        severity: "warning",
        meaning: "The agent is lost: no heartbeat for `CACHE_KEY_SECOND`. The node's addresses answer, so \
             it is the agent and not the node. Failures on the agent's own port are part of this. An agent \
             that is there and refused, because its token ended while the API server was away, is given three \
             minutes before the finding says so.",
        subject: "`node`",
        look_next: &[
            "`kubectl get pods -A -o wide --field-selector spec.nodeName=NODE | grep meshvane-agent`: \
             crashed, evicted, pending?",
            "`kubectl logs --previous POD` and `kubectl describe pod POD`: exit code, OOMKilled, probes \
             that fail",
            "when it runs: its log, which says how its reports fail; then the way from NODE to the server",
        ],
        example: "the agent on node-7 (meshvane-agent-x7k2p) is silent, since 12:03:07 UTC; the node's \
             addresses answer, so look at the pod: it may have crashed or be stopped",
    },
    KindDoc {
        kind: FindingKind::PairCut,
        severity: "warning",
        meaning: "Two nodes do not reach each other, and each is fine with the others. Without a `plane`, \
             on all planes.",
        subject: "`from` and `to`, sorted; `plane` when only one is cut",
        look_next: &[
            "`ip route get PEER` and `ip neigh show` on both: a stale route, a stale or failed neighbour \
             entry",
            "`traceroute -n PEER` from both sides: where it ends",
            "on `pod`: the tunnel or peering between the two (`cilium-health status`, `calicoctl node \
             status`, `bridge fdb show`)",
            "`nft list ruleset` or `iptables-save` on both, for the other's address",
        ],
        example: "node-3 and node-7 do not reach each other, since 12:03:07 UTC; each reaches the others: \
             look at the route and the tunnel between these two",
    },
    KindDoc {
        kind: FindingKind::PairOneWay,
        severity: "warning",
        meaning: "New connections and echo requests fail from one node to another and work the other way. \
             When all packets of one direction are lost, both ways fail, and it is a `pair_cut`.",
        subject: "`from` and `to` as it fails; `plane` when only one is cut",
        look_next: &[
            "filters for new connections: `nft list ruleset` or `iptables-save` on both, `output` of \
             `from`, `input` of `to`",
            "`kubectl get networkpolicy -A` for the pod plane, security groups for the host plane: rules \
             that name one side",
            "`tcpdump -ni any host PEER` on both while probing: does the request arrive? is it answered?",
            "`sysctl -a | grep rp_filter` on `to`: strict filtering drops what comes by another way than \
             answers go",
        ],
        example: "node-3 does not reach node-7, the other way works, since 12:03:07 UTC; look at what may \
             drop new flows from node-3 to node-7: policies, firewalls, conntrack",
    },
    KindDoc {
        kind: FindingKind::FamilyCut,
        severity: "warning",
        meaning: "One address family fails where the other works: on one node, or everywhere.",
        subject: "`node`, or `scope` is `all`; `family`; `plane` when only one is concerned",
        look_next: &[
            "`ip -6 addr`, `ip -6 route`, `ip -6 neigh` (or `-4`) on NODE: address, default route, \
             neighbours; an IPv6 address that is `tentative` or `dadfailed` is not in use",
            "`sysctl net.ipv6.conf.all.forwarding net.ipv6.conf.all.disable_ipv6 \
             net.ipv6.conf.eth0.accept_ra` on NODE: a node that forwards ignores router advertisements \
             unless `accept_ra` is 2",
            "`nft list ruleset` or `ip6tables-save`: ICMPv6 neighbour discovery (types 133 to 136) must \
             pass",
            "everywhere: the CNI's dual-stack setting, the routers and security groups of that family",
        ],
        example: "ipv6 fails at node-7 while the other family works, from 11 of 11 observers in 3 zones, \
             since 12:03:07 UTC; look at the addresses, routes and firewall rules of that family",
    },
    KindDoc {
        kind: FindingKind::IcmpFiltered,
        severity: "warning",
        meaning: "Echo requests are not answered where TCP is: somebody drops ICMP. Path MTU discovery \
             often breaks with it.",
        subject: "`node`, `from` and `to`, or `scope` is `all`; `plane` and `family` when only one is \
             concerned",
        look_next: &[
            "`nft list ruleset` or `iptables-save`: rules for `icmp`, `icmpv6`; security groups that \
             allow TCP only",
            "`sysctl net.ipv4.icmp_echo_ignore_all net.ipv6.icmp.echo_ignore_all` on NODE",
            "on `pod`: `kubectl get networkpolicy -A`: a policy with `ports` admits no ICMP",
            "MTU, which hangs large transfers once ICMP is dropped: `ping -M do -s 1472 PEER`, `ip link`",
        ],
        example: "ICMP echo is filtered at node-7 on host while TCP answers, from 11 of 11 observers in 3 \
             zones, since 12:03:07 UTC; look at firewalls and security groups: path MTU discovery needs \
             ICMP",
    },
    KindDoc {
        kind: FindingKind::PortRefused,
        severity: "warning; info when every node refuses and none ever answered",
        meaning: "The address answers and refuses the connection: nothing listens on the port there, or a \
             filter rejects with a reset.",
        subject: "`node`, or `scope` is `all`; `port`; `family` when only one is concerned",
        look_next: &[
            "`ss -ltn 'sport = :PORT'` on NODE: does anything listen, and on that address or on loopback \
             only?",
            "the service behind the port: `systemctl status`, `crictl ps`, `kubectl get pods -A -o wide \
             --field-selector spec.nodeName=NODE`",
            "`nft list ruleset` or `iptables-save`: `reject with tcp reset`",
            "everywhere: is `TEST_PORT` a port that your nodes have?",
        ],
        example: "TCP port 10256 is refused at node-7, from 11 of 11 observers in 3 zones, since 12:03:07 \
             UTC; the address answers and nothing listens: look at the program, or set TEST_PORT to a \
             port that is open",
    },
    KindDoc {
        kind: FindingKind::PortFiltered,
        severity: "warning; info when every node is silent and none ever answered",
        meaning: "The address answers, but nothing comes back from the port: a filter drops it, or the \
             accept queue is full.",
        subject: "`node`, or `scope` is `all`; `port`; `family` when only one is concerned",
        look_next: &[
            "`nft list ruleset` or `iptables-save` on NODE, security groups, NetworkPolicy: rules that \
             name the port",
            "`ss -ltn 'sport = :PORT'` on NODE: `Recv-Q` at `Send-Q` means a full accept queue; `nstat \
             -az TcpExtListenDrops`",
            "`conntrack -S` on NODE: `drop`, `insert_failed`",
            "everywhere: is `TEST_PORT` a port that your network lets pass?",
        ],
        example: "TCP port 10256 is silent at node-7, from 11 of 11 observers in 3 zones, since 12:03:07 \
             UTC; the address answers: look at firewalls and policies for that port, or set TEST_PORT to \
             one that is let through",
    },
    KindDoc {
        kind: FindingKind::NameFailed,
        severity: "warning",
        meaning: "A name does not resolve. The sentence has the cause (NXDOMAIN, SERVFAIL, REFUSED, no \
             answer) and the scope: one node, everywhere, one name server of several.",
        subject: "`name`",
        look_next: &[
            "NXDOMAIN: is the name right? `kubectl get service -A | grep NAME`; the search list in \
             `/etc/resolv.conf`",
            "no answer or SERVFAIL: `kubectl -n kube-system get pods -l k8s-app=kube-dns -o wide`, their \
             logs and their upstream",
            "on one node: `kubectl debug node/NODE -it --image=busybox -- nslookup NAME`; NodeLocal \
             DNSCache; UDP 53 in filters",
            "one name server: `dig @SERVER NAME`, also with `+tcp`",
        ],
        example: "api.shop.svc does not resolve: there is no such name (NXDOMAIN), from 11 of 11 \
             observers in 3 zones, since 12:03:07 UTC; look at the cluster's DNS",
    },
    KindDoc {
        kind: FindingKind::ServiceUnreachable,
        severity: "warning",
        meaning: "The name of a service resolves, and its port refuses or is silent.",
        subject: "`name`; `port`",
        look_next: &[
            "`kubectl get endpointslices -A -l kubernetes.io/service-name=NAME`: no ready endpoint means \
             refused or silent",
            "`kubectl get service -A | grep NAME`: is it this port?",
            "from one node only: kube-proxy or the CNI's replacement there; `nft list ruleset` or \
             `iptables-save | grep NAME`, `ipvsadm -Ln`",
            "`kubectl get networkpolicy -A`: what selects the service's pods, and whether agents are let \
             in",
        ],
        example: "api.shop.svc resolves and its port 443 does not answer (refused), from 11 of 11 \
             observers in 3 zones, since 12:03:07 UTC; look at the Service's endpoints, its targetPort \
             and the policies in front of it",
    },
    KindDoc {
        kind: FindingKind::NotMeasurable,
        severity: "warning",
        meaning: "A check cannot be done by an agent, or by any. It says nothing about the network: the \
             cells are `unmeasured`, and the other checks go on.",
        subject: "`node`, or `scope` is `all`; `check`; `family` when only one is concerned",
        look_next: &[
            "ICMP: the pod's `securityContext.sysctls`: `net.ipv4.ping_group_range` must include the \
             agent's group; else grant NET_RAW",
            "`kubectl get pod POD -o yaml`: the seccomp profile, dropped capabilities, what an admission \
             policy changed",
            "where the sentence says that a rule of its own machine drops what the agent sends (reason \
             `blocked`): `nft list ruleset` in the agent's network namespace, which is NODE's with \
             `hostNetwork`: its `output` chains; `ip route` for `prohibit`",
        ],
        example: "node-7 cannot measure icmp: not permitted, since 12:03:07 UTC; set the pod's sysctl \
             net.ipv4.ping_group_range so that it includes the agent's group, or grant NET_RAW",
    },
    KindDoc {
        kind: FindingKind::Stale,
        severity: "warning",
        meaning: "The agent heartbeats and has reported no whole round for three intervals: its view is \
             out of date. Its heartbeats show that the way to the server works.",
        subject: "`node`",
        look_next: &[
            "the agent's log: rounds that are refused, answers such as 413 or 429",
            "`kubectl top pod POD`, `cpu.stat` of its cgroup: throttled?",
            "its `/metrics` (port 6101): `meshvane_agent_outbox_pending`, which rounds wait",
        ],
        example: "the agent on node-7 heartbeats but has reported no round, since 12:03:07 UTC; what it \
             saw is out of date",
    },
    KindDoc {
        kind: FindingKind::AgentOverloaded,
        severity: NOT_JUDGED,
        meaning: "An agent withheld three rounds running because it was too slow itself to measure truly. \
             **Not judged yet**: its cells are `unmeasured` with the reason `overloaded`, and nothing \
             names it.",
        subject: "`node`",
        look_next: &[
            "`kubectl top pod POD`, the agent's CPU limit, `cpu.stat` of its cgroup (`nr_throttled`)",
            "the load of NODE",
        ],
        example: NOT_JUDGED,
    },
    KindDoc {
        kind: FindingKind::LossOutlier,
        severity: NOT_JUDGED,
        meaning: "A node, a pair or a name loses clearly more than its peers do. **Not judged yet**: \
             single lost probes make no finding, and a loss that is not total is seen in the agents' \
             metrics alone.",
        subject: "`node`, `from` and `to`, or `name`",
        look_next: &[
            "`ip -s link`, `ethtool -S`: errors and drops on NODE",
            "`mtr -n PEER`: from which hop on",
        ],
        example: NOT_JUDGED,
    },
    KindDoc {
        kind: FindingKind::LatencyOutlier,
        severity: NOT_JUDGED,
        meaning: "A node, a pair or a name is clearly slower than its own past and than its peers. **Not \
             judged yet**: the times are in the matrix.",
        subject: "`node`, `from` and `to`, or `name`",
        look_next: &[
            "the load of NODE, `tc -s qdisc`, queues and throttling",
            "`mtr -n PEER`: from which hop on",
        ],
        example: NOT_JUDGED,
    },
    KindDoc {
        kind: FindingKind::Flapping,
        severity: NOT_JUDGED,
        meaning: "A finding opened and closed four times in ten minutes. **Not judged yet**: each time is \
             a finding of its own, `#2`, `#3` and so on after its id.",
        subject: "that of the finding",
        look_next: &[
            "what the finding's own kind says, and what repeats at that pace: restarts, leases, route \
             changes",
        ],
        example: NOT_JUDGED,
    },
    KindDoc {
        kind: FindingKind::Uncovered,
        severity: "warning",
        meaning: "A Node of the cluster should have an agent (`MESHVANE_AGENT_NODE_SELECTOR`, \
             `MESHVANE_AGENT_TOLERATIONS`) and has none: none was heard since the server started, or the one that \
             was is forgotten. Found where the server may watch Nodes (`MESHVANE_AUTH=kubernetes` and its role), \
             once the Node and the server are two minutes old. One that is being deleted needs none. When an agent \
             is there and refused for the address that its requests come from, the finding says so.",
        subject: "`node`",
        look_next: &[
            "`kubectl get daemonset -A`, `kubectl describe node NODE`: a taint that came since, room for its pod",
            "when it is refused: what translates addresses between the agents and the server",
        ],
        example: "node-7 has no agent: look at the pods of the agents' DaemonSet there, since 12:03:07 UTC",
    },
];

#[cfg(test)]
mod tests;
