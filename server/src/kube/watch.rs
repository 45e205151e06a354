//! Watches the agents' pods and the Nodes: lists in pages, then follows.
//!
//! ```text
//!   list (pages) ──> watch ──> watch ──> ...      each ends after WATCH_TIME by the server's clock
//!     ^  ^             │ the version is too old, or a page was
//!     │  └─────────────┘
//!     └ wait, when the API server is away
//! ```
//! The last view stays while the API server is away; the collector says so.

use std::sync::Arc;
use std::time::Duration;

use futures_util::TryStreamExt as _;
use kube::Client;
use kube::api::{ListParams, WatchParams};
use kube::core::{Request, WatchEvent};
use meshvane_shared::name::Namespace;
use tokio::time::{sleep, timeout};

use super::objects::{NodeObject, Object, Page, PodObject};
use crate::clock::Clock;
use crate::collector::Collector;
use crate::config::KubernetesConfig;
use crate::mesh::context::{Cluster, View};

/// Objects in one page of a list. A page of whole Nodes is read at once: 100 are about 1 MiB, 500 are five, and memory that
/// was used once is not given back.
pub const PAGE: u32 = 100;
/// A watch is asked to end after this, so that a connection that died unnoticed is noticed.
const WATCH_TIME: Duration = Duration::from_mins(1);
/// How much longer we wait for that end.
const WATCH_GRACE: Duration = Duration::from_secs(5);
/// The answer to a list, or the beginning of a watch, comes within this.
const ANSWER_TIME: Duration = Duration::from_secs(10);
/// Waits after a failure: doubling, so that an API server that comes back is not met by a crowd, and short, for a pod that
/// starts meanwhile waits for us.
const WAIT: std::ops::RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(8);
/// Wait after the API server forbade it: rights are given by hand.
const FORBIDDEN_WAIT: Duration = Duration::from_secs(30);

/// Between two watches: an API server that ends each at once is asked 20 times a second at most.
const BETWEEN: Duration = Duration::from_millis(50);

/// What both watches need.
#[derive(Clone)]
pub struct Watches {
    /// The API server.
    pub client: Client,
    /// Whose pods, and what is kept of Nodes.
    pub config: KubernetesConfig,
    /// Our own namespace.
    pub namespace: Namespace,
    /// Takes what is seen.
    pub collector: Arc<Collector>,
    /// The time.
    pub clock: Arc<Clock>,
}

/// One of the watches.
struct Source<T: Object> {
    /// In the log.
    what: &'static str,
    /// What is lost without it, in the log.
    without: &'static str,
    path: String,
    fields: Option<String>,
    view: fn(&mut Cluster) -> &mut View<T::Kept>,
}

/// Why a list or a watch ended.
enum Failure {
    /// The version is too old: list again.
    Gone,
    /// We may not.
    Forbidden,
    /// The API server is away, or says nothing that we understand.
    Away(String),
}

impl Watches {
    /// Watches the agents' pods. Never ends. Cancel-safe.
    pub async fn pods(self) {
        let account = &self.config.agent_account;
        let source: Source<PodObject> = Source {
            what: "pods",
            without: "no agent is believed",
            path: format!("/api/v1/namespaces/{}/pods", self.namespace),
            fields: Some(format!("spec.serviceAccountName={account}")),
            view: |cluster| &mut cluster.pods,
        };
        self.follow(source).await;
    }

    /// Watches the Nodes. Never ends. Cancel-safe.
    pub async fn nodes(self) {
        let source: Source<NodeObject> = Source {
            what: "nodes",
            without: "zones are what agents say, drains are not told from failures, and nobody misses an agent on a Node",
            path: "/api/v1/nodes".to_owned(),
            fields: None,
            view: |cluster| &mut cluster.nodes,
        };
        self.follow(source).await;
    }

    async fn follow<T: Object>(&self, source: Source<T>) {
        let mut version: Option<String> = None;
        let mut wait = *WAIT.start();
        self.change(&source, View::asked);
        loop {
            let ended = match &version {
                None => self.list(&source).await,
                Some(version) => self.watch(&source, version.clone()).await,
            };
            let pause = match ended {
                Ok(newest) => {
                    version = Some(newest);
                    wait = *WAIT.start();
                    BETWEEN
                }
                Err(Failure::Gone) => {
                    version = None;
                    BETWEEN
                }
                Err(Failure::Forbidden) => {
                    version = None;
                    let now = self.clock.now().moment;
                    if self.change(&source, |view| view.forbidden(now)) {
                        tracing::warn!(
                            "the API server forbids us to list and watch {}: {}",
                            source.what,
                            source.without
                        );
                    }
                    FORBIDDEN_WAIT
                }
                Err(Failure::Away(problem)) => {
                    let now = self.clock.now().moment;
                    if self.change(&source, |view| view.missed(now)) || wait == *WAIT.start() {
                        tracing::warn!(
                            what = source.what,
                            problem,
                            "the API server is away; what it said last is kept"
                        );
                    }
                    let pause = wait;
                    wait = (wait * 2).min(*WAIT.end());
                    pause
                }
            };
            sleep(pause).await;
        }
    }

    /// Lists all objects, and returns the version of the list.
    async fn list<T: Object>(&self, source: &Source<T>) -> Result<String, Failure> {
        let mut params = ListParams { limit: Some(PAGE), ..ListParams::default() };
        params.field_selector.clone_from(&source.fields);
        self.change(source, View::list_began);
        loop {
            let request =
                Request::new(&source.path).list(&params).map_err(|error| away(&error.to_string()))?;
            let asked = self.client.request_text(request);
            let text = answered(timeout(ANSWER_TIME, asked).await)?;
            let page: Page<T> = serde_json::from_str(&text)
                .map_err(|error| away(&format!("a list cannot be read: {error}")))?;
            drop(text);
            self.change(source, |view| {
                for object in page.items.into_iter().flatten() {
                    let uid = object.key();
                    if let Some(kept) = object.reduce(&self.config) {
                        view.listed(uid, kept);
                    }
                }
            });
            match (page.metadata.next.filter(|next| !next.is_empty()), page.metadata.resource_version) {
                (Some(next), _) => params.continue_token = Some(next),
                (None, Some(version)) => {
                    self.change(source, View::list_ended);
                    tracing::info!(what = source.what, "listed");
                    return Ok(version);
                }
                (None, None) => return Err(away("a list has no version")),
            }
        }
    }

    /// Follows changes until the watch ends, and returns the newest version.
    async fn watch<T: Object>(&self, source: &Source<T>, mut version: String) -> Result<String, Failure> {
        let seconds = u32::try_from(WATCH_TIME.as_secs()).expect("a minute fits");
        let params = WatchParams {
            field_selector: source.fields.clone(),
            timeout: Some(seconds),
            bookmarks: true,
            ..WatchParams::default()
        };
        let request =
            Request::new(&source.path).watch(&params, &version).map_err(|error| away(&error.to_string()))?;
        let asked = self.client.request_events::<T>(request);
        let mut events = std::pin::pin!(answered(timeout(ANSWER_TIME, asked).await)?);
        self.change(source, View::heard);
        let follow = async {
            while let Some(event) = events.try_next().await.map_err(|error| away(&super::brief(&error)))? {
                if let Some(newest) = self.take(source, event)? {
                    version = newest;
                }
            }
            Ok(version)
        };
        match timeout(WATCH_TIME + WATCH_GRACE, follow).await {
            Ok(ended) => ended,
            Err(_) => Err(away("a watch does not end")),
        }
    }

    /// Takes one event, and returns the version that it brings.
    fn take<T: Object>(&self, source: &Source<T>, event: WatchEvent<T>) -> Result<Option<String>, Failure> {
        match event {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                let (uid, version) = (object.key(), object.meta().resource_version.clone());
                self.change(source, |view| match object.reduce(&self.config) {
                    Some(kept) => view.applied(uid, kept),
                    None => view.deleted(&uid),
                });
                Ok(version)
            }
            WatchEvent::Deleted(object) => {
                self.change(source, |view| view.deleted(&object.key()));
                Ok(object.meta().resource_version.clone())
            }
            WatchEvent::Bookmark(bookmark) => Ok(Some(bookmark.metadata.resource_version)),
            // 410: the version is older than what the API server remembers.
            WatchEvent::Error(status) if status.code == 410 => Err(Failure::Gone),
            WatchEvent::Error(status) => Err(away(&format!("status {}, {}", status.code, status.reason))),
        }
    }

    fn change<T: Object, R>(&self, source: &Source<T>, change: impl FnOnce(&mut View<T::Kept>) -> R) -> R {
        self.collector.change_cluster(|cluster| change((source.view)(cluster)))
    }
}

fn away(problem: &str) -> Failure {
    Failure::Away(problem.to_owned())
}

fn answered<T>(answer: Result<Result<T, kube::Error>, tokio::time::error::Elapsed>) -> Result<T, Failure> {
    match answer {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) if status.code == 403 => Err(Failure::Forbidden),
        Ok(Err(kube::Error::Api(status))) if status.code == 410 => Err(Failure::Gone),
        Ok(Err(error)) => Err(away(&super::brief(&error))),
        Err(_) => Err(away("no answer in time")),
    }
}
