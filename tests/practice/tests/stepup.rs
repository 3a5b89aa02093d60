//! Step-up, the whole way: a real firmware in the trader's desk, a real relying party in the gateway,
//! real dealers behind it, and whatever can go wrong between them.

// The registry in it is a gateway's, and a gateway is a Unix server.
#![cfg(unix)]

#[allow(dead_code, unreachable_pub)]
mod support;

use rust_decimal::Decimal;
use signet_dealer::Force;
use signet_desk_core::{Desk, DeskConfig, view::*};
use signet_identity::MemoryKeychain;
use signet_practice::VENUE_NAME;
use signet_stepup::client::StepUp;
use signet_vkey::{Settings, VirtualKey, VirtualKeys};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use support::{BUND, Screen, World};

const NORTH: &str = "NORTHBANK";
const PIN: &str = "123456";
const TOUCH: &str = "logon = 'never'\naccept_above = { default = '1m' }";

/// Somebody with a desk and a security key.
struct Person {
    desk: Desk,
    s: Screen,
    key: VirtualKey,
    keys: VirtualKeys,
}

fn world(when: &str) -> World {
    let when = when.to_owned();
    World::start_with(move |plan| {
        plan.enrolment = true;
        plan.step_up = Some(when);
        plan.desks.clear();
    })
}

/// The dealer quotes this offer from now on, at once.
fn quotes(w: &World, offer: &str, size: i64, valid_ms: u64) {
    let offer: Decimal = offer.parse().unwrap();
    w.force(NORTH, Force::QuoteExactly { bid: None, offer: Some(offer), size: size.into(), valid_ms });
}

fn key(w: &World, name: &str) -> VirtualKey {
    VirtualKey::plug_in(w.practice.authority(), Settings::named(name).pin(PIN)).unwrap()
}

impl Person {
    fn new(w: &World, user: &str, comp_id: &str) -> Self {
        let key = key(w, &format!("{user}'s key"));
        let keys = VirtualKeys::new(vec![key.clone()]);
        Self::with(w, user, comp_id, key, keys.clone(), Arc::new(keys))
    }

    /// With a way of their own to reach keys.
    fn with(w: &World, user: &str, comp_id: &str, key: VirtualKey, keys: VirtualKeys, reach: Arc<dyn StepUp>) -> Self {
        let keychain = Arc::new(MemoryKeychain::new());
        let config = DeskConfig { data_dir: w.dir.path().join(comp_id), ..w.practice.desk_config("test") };
        let identity = w.practice.onboard(&config, keychain.clone(), user, comp_id, &key, PIN).unwrap();
        let desk = Desk::start(config, keychain, reach).unwrap();
        desk.connect_now(&identity, VENUE_NAME).unwrap();
        let mut p = Self { desk, s: Screen::default(), key, keys };
        p.until("online", |s| s.link() == Some(LinkState::Online) && s.access.as_ref().is_some_and(|a| a.keys > 0));
        let desk = p.desk.clone();
        p.until("the dealer", |_| desk.reference().dealers.iter().any(|d| d.id == NORTH && d.online));
        p
    }

    fn until(&mut self, what: &str, done: impl Fn(&Screen) -> bool) {
        let began = Instant::now();
        loop {
            self.s.pull(&self.desk);
            if done(&self.s) {
                return;
            }
            let s = &self.s;
            assert!(
                began.elapsed() < Duration::from_secs(15),
                "never: {what}\n{:?}\n{:#?}\n{:?}\n{:#?}",
                s.session,
                s.step_up,
                s.access,
                s.notices
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn phase(&mut self, phase: StepUpPhase) -> StepUpView {
        self.until(&format!("{phase:?}"), |s| s.step_up.as_ref().is_some_and(|d| d.phase == phase));
        self.s.step_up.clone().unwrap()
    }

    fn closed(&mut self) {
        self.until("the dialog to close", |s| s.step_up.is_none());
    }

    fn ask(&self, quantity: &str) -> String {
        let ticket = Ticket { instrument: BUND.into(), ask: Ask::Buy, quantity: quantity.into(), dealers: vec![NORTH.into()], ttl_s: 60 };
        self.desk.send_rfq(ticket).unwrap()
    }

    /// Asks, waits for the quote and accepts it.
    fn accept(&mut self, quantity: &str) -> String {
        let rfq = self.ask(quantity);
        self.accept_quote(&rfq);
        rfq
    }

    fn accept_quote(&mut self, rfq: &str) {
        self.until("a quote", |s| s.lines.iter().any(|l| l.rfq_id == rfq && l.can_lift));
        let l = self.s.line(rfq, NORTH).clone();
        let intent = ArmIntent {
            rfq_id: rfq.into(),
            dealer: NORTH.into(),
            quote_id: l.quote_id.unwrap(),
            side: Side::Buy,
            price: l.offer.unwrap().price,
        };
        let armed = self.desk.arm(intent).unwrap();
        self.desk.accept(rfq, &armed.id).unwrap();
    }

    fn pin(&mut self, pin: &str) {
        let open = self.phase(StepUpPhase::Pin);
        self.desk.give_key_pin(&open.id, pin.into()).unwrap();
    }

    fn approve(&mut self) {
        self.pin(PIN);
        self.phase(StepUpPhase::Touch);
        self.key.touch_once();
    }

    fn outcome(&mut self, rfq: &str, state: AcceptState) -> AcceptView {
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

#[test]
fn a_touch_approves_what_is_on_the_screen_and_the_trade_is_done() {
    let w = world(TOUCH);
    let mut alice = Person::new(&w, "alice", "ALICE1");
    // Small enough: no touch.
    quotes(&w, "99.125", 500_000, 30_000);
    let small = alice.accept("500k");
    alice.outcome(&small, AcceptState::Filled);
    quotes(&w, "99.125", 5_000_000, 30_000);
    let rfq = alice.accept("5m");
    let open = alice.phase(StepUpPhase::Pin);
    assert_eq!((open.kind, open.asked_by, open.pin_wrong), (StepUpKind::Accept, None, false));
    let terms = open.terms.unwrap();
    assert_eq!((terms.ask, terms.quantity.as_str(), terms.price.as_deref()), (Ask::Buy, "5,000,000", Some("99.125")));
    assert_eq!(terms.dealers, ["Northbank"]);
    assert_eq!(alice.s.accept_state(&rfq), Some(AcceptState::StepUp), "{:?}", alice.s.rfq(&rfq).accept);
    alice.approve();
    alice.outcome(&rfq, AcceptState::Filled);
    alice.closed();
    assert!(alice.s.access.as_ref().unwrap().lease_until_ms.is_some());
}
