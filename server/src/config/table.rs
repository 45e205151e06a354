//! The table of all settings, as the README shows it.

use meshvane_shared::setting::Setting;

/// Every setting of the server.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "CACHE_KEY_SECOND",
        default: "15",
        accepted: "a duration from 1s to 1day",
        meaning: "Time after its newest heartbeat at which a member is lost (its TTL); at least twice its HEARTBEAT_INTERVAL and one second more.",
    },
    Setting {
        name: "LOG_LEVEL",
        default: "info",
        accepted: "error, warn, info, debug, trace",
        meaning: "What is logged, to standard error.",
    },
    Setting { name: "HTTP_PORT", default: "8080", accepted: "1 to 65535", meaning: "Port of the API." },
    Setting {
        name: "REPORT_INTERVAL",
        default: "300",
        accepted: "a duration from 1s to 1day",
        meaning: "Time between two reports in the log.",
    },
    Setting {
        name: "MESHVANE_FORGET_AFTER",
        default: "1h",
        accepted: "a duration, longer than CACHE_KEY_SECOND, at most 30days",
        meaning: "Time after its newest heartbeat at which a lost member is forgotten. Unset, it is at least twice CACHE_KEY_SECOND.",
    },
    Setting {
        name: "MESHVANE_TOKEN_FILE",
        default: "required, or MESHVANE_AUTH=none",
        accepted: "a file",
        meaning: "File with the token that agents show. It may read as well. Read again when it changes.",
    },
    Setting {
        name: "MESHVANE_READ_TOKEN_FILE",
        default: "none",
        accepted: "a file",
        meaning: "File with a token that may read from anywhere, and not write. Read again when it changes.",
    },
    Setting {
        name: "MESHVANE_AUTH",
        default: "by token",
        accepted: "kubernetes, none",
        meaning: "`kubernetes` believes tokens of service accounts, reviewed by the API server. `none` lets anybody read and write. Either must be said and excludes the token files.",
    },
    Setting {
        name: "MESHVANE_LOOPBACK_READS",
        default: "true",
        accepted: "true, false",
        meaning: "Whether peers at 127.0.0.1 and ::1 may read without a token, as through `kubectl port-forward`.",
    },
    Setting {
        name: "MESHVANE_BIND_ADDRESS",
        default: "[::], or 0.0.0.0 without IPv6",
        accepted: "an IP address",
        meaning: "Address on which all three ports listen. `[::]` takes IPv4 as well.",
    },
    Setting {
        name: "MESHVANE_HEALTH_PORT",
        default: "8081",
        accepted: "1 to 65535",
        meaning: "Port of `/livez` and `/readyz`, open and without TLS.",
    },
    Setting {
        name: "MESHVANE_METRICS_PORT",
        default: "8082",
        accepted: "1 to 65535",
        meaning: "Port of `/metrics`, open and without TLS.",
    },
    Setting {
        name: "MESHVANE_TLS_CERT_FILE",
        default: "none: plain HTTP",
        accepted: "a PEM file, with MESHVANE_TLS_KEY_FILE",
        meaning: "Certificate chain of the API. Read again when it changes; a pair that does not work leaves the old one.",
    },
    Setting {
        name: "MESHVANE_TLS_KEY_FILE",
        default: "none: plain HTTP",
        accepted: "a PEM file, with MESHVANE_TLS_CERT_FILE",
        meaning: "Key of that certificate.",
    },
    Setting {
        name: "NAMESPACE",
        default: "the pod's own",
        accepted: "a name",
        meaning: "Namespace of server and agents, with MESHVANE_AUTH=kubernetes.",
    },
    Setting {
        name: "MESHVANE_AUDIENCE",
        default: "meshvane",
        accepted: "visible ASCII characters, at most 256",
        meaning: "Audience that tokens must be made for, with MESHVANE_AUTH=kubernetes.",
    },
    Setting {
        name: "MESHVANE_AGENT_SERVICE_ACCOUNT",
        default: "meshvane-agent",
        accepted: "a name",
        meaning: "Service account of the agents, with MESHVANE_AUTH=kubernetes.",
    },
    Setting {
        name: "MESHVANE_AGENT_NODE_SELECTOR",
        default: "kubernetes.io/os=linux,type!=virtual-kubelet,eks.amazonaws.com/compute-type!=fargate",
        accepted: "key, !key, key=value, key!=value, separated by commas",
        meaning: "Labels of the Nodes that should have an agent; others are not missed. With MESHVANE_AUTH=kubernetes.",
    },
    Setting {
        name: "MESHVANE_AGENT_TOLERATIONS",
        default: "[{\"operator\":\"Exists\"}]",
        accepted: "a JSON list of tolerations, as a pod has them",
        meaning: "Taints that the agents' pods put up with; a Node with others is not missed. With MESHVANE_AUTH=kubernetes.",
    },
    Setting {
        name: "MESHVANE_TERMINATING_TAINTS",
        default: "those of cluster-autoscaler, Karpenter, the AWS termination handler, GKE and cloud providers: see docs/kubernetes.md",
        accepted: "keys of taints, separated by commas",
        meaning: "Taints that say that a Node is being taken away. With MESHVANE_AUTH=kubernetes.",
    },
];
