//! A part of the program on a thread of its own, which a busy main thread cannot hold up.

use std::io;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// Stack of such a thread. Its future is on the heap; what runs on the stack is one small request.
const STACK_BYTES: usize = 256 << 10;

/// Runs a future on a thread and a runtime of its own. The returned future ends when the thread's work ends
/// or panics; dropping it ends the work. The name is seen in lists of threads, which show 15 bytes.
///
/// # Errors
/// When the kernel gives no thread, or no files for a runtime.
pub fn apart<Work>(
    name: &'static str,
    work: impl FnOnce() -> Work + Send + 'static,
) -> io::Result<impl Future<Output = ()> + Send + 'static>
where
    Work: Future<Output = ()>,
{
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (mut ended, end) = oneshot::channel::<()>();
    thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES).spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                () = work() => {}
                () = ended.closed() => {}
            }
        });
    })?;
    Ok(async move {
        // The sender goes with the thread, and says nothing.
        let _gone = end.await;
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_runs_while_this_thread_is_busy_and_ends_with_its_work() {
        let (sender, receiver) = std::sync::mpsc::channel();
        let part =
            apart("test", move || async move { sender.send(thread::current().id()).unwrap() }).unwrap();
        // Blocks this runtime's only thread.
        assert_ne!(receiver.recv().unwrap(), thread::current().id());
        part.await;
    }

    #[tokio::test]
    async fn a_panic_ends_it_and_dropping_it_ends_the_work() {
        apart("test", || async { panic!("on purpose") }).unwrap().await;
        let (held, gone) = std::sync::mpsc::channel::<()>();
        let part = apart("test", move || async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        drop(part.unwrap());
        assert!(gone.recv().is_err());
    }
}
