//! Somebody at a desk of their own, enrolled, with a security key of real firmware.

use super::{BUND, Screen, World};
use rust_decimal::Decimal;
use signet_dealer::Force;
use signet_desk_core::{Desk, DeskConfig, view::*};
use signet_keystore::MemoryKeychain;
use signet_practice::VENUE_NAME;
use signet_stepup::client::StepUp;
use signet_vkey::{Settings, VirtualKey, VirtualKeys};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub const NORTH: &str = "NORTHBANK";
pub const PIN: &str = "123456";

/// Somebody with a desk and a security key.
pub struct Person {
    pub desk: Desk,
    pub s: Screen,
    pub key: VirtualKey,
    pub keys: VirtualKeys,
    pub identity: String,
}

pub fn world(when: &str) -> World {
    let when = when.to_owned();
    World::start_with(move |plan| {
        plan.enrolment = true;
        plan.step_up = Some(when);
        plan.desks.clear();
    })
}

/// The dealer quotes this offer from now on, at once.
pub fn quotes(w: &World, offer: &str, size: i64, valid_ms: u64) {
    let offer: Decimal = offer.parse().unwrap();
    w.force(
        NORTH,
        Force::QuoteExactly { bid: None, offer: Some(offer), size: size.into(), valid_ms },
    );
}

pub fn key(w: &World, name: &str) -> VirtualKey {
    VirtualKey::plug_in(w.practice.authority(), Settings::named(name).pin(PIN)).unwrap()
}

impl Person {
    pub fn new(w: &World, user: &str, comp_id: &str) -> Self {
        Self::over(w, user, comp_id, None)
    }

    /// Connected by another port than the gateway's own.
    pub fn over(w: &World, user: &str, comp_id: &str, port: Option<u16>) -> Self {
        let key = key(w, &format!("{user}'s key"));
        let keys = VirtualKeys::new(vec![key.clone()]);
        Self::with(w, user, comp_id, key, keys.clone(), Arc::new(keys), port)
    }

    /// Connected by another port than the gateway's own, at a venue that knows no security keys.
    pub fn without_key(w: &World, user: &str, comp_id: &str, port: u16) -> Self {
        let key = key(w, "nobody's key");
        let keys = VirtualKeys::new(vec![]);
        let keychain = Arc::new(MemoryKeychain::new());
        let mut config =
            DeskConfig { data_dir: w.dir.path().join(comp_id), ..w.practice.desk_config("test") };
        let identity = w.practice.enrol_only(&config, keychain.clone(), user, comp_id).unwrap();
        config.venues[0].port = port;
        let desk = Desk::start(config, keychain, Arc::new(keys.clone())).unwrap();
        desk.connect_now(&identity, VENUE_NAME).unwrap();
        let mut p = Self { desk, s: Screen::default(), key, keys, identity };
        p.until("online", |s| s.link() == Some(LinkState::Online));
        p
    }

    /// With a way of their own to reach keys.
    pub fn with(
        w: &World,
        user: &str,
        comp_id: &str,
        key: VirtualKey,
        keys: VirtualKeys,
        reach: Arc<dyn StepUp>,
        port: Option<u16>,
    ) -> Self {
        let keychain = Arc::new(MemoryKeychain::new());
        let mut config =
            DeskConfig { data_dir: w.dir.path().join(comp_id), ..w.practice.desk_config("test") };
        let identity =
            w.practice.onboard(&config, keychain.clone(), user, comp_id, &key, PIN).unwrap();
        config.venues[0].port = port.unwrap_or(config.venues[0].port);
        let desk = Desk::start(config, keychain, reach).unwrap();
        desk.connect_now(&identity, VENUE_NAME).unwrap();
        let mut p = Self { desk, s: Screen::default(), key, keys, identity };
        p.until("online", |s| {
            s.link() == Some(LinkState::Online) && s.access.as_ref().is_some_and(|a| a.keys > 0)
        });
        p.ready();
        p
    }

    /// Instruments are there, and the dealer is on.
    pub fn ready(&mut self) {
        let desk = self.desk.clone();
        self.until("instruments and the dealer", |_| {
            let r = desk.reference();
            r.instruments > 0 && r.dealers.iter().any(|d| d.id == NORTH && d.online)
        });
    }

    pub fn until(&mut self, what: &str, done: impl Fn(&Screen) -> bool) {
        let began = Instant::now();
        loop {
            self.s.pull(&self.desk);
            if done(&self.s) {
                return;
            }
            let s = &self.s;
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "never: {what}\n{:?}\n{:#?}\n{:?}\n{:#?}",
                s.session,
                s.step_up,
                s.access,
                s.notices
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    pub fn phase(&mut self, phase: StepUpPhase) -> StepUpView {
        self.until(&format!("{phase:?}"), |s| s.step_up.as_ref().is_some_and(|d| d.phase == phase));
        self.s.step_up.clone().unwrap()
    }

    pub fn closed(&mut self) {
        self.until("the dialog to close", |s| s.step_up.is_none());
    }

    pub fn ask(&self, quantity: &str) -> String {
        self.ask_for(quantity, 60)
    }

    pub fn ask_for(&self, quantity: &str, ttl_s: u32) -> String {
        let ticket = Ticket {
            price_type: Default::default(),
            legs: vec![],
            instrument: BUND.into(),
            ask: Ask::Buy,
            quantity: quantity.into(),
            dealers: vec![NORTH.into()],
            ttl_s,
            settlement_date: None,
        };
        self.desk.send_rfq(ticket).unwrap()
    }

    /// Asks, waits for the quote and accepts it.
    pub fn accept(&mut self, quantity: &str) -> String {
        let rfq = self.ask(quantity);
        self.accept_quote(&rfq);
        rfq
    }

    /// As `accept`, for a price that is at most so many ticks worse by then.
    pub fn accept_within(&mut self, quantity: &str, ticks: u32) -> String {
        let rfq = self.ask(quantity);
        let armed = self.arm(&rfq);
        self.desk.set_limit(&rfq, ticks).unwrap();
        self.desk.accept(&rfq, &armed.id).unwrap();
        rfq
    }

    pub fn accept_quote(&mut self, rfq: &str) {
        let armed = self.arm(rfq);
        self.desk.accept(rfq, &armed.id).unwrap();
    }

    pub fn arm(&mut self, rfq: &str) -> AcceptView {
        self.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
        let l = self.s.line(rfq, NORTH).clone();
        let intent = ArmIntent {
            rfq_id: rfq.into(),
            dealer: NORTH.into(),
            quote_id: l.quote_id.unwrap(),
            side: Side::Buy,
            price: l.offer.unwrap().price,
        };
        self.desk.arm(intent).unwrap()
    }

    pub fn pin(&mut self, pin: &str) {
        let open = self.phase(StepUpPhase::Pin);
        self.desk.give_key_pin(&open.id, open.pin_question, pin.into()).unwrap();
    }

    pub fn approve(&mut self) {
        self.pin(PIN);
        self.phase(StepUpPhase::Touch);
        self.key.touch_once();
    }

    pub fn outcome(&mut self, rfq: &str, state: AcceptState) -> AcceptView {
        self.until(&format!("{state:?}"), |s| s.accept_state(rfq) == Some(state));
        self.s.rfq(rfq).accept.clone().unwrap()
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let rt = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        rt.block_on(self.desk.shut_down());
    }
}
