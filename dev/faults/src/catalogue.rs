//! Names and descriptions.

use std::fmt;
use std::str::FromStr;

/// Declares the scenarios once: the enum, the list of all, the names and the descriptions.
macro_rules! scenarios {
    ($($variant:ident $name:literal $about:literal;)*) => {
        /// A fault that users can choose by name.
        ///
        /// To add one, write its line in the list below. The compiler then asks for what applies it in the
        /// lab.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Scenario {
            $(#[doc = $about] $variant,)*
        }

        impl Scenario {
            const COUNT: usize = [$($name),*].len();

            /// All scenarios, in the order in which the demo lists them.
            pub const ALL: [Scenario; Self::COUNT] = [$(Scenario::$variant),*];

            /// The name on the command line, in kebab case.
            pub fn name(self) -> &'static str {
                match self { $(Scenario::$variant => $name,)* }
            }

            /// One line that says what happens.
            pub fn description(self) -> &'static str {
                match self { $(Scenario::$variant => $about,)* }
            }
        }
    };
}

scenarios! {
    NodeDown "node-down" "a node loses its power: agent killed, network card dead";
    HostLinkDown "host-link-down" "a node's network card is set down; its agent runs on";
    CablePulled "cable-pulled" "a node's cable is pulled at the switch; its agent runs on";
    NodeSilent "node-silent" "a node and its pods swallow every packet that arrives";
    NodeDeaf "node-deaf" "no other node reaches a node; what it begins itself works";
    NodeMute "node-mute" "a node reaches the server and no other node; others reach it";
    HostPlaneCut "host-plane-cut" "a node itself answers no other node; its pods reach and are reached";
    PodPlaneCut "pod-plane-cut" "a node's pods and those of others do not reach each other; heartbeats arrive";
    PodsIsolated "pods-isolated" "a node's pods reach the server and nothing else; the node itself answers";
    PodLinkDown "pod-link-down" "a node's pod bridge is down; heartbeats stop, the node answers";
    PairCut "pair-cut" "two nodes do not reach each other";
    PairCutPod "pair-cut-pod" "the pods of two nodes do not reach each other; the nodes answer them";
    FlowsBlocked "flows-blocked" "one node reaches another no more, which still reaches the first";
    PacketsLost "packets-lost" "every packet from one node to another is lost";
    BlockCut "block-cut" "two nodes and a third do not reach each other; all others reach all three";
    ZoneCut "zone-cut" "a zone and the others do not reach each other; all reach the server";
    ZoneCutServerInside "zone-cut-server-inside" "a zone is cut off from the others, and from the server among them";
    ZoneDown "zone-down" "every node of a zone loses its power";
    ServerCutOff "server-cut-off" "the server is cut off from all nodes, which reach each other";
    IcmpDropped "icmp-dropped" "echo requests to a node and its pods are dropped; TCP goes on";
    IcmpDroppedOnPods "icmp-dropped-on-pods" "echo requests to all pods are dropped; TCP goes on";
    IcmpDroppedEverywhere "icmp-dropped-everywhere" "echo requests to all nodes and pods are dropped; TCP goes on";
    EchoSessionsDead "echo-sessions-dead" "echo requests to a node by the sockets in use are dropped; those of new sockets pass";
    AgentMasqueraded "agent-masqueraded" "what a node's agent sends to the server comes from the node's address, as behind a masquerade";
    PortRefused "port-refused" "a node's port refuses connections";
    PortDropped "port-dropped" "connections to a node's port are dropped without a word";
    PortRefusedEverywhere "port-refused-everywhere" "the port of every node refuses connections";
    PortDroppedEverywhere "port-dropped-everywhere" "connections to the port of every node are dropped without a word";
    Ipv6Cut "ipv6-cut" "IPv6 of a node and its pods is dead; IPv4 works";
    Ipv6CutEverywhere "ipv6-cut-everywhere" "IPv6 is dead between all nodes; IPv4 works";
    IcmpNotPermitted "icmp-not-permitted" "a node's agent comes back in a new pod, which may not open ICMP sockets";
    NameNxdomain "name-nxdomain" "the name servers say that a service's name does not exist";
    NameServfail "name-servfail" "the name servers say that they failed to look a service's name up";
    ResolversSilent "resolvers-silent" "no name server answers";
    TruncatedThenUdpDead "truncated-then-udp-dead" "the name servers' answers are truncated, then those by UDP stay away; TCP answers";
    Ipv6AnswersDropped "ipv6-answers-dropped" "the name servers answer for IPv4 addresses, and not for IPv6 ones";
    ResolversSlow "resolvers-slow" "the name servers answer rightly, and 2 s late";
    OneResolverDead "one-resolver-dead" "of two name servers, the one that is asked first is silent";
    NameWrongOnOneNode "name-wrong-on-one-node" "the name servers tell one node that a service's name does not exist";
    NameLiesOnOneNode "name-lies-on-one-node" "the name servers tell one node an address where nothing listens";
    ServiceRefused "service-refused" "a service's port refuses connections";
    ServiceSilent "service-silent" "connections to a service are dropped without a word";
    ServiceRefusedFromOneNode "service-refused-from-one-node" "a service's port refuses the connections of one node";
    ServiceSilentFromOneNode "service-silent-from-one-node" "connections of one node to a service are dropped";
    Loss1 "loss-1" "one packet of a hundred between nodes is lost, each way";
    Loss3 "loss-3" "three packets of a hundred between nodes are lost, each way";
    OneLostProbe "one-lost-probe" "a single echo request to a node is lost";
    AgentKilled "agent-killed" "a node's agent is killed and stays away";
    AgentStopped "agent-stopped" "a node's agent is stopped (SIGSTOP), later goes on";
    AddressTaken "address-taken" "a node's agent is gone, and another node's agent answers at its address";
    AgentRestart "agent-restart" "a node's agent is killed and started again in its pod";
    PodRestart "pod-restart" "a node's agent says goodbye and comes back in a new pod";
    ScaleDown "scale-down" "a node's agent says goodbye and its pod is deleted";
    ServerDown "server-down" "the server is killed and stays away";
    ServerRestart "server-restart" "the server is killed and started again at once";
}

/// No scenario has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scenario {name:?}; there are {}", Scenario::ALL.map(|scenario| scenario.to_string()).join(", "))]
pub struct UnknownScenario {
    /// The unknown name.
    pub name: String,
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Scenario {
    type Err = UnknownScenario;

    fn from_str(name: &str) -> Result<Self, UnknownScenario> {
        let found = Scenario::ALL.into_iter().find(|scenario| scenario.name() == name);
        found.ok_or_else(|| UnknownScenario { name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests;
