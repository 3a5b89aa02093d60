//! A desk's process: the real core of Signet Desk without a window. It trades by itself, writes down
//! what it was told, and shows its screen when everything has an answer.

use crate::{
    BUND, DEALERS, DOMAIN, GATEWAY, VENUE, desk_secret,
    dice::Dice,
    talk::{Mark, Order, Screen, Told},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use signet_desk_core::{Desk, DeskConfig, HistorySettings, TradingSettings, Venue, view::*};
use signet_identity::{CompId, TrustRoots};
use signet_keystore::{Keychain as _, MemoryKeychain};
use signet_stepup::client::NoKeys;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{File, OpenOptions},
    io::{BufRead as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

/// RFQs that are open at the same time.
const OPEN_MAX: usize = 8;
/// Ended RFQs that stay on screen.
const ENDED_MAX: usize = 24;
const LOOK: Duration = Duration::from_millis(2);
/// How long nothing may change until the desk counts as settled.
const STILL: Duration = Duration::from_millis(60);
/// Dealers go on quoting, so that everything has an answer and something still changes: then the
/// desk counts as settled after so long.
const STILL_MAX: Duration = Duration::from_millis(200);

/// Runs until the standard input ends. `dir` has the certificates; `port` is the gateway's.
pub fn run(dir: &Path, name: &str, port: u16, seed: u64) {
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            let order: Order = serde_json::from_str(&line).expect("an order");
            if tell.send(order).is_err() {
                break;
            }
        }
        std::process::exit(0);
    });
    let config = config(dir, name, port);
    let desk = Desk::start(config, Arc::new(keychain(dir, name)), Arc::new(NoKeys));
    let desk = desk.expect("a desk");
    desk.connect_now(name, VENUE).expect("a link");
    let marks = OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join(format!("{name}.marks")))
        .expect("a file");
    let mut trader = Trader {
        desk,
        marks,
        dice: Dice::new(seed),
        seq: 0,
        rfqs: BTreeMap::new(),
        lines: BTreeMap::new(),
        link: None,
        refused: None,
        said: BTreeSet::new(),
        trading: false,
        settling: false,
        changed: Instant::now(),
        waited: Instant::now(),
    };
    say(&Told::Ready);
    loop {
        match heard.try_recv() {
            Ok(Order::Trade) => (trader.trading, trader.settling) = (true, false),
            Ok(Order::Settle) => {
                (trader.trading, trader.settling) = (false, true);
                trader.changed = Instant::now();
                trader.waited = Instant::now();
            }
            Err(_) => {}
        }
        trader.turn();
        std::thread::sleep(LOOK);
    }
}

/// The keychain of a desk, with its identity and the secret of its files.
pub fn keychain(dir: &Path, name: &str) -> MemoryKeychain {
    let keychain = MemoryKeychain::new();
    let read = |ending: &str| {
        std::fs::read(dir.join(format!("{name}{ending}"))).expect("the desk's certificate")
    };
    let chain = serde_json::from_slice::<Vec<Vec<u8>>>(&read(".chain")).expect("a chain");
    let chain: Vec<_> = chain.into_iter().map(Into::into).collect();
    let entry = name.parse().expect("a name");
    keychain.store_identity(&entry, &read(".key"), &chain).expect("stored");
    keychain.put_raw(&format!("secret/{name}"), STANDARD.encode(desk_secret(name)).as_bytes());
    keychain
}

/// What a desk is started with. Its history's checkpoints go to a second party as well.
pub fn config(dir: &Path, name: &str, port: u16) -> DeskConfig {
    let history = HistorySettings { publish: Some(kept(dir)), ..HistorySettings::default() };
    DeskConfig {
        venues: vec![venue(dir, port)],
        trading: TradingSettings::NONE,
        history,
        ..DeskConfig::empty(dir.join("desks").join(name), "kill")
    }
}

/// The second party's folder of the desks' checkpoints.
pub fn kept(dir: &Path) -> PathBuf {
    dir.join("kept")
}

fn say(told: &Told) {
    let line = serde_json::to_string(told).expect("JSON");
    // Whoever does not listen has ended.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

fn venue(dir: &Path, port: u16) -> Venue {
    Venue {
        name: VENUE.into(),
        host: "127.0.0.1".into(),
        port,
        also: vec![],
        server_name: "localhost".into(),
        comp_id: CompId::new(GATEWAY).expect("a name"),
        trust_domain: DOMAIN.into(),
        roots: TrustRoots::from_pem_file(&dir.join("gateways-ca.pem")).expect("roots"),
        pins: vec![],
        allow_tls12: false,
        quic: false,
        crl: vec![],
        crl_required: false,
        est: None,
        rp_id: None,
        direct: None,
    }
}

struct Trader {
    desk: Desk,
    marks: File,
    dice: Dice,
    seq: u64,
    rfqs: BTreeMap<String, RfqView>,
    lines: BTreeMap<(String, String), LineView>,
    link: Option<LinkState>,
    refused: Option<String>,
    /// Marks that were made.
    said: BTreeSet<String>,
    trading: bool,
    settling: bool,
    changed: Instant,
    waited: Instant,
}

impl Trader {
    fn turn(&mut self) {
        self.pull();
        self.write_marks();
        if self.link == Some(LinkState::Refused) {
            say(&Told::Refused(self.refused.clone().unwrap_or_default()));
        }
        if self.trading && self.link == Some(LinkState::Online) {
            self.trade();
        }
        if self.settling {
            self.settle();
        }
    }

    fn pull(&mut self) {
        let f = self.desk.pull(self.seq, &[]);
        if as_seq(f.seq) != self.seq {
            self.changed = Instant::now();
        }
        if f.whole {
            self.rfqs.clear();
            self.lines.clear();
        }
        self.seq = as_seq(f.seq);
        for r in f.rfqs {
            self.rfqs.insert(r.id.clone(), r);
        }
        for l in f.lines {
            self.lines.insert((l.rfq_id.clone(), l.dealer.clone()), l);
        }
        for id in f.removed {
            self.rfqs.remove(&id);
            self.lines.retain(|(rfq, _), _| *rfq != id);
        }
        if let Some(s) = f.session {
            self.refused = s.problem.map(|p| format!("{p:?}"));
            self.link = Some(s.state);
        }
    }

    fn mark(&mut self, mark: &Mark) {
        let line = serde_json::to_string(mark).expect("JSON");
        if self.said.insert(line.clone()) {
            self.marks.write_all(format!("{line}\n").as_bytes()).expect("written");
        }
    }

    /// What the screen shows for the first time.
    fn write_marks(&mut self) {
        let mut marks = Vec::new();
        for r in self.rfqs.values() {
            if matches!(r.state, RfqState::Open | RfqState::Done) {
                marks.push(Mark::Open { rfq: r.id.clone() });
            }
            let Some(a) = &r.accept else { continue };
            match a.state {
                AcceptState::Filled | AcceptState::PartlyFilled => {
                    marks.push(Mark::Filled { accept: a.id.clone() });
                }
                AcceptState::Declined => marks.push(Mark::Declined { accept: a.id.clone() }),
                AcceptState::Unknown => marks.push(Mark::Unknown { accept: a.id.clone() }),
                _ => {}
            }
        }
        marks.iter().for_each(|m| self.mark(m));
    }

    fn trade(&mut self) {
        let alive = |r: &&RfqView| matches!(r.state, RfqState::Sent | RfqState::Open);
        let open: Vec<RfqView> = self.rfqs.values().filter(alive).cloned().collect();
        let ended: Vec<String> =
            self.rfqs.values().filter(|r| !alive(r)).map(|r| r.id.clone()).collect();
        for id in ended.iter().take(ended.len().saturating_sub(ENDED_MAX)) {
            let _ = self.desk.dismiss_rfq(id);
        }
        if open.len() < OPEN_MAX && self.dice.below(6) == 0 {
            self.ask();
        }
        for r in open.iter().filter(|r| r.state == RfqState::Open) {
            match self.dice.below(60) {
                0..6 => self.take(r),
                6 => drop(self.desk.cancel_rfq(&r.id)),
                _ => {}
            }
        }
    }

    fn ask(&mut self) {
        let first = self.dice.below(DEALERS.len() as u64) as usize;
        let count = 1 + self.dice.below(DEALERS.len() as u64) as usize;
        let dealers = (0..count).map(|n| DEALERS[(first + n) % DEALERS.len()].to_owned()).collect();
        let asks = [Ask::Buy, Ask::Sell, Ask::TwoWay];
        let ticket = Ticket {
            price_type: Default::default(),
            legs: vec![],
            instrument: BUND.into(),
            ask: asks[self.dice.below(3) as usize],
            quantity: format!("{}m", 1 + self.dice.below(4)),
            dealers,
            ttl_s: 5 + self.dice.below(40) as u32,
            settlement_date: None,
        };
        if let Ok(rfq) = self.desk.send_rfq(ticket) {
            self.mark(&Mark::Asked { rfq });
        }
    }

    fn take(&mut self, rfq: &RfqView) {
        let good = |l: &&LineView| l.rfq_id == rfq.id && (l.can_lift || l.can_hit);
        let Some(l) = self.lines.values().find(good).cloned() else { return };
        let side = if l.can_lift { Side::Buy } else { Side::Sell };
        let level = if l.can_lift { &l.offer } else { &l.bid };
        let (Some(quote_id), Some(level)) = (l.quote_id.clone(), level) else { return };
        let intent = ArmIntent {
            rfq_id: rfq.id.clone(),
            dealer: l.dealer.clone(),
            quote_id,
            side,
            price: level.price.clone(),
        };
        let Ok(armed) = self.desk.arm(intent) else { return };
        let (accept, rfq, dealer) = (armed.id.clone(), rfq.id.clone(), l.dealer);
        self.mark(&Mark::Clicked { accept, rfq: rfq.clone(), dealer });
        let _ = self.desk.accept(&rfq, &armed.id);
    }

    fn settle(&mut self) {
        let why = self.unsettled();
        match why {
            None if self.changed.elapsed() >= STILL || self.waited.elapsed() >= STILL_MAX => {
                let page = self
                    .desk
                    .blotter(BlotterQuery {
                        tab: BlotterTab::Trades,
                        text: String::new(),
                        limit: 1_000,
                    })
                    .expect("a blotter");
                self.settling = false;
                say(&Told::Settled(Box::new(Screen {
                    rfqs: self.rfqs.values().cloned().collect(),
                    lines: self.lines.values().cloned().collect(),
                    trades: page.rows.into_iter().map(|r| r.id).collect(),
                    trades_total: page.total,
                })));
            }
            Some(why) if self.waited.elapsed() > Duration::from_secs(5) => {
                self.waited = Instant::now();
                say(&Told::Waiting(why));
            }
            _ => {}
        }
    }

    fn unsettled(&self) -> Option<String> {
        if self.link != Some(LinkState::Online) {
            return Some(format!("the link is {:?} {:?}", self.link, self.refused));
        }
        for r in self.rfqs.values() {
            if r.state == RfqState::Sent {
                return Some(format!("{} has no answer", r.id));
            }
            let waits = |a: &&AcceptView| {
                matches!(
                    a.state,
                    AcceptState::Sent
                        | AcceptState::StepUp
                        | AcceptState::LastLook
                        | AcceptState::Unknown
                )
            };
            if let Some(a) = r.accept.as_ref().filter(waits) {
                return Some(format!(
                    "accept {} of {} is {:?}: {}",
                    a.id, a.dealer, a.state, a.text
                ));
            }
        }
        None
    }
}
