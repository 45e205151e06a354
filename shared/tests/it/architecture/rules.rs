//! The rules, as tables: who may know whom, and where each door stands.
//!
//! A place is a module with all below it: `server/src/mesh` is `server/src/mesh.rs` and `server/src/mesh/`; a place that
//! ends in `/` is a folder. To allow something, change the table in the same commit that needs it, and say why there.

/// A package, what it stands on among the packages of this workspace, and the outside ones that it must never have.
pub(super) struct Package {
    pub(super) name: &'static str,
    /// Packages of this workspace that it may use, also in tests.
    pub(super) stands_on: &'static [&'static str],
    /// Packages from elsewhere that it must not use, not even in tests.
    pub(super) never: &'static [&'static str],
}

const SHARED: &str = "meshvane-shared";
const SERVER: &str = "meshvane-server";
const AGENT: &str = "meshvane-agent";
const RUNTIME: &str = "runtime";
const FAULTS: &str = "faults";

/// Every package of the workspace, from the ground up. One that is not here fails the test: give it its layer.
pub(super) const PACKAGES: [Package; 10] = [
    Package {
        name: SHARED,
        stands_on: &[],
        never: &[
            "axum",
            "envy",
            "hyper",
            "kube",
            "moka",
            "reqwest",
            "tokio",
            "tower-http",
            "tracing-subscriber",
        ],
    },
    Package {
        name: FAULTS,
        stands_on: &[SHARED],
        never: &["axum", "hyper", "kube", "moka", "reqwest", "rtnetlink", "surge-ping", "tokio"],
    },
    Package { name: "lab", stands_on: &[FAULTS], never: &["axum", "kube", "moka", "reqwest"] },
    Package { name: RUNTIME, stands_on: &[SHARED], never: &["axum", "kube", "moka", "reqwest"] },
    Package {
        name: SERVER,
        stands_on: &[SHARED, RUNTIME],
        never: &["hickory-proto", "rtnetlink", "surge-ping"],
    },
    Package { name: AGENT, stands_on: &[SHARED, RUNTIME], never: &["moka", "rtnetlink"] },
    Package {
        name: "demo",
        stands_on: &[SHARED, SERVER, AGENT, FAULTS, "lab"],
        never: &["moka", "rtnetlink", "surge-ping"],
    },
    Package {
        name: "e2e",
        stands_on: &[SHARED, SERVER, AGENT, FAULTS, "lab"],
        never: &["moka", "rtnetlink", "surge-ping"],
    },
    Package {
        name: "bench",
        stands_on: &[SHARED, SERVER, AGENT, "lab"],
        never: &["moka", "rtnetlink", "surge-ping"],
    },
    Package {
        name: "sim",
        stands_on: &[SHARED, SERVER, AGENT, FAULTS],
        never: &["axum", "hyper", "kube", "moka", "reqwest", "rtnetlink", "surge-ping", "tokio"],
    },
];

/// Places from which some paths must not lead.
pub(super) struct Wall {
    /// The rule, as the end of a sentence that begins with the file and the path.
    pub(super) rule: &'static str,
    pub(super) places: &'static [&'static str],
    /// Places among them that are free.
    pub(super) but: &'static [&'static str],
    pub(super) never: &'static [&'static str],
}

/// Walls hold in tests as well.
pub(super) const WALLS: [Wall; 11] = [
    Wall {
        rule: "the shared language does no I/O, has no runtime and no store",
        places: &["shared/src"],
        but: &[],
        never: &[
            "axum",
            "envy",
            "hyper",
            "kube",
            "moka",
            "reqwest",
            "std::fs",
            "std::io",
            "std::thread",
            "tokio",
            "tracing_subscriber",
        ],
    },
    Wall {
        rule: "mesh, report, render and view are values and functions: no store, no HTTP, no runtime",
        places: &["server/src/mesh", "server/src/report", "server/src/render", "server/src/view"],
        but: &[],
        never: &[
            "axum",
            "crate::collector",
            "crate::config",
            "crate::http",
            "crate::kube",
            "crate::metrics",
            "crate::store",
            "hyper",
            "moka",
            "std::fs",
            "std::io",
            "std::thread",
            "tokio",
            "tower_http",
            "tracing",
        ],
    },
    Wall {
        rule: "a handler asks the collector, never the store",
        places: &["server/src/http"],
        but: &[],
        never: &["crate::store", "moka"],
    },
    Wall {
        rule: "the store knows nobody who asks it",
        places: &["server/src/store"],
        but: &[],
        never: &["crate::collector", "crate::config", "crate::http", "axum"],
    },
    Wall {
        rule: "only the composition root and the way in know the application",
        places: &["server/src", "agent/src"],
        but: &[
            "server/src/app",
            "server/src/lib",
            "server/src/main",
            "server/src/start",
            "agent/src/app",
            "agent/src/lib",
            "agent/src/main",
        ],
        never: &["crate::app"],
    },
    Wall {
        rule: "a probe knows its target and nothing of schedules, outboxes and clients",
        places: &["agent/src/probe"],
        but: &[],
        never: &[
            "crate::client",
            "crate::config",
            "crate::courier",
            "crate::outbox",
            "crate::prober",
            "crate::schedule",
            "reqwest",
        ],
    },
    Wall {
        rule: "names know name servers and nothing of who asks for a name",
        places: &["agent/src/names"],
        but: &[],
        never: &[
            "crate::client",
            "crate::config",
            "crate::courier",
            "crate::outbox",
            "crate::probe",
            "crate::prober",
            "crate::schedule",
            "reqwest",
        ],
    },
    Wall {
        rule: "schedule and outbox decide and do nothing: no runtime, no socket",
        places: &["agent/src/schedule", "agent/src/outbox", "agent/src/backoff"],
        but: &[],
        never: &[
            "axum",
            "crate::client",
            "crate::config",
            "crate::courier",
            "crate::prober",
            "crate::responder",
            "hickory_proto",
            "reqwest",
            "socket2",
            "std::fs",
            "std::io",
            "std::thread",
            "surge_ping",
            "tokio",
            "tracing",
        ],
    },
    Wall {
        rule: "the oracle knows what was broken, and nothing of what the programs made of it",
        places: &["dev/sim/src/oracle", "dev/sim/src/truth", "dev/sim/src/mesh"],
        but: &[],
        never: &["crate::agent", "crate::server", "crate::world", "meshvane_agent", "meshvane_server"],
    },
    Wall {
        rule: "server and agent never use each other, not even in tests",
        places: &["server/"],
        but: &[],
        never: &["meshvane_agent"],
    },
    Wall {
        rule: "server and agent never use each other, not even in tests",
        places: &["agent/"],
        but: &[],
        never: &["meshvane_server"],
    },
];

/// Something that is known in few places.
pub(super) struct Door {
    /// The rule, as the end of a sentence that begins with the file and the path.
    pub(super) rule: &'static str,
    pub(super) paths: Paths,
    /// Where it may stand.
    pub(super) places: &'static [&'static str],
}

/// How a path is recognised.
pub(super) enum Paths {
    /// It begins with one of these.
    BeginWith(&'static [&'static str]),
    /// It ends with one of these.
    EndWith(&'static [&'static str]),
    /// One of these is a part of it.
    Hold(&'static [&'static str]),
}

/// Doors hold in programs, not in their tests: a test may be a client of what it tests.
pub(super) const DOORS: [Door; 19] = [
    Door {
        rule: "axum, hyper and tower-http are known to the HTTP modules, and hyper to what asks one question: a probe, and the server's check",
        paths: Paths::BeginWith(&["axum", "hyper", "hyper_util", "tower_http"]),
        places: &[
            "server/src/http",
            "server/src/check/client",
            "agent/src/responder",
            "agent/src/probe/health",
            "dev/demo/",
            "dev/e2e/src/kubernetes",
        ],
    },
    Door {
        rule: "reqwest is known to the agent's client, the end-to-end tests and the benchmarks",
        paths: Paths::BeginWith(&["reqwest"]),
        places: &["agent/src/client", "dev/e2e/", "dev/bench/"],
    },
    Door {
        rule: "surge-ping is known to the ICMP probe",
        paths: Paths::BeginWith(&["surge_ping"]),
        places: &["agent/src/probe/icmp"],
    },
    Door {
        rule: "hickory's messages are known to the agent's names and to the lab's name server",
        paths: Paths::BeginWith(&["hickory_proto"]),
        places: &["agent/src/names/message", "dev/lab/src/fault/names"],
    },
    Door {
        rule: "kube and k8s-openapi are known to the module of the API server",
        paths: Paths::BeginWith(&["kube", "k8s_openapi"]),
        places: &["server/src/kube"],
    },
    Door {
        rule: "ring and base64 are known to those who judge tokens or make them for tests",
        paths: Paths::BeginWith(&["ring", "base64"]),
        places: &["server/src/auth", "dev/e2e/src/kubernetes"],
    },
    Door {
        rule: "moka is known to the store",
        paths: Paths::BeginWith(&["moka"]),
        places: &["server/src/store"],
    },
    Door {
        rule: "envy is known to config.rs",
        paths: Paths::BeginWith(&["envy"]),
        places: &["server/src/config", "agent/src/config"],
    },
    Door {
        rule: "tracing-subscriber is known to the log of both programs",
        paths: Paths::BeginWith(&["tracing_subscriber"]),
        places: &["crates/runtime/src/telemetry"],
    },
    Door {
        rule: "prometheus-client is known to the metrics",
        paths: Paths::BeginWith(&["prometheus_client"]),
        places: &["server/src/metrics", "agent/src/metrics"],
    },
    Door {
        rule: "rtnetlink is known to the lab's netlink",
        // The error enum holds its error as a source.
        paths: Paths::BeginWith(&["rtnetlink"]),
        places: &["dev/lab/src/netlink", "dev/lab/src/error"],
    },
    Door {
        rule: "an HTTP status is decided in the server's HTTP modules, and read or given at the agent's two ends",
        paths: Paths::Hold(&["StatusCode"]),
        places: &["server/src/http", "agent/src/client", "agent/src/responder", "dev/demo/"],
    },
    Door {
        rule: "the environment is read in config.rs; the lab's sandbox and launcher pass it on",
        paths: Paths::BeginWith(&["std::env"]),
        places: &[
            "server/src/config",
            "agent/src/config",
            "dev/lab/src/cluster/logs",
            "dev/lab/src/fault/nft",
            "dev/lab/src/launch",
            "dev/lab/src/sandbox",
            "dev/demo/",
            "dev/e2e/",
            "dev/bench/src/parts",
        ],
    },
    Door {
        rule: "only drivers read the monotonic clock; everything else is told the time",
        paths: Paths::EndWith(&["Instant::now"]),
        places: &[
            "server/src/clock",
            "agent/src/clock",
            "agent/src/names",
            "agent/src/probe",
            "crates/runtime/src/telemetry",
            "dev/demo/",
            "dev/e2e/",
            "dev/bench/src/clock",
            "dev/sim/src/output",
            // Connections yield by their age, also on the thread of health, which must not read the server's clock: that
            // one takes a gap between two readings for a pause of the process.
            "crates/runtime/src/accepting",
        ],
    },
    Door {
        rule: "only drivers read the wall clock; everything else is told the time",
        paths: Paths::EndWith(&["SystemTime::now", "Utc::now", "Local::now"]),
        places: &["server/src/clock", "agent/src/clock"],
    },
    Door {
        rule: "programs speak through their log; the end-to-end tests print figures",
        paths: Paths::EndWith(&["println!", "print!", "eprintln!", "eprint!", "dbg!"]),
        places: &["dev/e2e/"],
    },
    Door {
        rule: "main returns an ExitCode; nothing ends the process on the way",
        paths: Paths::EndWith(&["process::exit", "process::abort"]),
        places: &[],
    },
    Door {
        rule: "glob imports of our own modules hide where a name comes from; only tests take all of their parent",
        paths: Paths::EndWith(&["*"]),
        places: &[],
    },
    Door {
        rule: "nothing waits by sleeping a thread; the lab waits so for the kernel to change a link",
        paths: Paths::EndWith(&["thread::sleep"]),
        places: &["dev/lab/src/netlink"],
    },
];

/// Longest file, in lines: what one still holds in mind.
pub(super) const FILE_LINES_MAX: usize = 400;
/// Longest function, in lines, from `fn` to its closing brace.
pub(super) const FUNCTION_LINES_MAX: usize = 70;
/// Longest `src/main.rs`: a program's work is in its library, where it is tested.
pub(super) const MAIN_LINES_MAX: usize = 40;
