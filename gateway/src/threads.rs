//! The one way a thread of the gateway, or a task that lasts as long as one, is started and ended.
//!
//! A task that panics ends alone, and whatever it kept up, a revocation list or a dealer's line, is
//! missing from then on while the rest trades. The program therefore ends with it, and the service
//! manager starts it again: sessions and RFQs resume.

use crate::GatewayError;
use std::{
    any::Any,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::{Pin, pin},
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};
use tokio::{
    sync::oneshot,
    task::{JoinHandle, LocalSet, spawn_local},
};

/// `EX_SOFTWARE` of sysexits.h: a fault of the program itself.
const EXIT_CODE: i32 = 70;

/// Not in a program that holds the gateway beside something else.
static EXITS: AtomicBool = AtomicBool::new(false);

/// From here on this process exits with code 70 when a lasting task or thread panics.
pub fn exit_on_fault() {
    EXITS.store(true, Relaxed);
}

/// Starts a task of this thread that lasts as long as the thread.
pub fn lasting<T: 'static>(
    what: &'static str,
    task: impl Future<Output = T> + 'static,
) -> JoinHandle<T> {
    spawn_local(watched(what, task))
}

/// The same for a task that is started otherwise.
pub async fn watched<T>(what: impl AsRef<str>, task: impl Future<Output = T>) -> T {
    let mut task = pin!(task);
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| task.as_mut().poll(cx)));
        polled.unwrap_or_else(|panic| fault(what.as_ref(), panic))
    })
    .await
}

fn fault(what: &str, panic: Box<dyn Any + Send>) -> ! {
    let code = "gateway.fault";
    tracing::error!(code, what, "a fault of the gateway itself; it cannot go on");
    if EXITS.load(Relaxed) {
        std::process::exit(EXIT_CODE);
    }
    resume_unwind(panic)
}

/// Starts a thread without a runtime, for work that waits for nothing but its queue. `body` lasts
/// as long as the gateway.
///
/// # Errors
/// The system has no thread to give.
pub fn plain(
    name: &str,
    body: impl FnOnce() + Send + 'static,
) -> io::Result<std::thread::JoinHandle<()>> {
    let what = name.to_owned();
    std::thread::Builder::new().name(name.into()).spawn(move || {
        catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| fault(&what, panic));
    })
}

/// A thread with a runtime of its own. Dropping it tells the thread to end, and waits for that.
#[derive(Debug)]
pub struct HostedThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Resolves when the thread is to end.
pub type Stop = oneshot::Receiver<()>;

/// A task of one thread.
pub type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// Opens a listener that a thread serves beside its own.
pub type Beside = Box<dyn FnOnce() -> LocalFuture<Result<Served, GatewayError>> + Send>;

/// A listener that is open.
pub struct Served {
    /// Where it is.
    pub address: SocketAddr,
    /// Serves it for ever.
    pub serving: LocalFuture<()>,
}

impl HostedThread {
    /// Runs `body` on a new thread until it returns.
    ///
    /// # Errors
    /// The system has no thread or no event queue to give.
    pub fn spawn<F, Fut>(name: &str, body: F) -> io::Result<Self>
    where
        F: FnOnce(Stop) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + 'static,
    {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let whole = name.to_owned();
        let thread = std::thread::Builder::new().name(name.into()).spawn(move || {
            runtime.block_on(watched(whole, LocalSet::new().run_until(body(stopped))));
        })?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for HostedThread {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(t) = self.thread.take() {
            let _ = t.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn dropping_it_ends_the_thread_and_waits() {
        let (said, heard) = mpsc::channel();
        let thread = HostedThread::spawn("test", move |stop| async move {
            said.send("began").unwrap();
            let _ = stop.await;
            said.send("ended").unwrap();
        })
        .unwrap();
        assert_eq!(heard.recv(), Ok("began"));
        drop(thread);
        assert_eq!(heard.try_recv(), Ok("ended"));
    }

    const CHILD: &str = "SIGNET_TEST_FAULT";

    /// The program of this test, once more: see below.
    #[test]
    fn a_fault() {
        let Ok(which) = std::env::var(CHILD) else { return };
        exit_on_fault();
        let _plain = (which == "plain")
            .then(|| plain("faulty", || panic!("a fault, as a test wants it")).unwrap());
        let thread = HostedThread::spawn("faulty", move |stop| async move {
            if which == "thread" {
                panic!("a fault, as a test wants it");
            }
            if which == "task" {
                lasting("faulty task", async {
                    tokio::task::yield_now().await;
                    panic!("a fault, as a test wants it");
                });
            }
            let _ = stop.await;
        });
        std::thread::sleep(std::time::Duration::from_secs(20));
        drop(thread);
    }

    #[test]
    fn the_program_ends_with_a_lasting_task_and_with_a_thread() {
        for which in ["task", "thread", "plain"] {
            let mut command = std::process::Command::new(std::env::current_exe().unwrap());
            command.args(["--exact", "threads::tests::a_fault"]).env(CHILD, which);
            let out = command.output().unwrap();
            assert_eq!(out.status.code(), Some(EXIT_CODE), "{which}: {out:?}");
        }
    }

    /// As in a practice venue, where the desk goes on.
    #[test]
    fn another_program_goes_on_and_the_task_has_ended() {
        let thread = HostedThread::spawn("test", |_| async {
            let fails = lasting("faulty task", async { panic!("a fault, as a test wants it") });
            let ended: Result<(), _> = fails.await;
            assert!(ended.unwrap_err().is_panic());
        });
        assert!(thread.unwrap().thread.take().unwrap().join().is_ok());
    }

    #[test]
    fn a_body_that_returns_ends_the_thread() {
        let thread = HostedThread::spawn("test", |_| async {}).unwrap();
        drop(thread);
    }
}
