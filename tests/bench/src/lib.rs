//! A venue for measurements: one desk, a book of open RFQs, quotes at a rate. Never shipped.
//!
//! It speaks the real protocol over real TLS, through our own engine; a quote's id says when it was
//! sent, so that whoever sees it can tell how old it is.

#[cfg(feature = "firm")]
pub mod decisions;
#[cfg(feature = "firm")]
pub mod firm;
pub mod pace;
pub mod process;
mod street;
pub mod token;

pub use street::{Size, pair};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rust_decimal::Decimal;
use signet_desk_core::{
    Desk, DeskConfig, Venue,
    signing::{signing, verification},
    view::{LineView, LinkState},
};
use signet_devca::{DevPki, Order};
use signet_fix::{
    AppMessage,
    framer::Framer,
    message::*,
    pump::pump,
    session::{Binding, Channel, Event, Outbox, Role, Session, SessionConfig},
    signature::{commits_gateway, every},
    store::MemoryStore,
};
use signet_identity::{CompId, MessageKey, MessagePublicKey, ServerProfile, channel_binding};
use signet_keystore::MemoryKeychain;
use signet_rfq::*;
use signet_stepup::client::NoKeys;
use std::{
    collections::HashMap,
    net::SocketAddr,
    path::Path,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
        mpsc,
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use street::{dealer, rfq_id};
use tokio::{net::TcpListener, task::LocalSet};
use tokio_rustls::TlsAcceptor;

pub const DESK: &str = "BENCH1";
const DOMAIN: &str = "bench.signet.example";
/// Instruments in one part of the list.
const INSTRUMENTS_A_PART: usize = 50;
/// What may wait to leave for the desk while more of the list is added.
const QUEUED_MAX: usize = 64 * 1024;

/// Microseconds since the Unix epoch.
pub fn micros() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// What the venue shares with who measures.
#[derive(Default)]
pub struct Shared {
    /// Quotes a second.
    pub rate: AtomicU32,
    pub sent: AtomicU64,
    /// Asks for a touch twice a second; the challenge's id says when.
    pub challenging: AtomicBool,
    /// When each request or accept arrived, decrypted and framed, microseconds.
    pub arrivals: Mutex<Vec<(String, u64)>>,
}

pub struct BenchVenue {
    pub shared: Arc<Shared>,
    pub keychain: Arc<MemoryKeychain>,
    venue: Venue,
}

impl BenchVenue {
    /// A venue of this size.
    pub fn start(size: Size) -> Self {
        let pki =
            DevPki::generate(DOMAIN, time::OffsetDateTime::now_utc()).expect("a development CA");
        let gateway = pki
            .issue(&Order::gateway("SIGNET"))
            .expect("a certificate")
            .certified_key()
            .expect("a key");
        let message_key = MessageKey::of(&gateway).expect("a P-256 key");
        let tls = ServerProfile::new(pki.desk_roots().expect("roots"), gateway)
            .config()
            .expect("a TLS profile");
        let keychain = Arc::new(MemoryKeychain::new());
        let desk = pki.issue(&Order::desk(DESK)).expect("a certificate");
        signet_devca::store_desk_identity(keychain.as_ref(), &desk, &DESK.parse().expect("a name"))
            .expect("stored");
        let shared = Arc::new(Shared::default());
        let (ready, address) = mpsc::channel();
        let inside = shared.clone();
        std::thread::Builder::new()
            .name("bench-venue".into())
            .spawn(move || {
                let rt = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .expect("a runtime");
                rt.block_on(LocalSet::new().run_until(serve(
                    tls,
                    message_key,
                    size,
                    inside,
                    ready,
                )));
            })
            .expect("a thread");
        let address: SocketAddr = address.recv().expect("an address");
        let venue = Venue {
            name: "Bench".into(),
            host: "localhost".into(),
            port: address.port(),
            also: vec![],
            server_name: "localhost".into(),
            comp_id: CompId::new("SIGNET").expect("an id"),
            trust_domain: DOMAIN.into(),
            roots: pki.gateway_roots().expect("roots"),
            pins: vec![],
            allow_tls12: false,
            quic: false,
            crl: vec![],
            crl_required: false,
            est: None,
            rp_id: Some("stepup.bench.example".into()),
            direct: None,
        };
        Self { shared, keychain, venue }
    }

    /// A desk, connected to this venue as soon as the link allows.
    pub fn desk(&self, dir: &Path) -> Desk {
        let config = DeskConfig {
            venues: vec![self.venue.clone()],
            practice: true,
            ..DeskConfig::empty(dir.into(), "bench")
        };
        let desk = Desk::start(config, self.keychain.clone(), Arc::new(NoKeys)).expect("a desk");
        desk.connect_now(DESK, "Bench").expect("a link");
        desk
    }

    pub fn set_rate(&self, per_second: u32) {
        self.shared.rate.store(per_second, Ordering::Relaxed);
    }
}

/// Waits until the desk is on and has its instruments.
pub fn wait_online(desk: &Desk) {
    let began = Instant::now();
    while desk.pull(0, &[]).session.is_none_or(|s| s.state != LinkState::Online)
        || desk.reference().instruments == 0
    {
        assert!(began.elapsed() < Duration::from_secs(20), "the bench desk does not come online");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// When a quote was sent, from its id.
pub fn sent_micros(quote_id: &str) -> Option<u64> {
    quote_id.strip_prefix('b')?.split('-').next()?.parse().ok()
}

/// Tells new quotes from lines that are in a frame for another reason (a rank that moved).
#[derive(Default)]
pub struct Fresh(HashMap<(String, String), String>);

impl Fresh {
    /// When the quotes that were not seen before were sent, microseconds.
    pub fn sent<'l>(&mut self, lines: impl IntoIterator<Item = &'l LineView>) -> Vec<u64> {
        let mut out = Vec::new();
        for l in lines {
            let Some(id) = &l.quote_id else { continue };
            let last = self.0.insert((l.rfq_id.clone(), l.dealer.clone()), id.clone());
            if last.as_ref() != Some(id) {
                out.extend(sent_micros(id));
            }
        }
        out
    }
}

async fn serve(
    tls: Arc<rustls::ServerConfig>,
    key: MessageKey,
    size: Size,
    shared: Arc<Shared>,
    ready: mpsc::Sender<SocketAddr>,
) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let _ = ready.send(listener.local_addr().expect("an address"));
    let config = SessionConfig {
        role: Role::Acceptor,
        sender: CompId::new("SIGNET").expect("an id"),
        target: CompId::new(DESK).expect("an id"),
        heartbeat_s: 30,
        strict: true,
    };
    let now = UtcMillis((micros() / 1_000) as i64);
    let session =
        Rc::new(Session::open(&config, Box::new(MemoryStore::new(now))).expect("a session"));
    loop {
        let Ok((tcp, _)) = listener.accept().await else { continue };
        let _ = tcp.set_nodelay(true);
        let Ok(stream) = TlsAcceptor::from(tls.clone()).accept(tcp).await else { continue };
        let binding = channel_binding(stream.get_ref().1).expect("an exporter");
        let desk = MessagePublicKey::of_connection(stream.get_ref().1).expect("a P-256 key");
        // As a gateway: what commits it is signed, and every message of the desk is judged.
        let channel = Channel {
            binding: Binding::Required(BASE64.encode(binding)),
            signing: Some(signing(key.clone(), commits_gateway)),
            verification: Some(verification(desk, every)),
        };
        let outbox = session.attach(channel).expect("attached");
        let feed = tokio::task::spawn_local(quotes(session.clone(), size, shared.clone()));
        let touches = tokio::task::spawn_local(challenges(session.clone(), shared.clone()));
        let mut framer = Framer::new();
        let on_event = |e| on_event(&session, &outbox, &shared, size, e);
        pump(stream, &mut framer, &session, &outbox, on_event).await;
        feed.abort();
        touches.abort();
    }
}

fn on_event(session: &Rc<Session>, outbox: &Rc<Outbox>, shared: &Shared, size: Size, e: Event) {
    match e {
        Event::LoggedOn => welcome(session, size),
        Event::Message { message, .. } => {
            let at = micros();
            let id = match &message {
                AppMessage::QuoteRequest(q) => q.id.to_string(),
                AppMessage::QuoteResponse(r) => {
                    session.send(&AppMessage::ExecutionReport(declined(r))).expect("sent");
                    r.id.to_string()
                }
                AppMessage::SecurityListRequest(x) => {
                    let (session, outbox, x) = (session.clone(), outbox.clone(), x.clone());
                    tokio::task::spawn_local(send_instruments(session, outbox, size, x));
                    return;
                }
                _ => return,
            };
            shared.arrivals.lock().expect("not poisoned").push((id, at));
        }
        _ => {}
    }
}

/// As a gateway does: no more at a time than the connection takes.
async fn send_instruments(
    session: Rc<Session>,
    outbox: Rc<Outbox>,
    size: Size,
    asked: SecurityListRequest,
) {
    let all = size.all_instruments();
    let parts = all.chunks(INSTRUMENTS_A_PART);
    let last = parts.len() - 1;
    for (i, part) in parts.enumerate() {
        while outbox.len() > QUEUED_MAX {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let list =
            SecurityList { request: asked.id.clone(), last: i == last, instruments: part.to_vec() };
        session.send(&AppMessage::SecurityList(list)).expect("sent");
    }
}

/// The dealer declines, so that the RFQ stays open and can be accepted again.
fn declined(r: &QuoteResponse) -> ExecutionReport {
    let zero = Decimal::ZERO;
    ExecutionReport {
        price_type: None,
        legs: vec![],
        order_id: format!("O.{}", r.id),
        exec_id: format!("E.{}", r.id),
        exec_ref: None,
        accept: r.id.clone(),
        exec_type: ExecType::Rejected,
        status: OrdStatus::Rejected,
        instrument: r.instrument.clone(),
        dealer: r.dealer.clone(),
        side: r.side,
        last: None,
        cum_qty: zero,
        leaves_qty: zero,
        avg_px: zero,
        settlement_date: r.settlement_date.clone(),
        currency: r.currency.clone(),
        disputed: false,
        price: None,
        reject_reason: Some(99),
        text: Some("the bench trades nothing".into()),
        at: UtcMillis((micros() / 1_000) as i64),
    }
}

fn welcome(session: &Session, size: Size) {
    let now = UtcMillis((micros() / 1_000) as i64);
    let dealers = (0..size.dealers)
        .map(|i| DealerState {
            id: dealer(i),
            name: format!("Dealer {i}"),
            online: true,
            counters: false,
            parts: false,
        })
        .collect();
    let mut all = vec![
        AppMessage::VenueState(VenueState {
            name: "Bench".into(),
            practice: true,
            dealers,
            at: now,
        }),
        AppMessage::Snapshot(SnapshotMark::Begin),
    ];
    all.extend((0..size.rfqs).map(|i| AppMessage::Snapshot(SnapshotMark::Rfq(size.rfq(i, now)))));
    all.push(AppMessage::Snapshot(SnapshotMark::End));
    for m in all {
        session.send(&m).expect("sent");
    }
}

/// Sends what is due every millisecond; a slice that came late is sent at once, so that the rate is
/// kept and no quote is forgotten.
async fn quotes(session: Rc<Session>, size: Size, shared: Arc<Shared>) {
    let mut n: u64 = 0;
    let mut timer = tokio::time::interval(Duration::from_millis(1));
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut began, mut base, mut rate) = (Instant::now(), 0u64, 0u32);
    loop {
        timer.tick().await;
        let wanted = shared.rate.load(Ordering::Relaxed);
        if wanted != rate || !session.is_logged_on() {
            (began, base, rate) = (Instant::now(), n, wanted);
            continue;
        }
        let due = base + (began.elapsed().as_secs_f64() * f64::from(rate)) as u64;
        while n < due {
            send_quote(&session, n, size);
            n += 1;
            shared.sent.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Nobody answers these: what is measured is when their dialog is on the glass.
async fn challenges(session: Rc<Session>, shared: Arc<Shared>) {
    let mut timer = tokio::time::interval(Duration::from_millis(500));
    loop {
        timer.tick().await;
        if !shared.challenging.load(Ordering::Relaxed) || !session.is_logged_on() {
            continue;
        }
        let at = micros();
        let challenge = StepUpChallenge {
            id: format!("b{at}-0"),
            reason: None,
            deadline: UtcMillis((at / 1_000) as i64 + 60_000),
            approval: format!(
                "signet-step-up \
                    1\ngateway=SIGNET\ndesk={DESK}\napprover={DESK}\naction=session\nreason=on-demand\n"
            ),
            options: r#"{"publicKey":{"rpId":"stepup.bench.example"}}"#.into(),
        };
        let _ = session.send(&AppMessage::StepUpChallenge(challenge));
    }
}

fn send_quote(session: &Session, n: u64, size: Size) {
    let at = micros();
    // A step that walks over every line in a scattered order.
    let slot = (n.wrapping_mul(7_919) % size.lines()) as usize;
    let (rfq, by) = (slot / size.dealers, slot % size.dealers);
    // In the first RFQ each dealer says its price again, so that an accept that is armed there
    // stays armed until it is confirmed.
    let step = if rfq == 0 { by as u64 } else { n % 1_000 };
    let price = Decimal::new(108_000 + step as i64, 5);
    let level = |p: Decimal| Some(Level { price: p, size: 5_000_000.into() });
    let quote = QuoteMsg {
        legs: vec![],
        rfq: rfq_id(rfq),
        id: QuoteId::new(format!("b{at}-{n}")).expect("an id"),
        instrument: pair().id,
        dealer: Some(dealer(by)),
        bid: level(price),
        offer: level(price + Decimal::new(8, 5)),
        valid_until: UtcMillis((at / 1_000) as i64 + 60_000),
        tradeable: true,
        at: UtcMillis((at / 1_000) as i64),
        qualifiers: Default::default(),
    };
    let _ = session.send(&AppMessage::Quote(quote));
}

/// `p50 12.3  p90 ...` of values in one unit.
pub fn percentiles(values: &mut [f64]) -> String {
    if values.is_empty() {
        return "no sample".into();
    }
    values.sort_by(f64::total_cmp);
    let p = |q: f64| values[((values.len() as f64 * q) as usize).min(values.len() - 1)];
    format!(
        "p50 {:.2}  p90 {:.2}  p99 {:.2}  max {:.2}  (n {})",
        p(0.5),
        p(0.9),
        p(0.99),
        p(1.0),
        values.len()
    )
}
