//! A server of a few lines: speaks plan, heartbeat and rounds, keeps what it was told, and misbehaves when asked.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use meshvane_agent::app::{App, AppError, LedgerView};
use meshvane_agent::config::{Auth, Config};
use meshvane_agent::outbox::Ledger;
use meshvane_shared::check::Plane;
use meshvane_shared::name::NodeName;
use meshvane_shared::paths;
use meshvane_shared::plan::{Epoch, Target};
use meshvane_shared::setting::Bind;
use meshvane_shared::wire::heartbeat::{HeartbeatAnswer, HeartbeatBody};
use meshvane_shared::wire::plan::PlanBody;
use meshvane_shared::wire::problem::{Problem, UNKNOWN_PLAN};
use meshvane_shared::wire::round::{RoundAnswer, RoundBody, RoundStatus};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// No test waits longer than this for what must come: it is a failure, not a delay.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the next round is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mood {
    UnknownPlan,
    Busy(u64),
    Failing,
    Refusing,
    Unauthorized,
}

#[derive(Default)]
pub(crate) struct Told {
    pub(crate) heartbeats: Vec<(Instant, HeartbeatBody)>,
    pub(crate) rounds: Vec<(Instant, RoundBody)>,
    /// Rounds that were turned away.
    pub(crate) turned_away: Vec<(Instant, RoundBody)>,
    pub(crate) plans_asked: Vec<PlanAsk>,
    pub(crate) tokens: Vec<Option<String>>,
}

#[derive(Debug, Clone, serde::Deserialize)]
pub(crate) struct PlanAsk {
    pub(crate) epoch: Option<String>,
    pub(crate) generation: Option<u64>,
    pub(crate) wait: Option<String>,
    pub(crate) node: Option<String>,
    #[serde(default)]
    pub(crate) look: u64,
}

pub(crate) struct World {
    epoch: watch::Sender<u64>,
    look: watch::Sender<(u64, Vec<NodeName>)>,
    moods: Mutex<VecDeque<Mood>>,
    always: Mutex<Option<Mood>>,
    plan_hangs: bool,
    targets: Vec<Target>,
    told: watch::Sender<Told>,
}

pub(crate) struct Server {
    pub(crate) world: Arc<World>,
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A target on this machine that refuses connections at once: 127.0.0.1 with a port that nobody has.
pub(crate) fn target(node: &str, port: Option<u16>) -> Target {
    Target {
        node: NodeName::parse(node).unwrap(),
        plane: Plane::Pod,
        address: Ipv4Addr::LOCALHOST.into(),
        port,
        zone: None,
    }
}

impl Server {
    pub(crate) async fn start(targets: Vec<Target>, plan_hangs: bool) -> Self {
        let world = Arc::new(World {
            epoch: watch::Sender::new(1),
            look: watch::Sender::new((0, Vec::new())),
            moods: Mutex::default(),
            always: Mutex::default(),
            plan_hangs,
            targets,
            told: watch::Sender::new(Told::default()),
        });
        let router = Router::new()
            .route(paths::HEARTBEAT, post(heartbeat))
            .route(paths::PLAN, get(plan))
            .route(paths::ROUNDS, post(round))
            .with_state(Arc::clone(&world));
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { world, address, task }
    }

    pub(crate) fn restart(&self) {
        self.world.epoch.send_modify(|epoch| *epoch += 1);
    }

    pub(crate) fn ask_to_look(&self, node: &str) {
        let node = NodeName::parse(node).unwrap();
        self.world.look.send_modify(|look| {
            look.0 += 1;
            look.1 = vec![node];
        });
    }

    pub(crate) fn next_rounds(&self, moods: impl IntoIterator<Item = Mood>) {
        self.world.moods.lock().unwrap().extend(moods);
    }

    pub(crate) fn all_rounds(&self, mood: Option<Mood>) {
        *self.world.always.lock().unwrap() = mood;
    }

    /// Waits until what was told satisfies `enough`, and takes something out of it.
    pub(crate) async fn until<T>(&self, enough: impl Fn(&Told) -> Option<T>) -> T {
        let mut told = self.world.told.subscribe();
        let waited = timeout(PATIENCE, async {
            loop {
                if let Some(found) = enough(&told.borrow_and_update()) {
                    return found;
                }
                told.changed().await.unwrap();
            }
        });
        waited.await.expect("the agent never did what it must do")
    }
}

impl World {
    fn epoch(&self) -> Epoch {
        Epoch(*self.epoch.borrow())
    }
}

async fn heartbeat(
    State(world): State<Arc<World>>,
    headers: axum::http::HeaderMap,
    Json(body): Json<HeartbeatBody>,
) -> Json<HeartbeatAnswer> {
    let token = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    world.told.send_modify(|told| {
        told.tokens.push(token);
        told.heartbeats.push((Instant::now(), body));
    });
    Json(HeartbeatAnswer {
        message: "heard".to_owned(),
        status: "success".to_owned(),
        server_epoch: Some(world.epoch()),
        plan_generation: Some(1),
        superseded: false,
    })
}

async fn plan(State(world): State<Arc<World>>, Query(ask): Query<PlanAsk>) -> Response {
    world.told.send_modify(|told| told.plans_asked.push(ask.clone()));
    if world.plan_hangs {
        std::future::pending::<()>().await;
    }
    let mut look = world.look.subscribe();
    let epoch = world.epoch();
    let has_plan = ask.epoch == Some(epoch.to_string()) && ask.generation == Some(1);
    if has_plan {
        let news = look.wait_for(|(number, _)| *number > ask.look);
        if timeout(Duration::from_secs(30), news).await.is_err() {
            return StatusCode::NOT_MODIFIED.into_response();
        }
    }
    let (look_number, nodes) = world.look.borrow().clone();
    Json(PlanBody {
        epoch,
        generation: 1,
        targets: (!has_plan).then(|| world.targets.clone()),
        delta: None,
        look: if look_number > ask.look { nodes } else { Vec::new() },
        look_number,
    })
    .into_response()
}

async fn round(State(world): State<Arc<World>>, Json(body): Json<RoundBody>) -> Response {
    let mood = world.moods.lock().unwrap().pop_front().or(*world.always.lock().unwrap());
    let now = Instant::now();
    let Some(mood) = mood else {
        world.told.send_modify(|told| told.rounds.push((now, body)));
        return Json(RoundAnswer { status: RoundStatus::Accepted, server_epoch: world.epoch() })
            .into_response();
    };
    world.told.send_modify(|told| told.turned_away.push((now, body)));
    let problem = |status: u16, kind: &str| {
        let problem = Problem { kind: kind.to_owned(), title: "no".to_owned(), status, detail: None };
        (StatusCode::from_u16(status).unwrap(), Json(problem)).into_response()
    };
    match mood {
        Mood::UnknownPlan => problem(409, UNKNOWN_PLAN),
        Mood::Busy(seconds) => {
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds.to_string())]).into_response()
        }
        Mood::Failing => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        Mood::Refusing => problem(422, "/problems/invalid"),
        Mood::Unauthorized => problem(401, "/problems/unauthorized"),
    }
}

/// An agent that runs beside the test.
pub(crate) struct Agent {
    pub(crate) client: SocketAddr,
    pub(crate) metrics: SocketAddr,
    pub(crate) health: SocketAddr,
    view: LedgerView,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), AppError>>,
}

pub(crate) fn config(server: SocketAddr) -> Config {
    let vars = [
        ("NODE_NAME", "node-1"),
        ("NODE_IP", "127.0.0.1"),
        ("POD_IP", "127.0.0.1"),
        ("POD_NAME", "agent-1"),
        ("NAMESPACE", "test"),
        ("MESHVANE_AUTH", "none"),
        ("TEST_PORT", "0"),
        ("HEARTBEAT_INTERVAL", "1"),
    ];
    let vars = vars.into_iter().map(|(name, value)| (name.into(), value.into()));
    let url = [("SERVER_URL".into(), format!("http://{server}").into())];
    let mut config = Config::from_vars(vars.chain(url)).unwrap();
    (config.client_port, config.metrics_port, config.health_port) = (0, 0, 0);
    config.bind = Bind::Address(Ipv4Addr::LOCALHOST.into());
    config
}

impl Agent {
    pub(crate) fn start(config: Config) -> Self {
        let app = App::bind(config).unwrap();
        let (client, metrics, health) = (app.client_address(), app.metrics_address(), app.health_address());
        let view = app.ledger_view();
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(app.run(async move {
            stopped.await.unwrap();
        }));
        Self { client, metrics, health, view, stop, task }
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.view.ledger()
    }

    /// Stops the agent; returns its last ledger and how long the stop took.
    pub(crate) async fn stop(self) -> (Ledger, Duration) {
        let asked = Instant::now();
        self.stop.send(()).unwrap();
        timeout(PATIENCE, self.task).await.expect("the agent stops").unwrap().unwrap();
        (self.view.ledger(), asked.elapsed())
    }
}

pub(crate) fn with_token(server: SocketAddr, path: &std::path::Path) -> Config {
    Config { auth: Auth::TokenFile(path.to_owned()), ..config(server) }
}
