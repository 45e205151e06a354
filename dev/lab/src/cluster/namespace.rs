//! Running a test's own code inside a namespace of the cluster.

use tokio::sync::oneshot;

use super::Cluster;
use crate::LabError;
use crate::spec::Where;

impl Cluster {
    /// Runs the closure on a thread inside the namespace and waits for it. Sockets made there stay there, also
    /// when they are handed out. A panic of the closure goes on in the caller.
    pub fn in_namespace<T: Send>(
        &self,
        place: Where,
        work: impl FnOnce() -> T + Send,
    ) -> Result<T, LabError> {
        self.inner.netns(place)?.run(work)
    }

    /// Runs the future that `work` makes to its end, on a thread inside the namespace with a runtime of its own:
    /// a client made inside connects from there. A panic goes on in the caller.
    ///
    /// Dropping the returned future does not stop the work.
    pub async fn run_in<T, Work, Running>(&self, place: Where, work: Work) -> Result<T, LabError>
    where
        T: Send + 'static,
        Work: FnOnce() -> Running + Send + 'static,
        Running: Future<Output = T>,
    {
        let netns = self.inner.netns(place)?;
        let (sender, receiver) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("lab-runtime".to_owned())
            .spawn(move || {
                let outcome = netns.join().and_then(|()| {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                    let runtime = runtime.map_err(LabError::system("making a runtime in a namespace"))?;
                    Ok(runtime.block_on(work()))
                });
                // Nobody waits any more if the caller was dropped.
                let _unheard = sender.send(outcome);
            })
            .map_err(LabError::system("starting a thread"))?;
        match receiver.await {
            Ok(outcome) => outcome,
            Err(_) => match thread.join() {
                Ok(()) => Err(LabError::Closed),
                Err(panic) => std::panic::resume_unwind(panic),
            },
        }
    }
}
