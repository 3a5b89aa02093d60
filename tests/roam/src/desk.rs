//! The laptop's process: a desk without a window that does what it is told on its standard input,
//! and says on its standard output what a page would be shown.

use crate::{
    network::enter,
    talk::{Answer, CLOCK_WAIT, Order, Place, Told, nanos},
};
use signet_desk_core::{Desk, DeskConfig, TradingSettings, Venue, view::*};
use signet_identity::{CompId, TrustRoots};
use signet_keystore::MemoryKeychain;
use signet_stepup::client::{NoKeys, StepUp};
use signet_vkey::{Settings, TestAuthority, VirtualKey, VirtualKeys};
use std::{
    io::{BufRead as _, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, mpsc},
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;

/// The name of the venue.
pub const VENUE: &str = "Roam";
/// The relying party of the venue.
pub const RP_ID: &str = "stepup.roam.example";
const PIN: &str = "123456";
const PATIENCE: Duration = Duration::from_secs(30);

enum Heard {
    Order(Order),
    Changed,
    End,
}

/// Runs until the standard input ends; `data` is the desk's folder.
pub fn run(data: &Path) {
    let began = (Instant::now(), nanos());
    let authority = TestAuthority::generate().expect("an authority");
    let (tell, heard) = mpsc::channel();
    let orders = tell.clone();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let order = serde_json::from_str(&line.expect("a line")).expect("an order");
            let _ = orders.send(Heard::Order(order));
        }
        let _ = orders.send(Heard::End);
    });
    say(&Told::Ready { attestation: authority.attestation_toml() });
    let mut laptop = Laptop {
        data: data.into(),
        runtime: tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime"),
        keychain: Arc::new(MemoryKeychain::new()),
        authority,
        key: None,
        identity: String::new(),
        desk: None,
        seq: 0,
        tell,
        began,
    };
    for what in heard {
        match what {
            Heard::Order(order) => {
                let what = laptop.obey(order);
                say(&Told::Answered { at: nanos(), what });
            }
            Heard::Changed => laptop.show(),
            Heard::End => break,
        }
    }
    if let Some(desk) = laptop.desk.take() {
        laptop.runtime.block_on(desk.shut_down());
    }
}

fn say(told: &Told) {
    let line = serde_json::to_string(told).expect("JSON");
    // Whoever does not listen has ended.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

struct Laptop {
    data: PathBuf,
    runtime: Runtime,
    keychain: Arc<MemoryKeychain>,
    authority: TestAuthority,
    key: Option<VirtualKey>,
    identity: String,
    desk: Option<Desk>,
    seq: u64,
    tell: mpsc::Sender<Heard>,
    /// When the process began, by both of its clocks.
    began: (Instant, u64),
}

impl Laptop {
    fn obey(&mut self, order: Order) -> Result<Answer, Problem> {
        match order {
            Order::Enrol { link, code, key, at } => self.enrol(&link, &code, key, &at)?,
            Order::Connect { namespace, at } => {
                enter(&namespace).expect("a namespace");
                let desk = self.start(vec![venue(&at, self.key.is_some())])?;
                desk.connect_now(&self.identity, VENUE)?;
                self.desk = Some(desk);
                self.show();
            }
            Order::Look => {
                let r = self.desk().reference();
                let online = r.dealers.iter().any(|d| d.online);
                return Ok(Answer::Complete(online && r.instruments > 0));
            }
            Order::Request(ticket) => return self.desk().send_rfq(ticket).map(Answer::Rfq),
            Order::Arm(intent) => {
                return self.desk().arm(intent).map(|a| Answer::Armed(Box::new(a)));
            }
            Order::Accept(rfq, accept) => self.desk().accept(&rfq, &accept)?,
            Order::Cancel(rfq) => self.desk().cancel_rfq(&rfq)?,
            Order::Dismiss(rfq) => self.desk().dismiss_rfq(&rfq)?,
            Order::Clock => return Ok(self.clock()),
        }
        Ok(Answer::Done)
    }

    fn clock(&self) -> Answer {
        let (began, began_ns) = self.began;
        let behind = nanos().saturating_sub(began_ns).saturating_sub(as_ns(began.elapsed()));
        let waiting = Instant::now();
        let nothing = Mutex::new(());
        // Nobody notifies, so it ends by its time.
        drop(Condvar::new().wait_timeout(nothing.lock().expect("not poisoned"), CLOCK_WAIT));
        Answer::Clock { behind, waited: as_ns(waiting.elapsed()) }
    }

    fn desk(&self) -> &Desk {
        self.desk.as_ref().expect("connected")
    }

    fn start(&self, venues: Vec<Venue>) -> Result<Desk, Problem> {
        let config = DeskConfig {
            venues,
            trading: TradingSettings::NONE,
            ..DeskConfig::empty(self.data.clone(), "roam")
        };
        let keys: Arc<dyn StepUp> = match &self.key {
            Some(key) => Arc::new(VirtualKeys::new(vec![key.clone()])),
            None => Arc::new(NoKeys),
        };
        Desk::start(config, self.keychain.clone(), keys)
    }

    fn enrol(&mut self, link: &str, code: &str, key: bool, at: &Place) -> Result<(), Problem> {
        if key {
            let settings = Settings::named("roam").pin(PIN);
            let key = VirtualKey::plug_in(&self.authority, settings).expect("a key");
            key.hold_finger(true);
            self.key = Some(key);
        }
        let desk = self.start(vec![venue(at, key)])?;
        let intent = EnrolIntent {
            invitation: link.into(),
            compared: desk.read_invitation(link)?.fingerprint,
            code: code.into(),
            device: "roaming laptop".into(),
            holder: Holder::Keychain,
        };
        self.runtime.block_on(desk.enrol(intent))?;
        let enrolled = desk.pull(0, &[]).enrol.and_then(|e| e.identity);
        self.identity = enrolled.expect("an identity");
        if let Some(key) = self.key.clone() {
            self.register(&desk, &key)?;
        }
        self.runtime.block_on(desk.shut_down());
        Ok(())
    }

    fn register(&self, desk: &Desk, key: &VirtualKey) -> Result<(), Problem> {
        desk.connect_now(&self.identity, VENUE)?;
        wait("online", || {
            let f = desk.pull(0, &[]);
            let online = f.session.is_some_and(|s| s.state == LinkState::Online);
            online && f.access.is_some_and(|a| a.step_up)
        });
        desk.register_key(key.name(), None)?;
        wait("a registered key", || {
            let f = desk.pull(0, &[]);
            give_pin(desk, &f);
            f.keys.is_some_and(|k| k.phase == RegisterPhase::Done)
        });
        Ok(())
    }

    /// Says what changed, and listens for the next change.
    fn show(&mut self) {
        let Some(desk) = &self.desk else { return };
        let frame = desk.pull(self.seq, &[]);
        let at = nanos();
        self.seq = as_seq(frame.seq);
        give_pin(desk, &frame);
        say(&Told::Frame { at, frame: Box::new(frame) });
        let tell = self.tell.clone();
        desk.wake_after(self.seq, Box::new(move || drop(tell.send(Heard::Changed))));
    }
}

fn as_ns(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The person types at once.
fn give_pin(desk: &Desk, frame: &Frame) {
    for d in frame.step_up.iter().flatten() {
        match d.phase {
            StepUpPhase::Pin => drop(desk.give_key_pin(&d.id, d.pin_question, PIN.into())),
            StepUpPhase::Ready => drop(desk.begin_step_up(&d.id)),
            _ => {}
        }
    }
}

fn wait(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn venue(at: &Place, keys: bool) -> Venue {
    Venue {
        name: VENUE.into(),
        host: at.host.clone(),
        port: at.port,
        also: vec![],
        server_name: "localhost".into(),
        comp_id: CompId::new(crate::firm::GATEWAY).expect("a name"),
        trust_domain: crate::firm::DOMAIN.into(),
        roots: TrustRoots::from_pem_file(&at.roots).expect("roots"),
        pins: vec![],
        allow_tls12: false,
        quic: at.quic,
        crl: vec![],
        crl_required: false,
        est: None,
        rp_id: keys.then(|| RP_ID.into()),
        direct: None,
    }
}
