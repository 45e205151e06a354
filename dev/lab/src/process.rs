//! A process of the cluster: started without privilege in its pod's namespace, watched, signalled, reaped.

mod usage;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use caps::CapSet;
use nix::errno::Errno;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use tokio::sync::watch;

pub use usage::Usage;

use crate::LabError;
use crate::cluster::lock;
use crate::launch::Launch;
use crate::netns::Netns;

/// Where programs look for their name servers: resolv.conf(5).
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// A started process. It lives until it is killed or its cluster is dropped; dropping this handle changes
/// nothing for it.
#[derive(Debug)]
pub struct Process {
    launch: Launch,
    pid: u32,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    /// `None` while the process runs. Signals are sent under this lock and the process is reaped under it, so
    /// its number cannot have passed to another process.
    status: Mutex<Option<ExitStatus>>,
    ended: Condvar,
    news: watch::Sender<Option<ExitStatus>>,
}

impl Process {
    pub(crate) fn start(
        launch: Launch,
        told: &BTreeMap<OsString, OsString>,
        netns: Netns,
        resolv_conf: Option<PathBuf>,
    ) -> Result<Arc<Process>, LabError> {
        let shared = Arc::new(Shared {
            status: Mutex::new(None),
            ended: Condvar::new(),
            news: watch::Sender::new(None),
        });
        let command = command(&launch, told)?;
        let (sender, started) = mpsc::channel();
        let path = launch.program.path.clone();
        let for_thread = Arc::clone(&shared);
        // The thread that gives up its namespace and its capabilities for the child has no other use than to
        // wait for the child's end.
        std::thread::Builder::new()
            .name("lab-process".to_owned())
            .spawn(move || {
                let spawned = prepare(&netns, resolv_conf.as_deref()).and_then(|()| spawn(command, path));
                match spawned {
                    Ok(child) => {
                        let _unheard = sender.send(Ok(child.id()));
                        for_thread.watch(child);
                    }
                    Err(error) => {
                        let _unheard = sender.send(Err(error));
                    }
                }
            })
            .map_err(LabError::system("starting a thread"))?;
        let pid = started.recv().map_err(|_| LabError::Closed)??;
        Ok(Arc::new(Process { launch, pid, shared }))
    }

    /// What it was started with.
    pub fn launch(&self) -> &Launch {
        &self.launch
    }

    /// Its number in the sandbox.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether it has not ended; a paused process runs.
    pub fn is_running(&self) -> bool {
        lock(&self.shared.status).is_none()
    }

    /// Its exit status, once it has ended.
    pub fn status(&self) -> Option<ExitStatus> {
        *lock(&self.shared.status)
    }

    /// Kills it (SIGKILL) and returns when it is reaped.
    pub fn kill(&self) {
        self.kill_later();
        let mut status = lock(&self.shared.status);
        while status.is_none() {
            status = self.shared.ended.wait(status).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Kills it without waiting for its end.
    pub(crate) fn kill_later(&self) {
        self.signal(Signal::SIGKILL);
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Stops it where it is (SIGSTOP), as a debugger or a frozen machine does.
    pub fn pause(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        let status = lock(&self.shared.status);
        if status.is_none()
            && let Ok(pid) = i32::try_from(self.pid)
        {
            // Its group is its own. It may be dead and not reaped yet, which is no error.
            let _dead = killpg(Pid::from_raw(pid), signal);
        }
    }

    /// Waits for its end; `None` if it still runs after `limit`.
    pub fn wait(&self, limit: Duration) -> Option<ExitStatus> {
        let status = lock(&self.shared.status);
        let waited = self.shared.ended.wait_timeout_while(status, limit, |status| status.is_none());
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }

    /// Waits for its end. Cancel-safe.
    ///
    /// # Panics
    /// Never: what it expects is held by `self`.
    pub async fn ended(&self) -> ExitStatus {
        let mut news = self.shared.news.subscribe();
        let status = news.wait_for(Option::is_some).await.expect("the sender is held by `self`");
        status.expect("it was waited for")
    }

    /// What it has printed on standard output and error.
    pub fn log(&self) -> Result<String, LabError> {
        let path = &self.launch.log;
        let bytes = fs::read(path).map_err(LabError::system(format!("reading {}", path.display())))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Its memory and processor time.
    pub fn usage(&self) -> Result<Usage, LabError> {
        usage::read(self.pid)
    }
}

impl Shared {
    /// Waits for the child's end, then reaps it and tells everybody.
    fn watch(&self, mut child: Child) {
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid fits its own type"));
        // Without reaping: until the lock is held the number must stay taken.
        while waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT) == Err(Errno::EINTR) {}
        let mut status = lock(&self.status);
        let end = child.wait().expect("only this thread reaps the child");
        *status = Some(end);
        self.ended.notify_all();
        self.news.send_replace(Some(end));
    }
}

fn command(launch: &Launch, told: &BTreeMap<OsString, OsString>) -> Result<Command, LabError> {
    let opening = || format!("opening {}", launch.log.display());
    let output = File::create(&launch.log).map_err(LabError::system(opening()))?;
    let errors = output.try_clone().map_err(LabError::system(opening()))?;
    let mut command = Command::new(&launch.program.path);
    command
        .args(&launch.program.args)
        .env_clear()
        .envs(launch.environment.applied_to(told))
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0);
    Ok(command)
}

/// Readies the calling thread for its child: the pod's network, and no capability to be had, as with `drop: [ALL]`
/// in a pod's security context. A program that root executes gains what is in the bounding set: capabilities(7).
fn prepare(netns: &Netns, resolv_conf: Option<&Path>) -> Result<(), LabError> {
    netns.join()?;
    if let Some(file) = resolv_conf {
        mount_resolv_conf(file)?;
    }
    let refused = |error: caps::errors::CapsError| LabError::System {
        action: "dropping capabilities".to_owned(),
        source: std::io::Error::other(error.to_string()),
    };
    for capability in caps::runtime::thread_all_supported() {
        caps::drop(None, CapSet::Bounding, capability).map_err(refused)?;
    }
    Ok(())
}

/// Puts the file in the place of `/etc/resolv.conf`, for the calling thread and its child alone.
fn mount_resolv_conf(file: &Path) -> Result<(), LabError> {
    let action = || format!("mounting {} over {RESOLV_CONF}", file.display());
    let none: Option<&Path> = None;
    unshare(CloneFlags::CLONE_NEWNS).map_err(LabError::system(action()))?;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .map_err(LabError::system(action()))?;
    mount(Some(file), RESOLV_CONF, none, MsFlags::MS_BIND, none).map_err(LabError::system(action()))
}

fn spawn(mut command: Command, program: PathBuf) -> Result<Child, LabError> {
    command.spawn().map_err(|source| LabError::Spawn { program, source })
}
