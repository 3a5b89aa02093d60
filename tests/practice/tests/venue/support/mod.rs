//! A desk without a window against the whole practice venue: real TLS, real FIX, real dealers.

pub mod balancer;
pub mod network;
pub mod person;
pub mod raw;
pub mod token;
pub mod watcher;

use signet_dealer::Force;
use signet_desk_core::{Desk, DeskConfig, view::*};
use signet_keystore::MemoryKeychain;
use signet_practice::{Plan, Practice, TRADER, VENUE_NAME};
use signet_stepup::client::NoKeys;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

pub const BUND: &str = "DE000BU2Z049";
const PATIENCE: Duration = Duration::from_secs(60);

/// FIX sessions are unique in a process, so venues take turns.
pub static TURN: Mutex<()> = Mutex::new(());

pub struct World {
    pub practice: Practice,
    pub desk: Desk,
    pub keychain: Arc<MemoryKeychain>,
    pub runtime: tokio::runtime::Runtime,
    // Not every test looks into it.
    #[allow(dead_code)]
    pub dir: tempfile::TempDir,
    _turn: MutexGuard<'static, ()>,
}

/// What a page would hold: everything pulled so far.
#[derive(Default)]
pub struct Screen {
    seq: u64,
    pub rfqs: Vec<RfqView>,
    pub lines: Vec<LineView>,
    pub notices: Vec<Notice>,
    pub session: Option<SessionView>,
    pub step_up: Option<StepUpView>,
    pub access: Option<AccessView>,
    pub keys: Option<KeysView>,
}

impl Screen {
    pub fn pull(&mut self, desk: &Desk) {
        let f = desk.pull(self.seq, &[]);
        if f.whole {
            self.rfqs.clear();
            self.lines.clear();
        }
        self.seq = f.seq as u64;
        for r in f.rfqs {
            self.rfqs.retain(|x| x.id != r.id);
            self.rfqs.push(r);
        }
        for l in f.lines {
            self.lines.retain(|x| (&x.rfq_id, &x.dealer) != (&l.rfq_id, &l.dealer));
            self.lines.push(l);
        }
        for id in f.removed {
            self.rfqs.retain(|x| x.id != id);
            self.lines.retain(|x| x.rfq_id != id);
        }
        self.notices.extend(f.notices);
        if f.session.is_some() {
            self.session = f.session;
        }
        if let Some(open) = f.step_up {
            self.step_up = open.into_iter().next();
        }
        self.access = f.access.or(self.access.take());
        self.keys = f.keys.or(self.keys.take());
    }

    pub fn rfq(&self, id: &str) -> &RfqView {
        self.rfqs.iter().find(|r| r.id == id).expect("the RFQ is on screen")
    }

    pub fn line(&self, id: &str, dealer: &str) -> &LineView {
        self.lines
            .iter()
            .find(|l| l.rfq_id == id && l.dealer == dealer)
            .expect("the line is on screen")
    }

    pub fn link(&self) -> Option<LinkState> {
        self.session.as_ref().map(|s| s.state)
    }

    pub fn accept_state(&self, id: &str) -> Option<AcceptState> {
        self.rfq(id).accept.as_ref().map(|a| a.state)
    }
}

impl World {
    pub fn start() -> Self {
        Self::start_with(|_| {})
    }

    pub fn start_with(change: impl FnOnce(&mut Plan)) -> Self {
        Self::start_over(change, |_, _| ()).0
    }

    /// The same, after something was put between desk and gateway.
    pub fn start_over<T>(
        change: impl FnOnce(&mut Plan),
        between: impl FnOnce(&tokio::runtime::Runtime, &mut DeskConfig) -> T,
    ) -> (Self, T) {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let dir = tempfile::tempdir().unwrap();
        let keychain = Arc::new(MemoryKeychain::new());
        let mut plan = Plan::calm(dir.path()).unwrap();
        change(&mut plan);
        let practice = Practice::start(&plan, keychain.as_ref()).unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let mut config = practice.desk_config("test");
        let between = between(&runtime, &mut config);
        let desk = Desk::start(config, keychain.clone(), Arc::new(NoKeys)).unwrap();
        (Self { practice, desk, keychain, runtime, dir, _turn: turn }, between)
    }

    pub fn connected() -> (Self, Screen) {
        let w = Self::start();
        let s = w.connect();
        (w, s)
    }

    pub fn connect(&self) -> Screen {
        self.runtime.block_on(self.desk.connect(TRADER.into(), VENUE_NAME.into())).unwrap();
        let mut s = Screen::default();
        self.until(&mut s, "online", |s| s.link() == Some(LinkState::Online));
        // Dealers may still be logging on to the gateway.
        self.eventually("all dealers online", || {
            let r = self.desk.reference();
            r.dealers.len() == 4 && r.dealers.iter().all(|d| d.online) && r.instruments > 0
        });
        s
    }

    pub fn until(&self, s: &mut Screen, what: &str, done: impl Fn(&Screen) -> bool) {
        self.eventually(what, || {
            s.pull(&self.desk);
            done(s)
        });
    }

    pub fn eventually(&self, what: &str, mut done: impl FnMut() -> bool) {
        let began = Instant::now();
        while !done() {
            if began.elapsed() > PATIENCE {
                let mut s = Screen::default();
                s.pull(&self.desk);
                panic!(
                    "never: {what}\nsession {:?}\nrfqs {:#?}\nlines {:#?}",
                    s.session, s.rfqs, s.lines
                );
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn force(&self, dealer: &str, f: Force) {
        self.practice.force(dealer, f).unwrap();
    }

    /// Every dealer quotes this offer (and bid a tenth below) from now on, at once.
    pub fn quotes(&self, dealer: &str, offer: &str, valid_ms: u64) {
        let offer: rust_decimal::Decimal = offer.parse().unwrap();
        let bid = offer - rust_decimal::Decimal::new(1, 1);
        self.force(
            dealer,
            Force::QuoteExactly {
                bid: Some(bid),
                offer: Some(offer),
                size: 5_000_000.into(),
                valid_ms,
            },
        );
    }

    pub fn ask(&self, ask: Ask, dealers: &[&str], ttl_s: u32) -> String {
        self.desk
            .send_rfq(Ticket {
                price_type: Default::default(),
                legs: vec![],
                instrument: BUND.into(),
                ask,
                quantity: "5m".into(),
                dealers: dealers.iter().map(|d| (*d).into()).collect(),
                ttl_s,
                settlement_date: None,
            })
            .unwrap()
    }

    pub fn arm(
        &self,
        s: &Screen,
        rfq: &str,
        dealer: &str,
        side: Side,
    ) -> Result<AcceptView, Problem> {
        let l = s.line(rfq, dealer);
        let level = if side == Side::Buy { &l.offer } else { &l.bid };
        self.desk.arm(ArmIntent {
            rfq_id: rfq.into(),
            dealer: dealer.into(),
            quote_id: l.quote_id.clone().unwrap(),
            side,
            price: level.as_ref().unwrap().price.clone(),
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.runtime.block_on(self.desk.shut_down());
    }
}
