//! Who is at the gateway beside those that are measured: thousands of idle desks, or peers that
//! flood it. Each kind has a thread, so that its share of the processor is told apart.

use crate::{
    desk::{Seat, request},
    on_a_thread,
};
use signet_bench::firm::DEALER;
use signet_devca::Issued;
use signet_fix::{framer::Framer, pump::pump, session::Session};
use signet_identity::TrustRoots;
use signet_rfq::DealerId;
use std::{
    cell::Cell,
    net::{Ipv4Addr, SocketAddr},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};
use tokio::sync::oneshot;

/// For all idle desks to be on, once the last one has connected.
const ON_MAX: Duration = Duration::from_secs(60);
/// A flooding peer says so much at once, so often: 2,000 requests a second.
const BATCH: u64 = 10;
const EVERY: Duration = Duration::from_millis(5);
/// Before one that was cut comes again.
const AGAIN: Duration = Duration::from_millis(50);
/// The shortest life of an RFQ.
const OPEN_MS: i64 = 5_000;

/// What flooding peers have done.
#[derive(Default)]
pub struct Flood {
    sent: AtomicU64,
    connections: AtomicU64,
}

impl Flood {
    pub fn words(&self) -> String {
        let (sent, came) = (self.sent.load(Relaxed), self.connections.load(Relaxed));
        format!("; flood: {sent} R in {came} connections so far")
    }
}

/// All of them are online, and then do nothing. How many came.
pub async fn idle(desks: Vec<(String, Issued)>, roots: TrustRoots, at: SocketAddr) -> usize {
    let (told, heard) = oneshot::channel();
    on_a_thread("idle desks", async move || {
        let mut sessions = Vec::with_capacity(desks.len());
        for (n, desk) in desks.iter().enumerate() {
            sessions.push(Seat::of(desk, &roots, at, network(n)).comes().await);
        }
        let began = Instant::now();
        let on = || sessions.iter().filter(|s| s.is_logged_on()).count();
        while on() < sessions.len() && began.elapsed() < ON_MAX {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let _ = told.send(on());
        std::future::pending::<()>().await;
    });
    heard.await.unwrap_or(0)
}

/// A network (/24) of its own.
fn network(n: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 1 + (n / 256) as u8, (n % 256) as u8, 1)
}

/// They flood from now on, and come again whenever they are cut.
pub fn flood(desks: Vec<(String, Issued)>, roots: TrustRoots, at: SocketAddr) -> Arc<Flood> {
    let flood = Arc::new(Flood::default());
    let told = flood.clone();
    on_a_thread("flood", async move || {
        for (n, desk) in desks.iter().enumerate() {
            let seat = Seat::of(desk, &roots, at, network(n));
            tokio::task::spawn_local(floods(seat, told.clone()));
        }
        std::future::pending::<()>().await;
    });
    flood
}

async fn floods(seat: Seat, told: Arc<Flood>) {
    let (session, number) = (seat.session(), Cell::new(0));
    loop {
        if let Ok(stream) = seat.connect().await {
            told.connections.fetch_add(1, Relaxed);
            let outbox = session.attach(seat.channel(&stream)).expect("attached");
            session.tick();
            let mut framer = Framer::new();
            tokio::select! {
                _ = pump(stream, &mut framer, &session, &outbox, |_| {}) => {}
                () = asks(&session, &number, &told) => {}
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Without end, whatever is answered.
async fn asks(session: &Rc<Session>, number: &Cell<u64>, told: &Flood) {
    let dealers = [DealerId::new(DEALER).expect("an id")];
    let mut turns = tokio::time::interval(EVERY);
    loop {
        turns.tick().await;
        for _ in 0..BATCH {
            number.set(number.get() + 1);
            if request(session, &format!("X{}", number.get()), &dealers, OPEN_MS).is_ok() {
                told.sent.fetch_add(1, Relaxed);
            }
        }
    }
}
