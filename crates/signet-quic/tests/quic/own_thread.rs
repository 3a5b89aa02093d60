//! A key that holds its caller up: only its own connection waits.

use crate::{
    SOON,
    support::{NAME, Pair, Pki, bind, connect, endpoint, run},
};
use rustls::{
    SignatureAlgorithm, SignatureScheme,
    sign::{Signer, SigningKey},
};
use signet_quic::client::{ConnectError, Connection, OwnThread};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    sync::Notify,
    time::timeout,
};

/// Signs when somebody touches it.
#[derive(Debug, Clone)]
struct Token {
    key: Arc<dyn SigningKey>,
    asked: Arc<Notify>,
    touched: Arc<Mutex<Receiver<()>>>,
}

impl SigningKey for Token {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let signer = self.key.choose_scheme(offered)?;
        Some(Box::new(Touched { signer, token: self.clone() }))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        self.key.algorithm()
    }
}

#[derive(Debug)]
struct Touched {
    signer: Box<dyn Signer>,
    token: Token,
}

impl Signer for Touched {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        self.token.asked.notify_one();
        let touched = self.token.touched.lock().unwrap().recv_timeout(SOON);
        touched.map_err(|_| rustls::Error::General("nobody touched it".into()))?;
        self.signer.sign(message)
    }

    fn scheme(&self) -> SignatureScheme {
        self.signer.scheme()
    }
}

/// The threads of a process are counted by one test at a time.
static TURN: Mutex<()> = Mutex::new(());

fn token(pki: &Pki) -> (rustls::ClientConfig, Arc<Notify>, Sender<()>) {
    let (touch, touched) = mpsc::channel();
    let (asked, touched) = (Arc::<Notify>::default(), Arc::new(Mutex::new(touched)));
    let tls = pki.client_with_key(|key| Arc::new(Token { key, asked: asked.clone(), touched }));
    (tls, asked, touch)
}

async fn dial(tls: rustls::ClientConfig, at: SocketAddr) -> Result<Connection, ConnectError> {
    let dial = move |thread: OwnThread| async move {
        thread.connect(bind("127.0.0.1:0"), at, NAME, &tls).await
    };
    OwnThread::run(dial).await?
}

/// Threads of this process that were made for one connection.
fn own_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let names = tasks.filter_map(|t| std::fs::read_to_string(t.path().join("comm")).ok());
    names.filter(|name| name.trim() == "signet-quic").count()
}

async fn the_thread_ends() {
    let gone = async {
        while own_threads() > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(SOON, gone).await.expect("the thread ends");
}

async fn both_say<A, B>((a, b): (&mut A, &mut B))
where
    A: AsyncReadExt + AsyncWriteExt + Unpin,
    B: AsyncReadExt + AsyncWriteExt + Unpin,
{
    let mut buf = [0; 5];
    a.write_all(b"8=FIX").await.unwrap();
    timeout(SOON, b.read_exact(&mut buf)).await.unwrap().unwrap();
    b.write_all(b"9=100").await.unwrap();
    timeout(SOON, a.read_exact(&mut buf)).await.unwrap().unwrap();
    assert_eq!(&buf, b"9=100");
}

/// While the token waits for its touch, another connection of this thread goes on; then the token's
/// trades and moves as any other, and its thread ends with it.
#[test]
fn only_the_connection_of_the_token_waits_for_its_touch() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let mut other = connect(&pki, &e, "127.0.0.1:0", at).await.unwrap();
        let (tls, asked, touch) = token(&pki);
        let dialling = tokio::task::spawn_local(dial(tls, at));
        let accepting = e.accept().await.accept().unwrap();
        timeout(SOON, asked.notified()).await.expect("the token is asked");
        both_say((&mut other.client, &mut other.server)).await;
        assert_eq!(own_threads(), 1);

        touch.send(()).unwrap();
        let client = timeout(SOON, dialling).await.unwrap().unwrap().unwrap();
        let server = timeout(SOON, accepting.established()).await.unwrap().unwrap();
        assert_eq!(client.exporter(), server.exporter());
        let rebinder = client.rebinder();
        let mut client = client.into_stream();
        let (mut server, moves) = server.into_parts();
        both_say((&mut client, &mut server)).await;

        rebinder.rebind(bind("127.0.0.2:0")).unwrap();
        client.write_all(b"moved").await.unwrap();
        timeout(SOON, moves.claimed()).await.unwrap();
        moves.judge(|_| true);
        let mut moved = [0; 5];
        timeout(SOON, server.read_exact(&mut moved)).await.unwrap().unwrap();
        both_say((&mut client, &mut server)).await;

        client.shutdown().await.unwrap();
        drop((client, rebinder));
        the_thread_ends().await;
        let Pair { client: mut a, server: mut b, .. } = other;
        both_say((&mut a, &mut b)).await;
    });
}

/// Given up while it waits, the token's answer is used by nobody.
#[test]
fn a_dial_that_was_given_up_makes_no_connection() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    run(async {
        let pki = Pki::new();
        let (e, at) = endpoint(&pki);
        let (tls, asked, touch) = token(&pki);
        let dialling = tokio::task::spawn_local(dial(tls, at));
        let accepting = e.accept().await.accept().unwrap();
        timeout(SOON, asked.notified()).await.expect("the token is asked");
        dialling.abort();
        let _ = dialling.await;
        touch.send(()).unwrap();
        match timeout(SOON, accepting.established()).await.unwrap() {
            // Its last datagrams may have left before it was dropped; then it closes at once.
            Ok(made) => {
                let (mut stream, _moves) = made.into_parts();
                let mut buf = [0; 8];
                let read = timeout(SOON, stream.read(&mut buf)).await.unwrap();
                assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
            }
            Err(e) => drop(e),
        }
        the_thread_ends().await;
    });
}
