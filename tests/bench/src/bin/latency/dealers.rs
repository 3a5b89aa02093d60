//! Dealers that quote nothing and write down when each request was in hand; all on one thread.

use crate::{desk::session, on_a_thread};
use signet_devca::{DevPki, Order};
use signet_fix::{
    AppMessage,
    framer::Framer,
    pump::{frames, pump},
    session::{Binding, Event, Role},
    tag,
    tagvalue::Fields,
};
use signet_identity::{ServerProfile, TrustRoots};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Instant,
};
use tokio::{
    io::AsyncReadExt as _,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{TlsAcceptor, rustls};

/// A request that is measured lives so long, and its number more, milliseconds: no id of a desk
/// reaches a dealer.
const MEASURED_MS: i64 = 100_000;
/// Numbers of requests begin again after so many.
pub const NUMBERS: usize = 1_000_000;

/// How long the request of this number lives, milliseconds.
pub fn lives_ms(number: usize) -> i64 {
    MEASURED_MS + (number % NUMBERS) as i64
}

/// The number of a request that lives so long; `None`: it is not measured.
fn number_of(open_ms: i64) -> Option<usize> {
    usize::try_from(open_ms - MEASURED_MS).ok().filter(|n| *n < NUMBERS)
}

/// What dealers have in hand.
#[derive(Default)]
pub struct Seen {
    /// Requests that are measured, by their number; one that asks several dealers comes to each.
    measured: Mutex<Vec<(usize, Instant)>>,
    others: AtomicUsize,
}

pub type Arrivals = Arc<Seen>;

impl Seen {
    /// A request, by how long it lives.
    fn came(&self, open_ms: i64) {
        let at = Instant::now();
        match number_of(open_ms) {
            Some(n) => self.lock().push((n, at)),
            None => {
                self.others.fetch_add(1, Relaxed);
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(usize, Instant)>> {
        self.measured.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many of the requests that are measured are in hand.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// All of them; none are left.
    pub fn take(&self) -> Vec<(usize, Instant)> {
        std::mem::take(&mut *self.lock())
    }

    /// How many of the others were ever in hand.
    pub fn others(&self) -> usize {
        self.others.load(Relaxed)
    }
}

/// Starts them; where each listens.
pub fn start(
    pki: &DevPki,
    trusted: &TrustRoots,
    names: &[String],
    arrivals: &Arrivals,
) -> Vec<(String, SocketAddr)> {
    let (mut listeners, mut all) = (Vec::new(), Vec::new());
    for name in names {
        let certificate = pki.issue(&Order::dealer(name)).expect("a certificate");
        let key = certificate.certified_key().expect("a key");
        let tls = ServerProfile::new(trusted.clone(), key).config().expect("a profile");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("set");
        all.push((name.clone(), listener.local_addr().expect("an address")));
        listeners.push((name.clone(), listener, tls));
    }
    let arrivals = arrivals.clone();
    on_a_thread("dealers", async move || {
        for (name, listener, tls) in listeners {
            let listener = TcpListener::from_std(listener).expect("a listener");
            tokio::task::spawn_local(serve(name, listener, tls, arrivals.clone()));
        }
        std::future::pending::<()>().await;
    });
    all
}

async fn serve(
    name: String,
    listener: TcpListener,
    tls: Arc<rustls::ServerConfig>,
    arrivals: Arrivals,
) {
    loop {
        let (tcp, _) = listener.accept().await.expect("a connection");
        let quiet = quote_nothing(name.clone(), tcp, tls.clone(), arrivals.clone());
        tokio::task::spawn_local(quiet);
    }
}

async fn quote_nothing(
    name: String,
    tcp: TcpStream,
    tls: Arc<rustls::ServerConfig>,
    arrivals: Arrivals,
) {
    let _ = tcp.set_nodelay(true);
    let Ok(mut stream) = TlsAcceptor::from(tls).accept(tcp).await else { return };
    let mut framer = Framer::new();
    let logon = loop {
        let mut bytes = [0; 4096];
        let n = stream.read(&mut bytes).await.unwrap_or(0);
        if n == 0 {
            return;
        }
        framer.push(&bytes[..n]);
        if let Some(frame) = framer.next_frame().expect("FIX") {
            break frame.to_vec();
        }
    };
    let who =
        Fields::parse(&logon).expect("FIX").text(tag::SENDER_COMP_ID).expect("a sender").to_owned();
    let session = session(Role::Acceptor, &name, &who, 10);
    let outbox = session.attach(Binding::None).expect("attached");
    let mut on_event = |e: Event| {
        if let Event::Message { message: AppMessage::QuoteRequest(q), .. } = e {
            arrivals.came(q.expires.since(q.at));
        }
    };
    let mut start = Framer::new();
    start.push(&logon);
    if frames(&mut start, &session, &outbox, &mut on_event).is_ok() {
        pump(stream, &mut framer, &session, &outbox, on_event).await;
    }
}
