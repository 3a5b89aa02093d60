//! A desk of the bench: its connection, its session, and what it says.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use signet_bench::firm::GATEWAY;
use signet_desk_core::signing::signing;
use signet_devca::Issued;
use signet_fix::{
    AppMessage,
    framer::Framer,
    message::QuoteRequest,
    pump::pump,
    session::{Binding, Channel, Event, Role, SendError, Session, SessionConfig, SessionOptions},
    signature::every,
    store::MemoryStore,
};
use signet_identity::{ClientProfile, CompId, MessageKey, TrustRoots, channel_binding};
use signet_rfq::*;
use std::{
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::pki_types::ServerName};

/// Who a desk is, and where it goes.
pub struct Seat {
    pub name: String,
    /// CompID of whoever is there.
    pub target: String,
    pub at: SocketAddr,
    /// The address that it comes from; `None`: the system chooses.
    pub from: Option<Ipv4Addr>,
    pub tls: ClientProfile,
    pub key: MessageKey,
    pub heartbeat_s: u32,
}

impl Seat {
    /// At the gateway, with a certificate of the development CA, from an address of its own.
    pub fn of(
        (name, issued): &(String, Issued),
        roots: &TrustRoots,
        at: SocketAddr,
        from: Ipv4Addr,
    ) -> Self {
        let certified = issued.certified_key().expect("a key");
        Self {
            name: name.clone(),
            target: GATEWAY.into(),
            at,
            from: Some(from),
            key: MessageKey::of(&certified).expect("a P-256 key"),
            tls: ClientProfile::new(roots.clone(), certified),
            heartbeat_s: 30,
        }
    }

    pub fn session(&self) -> Rc<Session> {
        session(Role::Initiator, &self.name, &self.target, self.heartbeat_s)
    }

    /// TCP and TLS.
    pub async fn connect(&self) -> io::Result<TlsStream<TcpStream>> {
        let tcp = match self.from {
            Some(from) => {
                let socket = TcpSocket::new_v4()?;
                socket.bind(SocketAddr::from((from, 0)))?;
                socket.connect(self.at).await?
            }
            None => TcpStream::connect(self.at).await?,
        };
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").expect("a name");
        TlsConnector::from(self.tls.config().expect("a profile")).connect(name, tcp).await
    }

    pub fn channel(&self, stream: &TlsStream<TcpStream>) -> Channel {
        // A dealer of the market at large knows no binding.
        let binding = if self.target == GATEWAY {
            let exported = channel_binding(stream.get_ref().1).expect("an exporter");
            Binding::Required(BASE64.encode(exported))
        } else {
            Binding::None
        };
        Channel { binding, signing: Some(signing(self.key.clone(), every)), verification: None }
    }

    /// Connects and says its Logon; a task of the connection's own reads and writes.
    pub async fn comes(self) -> Rc<Session> {
        let stream = self.connect().await.expect("a connection");
        let session = self.session();
        let outbox = session.attach(self.channel(&stream)).expect("attached");
        session.tick();
        let s = session.clone();
        tokio::task::spawn_local(async move {
            let closed = pump(stream, &mut Framer::new(), &s, &outbox, say_rejects).await;
            say(format_args!("the connection of {} ended: {closed}", self.name));
        });
        session
    }

    /// The same, until the Logon is answered.
    pub async fn logs_on(self) -> Rc<Session> {
        let (name, began) = (self.name.clone(), Instant::now());
        let session = self.comes().await;
        while !session.is_logged_on() {
            assert!(began.elapsed() < Duration::from_secs(10), "{name} does not log on");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        session
    }
}

/// What should not come.
fn say_rejects(e: Event) {
    match e {
        Event::Message { message: AppMessage::BusinessReject(r), .. } => {
            say(format_args!("rejected: {r:?}"));
        }
        Event::Message { message: AppMessage::QuoteRequestReject(r), .. } => {
            say(format_args!("rejected: {r:?}"));
        }
        Event::LoggedOut { text, code, .. } => {
            say(format_args!("logged out: {text:?} {code:?}"));
        }
        _ => {}
    }
}

/// Says the first few: when the gateway stops, thousands of idle desks end.
fn say(words: fmt::Arguments<'_>) {
    const SAID_MAX: u32 = 10;
    static SAID: AtomicU32 = AtomicU32::new(0);
    if SAID.fetch_add(1, Ordering::Relaxed) < SAID_MAX {
        eprintln!("{words}");
    }
}

pub fn session(role: Role, sender: &str, target: &str, heartbeat_s: u32) -> Rc<Session> {
    let id = |s: &str| CompId::new(s).expect("an id");
    let desk = role == Role::Initiator && target == GATEWAY;
    let config =
        SessionConfig { role, sender: id(sender), target: id(target), heartbeat_s, strict: desk };
    // Desk and gateway have rules of their own; a dealer is a plain venue.
    let options =
        if desk { SessionOptions::between_desk_and_gateway() } else { SessionOptions::default() };
    let store = Box::new(MemoryStore::new(now()));
    Rc::new(Session::open_with(&config, options, store).expect("a session"))
}

fn now() -> UtcMillis {
    UtcMillis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64)
}

/// Asks these dealers.
pub fn request(
    session: &Session,
    id: &str,
    dealers: &[DealerId],
    open_ms: i64,
) -> Result<(), SendError> {
    let at = now();
    let request = AppMessage::QuoteRequest(QuoteRequest {
        min_quantity: None,
        price_type: Default::default(),
        legs: vec![],
        id: RfqId::new(id).expect("an id"),
        instrument: InstrumentId::new("EUR/USD").expect("an id"),
        isin: false,
        ask: Ask::TwoWay,
        quantity: 1_000_000.into(),
        currency: "EUR".into(),
        settlement_date: "20991231".into(),
        dealers: dealers.to_vec(),
        expires: at + open_ms,
        at,
    });
    session.send(&request).map(drop)
}

pub fn cancel(session: &Session, id: &str) -> Result<(), SendError> {
    let rfq = RfqId::new(id).expect("an id");
    session.send(&AppMessage::RfqCancel { rfq, text: None }).map(drop)
}
