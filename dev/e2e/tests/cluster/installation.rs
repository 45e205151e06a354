//! The program in a namespace of the cluster, as its chart installs it, and taken out again.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use e2e::api::Api;
use e2e::clock::Stopwatch;
use e2e::watch::Watch;
use meshvane_shared::address::Family;
use meshvane_shared::name::{BootId, NodeName};
use meshvane_shared::wire::agents::AgentBody;

use crate::command::{must, nodes, run};
use crate::forward::Forward;
use crate::kube::{self, LOOK_EVERY, pods, until};

/// Pods are made, agents start, and everybody has probed everybody.
pub(crate) const FULL_WITHIN: Duration = Duration::from_mins(1);
/// The name of every release.
pub(crate) const RELEASE: &str = "meshvane";

/// An installation.
#[derive(Debug)]
pub(crate) struct Installation {
    pub(crate) namespace: String,
    pub(crate) api: Api,
    pub(crate) watch: Watch,
    _forward: Forward,
}

/// The root of the sources.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn chart() -> String {
    root().join("chart/meshvane").to_str().unwrap().to_owned()
}

/// The tag of the images that were loaded into the nodes.
#[expect(clippy::disallowed_methods, reason = "whoever prepared the cluster says what is in it")]
pub(crate) fn tag() -> String {
    std::env::var("MESHVANE_CLUSTER_TAG").unwrap_or_else(|_| "suite".to_owned())
}

/// What says where the images are: they were loaded into the nodes beforehand.
pub(crate) fn images() -> Vec<String> {
    let tag = tag();
    let of = |part: &str| {
        ["registry=docker.io".to_owned(), format!("tag={tag}"), "pullPolicy=Never".to_owned()]
            .map(|value| format!("{part}.image.{value}"))
    };
    ["server", "agent"].iter().flat_map(|part| of(part)).flat_map(|set| ["--set".to_owned(), set]).collect()
}

/// A namespace of its own that lets in only what is restricted.
pub(crate) fn make_namespace(name: &str) {
    kube::apply(&format!(
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels:\n    \
         pod-security.kubernetes.io/enforce: restricted\n"
    ));
}

impl Installation {
    /// Installs it into a new namespace and waits until every node reports on every other.
    pub(crate) async fn make(namespace: &str, sets: &[&str]) -> Self {
        make_namespace(namespace);
        helm(&["install"], namespace, sets);
        let installation = Self::attach(namespace);
        installation.full(kube::nodes().len()).await;
        installation
    }

    /// The installation that is there.
    pub(crate) fn attach(namespace: &str) -> Self {
        Self::attach_by(namespace, Api::new)
    }

    /// The same by a client for the forwarded port.
    pub(crate) fn attach_by(namespace: &str, client: impl FnOnce(SocketAddr) -> Api) -> Self {
        let forward = Forward::open(namespace, "meshvane-server", 8080);
        let api = client(forward.address);
        let watch = Watch::start(api.clone());
        Self { namespace: namespace.to_owned(), api, watch, _forward: forward }
    }

    /// Waits until every cell between these many nodes is reached.
    pub(crate) async fn full(&self, nodes: usize) -> Duration {
        let clock = Stopwatch::start();
        while !self.api.is_full_mesh_in(nodes, &[Family::Ipv4]).await {
            let late = clock.elapsed() > FULL_WITHIN;
            assert!(!late, "no full mesh of {nodes} within {FULL_WITHIN:?}:\n{}", self.state().await);
            tokio::time::sleep(LOOK_EVERY).await;
        }
        clock.elapsed()
    }

    /// Waits until exactly these findings are open.
    pub(crate) async fn open_are(&self, ids: &[&str], within: Duration) -> Duration {
        let clock = Stopwatch::start();
        loop {
            let mut open = self.watch.open();
            open.sort();
            if open == ids {
                return clock.elapsed();
            }
            assert!(
                clock.elapsed() < within,
                "{ids:?} are not open within {within:?}:\n{}",
                self.state().await
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Lets time pass, in which these and no other findings may open.
    pub(crate) async fn pass(&self, time: Duration, may_open: &[&str]) {
        tokio::time::sleep(time).await;
        self.opened_were(may_open).await;
    }

    /// Fails when anything else ever opened.
    pub(crate) async fn opened_were(&self, ids: &[&str]) {
        let others: Vec<String> = self
            .watch
            .seen()
            .into_iter()
            .map(|seen| seen.body.id)
            .filter(|id| !ids.contains(&&**id))
            .collect();
        assert!(others.is_empty(), "opened were {others:?}:\n{}", self.state().await);
    }

    /// The agents; the server has some.
    async fn agents(&self) -> Vec<AgentBody> {
        let mut agents = Vec::new();
        // A forwarded port ends now and then, and is opened again.
        until("the server says who its agents are", FULL_WITHIN, async || {
            agents = self.api.agents().await;
            !agents.is_empty()
        })
        .await;
        agents
    }

    /// Each agent's present start.
    pub(crate) async fn boots(&self) -> Vec<(NodeName, Option<BootId>)> {
        self.agents().await.into_iter().map(|agent| (agent.node, agent.boot_id)).collect()
    }

    /// The rounds that are missing of each agent's present start: equal numbers leave no hole between.
    pub(crate) async fn holes(&self) -> Vec<(NodeName, Option<BootId>, u64)> {
        let of =
            |agent: AgentBody| (agent.node, agent.boot_id, agent.last_sequence.unwrap_or(0) - agent.rounds);
        self.agents().await.into_iter().map(of).collect()
    }

    /// The server's resident memory, in bytes.
    pub(crate) fn server_memory(&self) -> u64 {
        let script = "grep VmRSS /proc/$(pgrep -o -f ^/meshvane-server)/status";
        let line = nodes(&["on", &self.server_node(), "sh", "-c", script]);
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// What is to be read when a test fails.
    pub(crate) async fn state(&self) -> String {
        let report = self.api.text("/api/v1/report").await.unwrap_or_default();
        let seen = self.watch.seen();
        let findings: Vec<String> = seen
            .iter()
            .map(|seen| format!("{:?} to {:?}: {}", seen.opened, seen.resolved, seen.body.message))
            .collect();
        let pods = run("kubectl", &["-n", &self.namespace, "get", "pods", "-o", "wide"], "").stdout;
        let arguments = ["-n", &self.namespace, "logs", "deploy/meshvane-server", "--tail=40"];
        let log = run("kubectl", &arguments, "").stdout;
        format!("{report}\n{}\n{pods}\n{log}", findings.join("\n"))
    }

    /// The address of the server's pod, which the cluster's nodes reach.
    pub(crate) fn server_address(&self) -> String {
        pods(&self.namespace, "server").first().map(|pod| pod.address.clone()).unwrap()
    }

    /// The node on which the server runs.
    pub(crate) fn server_node(&self) -> String {
        pods(&self.namespace, "server").first().map(|pod| pod.node.clone()).unwrap()
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        uninstall(&self.namespace);
    }
}

/// Runs helm for the release: a verb and its flags.
pub(crate) fn helm(verb: &[&str], namespace: &str, sets: &[&str]) {
    let chart = chart();
    let images = images();
    let mut arguments = [verb, &[RELEASE, &chart, "-n", namespace]].concat();
    arguments.extend(images.iter().map(String::as_str));
    arguments.extend(sets.iter().flat_map(|set| ["--set", *set]));
    must("helm", &arguments, "");
}

/// Takes the release out, and its namespace unless that is Kubernetes' own.
pub(crate) fn uninstall(namespace: &str) {
    // Also called while a test fails: what is not there cannot be taken out.
    let _absent = run("helm", &["uninstall", RELEASE, "-n", namespace, "--wait"], "");
    if namespace != "kube-system" {
        let delete = ["delete", "namespace", namespace, "--ignore-not-found", "--wait=true", "--timeout=90s"];
        let _absent = run("kubectl", &delete, "");
    }
}
