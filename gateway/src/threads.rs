//! The one way a thread of the gateway is started and ended.

use crate::GatewayError;
use std::{future::Future, io, net::SocketAddr, pin::Pin};
use tokio::{sync::oneshot, task::LocalSet};

/// A thread with a runtime of its own. Dropping it tells the thread to end, and waits for that.
#[derive(Debug)]
pub struct HostedThread {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

/// Resolves when the thread is to end.
pub type Stop = oneshot::Receiver<()>;

/// A task of one thread.
type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

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
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || runtime.block_on(LocalSet::new().run_until(body(stopped))))?;
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

    #[test]
    fn a_body_that_returns_ends_the_thread() {
        let thread = HostedThread::spawn("test", |_| async {}).unwrap();
        drop(thread);
    }
}
