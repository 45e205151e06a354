//! The table of all settings, as the README shows it.

use meshvane_shared::setting::Setting;

/// Every setting of the agent.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "NODE_NAME",
        default: "required",
        accepted: "a node name",
        meaning: "Name of this node; in Kubernetes a fieldRef to `spec.nodeName`.",
    },
    Setting {
        name: "NODE_IP",
        default: "required, unless HOST_IPS is set",
        accepted: "an IP address",
        meaning: "Address of this node; in Kubernetes `status.hostIP`.",
    },
    Setting {
        name: "HOST_IPS",
        default: "NODE_IP",
        accepted: "up to 4 IP addresses, joined by commas",
        meaning: "Addresses of this node, one of each family is probed; in Kubernetes `status.hostIPs`. Goes before NODE_IP.",
    },
    Setting {
        name: "POD_IP",
        default: "required, unless POD_IPS is set",
        accepted: "an IP address",
        meaning: "Address of this pod; in Kubernetes `status.podIP`.",
    },
    Setting {
        name: "POD_IPS",
        default: "POD_IP",
        accepted: "up to 4 IP addresses, joined by commas",
        meaning: "Addresses of this pod, one of each family is probed; in Kubernetes `status.podIPs`. Goes before POD_IP.",
    },
    Setting {
        name: "POD_NAME",
        default: "required",
        accepted: "a pod name",
        meaning: "Name of this pod; in Kubernetes `metadata.name`.",
    },
    Setting {
        name: "NAMESPACE",
        default: "required",
        accepted: "a namespace",
        meaning: "Namespace of this pod; in Kubernetes `metadata.namespace`.",
    },
    Setting {
        name: "SERVER_URL",
        default: "http://meshvane-server.kube-system.svc:8080",
        accepted: "http://host:port or https://host:port",
        meaning: "Where the server is. https needs MESHVANE_TLS_CA_FILE.",
    },
    Setting {
        name: "HEARTBEAT_INTERVAL",
        default: "5",
        accepted: "a duration from 1s to 1h",
        meaning: "Time between two heartbeats.",
    },
    Setting {
        name: "TEST_PORT",
        default: "22",
        accepted: "0 to 65535",
        meaning: "TCP port that is tried on the other nodes; 0 tries none.",
    },
    Setting {
        name: "CUSTOM_SERVICE_NAME",
        default: "none",
        accepted: "up to 64 names, addresses, name:port or [IPv6 address]:port, joined by commas",
        meaning: "Services to resolve and to connect to. An address is not resolved.",
    },
    Setting {
        name: "CUSTOM_SERVICE_PORT",
        default: "80",
        accepted: "1 to 65535",
        meaning: "TCP port of the services that are named without one.",
    },
    Setting {
        name: "CLIENT_PORT",
        default: "6100",
        accepted: "1 to 65535",
        meaning: "Port of `/health`, which the other agents connect to. `/livez` and `/readyz` answer here too, for older charts.",
    },
    Setting {
        name: "LOG_LEVEL",
        default: "info",
        accepted: "error, warn, info, debug, trace",
        meaning: "What is logged, to standard error.",
    },
    Setting {
        name: "MESHVANE_PROBE_INTERVAL",
        default: "HEARTBEAT_INTERVAL",
        accepted: "a duration from 1s to 1h",
        meaning: "Time in which every target is probed once.",
    },
    Setting {
        name: "MESHVANE_ZONE",
        default: "unknown",
        accepted: "a label value",
        meaning: "Zone of this node, as `topology.kubernetes.io/zone`.",
    },
    Setting {
        name: "MESHVANE_TOKEN_FILE",
        default: "required, or MESHVANE_AUTH=none",
        accepted: "a file",
        meaning: "File with the token that the server knows us by. Read again when it changes.",
    },
    Setting {
        name: "MESHVANE_AUTH",
        default: "by token",
        accepted: "none",
        meaning: "`none` shows no token. It must be said; it excludes the token file.",
    },
    Setting {
        name: "MESHVANE_TLS_CA_FILE",
        default: "none: plain HTTP",
        accepted: "a PEM file, with an https SERVER_URL",
        meaning: "Certificates that the server's must lead to; no others are trusted. Read again when it changes.",
    },
    Setting {
        name: "MESHVANE_METRICS_PORT",
        default: "6101",
        accepted: "1 to 65535, not CLIENT_PORT",
        meaning: "Port of `/metrics`.",
    },
    Setting {
        name: "MESHVANE_HEALTH_PORT",
        default: "6102",
        accepted: "1 to 65535, neither of the other two",
        meaning: "Port of `/livez` and `/readyz`. Unset, it is the next one that neither of the other two has.",
    },
    Setting {
        name: "MESHVANE_BIND_ADDRESS",
        default: "[::], or 0.0.0.0 without IPv6",
        accepted: "an IP address",
        meaning: "Address on which all three ports listen. `[::]` takes IPv4 as well.",
    },
];
