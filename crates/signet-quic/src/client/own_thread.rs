//! A thread of their own for the endpoints of connections whose key may hold its caller up: a key
//! in a token signs in the middle of the handshake, and may wait for a PIN or a touch. Only what
//! runs on this thread waits then.

use super::{ConnectError, Connection, connect_on, runtime::DeskRuntime};
use std::{convert::Infallible, io, net::SocketAddr, net::UdpSocket, thread};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

/// Held by every endpoint of the thread, which lasts as long as one of them.
pub(super) type Alive = mpsc::Sender<Infallible>;

/// The thread, for what connects on it.
#[derive(Debug, Clone)]
pub struct OwnThread(Alive);

impl OwnThread {
    /// Runs `make` on a thread of its own. Dropped, it is given up there as soon as nothing blocks;
    /// the thread ends with its last endpoint.
    ///
    /// # Errors
    /// The system gives no thread, or it ended early.
    pub async fn run<T, F>(make: impl FnOnce(Self) -> F + Send + 'static) -> io::Result<T>
    where
        T: Send + 'static,
        F: Future<Output = T>,
    {
        let (done, made) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let body = move || runtime.block_on(until_the_last_has_ended(make, done));
        thread::Builder::new().name("signet-quic".into()).spawn(body)?;
        made.await.map_err(|_| io::Error::other("the thread of the connection ended"))
    }

    /// As [`super::connect`], on this thread; within [`Self::run`].
    ///
    /// # Errors
    /// See [`ConnectError`].
    pub async fn connect(
        &self,
        socket: UdpSocket,
        to: SocketAddr,
        server_name: &str,
        tls: &rustls::ClientConfig,
    ) -> Result<Connection, ConnectError> {
        let runtime = DeskRuntime::new(Handle::current(), Some(self.0.clone()));
        connect_on(runtime, socket, to, server_name, tls).await
    }
}

async fn until_the_last_has_ended<T, F: Future<Output = T>>(
    make: impl FnOnce(OwnThread) -> F,
    mut done: oneshot::Sender<T>,
) {
    let (alive, mut ended) = mpsc::channel(1);
    let made = tokio::select! {
        made = make(OwnThread(alive)) => Some(made),
        () = done.closed() => None,
    };
    if let Some(made) = made {
        let _ = done.send(made);
    }
    // Nothing is ever sent: it returns when nobody could.
    let _ = ended.recv().await;
}
